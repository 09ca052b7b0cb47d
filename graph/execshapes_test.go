package graph_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/sizes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func engine(t *testing.T) graph.Backend {
	b := gocpu.New()
	t.Cleanup(func() { b.Close() })
	return b
}

// numbered returns numbers of a shape that differ.
func numbered(dims ...int) *tensors.Tensor {
	x := tensors.FromShape(shapes.Make(dtypes.Float32, dims...))
	tensors.MustMutableFlatData(x, func(flat []float32) {
		for i := range flat {
			flat[i] = float32(i*7%23)/8 - 1
		}
	})
	return x
}

func TestDeclaredShapes(t *testing.T) {
	declared := sizes.MustDeclare([]string{"2*batch, seq+1", "batch, 4"}, "seq >= 2")
	built := 0
	exec := graph.MustNewExec(engine(t), func(x, y *graph.Node) *graph.Node {
		built++
		return graph.Add(graph.ReduceAllSum(x), graph.ReduceAllSum(y))
	}).WithShapes(declared)
	defer exec.Close()
	for _, c := range []struct {
		name string
		x, y []int
		want string
	}{
		{"sizes that fit", []int{4, 5}, []int{2, 4}, ""},
		{"others", []int{2, 3}, []int{1, 4}, ""},
		{"another multiple", []int{5, 5}, []int{2, 4}, `"exec": input 0 is [5 5], declared [2*batch, seq+1], which is [4 5] where batch=2 seq=4: axis 0 is 5, not 4`},
		{"a constraint", []int{4, 2}, []int{2, 4}, `"exec": seq >= 2 does not hold where batch=2 seq=1, of inputs [[4 2] [2 4]], declared [2*batch, seq+1], [batch, 4] where seq >= 2`},
		{"another rank", []int{4}, []int{2, 4}, `"exec": input 0 is [4], declared [2*batch, seq+1]: it has 1 axes, not 2`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := exec.Call(numbered(c.x...), numbered(c.y...))
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			assert.EqualError(t, err, c.want)
		})
	}
	assert.Equal(t, 2, built, "the function does not see what does not fit")
	_, err := exec.Compile(shapes.Make(dtypes.Float32, 3, 3), shapes.Make(dtypes.Float32, 1, 4))
	assert.ErrorContains(t, err, "declared [2*batch, seq+1]")
}

func weight(g *graph.Graph, dims ...int) *graph.Node { return graph.ConstTensor(g, numbered(dims...)) }

// derived are functions whose programs differ in sizes alone. Their inputs have the sizes declared.
var derived = []struct {
	name   string
	inputs []string
	fn     func(in []*graph.Node) []*graph.Node
}{
	{"a perceptron", []string{"b, 6"}, func(in []*graph.Node) []*graph.Node {
		h := graph.Relu(graph.MatMul(in[0], weight(in[0].Graph(), 6, 5)))
		return []*graph.Node{graph.Softmax(graph.MatMul(h, weight(in[0].Graph(), 5, 3)), -1)}
	}},
	{"its gradient", []string{"b, 6", "b, 3"}, func(in []*graph.Node) []*graph.Node {
		w := weight(in[0].Graph(), 6, 3)
		loss := graph.ReduceAllMean(graph.Square(graph.Sub(graph.Tanh(graph.MatMul(in[0], w)), in[1])))
		return append(graph.Gradient(loss, w, in[0]), loss)
	}},
	{"attention", []string{"b, t, 4"}, func(in []*graph.Node) []*graph.Node {
		x := in[0]
		scores := graph.MulScalar(graph.Einsum("btd,bsd->bts", x, x), 0.5)
		causal := graph.GreaterOrEqual(graph.Iota(x.Graph(), shapes.Make(dtypes.Int32, x.Dim(1), x.Dim(1)), 0), graph.Iota(x.Graph(), shapes.Make(dtypes.Int32, x.Dim(1), x.Dim(1)), 1))
		scores = graph.Where(causal, scores, graph.Const(x.Graph(), float32(-1e9)))
		return []*graph.Node{graph.Einsum("bts,bsd->btd", graph.Softmax(scores, -1), x)}
	}},
	{"tokens as rows", []string{"b, t, 4"}, func(in []*graph.Node) []*graph.Node {
		b, t := in[0].Dim(0), in[0].Dim(1)
		y := graph.MatMul(graph.Reshape(in[0], b*t, 4), weight(in[0].Graph(), 4, 6))
		return []*graph.Node{graph.Reshape(y, b, t, 2, 3), graph.ReduceMean(y, 0), graph.Variance(in[0], 1)}
	}},
	{"cut and joined", []string{"b + 1, 4"}, func(in []*graph.Node) []*graph.Node {
		n := in[0].Dim(0)
		return []*graph.Node{
			graph.Add(graph.Slice(in[0], graph.AxisRange(1)), graph.Slice(in[0], graph.AxisRange(0, n-1))),
			graph.Concatenate([]*graph.Node{in[0], in[0]}, 0),
		}
	}},
	{"shares", []string{"b, 4"}, func(in []*graph.Node) []*graph.Node { // a division by 16 becomes a product
		return []*graph.Node{graph.DivScalar(in[0], float64(in[0].Dim(0))), graph.MulScalar(in[0], 1/float64(in[0].Dim(0)))}
	}},
	{"a recurrence over all", []string{"t, b, 4"}, func(in []*graph.Node) []*graph.Node {
		w := weight(in[0].Graph(), 4, 4)
		h := graph.Zeros(in[0].Graph(), shapes.Make(dtypes.Float32, in[0].Dim(1), 4))
		carry, ys := graph.Scan([]*graph.Node{h}, in, func(h, x []*graph.Node) (next, y []*graph.Node) {
			h[0] = graph.Tanh(graph.Add(graph.MatMul(h[0], w), x[0]))
			return h[:1], []*graph.Node{graph.ReduceSum(h[0], -1)}
		}).Done()
		return append(carry, ys...)
	}},
	{"an outer product", []string{"a", "b"}, func(in []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Einsum("a,b->ab", in[0], in[1]), graph.Concatenate(in, 0)}
	}},
	{"pictures", []string{"b, 8, 8, 2"}, func(in []*graph.Node) []*graph.Node {
		y := graph.Convolve(in[0], weight(in[0].Graph(), 3, 3, 2, 4)).PadSame().Done()
		return []*graph.Node{graph.MaxPool(graph.Relu(y)).Window(2).Done()}
	}},
}

