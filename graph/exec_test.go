package graph_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// counting is the reference backend, counting what it compiles.
type counting struct {
	ir.Backend
	mu       sync.Mutex
	compiled int
}

func (c *counting) Compile(ctx context.Context, p *ir.Program) (ir.Executable, error) {
	c.mu.Lock()
	c.compiled++
	c.mu.Unlock()
	return c.Backend.Compile(ctx, p)
}

func TestExecCompilesOncePerShapeAndForgetsTheOldest(t *testing.T) {
	b := &counting{Backend: graphtest.Reference()}
	exec := graph.MustNewExec1(b, func(x *graph.Node) *graph.Node { return graph.ReduceAllSum(x) })
	exec.SetMaxCache(2)
	for i, step := range []struct{ length, compiled int }{{1, 1}, {2, 2}, {1, 2}, {3, 3}, {1, 3}, {2, 4}, {2, 4}} {
		x := make([]float64, step.length)
		_, err := exec.Call(x)
		require.NoError(t, err)
		assert.Equal(t, step.compiled, b.compiled, "step %d, length %d", i, step.length)
	}
}

func TestExecTellsAxisNamesApart(t *testing.T) {
	exec := graph.MustNewExec1(graphtest.Reference(), func(x, y *graph.Node) *graph.Node { return graph.Add(x, y) })
	x := tensors.FromValue([]float32{1, 2})
	named := func(name string) *tensors.Tensor {
		n, err := x.WithAxisNames(name)
		require.NoError(t, err)
		return n
	}
	y, err := exec.Call(named("batch"), x)
	require.NoError(t, err, "the name is lost: %v", y)
	assert.Equal(t, "batch", y.Shape().Name(0), "the name is lost: %v", y)
	_, err = exec.Call(named("batch"), named("pixel"))
	assert.ErrorContains(t, err, `the names differ: "batch" meets "pixel"`)
}

func TestExecIsSafeForSeveralGoroutines(t *testing.T) {
	exec := graph.MustNewExec1(graphtest.Reference(), func(x *graph.Node) *graph.Node { return graph.ReduceAllSum(graph.Mul(x, x)) })
	exec.SetMaxCache(2)
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			x := make([]float64, 1+i%5)
			for k := range x {
				x[k] = float64(i)
			}
			y, err := exec.Call(x)
			if want := float64(len(x) * i * i); err != nil || y.Value() != want {
				t.Errorf("call %d: %v, %v, want %v", i, y, err, want)
			}
		})
	}
	wg.Wait()
}

func TestExecTakesEveryFormOfFunction(t *testing.T) {
	b := graphtest.Reference()
	out := graph.MustCallOnceN(b, func(in []*graph.Node) []*graph.Node { return in[1:] }, 1.0, 2.0, 3.0)
	assert.Equal(t, "2 3", fmt.Sprint(out[0].Value(), out[1].Value()), "a slice to a slice")
	assert.Equal(t, 7.0, graph.MustCallOnce(b, func(g *graph.Graph) *graph.Node { return graph.Const(g, 7.0) }).Value(), "a graph alone")
	e, err := graph.NewExec3(b, func(x *graph.Node) (*graph.Node, *graph.Node, *graph.Node) {
		return x, graph.Neg(x), graph.Mul(x, x)
	})
	require.NoError(t, err)
	x, y, z := e.MustCall(3.0)
	assert.Equal(t, "3 -3 9", fmt.Sprint(x.Value(), y.Value(), z.Value()), "three results")
}

func TestExecErrorsAreSentences(t *testing.T) {
	b := graphtest.Reference()
	add := graph.MustNewExec(b, func(x, y *graph.Node) *graph.Node { return graph.Add(x, y) }).WithName("sum")
	for _, c := range []struct {
		name string
		call func() error
		want string
	}{
		{"too few inputs", func() error { _, err := add.Call(1.0); return err }, `"sum" takes 2 inputs, got 1`},
		{"a value that is none", func() error { _, err := add.Call(1.0, "x"); return err }, `"sum": argument 1: `},
		{"dtypes that differ", func() error { _, err := add.Call(float32(1), int32(1)); return err }, "Add float32[] · int32[]: dtypes differ: float32 and int32 (convert one with ConvertDType)"},
		{"another number of results", func() error { _, _, err := add.Call2(1.0, 1.0); return err }, `"sum" has 1 results, not 2`},
		{"an empty result", func() error {
			_, err := graph.CallOnceN(b, func(x *graph.Node) []*graph.Node { return nil }, 1.0)
			return err
		}, "has no outputs"},
		{"no backend", func() error {
			_, err := graph.NewExec(nil, func(x *graph.Node) *graph.Node { return x })
			return err
		}, "backend or function is nil"},
		{"integer division by zero", func() error {
			_, err := graph.CallOnce(b, func(x, y *graph.Node) *graph.Node { return graph.Div(x, y) }, int32(1), int32(0))
			return err
		}, "integer division by zero"},
		{"a shape beyond all memory", func() error {
			_, err := graph.CallOnce(b, func(x *graph.Node) *graph.Node { return graph.BroadcastToDims(x, 1<<40, 1<<40) }, 1.0)
			return err
		}, "too large"},
		{"a gradient of a vector", func() error {
			_, err := graph.CallOnce(b, func(x *graph.Node) *graph.Node { return graph.Gradient(x, x)[0] }, []float64{1, 2})
			return err
		}, "the output must be a float scalar"},
		{"a gradient by integers", func() error {
			_, err := graph.CallOnce(b, func(x *graph.Node) *graph.Node {
				return graph.Gradient(graph.ConvertDType(x, dtypes.Float32), x)[0]
			}, int32(2))
			return err
		}, "must be float or complex"},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.ErrorContains(t, c.call(), c.want)
		})
	}
}

