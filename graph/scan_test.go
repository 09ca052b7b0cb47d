package graph_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

const (
	gruTime, gruBatch, gruWidth = 64, 8, 16
)

// gruShapes are those of the input [T, B, C], the weights of input and state, the bias, and a target for each h.
func gruShapes(time, batch, width int) []shapes.Shape {
	f := func(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }
	return []shapes.Shape{f(time, batch, width), f(width, 3*width), f(width, 3*width), f(3 * width)}
}

// gruCell is one step of a GRU:
//
//	r, z = σ(x·w + h·u + b),  n = tanh(x·w + r·(h·u) + b),  h' = (1-z)·n + z·h
func gruCell(x, h, w, u, b *graph.Node) *graph.Node {
	xs := graph.Split(graph.Add(graph.MatMul(x, w), b), -1, 3)
	hs := graph.Split(graph.MatMul(h, u), -1, 3)
	r, z := graph.Sigmoid(graph.Add(xs[0], hs[0])), graph.Sigmoid(graph.Add(xs[1], hs[1]))
	n := graph.Tanh(graph.Add(xs[2], graph.Mul(r, hs[2])))
	return graph.Add(graph.Mul(graph.OneMinus(z), n), graph.Mul(z, h))
}

// gru returns the loss of a GRU that goes over x by loop, and its gradients by all weights.
func gru(loop func(x, h *graph.Node, cell func(x, h *graph.Node) *graph.Node) *graph.Node) func(in []*graph.Node) []*graph.Node {
	return func(in []*graph.Node) []*graph.Node {
		x, w, u, b := in[0], in[1], in[2], in[3]
		h := graph.Zeros(x.Graph(), shapes.Make(x.DType(), x.Dim(1), x.Dim(2)))
		all := loop(x, h, func(x, h *graph.Node) *graph.Node { return gruCell(x, h, w, u, b) })
		loss := graph.ReduceAllMean(graph.Square(graph.Sub(all, x)))
		return append([]*graph.Node{loss}, graph.Gradient(loss, x, w, u, b)...)
	}
}

func gruScan(with func(*graph.ScanBuilder) *graph.ScanBuilder) func(in []*graph.Node) []*graph.Node {
	return gru(func(x, h *graph.Node, cell func(x, h *graph.Node) *graph.Node) *graph.Node {
		s := graph.Scan([]*graph.Node{h}, []*graph.Node{x}, func(carry, x []*graph.Node) (next, y []*graph.Node) {
			h := cell(x[0], carry[0])
			return []*graph.Node{h}, []*graph.Node{h}
		})
		if with != nil {
			s = with(s)
		}
		_, ys := s.Done()
		return ys[0]
	})
}

var gruUnrolled = gru(func(x, h *graph.Node, cell func(x, h *graph.Node) *graph.Node) *graph.Node {
	var all []*graph.Node
	for t := range x.Dim(0) {
		h = cell(graph.Squeeze(graph.SliceAxis(x, 0, graph.AxisElem(t)), 0), h)
		all = append(all, h)
	}
	return graph.Stack(all, 0)
})

// runAll runs fn on small random values of the given shapes.
func runAll(t testing.TB, b graph.Backend, in []shapes.Shape, fn func(in []*graph.Node) []*graph.Node) ([]*tensors.Tensor, *graph.Graph) {
	g := graph.NewGraph(b, "test")
	var out []*graph.Node
	var args []any
	require.NoError(t, graph.Catch(func() {
		var nodes []*graph.Node
		for i, s := range in {
			nodes = append(nodes, graph.Parameter(g, "", s))
			x := ir.Ramp(s.Dimensions...).Tensor(s.DType)
			if i > 0 {
				x = scaled(t, x)
			}
			args = append(args, x)
		}
		out = fn(nodes)
	}))
	require.NoError(t, g.Compile(out...))
	t.Cleanup(func() { g.Close() })
	results, err := g.Run(args...)
	require.NoError(t, err)
	return results, g
}

// scaled returns x/4.
func scaled(t testing.TB, x *tensors.Tensor) *tensors.Tensor {
	y, err := graph.CallOnce(graphtest.Reference(), func(x *graph.Node) *graph.Node { return graph.DivScalar(x, 4) }, x)
	require.NoError(t, err)
	return y
}