// inputsAt returns values for the sizes that are declared.
func inputsAt(t *testing.T, d *sizes.Declaration, v sizes.Values) (in []any) {
	for _, s := range d.Inputs() {
		dims, err := s.At(v)
		require.NoError(t, err)
		in = append(in, numbered(dims...))
	}
	return in
}

// TestDerivedProgramsAreThoseThatWouldBeBuilt calls each function for 20 sizes: it is called for the first few alone, and the programs
// and the results are those of an Exec that builds every one.
func TestDerivedProgramsAreThoseThatWouldBeBuilt(t *testing.T) {
	b := engine(t)
	for _, c := range derived {
		t.Run(c.name, func(t *testing.T) {
			d := sizes.MustDeclare(c.inputs)
			built := 0
			exec := graph.MustNewExec(b, func(in []*graph.Node) []*graph.Node {
				built++
				return c.fn(in)
			}).WithShapes(d).DeriveSizes()
			defer exec.Close()
			every := graph.MustNewExec(b, c.fn)
			defer every.Close()
			symbols := d.Symbols()
			for n := range 20 {
				v := sizes.Values{}
				for i, name := range symbols {
					v[name] = 2 + (n*(3+4*i)+n*n*i)%17 + n%3
				}
				in := inputsAt(t, d, v)
				got, err := exec.Call(in...)
				require.NoError(t, err)
				want, err := every.Call(in...)
				require.NoError(t, err)
				for i := range want {
					require.True(t, got[i].Equal(want[i]), "where %s result %d is %s, want %s", v, i, got[i], want[i])
				}
				var at []shapes.Shape
				for _, x := range in {
					at = append(at, x.(*tensors.Tensor).Shape())
				}
				g, err := exec.Compile(at...)
				require.NoError(t, err)
				h, err := every.Compile(at...)
				require.NoError(t, err)
				if c.name != "shares" || v["b"]&(v["b"]-1) != 0 {
					require.Equal(t, h.Program().String(), g.Program().String(), "where %s", v)
				}
				require.NoError(t, g.Close())
				require.NoError(t, h.Close())
			}
			programs, err := exec.Derived()
			require.NoError(t, err)
			assert.Equal(t, 20, built+programs)
			assert.LessOrEqual(t, built, map[int]int{1: 5, 2: 13}[len(symbols)], "so often the function was called, for 20 sizes")
		})
	}
}