func TestLoggedNodesReachTheLogger(t *testing.T) {
	exec := graph.MustNewExec1(graphtest.Reference(), func(x *graph.Node) *graph.Node {
		y := graph.Mul(x, x)
		y.SetLogged("square")
		return graph.Neg(y)
	})
	var got string
	exec.SetNodeLogger(func(_ *graph.Graph, messages []string, values []*tensors.Tensor, _ []graph.NodeId) {
		got = fmt.Sprint(messages, values[0].Value())
	})
	assert.Equal(t, -9.0, exec.MustCall(3.0).Value())
	assert.Equal(t, "[square] 9", got)
}

func TestAPanicInTheFunctionIsAnErrorAtItsPlace(t *testing.T) {
	mine := errors.New("mine")
	for name, c := range map[string]struct {
		fn   func(x *graph.Node) *graph.Node
		want string
	}{
		"a value":             {func(x *graph.Node) *graph.Node { panic("mine") }, "the function panicked: mine"},
		"an error":            {func(x *graph.Node) *graph.Node { panic(mine) }, "the function panicked: mine"},
		"an index":            {func(x *graph.Node) *graph.Node { return []*graph.Node{x}[x.Rank()+1] }, "the function panicked: runtime error: index out of range [1] with length 1"},
		"a nil node":          {func(x *graph.Node) *graph.Node { return graph.Add(x, (&graph.Node{}).Input(0)) }, "a node is nil"},
		"an error of a graph": {func(x *graph.Node) *graph.Node { return graph.Reshape(x, 2) }, "Reshape"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := graph.CallOnce(graphtest.Reference(), c.fn, 1.0)
			require.Error(t, err, "got %v", err)
			assert.True(t, strings.HasPrefix(err.Error(), "exec_test.go:"), "got %v", err)
			assert.ErrorContains(t, err, c.want, "got %v", err)
			if name == "an error" && !errors.Is(err, mine) {
				t.Error("the error is not in the chain")
			}
		})
	}
}

func TestAnExecCalledInItsOwnFunctionIsAnError(t *testing.T) {
	var a, b *graph.Exec
	inner := func(exec **graph.Exec, arg any) func(x *graph.Node) *graph.Node {
		return func(x *graph.Node) *graph.Node {
			y, err := (*exec).Call1(arg)
			if err != nil {
				panic(err)
			}
			return graph.Add(x, graph.Const(x.Graph(), y))
		}
	}
	for name, arg := range map[string]any{"the same shape": 1.0, "another shape": []float64{1, 2}} {
		t.Run(name, func(t *testing.T) {
			a = graph.MustNewExec(graphtest.Reference(), inner(&a, arg)).WithName("a")
			_, err := a.Call1(2.0)
			assert.ErrorContains(t, err, `"a": called while its own function builds a graph`)
			b = graph.MustNewExec(graphtest.Reference(), inner(&a, arg)).WithName("b")
			a = graph.MustNewExec(graphtest.Reference(), inner(&b, arg)).WithName("a")
			_, err = a.Call1(2.0)
			assert.ErrorContains(t, err, `"a": called while`, "through another")
		})
	}
	square := graph.MustNewExec(graphtest.Reference(), graph.Square)
	outer := graph.MustNewExec1(graphtest.Reference(), inner(&square, 3.0))
	y, err := outer.Call1(2.0)
	require.NoError(t, err, "another Exec's value")
	assert.Equal(t, 11.0, y.Value(), "another Exec's value")
}

