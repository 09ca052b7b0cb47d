package gocpu_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/testenv"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// compiled is a graph compiled for the engine.
func compiled(t testing.TB, b ir.Backend, in []shapes.Shape, fn func(in []*graph.Node) []*graph.Node) *graph.Graph {
	t.Helper()
	g := graph.NewGraph(b, "test")
	err := graph.Catch(func() {
		var nodes []*graph.Node
		for i, s := range in {
			nodes = append(nodes, graph.Parameter(g, fmt.Sprint("x", i), s))
		}
		require.NoError(t, g.Compile(fn(nodes)...))
	})
	require.NoError(t, err)
	t.Cleanup(func() { g.Close() })
	return g
}

func put(t testing.TB, b ir.Backend, x *tensors.Tensor) ir.Buffer {
	t.Helper()
	buf, err := b.Put(x)
	require.NoError(t, err)
	return buf
}

func host(t testing.TB, b ir.Buffer) *tensors.Tensor {
	t.Helper()
	x, err := b.ToHost()
	require.NoError(t, err)
	return x
}

func vector(vals ...float32) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(vals, len(vals))
}

var f32x4 = shapes.Make(dtypes.Float32, 4)

func TestADonatedBufferBecomesTheResultInPlace(t *testing.T) {
	b := gocpu.New()
	defer b.Close()
	g := compiled(t, b, []shapes.Shape{f32x4, f32x4}, func(in []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Add(graph.Mul(in[0], in[1]), in[0])}
	})
	x := vector(1, 2, 3, 4)
	memory := &x.Storage().Bytes()[0]
	buf := put(t, b, x)
	x.Close() // nobody else holds the memory now
	out, err := g.RunWithBuffers(context.Background(), []ir.Buffer{buf, put(t, b, vector(1, 1, 2, 2))}, []bool{true, false})
	require.NoError(t, err)
	y := host(t, out[0])
	assert.Equal(t, "[2 4 9 12]", fmt.Sprint(y.Value()))
	assert.Same(t, memory, &y.Storage().Bytes()[0], "the donated memory was not used")
	_, err = buf.ToHost()
	assert.ErrorContains(t, err, "closed or was donated", "the donated buffer is still there")
}

// TestAnOpThatReadsElsewhereIsNotDoneInPlaceOnItsOwnOperand: the updates of a scatter are its operand too.
func TestAnOpThatReadsElsewhereIsNotDoneInPlaceOnItsOwnOperand(t *testing.T) {
	b := gocpu.New()
	defer b.Close()
	reverse := func(y *graph.Node) *graph.Node {
		order := graph.Const(y.Graph(), [][]int32{{3}, {2}, {1}, {0}})
		return graph.ScatterUpdate(y, order, graph.Reshape(graph.Reshape(y, 2, 2), 4), false, true)
	}
	g := compiled(t, b, []shapes.Shape{f32x4}, func(in []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Neg(reverse(graph.Neg(in[0])))}
	})
	out, err := g.Run(vector(1, 2, 3, 4))
	require.NoError(t, err, "got %v", out)
	assert.Equal(t, "[4 3 2 1]", fmt.Sprint(out[0].Value()), "got %v", out)
	g = compiled(t, b, []shapes.Shape{f32x4}, func(in []*graph.Node) []*graph.Node { return []*graph.Node{reverse(in[0])} })
	x := vector(1, 2, 3, 4)
	buf := put(t, b, x)
	x.Close()
	bufs, err := g.RunWithBuffers(context.Background(), []ir.Buffer{buf}, []bool{true})
	require.NoError(t, err, "donated")
	assert.Equal(t, "[4 3 2 1]", fmt.Sprint(host(t, bufs[0]).Value()), "donated")
}