// A GRU by Scan computes what a loop of Go computes, with a program of one body, forward and back, however it stores or computes.
func TestGRUByScan(t *testing.T) {
	in := gruShapes(gruTime, gruBatch, gruWidth)
	b := gocpu.New()
	defer b.Close()
	want, long := runAll(t, b, in, gruUnrolled)
	tol := ir.Tolerance{ULP: 4096, Abs: 64, Why: "sums of 64 times in another order"}
	for _, c := range []struct {
		name  string
		with  func(*graph.ScanBuilder) *graph.ScanBuilder
		nodes int // at most
	}{
		{"stored", nil, 150},
		{"recomputed", (*graph.ScanBuilder).Recompute, 150},
		{"a store every 8 times", func(s *graph.ScanBuilder) *graph.ScanBuilder { return s.StoreEvery(8) }, 250},
		{"a store every 10 times, and 4 left over", func(s *graph.ScanBuilder) *graph.ScanBuilder { return s.StoreEvery(10) }, 350},
		{"4 times in a turn", func(s *graph.ScanBuilder) *graph.ScanBuilder { return s.Unroll(4) }, 600},
		{"more times in a turn than there are", func(s *graph.ScanBuilder) *graph.ScanBuilder { return s.Unroll(65) }, 5000},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, g := runAll(t, b, in, gruScan(c.with))
			for i := range want {
				require.NoError(t, graphtest.Diff(got[i], want[i], tol), "result %d", i)
			}
			assert.LessOrEqual(t, len(g.Nodes()), c.nodes, "nodes; written out it has %d", len(long.Nodes()))
			assert.LessOrEqual(t, g.Program().NumInstrs(), c.nodes, "instructions; written out it has %d", long.Program().NumInstrs())
		})
	}
}

// The program of a loop is no longer for more turns.
func TestALoopHasOneBody(t *testing.T) {
	size := func(time int) (nodes, instrs int) {
		_, g := runAll(t, graphtest.Reference(), gruShapes(time, 2, 3), gruScan(nil))
		return len(g.Nodes()), g.Program().NumInstrs()
	}
	nodes, instrs := size(3)
	moreNodes, moreInstrs := size(33)
	assert.Equal(t, nodes, moreNodes)
	assert.Equal(t, instrs, moreInstrs)
}