func TestACompiledShapeDoesNotWaitForAnother(t *testing.T) {
	begun, end := make(chan bool), make(chan bool)
	exec := graph.MustNewExec1(graphtest.Reference(), func(x *graph.Node) *graph.Node {
		if x.Rank() == 1 {
			close(begun)
			<-end
		}
		return graph.Neg(x)
	})
	exec.MustCall(1.0)
	slow := make(chan error)
	go func() {
		_, err := exec.Call([]float64{1})
		slow <- err
	}()
	<-begun
	assert.Equal(t, -2.0, exec.MustCall(2.0).Value()) // would wait for ever
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := exec.CallContext(ctx, [][]float64{{1}})
	assert.ErrorIs(t, err, context.Canceled, "a call that waits for the compilation of another")
	close(end)
	assert.NoError(t, <-slow)
}

// doubled returns x doubled n times, by functions that call the next one twice.
func doubled(x *graph.Node, n int) *graph.Node {
	g := x.Graph()
	f := graph.NewFunction(g, "double", func(g *graph.Graph) []*graph.Node {
		p := graph.Parameter(g, "p", x.Shape())
		return []*graph.Node{graph.Add(p, p)}
	})
	for range n {
		inner := f
		f = graph.NewFunction(g, "twice", func(g *graph.Graph) []*graph.Node {
			p := graph.Parameter(g, "p", x.Shape())
			return inner.Call(inner.Call(p)[0])
		})
	}
	return f.Call(x)[0]
}

func TestFunctionsThatCallTwiceDoNotDouble(t *testing.T) {
	build := func(n int, last func(x, y *graph.Node) *graph.Node) (*ir.Program, error) {
		g := graph.NewGraph(graphtest.Reference(), "doubling")
		x := graph.Parameter(g, "x", shapes.Make(dtypes.Float64))
		var p *ir.Program
		err := graph.Catch(func() {
			var err error
			if p, err = graph.NewProgram(g, last(x, doubled(x, n))); err != nil {
				panic(err)
			}
		})
		return p, err
	}
	p, err := build(60, func(_, y *graph.Node) *graph.Node { return y })
	require.NoError(t, err)
	assert.GreaterOrEqual(t, p.NumInstrs(), 1<<60, "instructions when all calls are counted")
	text := p.String()
	lines := strings.Count(text, "\n")
	assert.LessOrEqual(t, lines, 400, "the text has %d lines", lines)
	data, err := json.Marshal(p)
	if err != nil || len(data) > 1<<20 {
		t.Fatalf("%d bytes of JSON, %v", len(data), err)
	}
	var back ir.Program
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, text, back.String(), "read back:\n%s\nwritten", &back)
	p, err = build(4, func(_, y *graph.Node) *graph.Node { return y })
	require.NoError(t, err)
	exe, err := graphtest.Reference().Compile(context.Background(), p)
	require.NoError(t, err)
	in, _ := graphtest.Reference().Put(tensors.FromValue(1.0))
	out, err := exe.Run(context.Background(), []ir.Buffer{in}, nil)
	require.NoError(t, err)
	y, _ := out[0].ToHost()
	assert.Equal(t, 65536.0, y.Value()) // 2^(2^4)
	// A gradient calls one function more for each: it does not double either.
	defer graph.SetMaxNodes(10_000)()
	p, err = build(60, func(x, y *graph.Node) *graph.Node { return graph.Gradient(y, x)[0] })
	require.NoError(t, err)
	assert.LessOrEqual(t, strings.Count(p.String(), "\n"), 4000, "the text of the gradient")
	defer graph.SetMaxNodes(100)()
	_, err = build(60, func(_, y *graph.Node) *graph.Node { return y })
	assert.ErrorContains(t, err, "the most that are allowed")
}

func TestBodiesInJSONAreOnlyThoseWrittenBefore(t *testing.T) {
	g := graph.NewGraph(nil, "g")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float64))
	p, err := graph.NewProgram(g, doubled(x, 1))
	require.NoError(t, err)
	data, err := json.Marshal(p)
	require.NoError(t, err)
	same := `{"same":1`
	require.Contains(t, string(data), same)
	for _, k := range []string{"-1", "0", "2", "1000000000"} { // 0 is the body around it
		var back ir.Program
		text := strings.Replace(string(data), same, `{"same":`+k, 1)
		assert.ErrorContains(t, json.Unmarshal([]byte(text), &back), "which was not written before", "same as %s", k)
	}
}

func TestALongChainNeedsNoDeepStack(t *testing.T) {
	old := debug.SetMaxStack(1 << 20) // a frame per node would be 100 MB
	defer debug.SetMaxStack(old)
	g := graph.NewGraph(nil, "chain")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float64))
	y := x
	for range 200_000 {
		y = graph.Sin(y)
	}
	p, err := graph.NewProgram(g, y)
	require.NoError(t, err)
	require.Equal(t, 200_000, p.NumInstrs())
}

