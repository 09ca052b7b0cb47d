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
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// nodeFn makes a node of a node.
type nodeFn = func(x *graph.Node) *graph.Node

// branchOf returns the results of one of two functions, by pred.
func branchOf(pred *graph.Node, yes, no func() *graph.Node) *graph.Node {
	g := pred.Graph()
	return graph.If(pred,
		graph.NewClosure(g, func(*graph.Graph) []*graph.Node { return []*graph.Node{yes()} }),
		graph.NewClosure(g, func(*graph.Graph) []*graph.Node { return []*graph.Node{no()} }))[0]
}

// whileOf repeats body on x as long as cond holds of it.
func whileOf(x *graph.Node, cond, body nodeFn) *graph.Node {
	g := x.Graph()
	p := func(fn nodeFn) *graph.Function {
		return graph.NewClosure(g, func(g *graph.Graph) []*graph.Node { return []*graph.Node{fn(graph.Parameter(g, "x", x.Shape()))} })
	}
	return graph.While(p(cond), p(body), x)[0]
}

// throughOps are functions of four float64 that are smooth near the ramp, each through an op that transforms have to know.
var throughOps = []struct {
	name string
	fn   nodeFn
}{
	{"If", func(x *graph.Node) *graph.Node {
		return branchOf(graph.IsPositive(graph.ReduceAllSum(x)),
			func() *graph.Node { return graph.Mul(graph.Sin(x), graph.ReduceAllSum(x)) },
			func() *graph.Node { return graph.Exp(graph.Mul(x, graph.Cos(x))) })
	}},
	{"Switch", func(x *graph.Node) *graph.Node {
		g := x.Graph()
		var branches []*graph.Function
		for k := range 3 {
			branches = append(branches, graph.NewClosure(g, func(*graph.Graph) []*graph.Node {
				return []*graph.Node{graph.PowScalar(graph.AddScalar(graph.Square(x), 1), 1.5*float64(k)+0.5)}
			}))
		}
		return graph.Switch(graph.ConvertDType(graph.AddScalar(graph.Floor(graph.ReduceAllSum(x)), 1), dtypes.Int32), branches...)[0]
	}},
	{"While", func(x *graph.Node) *graph.Node {
		return graph.ForI(3, []*graph.Node{x}, func(i *graph.Node, s []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.Sin(graph.Add(graph.Mul(s[0], x), graph.ConvertDType(i, x.DType())))}
		})[0]
	}},
	{"WhileUpTo", func(x *graph.Node) *graph.Node {
		g := x.Graph()
		cond := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			return []*graph.Node{graph.LessThan(graph.ReduceAllSum(graph.Square(graph.Parameter(g, "x", x.Shape()))), graph.Scalar(g, x.DType(), 30))}
		})
		body := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			y := graph.Parameter(g, "x", x.Shape())
			return []*graph.Node{graph.Add(graph.MulScalar(y, 1.5), graph.Sin(x))}
		})
		return graph.WhileUpTo(5, cond, body, x)[0]
	}},
	{"Scan", func(x *graph.Node) *graph.Node {
		last, all := graph.Scan([]*graph.Node{graph.ReduceAllSum(x)}, []*graph.Node{x}, func(carry, z []*graph.Node) (next, y []*graph.Node) {
			c := graph.Sin(graph.Mul(carry[0], graph.AddScalar(z[0], 2)))
			return []*graph.Node{c}, []*graph.Node{graph.Mul(c, graph.Mul(z[0], graph.ReduceAllSum(x)))}
		}).Done()
		return graph.Add(all[0], last[0])
	}},
	{"Map", func(x *graph.Node) *graph.Node {
		return graph.Map(func(z []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.Mul(graph.Exp(z[0]), graph.ReduceAllSum(graph.Sin(x)))}
		}, x)[0]
	}},
	{"Call", func(x *graph.Node) *graph.Node {
		f := graph.NewFunction(x.Graph(), "f", func(g *graph.Graph) []*graph.Node {
			p := graph.Parameter(g, "p", x.Shape())
			return []*graph.Node{graph.Mul(graph.Sin(p), graph.Cos(x))}
		})
		return f.Call(f.Call(x)...)[0]
	}},
	{"Sort", func(x *graph.Node) *graph.Node { return graph.Mul(graph.Sort(graph.Sin(x), 0, false), graph.Square(x)) }},
	{"TopK", func(x *graph.Node) *graph.Node {
		values, indices := graph.TopK(graph.Sin(x), 3, 0)
		return graph.Mul(values, graph.Add(graph.Exp(values), graph.ConvertDType(indices, x.DType())))
	}},
	{"Cholesky and TriangularSolve", func(x *graph.Node) *graph.Node {
		a := graph.Add(graph.Einsum("i,j->ij", x, x), graph.MulScalar(graph.ConvertDType(graph.Diagonal(x.Graph(), 4), x.DType()), 3))
		l := graph.Cholesky(a, true)
		return graph.Squeeze(graph.TriangularSolve(l, graph.ExpandAxes(graph.Sin(x), -1), true, true, false, ir.NotTransposed), 1)
	}},
	{"FFT", func(x *graph.Node) *graph.Node {
		y := graph.RealFFT(graph.Square(x))
		return graph.InverseRealFFT(graph.Mul(y, graph.Conj(graph.Mul(y, y))), 4)
	}},
	{"Convolve", func(x *graph.Node) *graph.Node {
		image, kernel := graph.Reshape(graph.Sin(x), 1, 4, 1), graph.Reshape(graph.SliceAxis(graph.Square(x), 0, graph.AxisRange(0, 2)), 2, 1, 1)
		return graph.Reshape(graph.Convolve(image, kernel).Done(), 3)
	}},
	{"Gather and Scatter", func(x *graph.Node) *graph.Node {
		at := graph.Const(x.Graph(), [][]int32{{2}, {0}, {2}})
		picked := graph.Gather(graph.Square(x), at)
		return graph.ScatterSum(graph.Sin(x), graph.Const(x.Graph(), [][]int32{{3}, {1}, {3}}), graph.Mul(picked, graph.Gather(x, at)), false, false)
	}},
	{"DynamicSlice at what is computed", func(x *graph.Node) *graph.Node {
		start := []*graph.Node{graph.ArgMax(x, 0, dtypes.Int32)}
		part := graph.DynamicSlice(graph.Mul(x, x), start, []int{2})
		return graph.DynamicUpdateSlice(graph.Sin(x), graph.Mul(part, part), start)
	}},
	{"MaxPool", func(x *graph.Node) *graph.Node {
		y := graph.Reshape(graph.Mul(graph.Sin(x), x), 1, 4, 1)
		return graph.Square(graph.Reshape(graph.MaxPool(y).Window(2).Strides(1).Done(), 3))
	}},
	{"random numbers", func(x *graph.Node) *graph.Node {
		_, noise := graph.RandomNormal(graph.RNGStateFromSeedForGraph(x.Graph(), 3), x.Shape())
		return graph.Mul(graph.Exp(graph.Mul(x, noise)), x)
	}},
	{"norms and attention", func(x *graph.Node) *graph.Node {
		gain := graph.AddScalar(graph.SliceAxis(x, 0, graph.AxisRange(0, 2)), 1)
		y := graph.LayerNorm(graph.Reshape(graph.Square(x), 2, 2), gain, gain, 0.5)
		q := graph.Reshape(y, 1, 2, 2)
		return graph.Reshape(graph.ScaledDotProductAttention(q, q, graph.Reshape(x, 1, 2, 2)).Done(), 4)
	}},
	{"a gradient of one's own", func(x *graph.Node) *graph.Node {
		return graph.WithCustomGradient([]*graph.Node{x}, func(in []*graph.Node) []*graph.Node { return []*graph.Node{graph.Exp(in[0])} },
			func(in, out, dOut []*graph.Node) []*graph.Node { return []*graph.Node{graph.Mul(dOut[0], out[0])} })[0]
	}},
	{"a tangent of one's own", func(x *graph.Node) *graph.Node {
		z := graph.Cos(x)
		return graph.WithCustomTangent([]*graph.Node{x}, func(in []*graph.Node) []*graph.Node { return []*graph.Node{graph.Sin(in[0]), graph.Exp(in[0])} },
			func(in, out, dIn []*graph.Node) []*graph.Node {
				return []*graph.Node{graph.Mul(dIn[0], z), graph.Mul(dIn[0], out[1])}
			})[1]
	}},
	{"Checkpoint", func(x *graph.Node) *graph.Node {
		return graph.Checkpoint(func(xs []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.Mul(graph.Sin(graph.Mul(xs[0], x)), graph.Exp(xs[0]))}
		}, nil, x)[0]
	}},
	{"Checkpoint with a policy, in a scan", func(x *graph.Node) *graph.Node {
		return graph.ForI(3, []*graph.Node{x}, func(_ *graph.Node, s []*graph.Node) []*graph.Node {
			return graph.Checkpoint(func(xs []*graph.Node) []*graph.Node {
				return []*graph.Node{graph.Sin(graph.Mul(graph.Mul(xs[0], x), graph.Exp(xs[0])))}
			}, func(n *graph.Node) bool { return n.Op() == ops.Exp }, s[0])
		})[0]
	}},
	{"VMap", func(x *graph.Node) *graph.Node {
		return vmap(one(func(z ...*graph.Node) *graph.Node {
			return graph.Mul(graph.Sin(z[0]), graph.ReduceAllSum(graph.Mul(x, z[0])))
		}), x)[0]
	}},
}