// What is made of Scan, against plain Go.
func TestLoopsAgainstGo(t *testing.T) {
	f := func(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float64, dims...) }
	type fn = func(in []*graph.Node) []*graph.Node
	grads := func(f fn) fn {
		return func(in []*graph.Node) []*graph.Node {
			out := f(in)
			sum := graph.ScalarZero(in[0].Graph(), dtypes.Float64)
			for k, y := range out {
				sum = graph.Add(sum, graph.MulScalar(graph.ReduceAllSum(graph.Sin(y)), k+1))
			}
			return append(out, graph.Gradient(sum, in...)...)
		}
	}
	step := func(i, x, w *graph.Node) *graph.Node {
		return graph.Add(graph.Sin(graph.Mul(x, w)), graph.Mul(graph.ConvertDType(i, x.DType()), x))
	}
	row := func(x *graph.Node, t int) *graph.Node {
		return graph.Squeeze(graph.SliceAxis(x, 0, graph.AxisElem(t)), 0)
	}
	product := func(a, b []*graph.Node) []*graph.Node { // of affine maps
		return []*graph.Node{graph.Mul(a[0], b[0]), graph.Add(graph.Mul(a[1], b[0]), b[1])}
	}
	b := gocpu.New()
	defer b.Close()
	for _, c := range []struct {
		name      string
		in        []shapes.Shape
		got, want fn
	}{
		{"ForI", []shapes.Shape{f(3), f(3)},
			func(in []*graph.Node) []*graph.Node {
				return graph.ForI(5, in[:1], func(i *graph.Node, s []*graph.Node) []*graph.Node { return []*graph.Node{step(i, s[0], in[1])} })
			},
			func(in []*graph.Node) []*graph.Node {
				x := in[0]
				for i := range 5 {
					x = step(graph.Const(x.Graph(), int32(i)), x, in[1])
				}
				return []*graph.Node{x}
			}},
		{"ForI of no turn", []shapes.Shape{f(3)},
			func(in []*graph.Node) []*graph.Node {
				return graph.ForI(0, in, func(i *graph.Node, s []*graph.Node) []*graph.Node { return []*graph.Node{step(i, s[0], s[0])} })
			},
			func(in []*graph.Node) []*graph.Node { return in }},
		{"Map", []shapes.Shape{f(4, 3), f(4), f(3)},
			func(in []*graph.Node) []*graph.Node {
				return graph.Map(func(x []*graph.Node) []*graph.Node {
					return []*graph.Node{graph.Mul(graph.Sin(x[0]), graph.Mul(x[1], in[2])), x[1]}
				}, in[:2]...)
			},
			func(in []*graph.Node) []*graph.Node {
				return []*graph.Node{graph.Mul(graph.Sin(in[0]), graph.Mul(graph.ExpandAxes(in[1], -1), graph.ExpandAxes(in[2], 0))), in[1]}
			}},
		{"Map of nothing", []shapes.Shape{f(0, 3)},
			func(in []*graph.Node) []*graph.Node {
				return graph.Map(func(x []*graph.Node) []*graph.Node { return []*graph.Node{graph.Sin(x[0])} }, in...)
			},
			func(in []*graph.Node) []*graph.Node { return []*graph.Node{graph.Sin(in[0])} }},
		{"Reduce", []shapes.Shape{f(2), f(2, 4)},
			func(in []*graph.Node) []*graph.Node {
				return []*graph.Node{graph.Reduce(in[0], in[1], -1, func(acc, x *graph.Node) *graph.Node { return graph.Sin(graph.Add(acc, x)) })}
			},
			func(in []*graph.Node) []*graph.Node {
				acc := in[0]
				for t := range 4 {
					acc = graph.Sin(graph.Add(acc, row(graph.Transpose(in[1], 0, 1), t)))
				}
				return []*graph.Node{acc}
			}},
		{"WhileUpTo that ends before", []shapes.Shape{f()}, func(in []*graph.Node) []*graph.Node { return doubling(in[0], 20) }, func(in []*graph.Node) []*graph.Node { return times(in[0], 7) }},
		{"WhileUpTo that is bounded", []shapes.Shape{f()}, func(in []*graph.Node) []*graph.Node { return doubling(in[0], 4) }, func(in []*graph.Node) []*graph.Node { return times(in[0], 4) }},
	} {
		t.Run(c.name, func(t *testing.T) { sameResults(t, b, c.in, grads(c.got), grads(c.want)) })
	}
	for n := range 10 {
		t.Run(fmt.Sprintf("AssociativeScan of %d", n), func(t *testing.T) {
			sameResults(t, b, []shapes.Shape{f(2, n), f(2, n)},
				grads(func(in []*graph.Node) []*graph.Node { return graph.AssociativeScan(in, 1, product) }),
				grads(func(in []*graph.Node) []*graph.Node {
					if n == 0 {
						return in
					}
					var a, b []*graph.Node
					last := []*graph.Node(nil)
					for t := range n {
						now := []*graph.Node{graph.SliceAxis(in[0], 1, graph.AxisElem(t)), graph.SliceAxis(in[1], 1, graph.AxisElem(t))}
						if last != nil {
							now = product(last, now)
						}
						a, b, last = append(a, now[0]), append(b, now[1]), now
					}
					return []*graph.Node{graph.Concatenate(a, 1), graph.Concatenate(b, 1)}
				}))
		})
	}
}

// doubling adds x to itself as long as |x| is below 40, in so many turns at most; from |x| = 0.47 on that takes 7.
func doubling(x *graph.Node, turns int) []*graph.Node {
	g := x.Graph()
	cond := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		return []*graph.Node{graph.LessThan(graph.Abs(graph.Parameter(g, "x", x.Shape())), graph.Const(g, 40.0))}
	})
	body := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		p := graph.Parameter(g, "x", x.Shape())
		return []*graph.Node{graph.Add(p, p)}
	})
	return graph.WhileUpTo(turns, cond, body, x)
}