// TestRandomProgramsWithDonation runs programs on buffers that are given up and on others.
func TestRandomProgramsWithDonation(t *testing.T) {
	b := gocpu.New()
	defer b.Close()
	for seed := range uint64(30) {
		fn, in := graphtest.RandomProgram(seed, 5+int(seed%20), seed%2 == 1)
		var list []shapes.Shape
		for _, x := range in {
			list = append(list, x.Shape())
		}
		g := compiled(t, b, list, func(in []*graph.Node) []*graph.Node {
			g := in[0].Graph()
			return append(fn(g, in), in[1], graph.Neg(in[0])) // also results that can take an input's place
		})
		run := func(donate bool) (results []string) {
			bufs, marks := make([]ir.Buffer, len(in)), make([]bool, len(in))
			for i, x := range in {
				c, err := x.Clone()
				require.NoError(t, err)
				bufs[i], marks[i] = put(t, b, c), donate
				c.Close()
			}
			out, err := g.RunWithBuffers(context.Background(), bufs, marks)
			require.NoError(t, err, "seed %d", seed)
			for _, o := range out {
				host(t, o).MustConstBytes(func(data []byte) { results = append(results, string(data)) })
			}
			return results
		}
		kept, donated := run(false), run(true)
		for i := range kept {
			if kept[i] != donated[i] {
				t.Errorf("seed %d: result %d differs if the inputs are donated", seed, i)
			}
		}
	}
}

func TestTooLittleMemoryIsAnError(t *testing.T) {
	b := gocpu.New()
	defer b.Close()
	huge := []int{1 << 20, 1 << 20, 4}
	g := compiled(t, b, []shapes.Shape{shapes.Make(dtypes.Float32, 1)}, func(in []*graph.Node) []*graph.Node {
		y := graph.BroadcastToDims(in[0], huge...)
		return []*graph.Node{graph.ReduceSum(graph.Mul(y, y)), graph.Neg(y)}
	})
	_, err := g.Run(vector(1))
	assert.ErrorContains(t, err, "no memory for")
}

func TestNoGoroutineIsLeftOver(t *testing.T) {
	b := gocpu.NewWithOptions(gocpu.Options{Workers: 3})
	s := shapes.Make(dtypes.Float32, 1000, 1000)
	before := 0
	for i := range 6 {
		g := compiled(t, b, []shapes.Shape{s}, func(in []*graph.Node) []*graph.Node { return []*graph.Node{graph.Neg(in[0])} })
		_, err := g.Run(tensors.FromShape(s))
		require.NoError(t, err)
		if i == 0 { // the process's workers have been started
			before = runtime.NumGoroutine()
		}
	}
	b.Close()
	time.Sleep(5 * time.Millisecond)
	after := runtime.NumGoroutine()
	assert.LessOrEqual(t, after, before, "%d goroutines, %d before", after, before)
}

func TestIntegerDivisionByZeroNamesTheLine(t *testing.T) {
	for _, workers := range []int{1, 3} {
		b := gocpu.NewWithOptions(gocpu.Options{Workers: workers})
		s := shapes.Make(dtypes.Int32, 50_000)
		g := compiled(t, b, []shapes.Shape{s, s}, func(in []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.Div(in[0], in[1])}
		})
		_, err := g.Run(tensors.FromShape(s), tensors.FromShape(s))
		require.Error(t, err, "got %v", err)
		assert.True(t, strings.HasPrefix(err.Error(), "engine_test.go:"), "got %v", err)
		assert.True(t, strings.HasSuffix(err.Error(), ": Div: integer division by zero"), "got %v", err)
		b.Close()
	}
}

// TestAKernelThatBreaksIsAnError uses an op whose reference meaning panics.
func TestAKernelThatBreaksIsAnError(t *testing.T) {
	b := gocpu.New()
	defer b.Close()
	op := &ir.Op{
		Name: "Broken", DTypes: dtypes.Floats,
		Infer: func(_ any, in []shapes.Shape) (shapes.Shape, error) { return in[0], nil },
		Ref:   func(any, []*tensors.Tensor, []*tensors.Tensor) { _ = []int{}[len(os.Args)+3] },
	}
	g := compiled(t, b, []shapes.Shape{f32x4}, func(in []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Apply(op, nil, in[0])}
	})
	for range 2 { // and the engine goes on
		_, err := g.Run(vector(1, 2, 3, 4))
		assert.ErrorContains(t, err, ": Broken float32[4]: the kernel broke: runtime error: index out of range")
	}
}