// fourFloats are the operand of the functions.
var fourFloats = floats([]int{4})

// jacobian is a Jacobian with respect to the operand.
type jacobian = func(y *graph.Node, wrt ...*graph.Node) []*graph.Node

// Second derivatives are the same by every composition of forward and reverse, through every op, and the Jacobian is that of rows of
// gradients.
func TestDerivativesAreTheSameEitherWay(t *testing.T) {
	b := gocpu.New()
	defer b.Close()
	close := func(t *testing.T, got, want *tensors.Tensor, what string) {
		require.NoError(t, graphtest.Diff(got, want, ir.Tolerance{ULP: 1e5, Abs: 1e5, Why: "other ops"}), what)
	}
	for _, c := range throughOps {
		t.Run(c.name, func(t *testing.T) {
			ways := map[string][2]jacobian{
				"forward of forward": {graph.JacFwd, graph.JacFwd},
				"reverse of forward": {graph.JacRev, graph.JacFwd},
				"forward of reverse": {graph.JacFwd, graph.JacRev},
			}
			var names []string
			out, _ := runAll(t, b, fourFloats, func(in []*graph.Node) []*graph.Node {
				x := in[0]
				y := c.fn(x)
				var rows []*graph.Node
				for i := range y.Dim(0) {
					rows = append(rows, graph.Gradient(graph.Squeeze(graph.SliceAxis(y, 0, graph.AxisElem(i)), 0), x)[0])
				}
				out := []*graph.Node{graph.Stack(rows, 0), graph.JacFwd(y, x)[0], graph.JacRev(y, x)[0], graph.JacRev(graph.JacRev(y, x)[0], x)[0]}
				for name, way := range ways {
					names, out = append(names, name), append(out, way[0](way[1](y, x)[0], x)[0])
				}
				return out
			})
			close(t, out[1], out[0], "JacFwd")
			close(t, out[2], out[0], "JacRev")
			for i, name := range names {
				close(t, out[4+i], out[3], name)
			}
		})
	}
}