func times(x *graph.Node, doublings int) []*graph.Node {
	return []*graph.Node{graph.MulScalar(x, 1<<doublings)}
}

// sameResults checks that two functions return the same, but for rounding.
func sameResults(t *testing.T, b graph.Backend, in []shapes.Shape, got, want func(in []*graph.Node) []*graph.Node) {
	x, _ := runAll(t, b, in, got)
	y, _ := runAll(t, b, in, want)
	require.Len(t, x, len(y))
	for i := range x {
		require.NoError(t, graphtest.Diff(x[i], y[i], ir.ULP(1<<12, "in another order")), "result %d", i)
	}
}

// Every mistake in a loop has a sentence of its own.
func TestMistakesInLoops(t *testing.T) {
	g := graph.NewGraph(nil, "g")
	f := func(name string, dims ...int) *graph.Node {
		return graph.Parameter(g, name, shapes.Make(dtypes.Float32, dims...))
	}
	v, a, b, s := f("v", 3), f("a", 4, 3), f("b", 5, 3), f("s")
	one := func(x *graph.Node) []*graph.Node { return []*graph.Node{x} }
	keep := func(carry, _ []*graph.Node) (_, _ []*graph.Node) { return carry, nil }
	for _, c := range []struct {
		name, want string
		call       func()
	}{
		{"nothing to go over", "Scan: there is neither a carry nor an array to go over", func() { graph.Scan(nil, nil, keep) }},
		{"no body", "the body is nil", func() { graph.Scan(one(v), one(a), nil) }},
		{"a scalar to go over", "xs[0] is float32[], which has no leading axis", func() { graph.Scan(one(v), one(s), keep) }},
		{"arrays of different lengths", "xs[1] is float32[5 3], of 5 slices along its leading axis, and xs[0] is float32[4 3], of 4", func() { graph.Scan(nil, []*graph.Node{a, b}, keep) }},
		{"no length", "Length must say how many turns there are", func() { graph.Scan(one(v), nil, keep).Done() }},
		{"another length", "the arrays have 4 slices along their leading axis, which is the number of turns, not 5", func() { graph.Scan(one(v), one(a), keep).Length(5) }},
		{"a negative length", "it cannot have -1 turns", func() { graph.Scan(one(v), nil, keep).Length(-1) }},
		{"unrolled by nothing", "it cannot unroll 0 turns", func() { graph.Scan(one(v), one(a), keep).Unroll(0) }},
		{"stored never", "it cannot store every 0 turns", func() { graph.Scan(one(v), one(a), keep).StoreEvery(0) }},
		{"a carry too few", "the body gets 1 and returns 0 carries", func() {
			graph.Scan(one(v), one(a), func(_, _ []*graph.Node) (_, _ []*graph.Node) { return nil, nil }).Done()
		}},
		{"a carry of another shape", "carry 0 is float32[3], and the body returns float32[] for it: a carry keeps its shape and dtype", func() {
			graph.Scan(one(v), one(a), func(c, x []*graph.Node) (_, _ []*graph.Node) { return one(graph.ReduceAllSum(x[0])), nil }).Done()
		}},
		{"a carry that grows", "(what grows with each turn is returned as a y, which is stacked", func() {
			graph.Scan(one(s), one(a), func(c, x []*graph.Node) (_, _ []*graph.Node) { return one(x[0]), nil }).Done()
		}},
		{"a carry of another dtype", "carry 0 is float32[3], and the body returns float64[3] for it: a carry keeps its shape and dtype (ConvertDType", func() {
			graph.Scan(one(v), one(a), func(c, x []*graph.Node) (_, _ []*graph.Node) {
				return one(graph.ConvertDType(c[0], dtypes.Float64)), nil
			}).Done()
		}},
		{"a carry that is nil", "carry 0 that the body returns is nil", func() {
			graph.Scan(one(v), one(a), func(c, x []*graph.Node) (_, _ []*graph.Node) { return one(nil), nil }).Done()
		}},
		{"a y that is nil", "result 1 is nil", func() {
			graph.Scan(one(v), one(a), func(c, x []*graph.Node) (_, _ []*graph.Node) { return c, one(nil) }).Done()
		}},
		{"ForI of -1 turns", "ForI float32[3]: it cannot have -1 turns", func() { graph.ForI(-1, one(v), func(_ *graph.Node, s []*graph.Node) []*graph.Node { return s }) }},
		{"ForI without a state", "ForI: there is no state", func() { graph.ForI(3, nil, func(_ *graph.Node, s []*graph.Node) []*graph.Node { return s }) }},
		{"Map of nothing", "Map: there are no arrays", func() { graph.Map(func(x []*graph.Node) []*graph.Node { return x }) }},
		{"AssociativeScan of different lengths", "the arrays have 4 and 5 elements along the axis", func() {
			graph.AssociativeScan([]*graph.Node{a, b}, 0, func(x, _ []*graph.Node) []*graph.Node { return x })
		}},
		{"AssociativeScan that loses an array", "the function gets 1 and returns 0 arrays", func() {
			graph.AssociativeScan(one(a), 0, func(x, _ []*graph.Node) []*graph.Node { return nil })
		}},
		{"a gradient of While", "it has no gradient, since nothing says how many turns it takes", func() {
			cond := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node { return one(graph.IsPositive(graph.Parameter(g, "x", s.Shape()))) })
			body := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node { return one(graph.MinusOne(graph.Parameter(g, "x", s.Shape()))) })
			graph.Gradient(graph.While(cond, body, s)[0], s)
		}},
	} {
		t.Run(c.name, func(t *testing.T) { assert.ErrorContains(t, graph.Catch(c.call), c.want) })
	}
}

