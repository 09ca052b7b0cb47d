package graph_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// nodesFn makes nodes of nodes.
type nodesFn = func(in []*graph.Node) []*graph.Node

// floats are shapes of float64.
func floats(dims ...[]int) (list []shapes.Shape) {
	for _, d := range dims {
		list = append(list, shapes.Make(dtypes.Float64, d...))
	}
	return list
}

// vmap is VMap over all first axes.
func vmap(fn nodesFn, xs ...*graph.Node) []*graph.Node { return graph.VMap(fn, xs...).Done() }

// one makes a function of one result.
func one(fn func(x ...*graph.Node) *graph.Node) nodesFn {
	return func(in []*graph.Node) []*graph.Node { return []*graph.Node{fn(in...)} }
}

// unrolled calls fn for one slice after the other, and stacks the results.
func unrolled(fn nodesFn, xs ...*graph.Node) (ys []*graph.Node) {
	var each [][]*graph.Node
	for k := range xs[0].Dim(0) {
		var in []*graph.Node
		for _, x := range xs {
			in = append(in, graph.Squeeze(graph.SliceAxis(x, 0, graph.AxisElem(k)), 0))
		}
		each = append(each, fn(in))
	}
	for r := range each[0] {
		var list []*graph.Node
		for k := range each {
			list = append(list, each[k][r])
		}
		ys = append(ys, graph.Stack(list, 0))
	}
	return ys
}

// sumOfSines is a scalar that depends on all elements of nodes.
func sumOfSines(out []*graph.Node) *graph.Node {
	sum := graph.ScalarZero(out[0].Graph(), dtypes.Float64)
	for k, y := range out {
		if y.DType() == dtypes.Float64 {
			sum = graph.Add(sum, graph.MulScalar(graph.ReduceAllSum(graph.Sin(y)), k+1))
		}
	}
	return sum
}

// withGradients returns what fn returns, and the gradients of a sum of it.
func withGradients(fn nodesFn) nodesFn {
	return func(in []*graph.Node) []*graph.Node {
		out := fn(in)
		return append(out, graph.Gradient(sumOfSines(out), in...)...)
	}
}

// sameValues requires that got and want compute the same, with their gradients.
func sameValues(t *testing.T, b graph.Backend, in []shapes.Shape, got, want nodesFn) {
	t.Helper()
	x, _ := runAll(t, b, in, got)
	y, _ := runAll(t, b, in, want)
	require.Len(t, x, len(y))
	for k := range y {
		require.NoError(t, graphtest.Diff(x[k], y[k], ir.Tolerance{ULP: 1e4, Abs: 1e4, Why: "other ops"}), "result %d", k)
	}
}