// A Hessian for each example of a batch, and its product with a vector, are those of one example after the other.
func TestHessiansOfABatch(t *testing.T) {
	b := gocpu.New()
	defer b.Close()
	for _, c := range throughOps {
		t.Run(c.name, func(t *testing.T) {
			each := func(in []*graph.Node) []*graph.Node {
				x, v := in[0], in[1]
				loss := graph.ReduceAllSum(graph.Sin(c.fn(x)))
				h := graph.Hessian(loss, x)
				return append(graph.HVP(loss, []*graph.Node{x}, []*graph.Node{v}), h, graph.Sub(graph.MatMul(h, v), graph.HVP(loss, []*graph.Node{x}, []*graph.Node{v})[0]))
			}
			in := floats([]int{2, 4}, []int{2, 4})
			got, _ := runAll(t, b, in, func(in []*graph.Node) []*graph.Node { return vmap(each, in...) })
			want, _ := runAll(t, b, in, func(in []*graph.Node) []*graph.Node { return unrolled(each, in...) })
			tol := ir.Tolerance{ULP: 1e5, Abs: 1e5, Why: "other ops"}
			for k := range want[:2] {
				require.NoError(t, graphtest.Diff(got[k], want[k], tol), "result %d", k)
			}
			for _, out := range [][]*tensors.Tensor{got, want} { // H·v - HVP
				for _, d := range tensors.MustCopyFlatData[float64](out[2]) {
					assert.InDelta(t, 0, d, 1e-9)
				}
			}
		})
	}
}