// The gradient of a function that calls another one twice, and so on, does not double at each level, and each function has one
// gradient.
func TestCallsStayCalls(t *testing.T) {
	const depth = 30
	g := graph.NewGraph(graphtest.Reference(), "g")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float64))
	var f *graph.Function
	for range depth {
		inner := f
		f = graph.NewFunction(g, "f", func(g *graph.Graph) []*graph.Node {
			y := graph.MulScalar(graph.Sin(graph.Parameter(g, "y", x.Shape())), 1.5)
			if inner != nil {
				y = inner.Call(inner.Call(y)[0])[0]
			}
			return []*graph.Node{y}
		})
	}
	twice := graph.Add(f.Call(x)[0], f.Call(graph.Neg(x))[0])
	dx := graph.Gradient(twice, x)[0]
	p, err := graph.NewProgram(g, twice, dx)
	require.NoError(t, err)
	assert.Less(t, len(g.Nodes()), 40*depth)
	p, err = ir.Lower(p, nil)
	require.NoError(t, err)
	regions := map[*ir.Program]bool{}
	var visit func(p *ir.Program)
	visit = func(p *ir.Program) {
		for _, in := range p.Instrs {
			for _, r := range in.Regions {
				if !regions[r] {
					regions[r] = true
					visit(r)
				}
			}
		}
	}
	visit(p)
	assert.LessOrEqual(t, len(regions), 2*depth+4, "functions, of which each goes forward or back; the innermost also store")
}

// A second gradient uses what the first one has stored.
func TestGradientsShareWhatIsStored(t *testing.T) {
	g := graph.NewGraph(nil, "g")
	f := func(name string, dims ...int) *graph.Node {
		return graph.Parameter(g, name, shapes.Make(dtypes.Float32, dims...))
	}
	h, x, w := f("h", 3), f("x", 4, 3), f("w", 3)
	_, ys := graph.Scan([]*graph.Node{h}, []*graph.Node{x}, func(c, x []*graph.Node) (next, y []*graph.Node) {
		n := graph.Tanh(graph.Add(graph.Mul(c[0], w), x[0]))
		return []*graph.Node{n}, []*graph.Node{n}
	}).Done()
	scan := ys[0].Input(0)
	loss := graph.ReduceAllSum(ys[0])
	graph.Gradient(loss, w)
	stored := len(scan.Results())
	graph.Gradient(graph.Square(loss), w, x)
	assert.Equal(t, ops.Scan, scan.Op())
	assert.Equal(t, 3, stored, "the carry, the stack, which the gradient of tanh uses, and the carry of each turn")
	assert.Len(t, scan.Results(), stored)
}