func TestClosures(t *testing.T) {
	b := graphtest.Reference()
	t.Run("a closure in a closure captures from the outermost", func(t *testing.T) {
		f := func(x *graph.Node) (*graph.Node, *graph.Node) {
			g := x.Graph()
			zero := graph.ScalarZero(g, dtypes.Float64)
			y := graph.If(graph.GreaterThan(x, zero),
				graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
					return graph.If(graph.GreaterThan(x, graph.Const(g, 10.0)),
						graph.NewClosure(g, func(g *graph.Graph) []*graph.Node { return []*graph.Node{graph.Mul(x, graph.Mul(x, x))} }),
						graph.NewClosure(g, func(g *graph.Graph) []*graph.Node { return []*graph.Node{graph.Mul(x, x)} }))
				}),
				graph.NewClosure(g, func(g *graph.Graph) []*graph.Node { return []*graph.Node{graph.Neg(x)} }))[0]
			return y, graph.Gradient(y, x)[0]
		}
		e := graph.MustNewExec2(b, f)
		for _, c := range []struct{ x, y, dy float64 }{{20, 8000, 1200}, {3, 9, 6}, {-2, 2, -1}} {
			if y, dy := e.MustCall(c.x); y.Value() != c.y || dy.Value() != c.dy {
				t.Errorf("at %v: %v with gradient %v, want %v and %v", c.x, y.Value(), dy.Value(), c.y, c.dy)
			}
		}
	})
	t.Run("a function is called twice and differentiated", func(t *testing.T) {
		y := graph.MustCallOnce(b, func(x *graph.Node) *graph.Node {
			g := x.Graph()
			square := graph.NewFunction(g, "square", func(g *graph.Graph) []*graph.Node {
				a := graph.Parameter(g, "a", x.Shape())
				return []*graph.Node{graph.Mul(a, a)}
			})
			return graph.Gradient(square.Call(square.Call(x)[0])[0], x)[0] // d x⁴
		}, 2.0)
		assert.Equal(t, 32.0, y.Value())
	})
	t.Run("a value that leaves its closure is an error", func(t *testing.T) {
		var inside *graph.Node
		_, err := graph.CallOnce(b, func(x *graph.Node) *graph.Node {
			graph.NewClosure(x.Graph(), func(g *graph.Graph) []*graph.Node {
				inside = graph.Neg(x)
				return []*graph.Node{inside}
			})
			return graph.Add(x, inside)
		}, 2.0)
		assert.ErrorContains(t, err, "cannot be used outside of it: return it from the closure")
	})
	t.Run("branches must agree", func(t *testing.T) {
		_, err := graph.CallOnce(b, func(x *graph.Node) *graph.Node {
			g := x.Graph()
			return graph.If(graph.Const(g, true),
				graph.NewClosure(g, func(g *graph.Graph) []*graph.Node { return []*graph.Node{x} }),
				graph.NewClosure(g, func(g *graph.Graph) []*graph.Node { return []*graph.Node{graph.BroadcastToDims(x, 2)} }))[0]
		}, 2.0)
		assert.ErrorContains(t, err, "the branches differ: result 0 is float64[] against float64[2]")
	})
}

func TestCustomGradients(t *testing.T) {
	y := graph.MustCallOnce(graphtest.Reference(), func(x *graph.Node) *graph.Node {
		clipped := graph.IdentityWithCustomGradient(x, func(x, v *graph.Node) *graph.Node { return graph.ClipScalar(v, -1, 1) })
		return graph.Gradient(graph.ReduceAllSum(graph.MulScalar(clipped, 5)), x)[0]
	}, []float64{1, 2})
	assert.Equal(t, "[1 1]", fmt.Sprint(y.Value()))
}

func TestStopGradient(t *testing.T) {
	y := graph.MustCallOnce(graphtest.Reference(), func(x *graph.Node) *graph.Node {
		return graph.Gradient(graph.Mul(x, graph.StopGradient(x)), x)[0]
	}, 3.0)
	assert.Equal(t, 3.0, y.Value())
}

func TestEqualCallsAreComputedOnceAndUnusedOnesNever(t *testing.T) {
	g := graph.NewGraph(nil, "cse")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 4))
	graph.Exp(x)
	y := graph.Add(graph.Tanh(x), graph.Tanh(x))
	p, err := graph.NewProgram(g, y)
	if err == nil {
		p, err = ir.Lower(p, nil)
	}
	require.NoError(t, err)
	var ops []string
	for _, in := range p.Instrs {
		ops = append(ops, in.Op.Name)
	}
	assert.Equal(t, "Tanh Add", strings.Join(ops, " "))
}