// run computes p's results on random inputs, as bytes.
func (p program) run(t *testing.T, b ir.Backend) (results []string) {
	t.Helper()
	g := compiled(t, b, p.in, p.fn)
	var in []any
	for i, s := range p.in {
		in = append(in, randomTensor(s, uint64(i)))
	}
	out, err := g.Run(in...)
	require.NoError(t, err)
	for _, y := range out {
		y.MustConstBytes(func(data []byte) { results = append(results, string(data)) })
	}
	return results
}

func TestBitsDoNotDependOnTheWorkers(t *testing.T) {
	for name, p := range map[string]program{"mlp": mlp(), "cnn": cnn()} {
		var want []string
		for _, workers := range []int{1, 2, 3, 8} {
			b := gocpu.NewWithOptions(gocpu.Options{Workers: workers})
			got := p.run(t, b)
			b.Close()
			if want == nil {
				want = got
			}
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("%s: result %d with %d workers differs from that with one", name, i, workers)
				}
			}
		}
	}
}

func TestAStepOfTrainingAllocatesLittle(t *testing.T) {
	b := gocpu.New()
	defer b.Close()
	p := mlp()
	g := compiled(t, b, p.in, p.fn)
	bufs, donate := make([]ir.Buffer, len(p.in)), make([]bool, len(p.in))
	for i, s := range p.in {
		x := randomTensor(s, uint64(i))
		bufs[i], donate[i] = put(t, b, x), i < p.state
		if donate[i] {
			x.Close()
		}
	}
	testenv.AllocatesAtMost(t, 40, func() {
		out, err := g.RunWithBuffers(context.Background(), bufs, donate)
		require.NoError(t, err)
		for _, o := range out[p.state:] {
			o.Close()
		}
		copy(bufs, out[:p.state])
	})
	place := func(b ir.Buffer) *byte {
		x := host(t, b)
		defer x.Close()
		return &x.Storage().Bytes()[0]
	}
	memory := map[*byte]bool{}
	for _, b := range bufs[:p.state] {
		memory[place(b)] = true
	}
	kept := host(t, bufs[0]) // someone holds this one: it must not be written
	before := tensors.Flat[float32](kept)[7]
	out, err := g.RunWithBuffers(context.Background(), bufs, donate)
	require.NoError(t, err)
	assert.Equal(t, before, tensors.Flat[float32](kept)[7], "a tensor that is held was written")
	for i, b := range out[:p.state] { // all others are overwritten by what takes their place
		if held := &kept.Storage().Bytes()[0]; place(b) == held {
			t.Errorf("result %d lies on a tensor that is held", i)
		} else if i > 0 && !memory[place(b)] {
			t.Errorf("result %d has new memory", i)
		}
	}
}

// TestACallOfFunctionsThatCallEndsWithItsContext ends a call that would take 2^60 sines. That kernels look at the context
// between their blocks is counted elsewhere, see TestKernelsEndEarly.
func TestACallOfFunctionsThatCallEndsWithItsContext(t *testing.T) {
	scalar := shapes.Make(dtypes.Float32)
	exec := graph.MustNewExec(gocpu.New(), func(g *graph.Graph) *graph.Node {
		f := graph.NewFunction(g, "f", func(g *graph.Graph) []*graph.Node {
			return []*graph.Node{graph.Sin(graph.Parameter(g, "p", scalar))}
		})
		for range 60 {
			inner := f
			f = graph.NewFunction(g, "f", func(g *graph.Graph) []*graph.Node {
				return inner.Call(inner.Call(graph.Parameter(g, "p", scalar))[0])
			})
		}
		return f.Call(graph.Const(g, float32(1)))[0]
	})
	defer exec.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err := exec.CallContext(ctx)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
}