// What branches, loops and calls compute of one example, VMap computes of all, with its gradients.
func TestVMapAgainstALoop(t *testing.T) {
	count := func(g *graph.Graph, x *graph.Node) *graph.Node { // how often it can be halved
		state := []*graph.Node{graph.Const(g, int32(0)), x}
		cond := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			graph.Parameter(g, "n", state[0].Shape())
			return []*graph.Node{graph.GreaterThan(graph.Abs(graph.Parameter(g, "x", x.Shape())), graph.Scalar(g, x.DType(), 0.1))}
		})
		body := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			n, x := graph.Parameter(g, "n", state[0].Shape()), graph.Parameter(g, "x", x.Shape())
			return []*graph.Node{graph.AddScalar(n, 1), graph.MulScalar(x, 0.5)}
		})
		return graph.While(cond, body, state...)[0]
	}
	branch := func(pred func(x, y *graph.Node) *graph.Node) nodesFn {
		return one(func(x ...*graph.Node) *graph.Node {
			g := x[0].Graph()
			return graph.If(pred(x[0], x[1]),
				graph.NewClosure(g, func(*graph.Graph) []*graph.Node { return []*graph.Node{graph.Sin(graph.Mul(x[0], x[1]))} }),
				graph.NewClosure(g, func(*graph.Graph) []*graph.Node { return []*graph.Node{graph.OnesLike(x[0])} }))[0]
		})
	}
	b := gocpu.New()
	defer b.Close()
	for _, c := range []struct {
		name      string
		in        []shapes.Shape
		fn        nodesFn
		gradients bool
	}{
		{"operands of different ranks", floats([]int{3}, []int{3, 2}), one(func(x ...*graph.Node) *graph.Node { return graph.Mul(x[0], graph.Exp(x[1])) }), true},
		{"a result that is the same for all", floats([]int{3}), func(in []*graph.Node) []*graph.Node {
			return []*graph.Node{in[0], graph.Const(in[0].Graph(), []float64{1, 2})}
		}, true},
		{"a branch for all", floats([]int{3}, []int{3}), branch(func(x, _ *graph.Node) *graph.Node { return graph.Const(x.Graph(), true) }), true},
		{"a branch for each", floats([]int{3}, []int{3}), branch(func(x, y *graph.Node) *graph.Node { return graph.GreaterThan(x, y) }), true},
		{"a switch for each", floats([]int{4}), one(func(x ...*graph.Node) *graph.Node {
			g := x[0].Graph()
			var branches []*graph.Function
			for k := range 3 {
				branches = append(branches, graph.NewClosure(g, func(*graph.Graph) []*graph.Node {
					return []*graph.Node{graph.MulScalar(graph.Sin(x[0]), k)}
				}))
			}
			return graph.Switch(graph.ConvertDType(graph.MulScalar(x[0], 2), dtypes.Int32), branches...)[0]
		}), true},
		{"a loop until each is done", floats([]int{5}), one(func(x ...*graph.Node) *graph.Node { return count(x[0].Graph(), graph.MulScalar(x[0], 9)) }), false},
		{"a loop in a branch for each", floats([]int{5}), one(func(x ...*graph.Node) *graph.Node {
			g := x[0].Graph()
			return graph.If(graph.IsPositive(x[0]),
				graph.NewClosure(g, func(g *graph.Graph) []*graph.Node { return []*graph.Node{count(g, x[0])} }),
				graph.NewClosure(g, func(g *graph.Graph) []*graph.Node { return []*graph.Node{graph.Const(g, int32(-1))} }))[0]
		}), false},
		{"a scan over arrays of each, with a carry for all", floats([]int{3, 4, 2}), func(in []*graph.Node) []*graph.Node {
			zero := graph.Zeros(in[0].Graph(), shapes.Make(dtypes.Float64, 2))
			carry, ys := graph.Scan([]*graph.Node{zero, zero}, in, func(carry, x []*graph.Node) (next, y []*graph.Node) {
				c := graph.Add(graph.Sin(carry[0]), x[0])
				n := graph.AddScalar(carry[1], 1)
				return []*graph.Node{c, n}, []*graph.Node{graph.Mul(c, n), n}
			}).Reverse().Done()
			return append(carry, ys...)
		}, true},
		{"a counted loop", floats([]int{3, 2}), one(func(x ...*graph.Node) *graph.Node {
			return graph.ForI(4, x, func(i *graph.Node, s []*graph.Node) []*graph.Node {
				return []*graph.Node{graph.Sin(graph.Add(s[0], graph.ConvertDType(i, s[0].DType())))}
			})[0]
		}), true},
		{"a loop with a bound", floats([]int{5}), one(func(x ...*graph.Node) *graph.Node {
			g := x[0].Graph()
			cond := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
				return []*graph.Node{graph.LessThan(graph.Parameter(g, "x", x[0].Shape()), graph.Scalar(g, dtypes.Float64, 2))}
			})
			body := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
				y := graph.Parameter(g, "x", x[0].Shape())
				return []*graph.Node{graph.Add(graph.AddScalar(graph.Sin(y), 1.5), y)}
			})
			return graph.WhileUpTo(6, cond, body, x[0])[0]
		}), true},
		{"calls of one function", floats([]int{3}, []int{3}), one(func(x ...*graph.Node) *graph.Node {
			f := graph.NewFunction(x[0].Graph(), "f", func(g *graph.Graph) []*graph.Node {
				p := graph.Parameter(g, "p", x[0].Shape())
				return []*graph.Node{graph.Sin(graph.Mul(p, x[1]))}
			})
			return f.Call(f.Call(x[0])...)[0]
		}), true},
		{"VMap in VMap", floats([]int{3, 4}, []int{3, 2}), one(func(x ...*graph.Node) *graph.Node {
			return vmap(one(func(y ...*graph.Node) *graph.Node {
				return graph.Mul(graph.Sin(y[0]), graph.Add(x[1], y[0]))
			}), x[0])[0]
		}), true},
		{"VMap in a scan", floats([]int{3, 4}), one(func(x ...*graph.Node) *graph.Node {
			return graph.ForI(3, x, func(_ *graph.Node, s []*graph.Node) []*graph.Node {
				return vmap(one(func(y ...*graph.Node) *graph.Node { return graph.Sin(graph.Add(y[0], graph.ReduceAllSum(s[0]))) }), s...)
			})[0]
		}), true},
		{"a gradient", floats([]int{3, 4}, []int{3, 4}), func(in []*graph.Node) []*graph.Node {
			loss := graph.ReduceAllSum(graph.Mul(graph.Sin(in[0]), graph.Softmax(in[1])))
			return graph.Gradient(loss, in...)
		}, true},
		{"a gradient of a gradient through a scan", floats([]int{3, 4}, []int{3, 2}), func(in []*graph.Node) []*graph.Node {
			last := graph.Reduce(in[1], graph.Sin(in[0]), 0, func(acc, x *graph.Node) *graph.Node { return graph.Mul(graph.Cos(acc), x) })
			loss := graph.ReduceAllSum(last)
			d := graph.Gradient(loss, in...)
			return graph.Gradient(sumOfSines(d), in...)
		}, true},
		{"a gradient of one's own", floats([]int{3, 2}, []int{3, 2}), one(func(x ...*graph.Node) *graph.Node {
			z := graph.Sin(x[1])
			return graph.WithCustomGradient(x[:1], func(in []*graph.Node) []*graph.Node { return []*graph.Node{graph.Mul(in[0], z)} },
				func(in, out, dOut []*graph.Node) []*graph.Node {
					return []*graph.Node{graph.Mul(dOut[0], graph.Add(graph.Mul(z, x[1]), graph.Mul(in[0], out[0])))}
				})[0]
		}), true},
		{"a gradient of one's own in a branch", floats([]int{3, 2}), one(func(x ...*graph.Node) *graph.Node {
			g := x[0].Graph()
			return graph.If(graph.IsPositive(graph.ReduceAllSum(x[0])), graph.NewClosure(g, func(*graph.Graph) []*graph.Node {
				z := graph.Cos(x[0])
				return []*graph.Node{graph.IdentityWithCustomGradient(graph.Square(x[0]), func(_, v *graph.Node) *graph.Node { return graph.Mul(v, z) })}
			}), graph.NewClosure(g, func(*graph.Graph) []*graph.Node { return x }))[0]
		}), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := func(in []*graph.Node) []*graph.Node { return vmap(c.fn, in...) }
			want := func(in []*graph.Node) []*graph.Node { return unrolled(c.fn, in...) }
			if c.gradients {
				got, want = withGradients(got), withGradients(want)
			}
			sameValues(t, b, c.in, got, want)
		})
	}
}