// TestWhatIsNotDerived is built for each size, and gives the same as ever.
func TestWhatIsNotDerived(t *testing.T) {
	b := engine(t)
	for _, c := range []struct {
		name string
		fn   func(x *graph.Node) *graph.Node
		want string
	}{
		{"another program from a size on", func(x *graph.Node) *graph.Node {
			if x.Dim(0) > 3 {
				return graph.Exp(x)
			}
			return graph.Neg(x)
		}, "is another call for other sizes"},
		{"as many calls as elements", func(x *graph.Node) *graph.Node {
			y := x
			for range x.Dim(0) {
				y = graph.Sin(y)
			}
			return y
		}, "is another one for other sizes"},
		{"a constant of the size", func(x *graph.Node) *graph.Node { return graph.Add(x, weight(x.Graph(), x.Dim(0))) }, "a constant float32[3] is float32[5] for other sizes"},
		{"a number that is no polynomial", func(x *graph.Node) *graph.Node { return graph.MulScalar(x, 1/float64(1+x.Dim(0)*x.Dim(0)*x.Dim(0))) }, "are no polynomial of the sizes, nor are their reciprocals"},
		{"half the size", func(x *graph.Node) *graph.Node { return graph.Slice(x, graph.AxisRange(0, x.Dim(0)/2)) }, "are no polynomial"},
		{"a logged node", func(x *graph.Node) *graph.Node {
			y := graph.Neg(x)
			y.SetLogged("y")
			return y
		}, "the graph has logged nodes"},
		{"a search", func(x *graph.Node) *graph.Node {
			return graph.SearchSorted(x, graph.Const(x.Graph(), []float32{-1, 3, 9}), false)
		}, "what the program consists of depends on sizes: SearchSorted by 3, and for other sizes SearchSorted by 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			built := 0
			exec := graph.MustNewExec(b, func(x *graph.Node) *graph.Node {
				built++
				return c.fn(x)
			}).WithShapes(sizes.MustDeclare([]string{"n"})).DeriveSizes()
			exec.SetNodeLogger(nil)
			defer exec.Close()
			every := graph.MustNewExec(b, c.fn)
			every.SetNodeLogger(nil)
			defer every.Close()
			for n := range 12 {
				x := numbered(n)
				got, err := exec.Call1(x)
				require.NoError(t, err)
				want, err := every.Call1(x)
				require.NoError(t, err)
				assert.True(t, got.Equal(want), "%d: %s, want %s", n, got, want)
			}
			programs, err := exec.Derived()
			assert.ErrorContains(t, err, c.want)
			assert.Zero(t, programs)
			assert.Equal(t, 12, built)
		})
	}
}

// TestSizesFarAway sorts more than those that programs are derived of, and less: a sorting network has as many columns as their number
// has digits, squared.
func TestSizesFarAway(t *testing.T) {
	fn := func(x *graph.Node) []*graph.Node {
		return graph.SortFunc([]*graph.Node{x}, 0, func(a, b []*graph.Node) *graph.Node { return graph.LessThan(a[0], b[0]) })
	}
	exec := graph.MustNewExec(engine(t), fn).WithShapes(sizes.MustDeclare([]string{"n"})).DeriveSizes()
	defer exec.Close()
	for _, n := range []int{9, 10, 11, 12, 13, 15, 17, 33, 100, 3, 1, 0} {
		got, err := exec.Call(numbered(n))
		require.NoError(t, err)
		want := tensors.MustCopyFlatData[float32](numbered(n))
		slices.Sort(want)
		assert.Equal(t, want, tensors.MustCopyFlatData[float32](got[0]), "%d", n)
	}
}

// TestDerivingSideBySide has several goroutines call one Exec with sizes of their own.
func TestDerivingSideBySide(t *testing.T) {
	exec := graph.MustNewExec(engine(t), func(x *graph.Node) *graph.Node { return graph.ReduceSum(graph.Square(x), 1) }).
		WithShapes(sizes.MustDeclare([]string{"b, t"})).DeriveSizes()
	defer exec.Close()
	var running sync.WaitGroup
	for k := range 4 {
		running.Go(func() {
			for n := range 15 {
				rows, columns := 2+(n*(k+3))%11, 2+(n*(k+5)+k)%7
				x := numbered(rows, columns)
				got, err := exec.Call1(x)
				if !assert.NoError(t, err) {
					return
				}
				want := make([]float32, rows)
				for i, row := range x.Value().([][]float32) {
					for _, v := range row {
						want[i] += v * v
					}
				}
				assert.InDeltaSlice(t, want, got.Value(), 1e-4)
			}
		})
	}
	running.Wait()
	programs, err := exec.Derived()
	assert.NoError(t, err)
	assert.Positive(t, programs)
	text, err := exec.Explain(shapes.Make(dtypes.Float32, 29, 31))
	require.NoError(t, err)
	assert.Contains(t, text, "float32[29 31]")
}

func ExampleExec_WithShapes() {
	b := gocpu.New()
	defer b.Close()
	exec := graph.MustNewExec(b, graph.MatMul).WithShapes(sizes.MustDeclare([]string{"batch, 28*28", "28*28, 10"}))
	defer exec.Close()
	_, err := exec.Compile(shapes.Make(dtypes.Float32, 16, 783), shapes.Make(dtypes.Float32, 784, 10))
	fmt.Println(err)
	// Output:
	// "exec": input 0 is [16 783], declared [batch, 784], which is [16 784] where batch=16: axis 1 is 783, not 784
}

func ExampleExec_DeriveSizes() {
	b := gocpu.New()
	defer b.Close()
	built := 0
	exec := graph.MustNewExec(b, func(x *graph.Node) *graph.Node {
		built++
		return graph.ReduceMean(x, 0)
	}).WithShapes(sizes.MustDeclare([]string{"batch, 3"})).DeriveSizes()
	defer exec.Close()
	for batch := 1; batch <= 20; batch++ {
		if _, err := exec.Call(tensors.FromShape(shapes.Make(dtypes.Float32, batch, 3))); err != nil {
			fmt.Println(err)
		}
	}
	derived, err := exec.Derived()
	fmt.Println(built, "built,", derived, "derived", err)
	// Output:
	// 4 built, 16 derived <nil>
}