// Forward mode goes through a loop of which nobody knows how many turns it takes, alone, for a batch, and twice.
func TestForwardThroughAnyLoop(t *testing.T) {
	b := gocpu.New()
	defer b.Close()
	grow := func(x *graph.Node) *graph.Node { // x ← 2x + sin x until it is above 20
		return whileOf(x, func(y *graph.Node) *graph.Node { return graph.LessThan(y, graph.Scalar(y.Graph(), y.DType(), 20)) },
			func(y *graph.Node) *graph.Node { return graph.Add(graph.MulScalar(y, 2), graph.Sin(y)) })
	}
	plain := func(x *graph.Node, turns int) *graph.Node {
		for range turns {
			x = graph.Add(graph.MulScalar(x, 2), graph.Sin(x))
		}
		return x
	}
	got, err := graph.CallOnceN(b, func(x *graph.Node) []*graph.Node {
		derivatives := func(in []*graph.Node) []*graph.Node {
			y := grow(in[0])
			dy := graph.JacFwd(y, in[0])[0]
			return []*graph.Node{y, dy, graph.JacFwd(dy, in[0])[0]}
		}
		one := graph.Squeeze(graph.SliceAxis(x, 0, graph.AxisElem(1)), 0)
		return append(vmap(derivatives, x), derivatives([]*graph.Node{one})...)
	}, []float64{0.3, 2, 15, 30})
	require.NoError(t, err)
	want, err := graph.CallOnceN(b, func(x *graph.Node) []*graph.Node {
		var all [3][]*graph.Node
		for k, turns := range []int{5, 4, 1, 0} {
			in := graph.Squeeze(graph.SliceAxis(x, 0, graph.AxisElem(k)), 0)
			y := plain(in, turns)
			dy := graph.Gradient(y, in)[0]
			for i, r := range []*graph.Node{y, dy, graph.Gradient(dy, in)[0]} {
				all[i] = append(all[i], r)
			}
		}
		return []*graph.Node{graph.Stack(all[0], 0), graph.Stack(all[1], 0), graph.Stack(all[2], 0), all[0][1], all[1][1], all[2][1]}
	}, []float64{0.3, 2, 15, 30})
	require.NoError(t, err)
	for k := range want {
		require.NoError(t, graphtest.Diff(got[k], want[k], ir.Tolerance{ULP: 1e4, Why: "other ops"}), "result %d", k)
	}
}