// What examples share, their gradient of one's own gets a sum for.
func TestVMapOfACustomGradientOfWhatIsShared(t *testing.T) {
	b := gocpu.New()
	defer b.Close()
	with := func(w *graph.Node, run func(fn nodesFn, xs ...*graph.Node) []*graph.Node, x *graph.Node) []*graph.Node {
		return run(one(func(x ...*graph.Node) *graph.Node {
			return graph.WithCustomGradient([]*graph.Node{x[0], w}, func(in []*graph.Node) []*graph.Node { return []*graph.Node{graph.Mul(in[0], in[1])} },
				func(in, _, dOut []*graph.Node) []*graph.Node {
					return []*graph.Node{nil, graph.Mul(dOut[0], graph.Square(in[0]))}
				})[0]
		}), x)
	}
	sameValues(t, b, floats([]int{3, 2}, []int{2}),
		withGradients(func(in []*graph.Node) []*graph.Node { return with(in[1], vmap, in[0]) }),
		withGradients(func(in []*graph.Node) []*graph.Node { return with(in[1], unrolled, in[0]) }))
}

func TestVMapAxes(t *testing.T) {
	b := gocpu.New()
	defer b.Close()
	product := one(func(x ...*graph.Node) *graph.Node { return graph.MatMul(x[0], x[1]) })
	got := func(in []*graph.Node) []*graph.Node {
		w := in[1]
		return append(append(
			graph.VMap(product, in[0], w).InAxes(1, graph.Unbatched).OutAxes(-1).Done(),
			graph.VMap(product, in[0], w).InAxes(-2, graph.Unbatched).OutAxes(1).Done()...),
			graph.VMap(func([]*graph.Node) []*graph.Node { return []*graph.Node{graph.Neg(w)} }, in[0]).OutAxes(graph.Unbatched).Done()...)
	}
	want := func(in []*graph.Node) []*graph.Node {
		y := graph.Einsum("ibk,kj->ibj", in[0], in[1])
		return []*graph.Node{graph.Einsum("ibj->ijb", y), y, graph.Neg(in[1])}
	}
	sameValues(t, b, floats([]int{2, 5, 3}, []int{3, 4}), withGradients(got), withGradients(want))
}

// What does not depend on the examples is computed once; the name of their axis stays.
func TestVMapOfWhatIsSharedIsComputedOnce(t *testing.T) {
	g := graph.NewGraph(nil, "g")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 8, 3).WithAxisNames("example", "feature"))
	w := graph.Parameter(g, "w", shapes.Make(dtypes.Float32, 3))
	y := vmap(one(func(x ...*graph.Node) *graph.Node { return graph.Mul(x[0], graph.Exp(w)) }), x)[0]
	assert.Equal(t, "float32[example=8 feature=3]", y.Shape().String())
	p, err := graph.NewProgram(g, y)
	require.NoError(t, err)
	for _, in := range p.Instrs {
		if in.Op.Name == "Exp" {
			assert.Equal(t, shapes.Make(dtypes.Float32, 3), p.Values[in.Out[0]])
		}
	}
	assert.True(t, y.IsDerived())
}