// A program that uses the outputs that JVP returns runs a loop once.
func TestJVPRunsALoopOnce(t *testing.T) {
	g := graph.NewGraph(nil, "g")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float64, 4))
	y := graph.Exp(graph.ForI(3, []*graph.Node{x}, func(_ *graph.Node, s []*graph.Node) []*graph.Node { return []*graph.Node{graph.Sin(s[0])} })[0])
	ys, dys := graph.JVP([]*graph.Node{y}, []*graph.Node{x}, []*graph.Node{x})
	p, err := graph.NewProgram(g, ys[0], dys[0])
	require.NoError(t, err)
	loops := 0
	for _, in := range p.Instrs {
		if in.Op.Regions != nil {
			loops++
		}
	}
	assert.Equal(t, 1, loops)

	z := graph.Exp(graph.Sin(x))
	zs, _ := graph.JVP([]*graph.Node{z}, []*graph.Node{x}, []*graph.Node{x})
	assert.Same(t, z, zs[0], "where there is no loop, the outputs are the same nodes")
}

// Linearize gives a function that is made once and called often.
func TestLinearize(t *testing.T) {
	b := gocpu.New()
	defer b.Close()
	for _, c := range throughOps {
		t.Run(c.name, func(t *testing.T) {
			in := floats([]int{4}, []int{4}, []int{4})
			got, _ := runAll(t, b, in, func(in []*graph.Node) []*graph.Node {
				y := graph.Sin(c.fn(in[0]))
				f := graph.Linearize([]*graph.Node{y}, in[:1])
				return append(append(f.Call(in[1]), f.Call(in[2])...), vmap(func(v []*graph.Node) []*graph.Node { return f.Call(v...) }, graph.Stack(in[1:], 0))...)
			})
			want, _ := runAll(t, b, in, func(in []*graph.Node) []*graph.Node {
				y := []*graph.Node{graph.Sin(c.fn(in[0]))}
				_, u := graph.JVP(y, in[:1], in[1:2])
				_, v := graph.JVP(y, in[:1], in[2:])
				return []*graph.Node{u[0], v[0], graph.Stack([]*graph.Node{u[0], v[0]}, 0)}
			})
			for k := range want {
				require.NoError(t, graphtest.Diff(got[k], want[k], ir.Tolerance{ULP: 1e4, Abs: 1e4, Why: "other ops"}), "result %d", k)
			}
		})
	}
}

// A gradient, or a tangent, inside of a function with respect to what is outside of it goes through all that lies between.
func TestDerivativesInAFunctionOfWhatIsOutside(t *testing.T) {
	b := gocpu.New()
	defer b.Close()
	in := floats([]int{4}, []int{3, 4})
	got, _ := runAll(t, b, in, func(in []*graph.Node) []*graph.Node {
		x := in[0]
		y := graph.Sin(graph.Mul(x, x))
		rows := graph.Map(func(v []*graph.Node) []*graph.Node {
			inside := graph.Mul(graph.Exp(y), graph.Mul(v[0], x))
			_, dy := graph.JVP([]*graph.Node{y, inside}, []*graph.Node{x}, v)
			return append(append(dy, graph.VJP([]*graph.Node{y}, v, []*graph.Node{x})...), graph.VJP([]*graph.Node{inside}, v, []*graph.Node{x})...)
		}, in[1])
		return rows
	})
	want, _ := runAll(t, b, in, func(in []*graph.Node) []*graph.Node {
		x := in[0]
		return unrolled(func(v []*graph.Node) []*graph.Node {
			y := graph.Sin(graph.Mul(x, x))
			inside := graph.Mul(graph.Exp(y), graph.Mul(v[0], x))
			_, dy := graph.JVP([]*graph.Node{y, inside}, []*graph.Node{x}, v)
			return append(append(dy, graph.VJP([]*graph.Node{y}, v, []*graph.Node{x})...), graph.VJP([]*graph.Node{inside}, v, []*graph.Node{x})...)
		}, in[1])
	})
	for k := range want {
		require.NoError(t, graphtest.Diff(got[k], want[k], ir.Tolerance{ULP: 1e4, Abs: 1e4, Why: "other ops"}), "result %d", k)
		assert.NotZero(t, tensors.MustCopyFlatData[float64](want[k])[0])
	}
}
