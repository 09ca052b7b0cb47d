package gocpu

import (
	"math/rand/v2"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func row(x *graph.Node, i int) *graph.Node { return graph.SliceAxis(x, 0, graph.AxisElem(i)) }

func rowAt(x, i *graph.Node) *graph.Node {
	return graph.DynamicSlice(x, nodes{i, graph.Const(x.Graph(), int32(0))}, []int{1, x.Dim(1)})
}

// partCases are programs over x and y [4 16] and an index. parts, slides and puts are how many values lie in others: slices, those
// that a run places, and operands of concatenations.
var partCases = []struct {
	name                string
	fn                  func(x, y, i *graph.Node) nodes
	parts, slides, puts int
}{
	{"rows of an argument", func(x, _, _ *graph.Node) nodes { return nodes{graph.Add(row(x, 1), row(x, 3))} }, 2, 0, 0},
	{"rows of what is computed", func(x, y, _ *graph.Node) nodes {
		z := graph.MatMul(x, graph.Transpose(y, 0, 1))
		z = graph.Tanh(graph.MatMul(z, y))
		return nodes{graph.Mul(row(z, 0), row(z, 2)), graph.ReduceSum(z, 0)}
	}, 2, 0, 0},
	{"rows of a constant", func(x, _, _ *graph.Node) nodes {
		c := graph.Const(x.Graph(), [][]float32{make([]float32, 16), {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}})
		return nodes{graph.ReduceSum(graph.Mul(graph.Concatenate(nodes{x, row(c, 1)}, 0), row(x, 0)), 0)}
	}, 1, 0, 0},
	{"rows that are results", func(x, y, _ *graph.Node) nodes { return nodes{row(graph.Add(x, y), 2), row(x, 1)} }, 2, 0, 0},
	{"a part of a part, seen in another shape", func(x, y, _ *graph.Node) nodes {
		z := graph.SliceAxis(graph.Sub(x, y), 0, graph.AxisRange(1, 3))
		return nodes{graph.ReduceMax(graph.Reshape(row(z, 1), 4, 4), 0), graph.ReduceSum(z, 0)}
	}, 2, 0, 0},
	{"columns, which are copied", func(x, _, _ *graph.Node) nodes { return nodes{graph.Neg(graph.SliceAxis(x, 1, graph.AxisRange(0, 8)))} }, 0, 0, 0},
	{"a place that is no good one", func(x, _, _ *graph.Node) nodes {
		return nodes{graph.Neg(graph.SliceAxis(graph.Reshape(x, 64), 0, graph.AxisRange(1, 17)))}
	}, 0, 0, 0},
	{"a step is not done in place on a part, nor on what has parts left", func(x, y, _ *graph.Node) nodes {
		z := graph.Mul(x, y)
		a := graph.Exp(graph.Reshape(row(z, 0), 16))
		b := graph.Neg(z)
		return nodes{graph.ReduceSum(b, 0), graph.Add(a, graph.Reshape(row(z, 3), 16)), graph.ReduceMax(b, 0)}
	}, 2, 0, 0},
	{"a row that a run finds", func(x, _, i *graph.Node) nodes { return nodes{graph.Neg(rowAt(x, i))} }, 0, 1, 0},
	{"a row behind the end", func(x, y, i *graph.Node) nodes {
		return nodes{graph.Add(rowAt(graph.Add(x, y), graph.AddScalar(i, 100)), rowAt(y, graph.AddScalar(i, -100)))}
	}, 0, 2, 0},
	{"a part of a row that a run finds", func(x, y, i *graph.Node) nodes {
		z := graph.DynamicSlice(graph.Add(x, y), nodes{i, graph.Const(x.Graph(), int32(0))}, []int{2, 16})
		return nodes{graph.ReduceMax(graph.Reshape(row(z, 1), 2, 8), 0), rowAt(z, i)}
	}, 1, 2, 0},
	{"rows put together", func(x, y, _ *graph.Node) nodes {
		a, b := graph.Add(x, y), graph.MatMul(graph.MatMul(x, graph.Transpose(x, 0, 1)), y)
		z := graph.Concatenate(nodes{a, b, x}, 0)
		return nodes{graph.ReduceSum(z, 0), graph.ReduceMax(a, 0)}
	}, 0, 0, 2},
	{"a result put together", func(x, y, _ *graph.Node) nodes {
		return nodes{graph.Concatenate(nodes{graph.Add(x, y), graph.Sub(x, y)}, 0)}
	}, 0, 0, 2},
	{"a result put together of parts of an argument, in whose place it lies", func(x, y, _ *graph.Node) nodes {
		top, rest := graph.SliceAxis(x, 0, graph.AxisRange(0, 2)), graph.SliceAxis(x, 0, graph.AxisRange(2, 4))
		a, b := graph.MatMul(graph.MatMul(top, graph.Transpose(y, 0, 1)), y), graph.MatMul(graph.MatMul(rest, graph.Transpose(y, 0, 1)), y)
		return nodes{graph.Concatenate(nodes{graph.Tanh(b), graph.Exp(graph.Neg(graph.Abs(a)))}, 0)}
	}, 2, 0, 2},
	{"a result whose first part is the last to read an argument of its size", func(x, y, _ *graph.Node) nodes {
		half := func(x *graph.Node) *graph.Node { return graph.SliceAxis(x, 0, graph.AxisRange(0, 2)) }
		return nodes{graph.Concatenate(nodes{graph.Tanh(half(y)), graph.Sin(half(x))}, 0)}
	}, 2, 0, 2},
	{"put together twice", func(x, y, _ *graph.Node) nodes {
		a := graph.Concatenate(nodes{graph.Add(x, y), graph.Sub(x, y)}, 0)
		return nodes{graph.Concatenate(nodes{a, graph.Mul(x, y)}, 0), graph.ReduceSum(a, 0)}
	}, 0, 0, 4},
	{"one operand twice, and in two places", func(x, y, _ *graph.Node) nodes {
		a := graph.Add(x, y)
		return nodes{graph.ReduceSum(graph.Concatenate(nodes{a, a}, 0), 0), graph.ReduceMax(graph.Concatenate(nodes{graph.Tanh(x), a}, 0), 0)}
	}, 0, 0, 2},
	{"an operand that is a result", func(x, y, _ *graph.Node) nodes {
		a := graph.Add(x, y)
		return nodes{a, graph.Concatenate(nodes{a, graph.Sub(x, y)}, 0)}
	}, 0, 0, 1},
	{"parts of what is put together", func(x, y, _ *graph.Node) nodes {
		z := graph.Concatenate(nodes{graph.Add(x, y), graph.Sub(x, y)}, 0)
		return nodes{graph.Mul(row(z, 1), row(z, 6)), graph.ReduceSum(z, 0)}
	}, 2, 0, 2},
	{"put together along a row, which is copied", func(x, y, _ *graph.Node) nodes {
		return nodes{graph.Concatenate(nodes{graph.Add(x, y), graph.Sub(x, y)}, 1)}
	}, 0, 0, 0},
	{"a loop over rows", func(x, y, i *graph.Node) nodes {
		return turns(graph.AddScalar(i, 3), nodes{row(y, 0), y}, func(t *graph.Node, s nodes) nodes {
			h := graph.Tanh(graph.Add(s[0], rowAt(x, t)))
			return nodes{h, putAt(s[1], graph.Add(graph.Reshape(h, 16), graph.Reshape(rowAt(s[1], t), 16)), t)}
		})
	}, 1, 2, 0},
	{"a loop that puts together what does not change", func(x, y, i *graph.Node) nodes {
		return turns(graph.AddScalar(i, 3), nodes{x}, func(_ *graph.Node, s nodes) nodes {
			z := graph.Concatenate(nodes{graph.Tanh(y), graph.Neg(y)}, 0)
			z2 := graph.Concatenate(nodes{graph.Exp(graph.Neg(y)), graph.Neg(s[0])}, 0)
			return nodes{graph.Add(s[0], graph.Add(graph.SliceAxis(z, 0, graph.AxisRange(2, 6)), graph.SliceAxis(z2, 0, graph.AxisRange(2, 6))))}
		})
	}, 2, 0, 4},
}

func TestParts(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, p := range partCases {
		t.Run(p.name, func(t *testing.T) {
			for i := range int32(3) {
				in := []*tensors.Tensor{floats(rng, 4, 16), floats(rng, 4, 16), tensors.FromScalar(i)}
				want, err := graph.CallOnceN(graphtest.Reference(), func(in nodes) nodes { return p.fn(in[0], in[1], in[2]) }, in[0], in[1], in[2])
				require.NoError(t, err)
				fn := func(_ *graph.Graph, in nodes) nodes { return p.fn(in[0], in[1], in[2]) }
				plain, apart, fused := Fusions(Options{Workers: 2})
				flow := plain
				flow.Order = Dataflow
				for _, o := range []Options{plain, apart, fused, flow} {
					c := compileAs(t, o, fn, in)
					runner := Runner(sequential{})
					if o.Order == Dataflow {
						runner = anyOrder{rng}
					}
					for range 2 { // the second time with what the first has left
						for k, g := range runAs(t, c, runner, in) {
							got, err := tensors.FromBytes(want[k].Shape(), g)
							require.NoError(t, err)
							require.True(t, got.InDelta(want[k], 1e-5), "result %d, order %d:\n%s\nthe reference has\n%s", k, o.Order, got, want[k])
						}
					}
				}
				count := map[lies]int{}
				each(compileAs(t, plain, fn, in), map[*code]bool{}, func(c *code) {
					for _, v := range c.values {
						count[v.lies]++
					}
				})
				assert.Equal(t, map[lies]int{partOf: p.parts, slides: p.slides, inPart: p.puts, whole: count[whole]},
					map[lies]int{partOf: count[partOf], slides: count[slides], inPart: count[inPart], whole: count[whole]})
			}
		})
	}
}

// TestASmallPartKeepsNothingLarge: a row that is read long after the rest of what it is a row of is copied.
func TestASmallPartKeepsNothingLarge(t *testing.T) {
	in := []*tensors.Tensor{tensors.FromShape(shapes.Make(dtypes.Float64, 64, 1024))} // which is not fused
	c := compileAs(t, Options{Workers: 1}, func(_ *graph.Graph, in nodes) nodes {
		z := graph.Exp(in[0])
		kept, y := row(z, 5), graph.ReduceSum(z, 0)
		for range soon {
			y = graph.Sin(y)
		}
		w := graph.Exp(graph.BroadcastToDims(y, 64, 1024))
		return nodes{graph.Add(graph.ReduceSum(w, 0), graph.Reshape(kept, 1024))}
	}, in)
	assert.Less(t, c.arena, 2*64*1024*8, "the arena has room for z and w at once")
}

// TestRandomParts cuts rows out of values and puts them together, at random.
func TestRandomParts(t *testing.T) {
	for seed := range uint64(150) {
		rng := rand.New(rand.NewPCG(seed, 3))
		in := []*tensors.Tensor{floats(rng, 4, 16), floats(rng, 4, 16), tensors.FromScalar(int32(seed % 5))}
		fn := func(in nodes) nodes {
			rng := rand.New(rand.NewPCG(seed, 4))
			pool := nodes{in[0], in[1]}
			pick := func() *graph.Node { return pool[rng.IntN(len(pool))] }
			for range 3 + rng.IntN(14) {
				x := pick()
				var y *graph.Node
				switch rng.IntN(8) {
				case 0:
					y = graph.Tanh(x)
				case 1:
					y = graph.Add(x, graph.ReduceAndKeep(pick(), graph.ReduceMax, 0))
				case 2, 3:
					a := rng.IntN(x.Dim(0))
					y = graph.SliceAxis(x, 0, graph.AxisRange(a, a+1+rng.IntN(x.Dim(0)-a)))
				case 4, 5:
					z := pick()
					if x.Dim(0)+z.Dim(0) > 12 {
						continue
					}
					y = graph.Concatenate(nodes{x, z}, 0)
				case 6:
					y = graph.DynamicSlice(x, nodes{in[2], graph.Const(x.Graph(), int32(0))}, []int{1 + rng.IntN(x.Dim(0)), 16})
				case 7:
					y = graph.Sub(graph.Square(x), x)
				}
				pool = append(pool, y)
			}
			out := nodes{pool[len(pool)-1]}
			for range rng.IntN(3) {
				out = append(out, pick())
			}
			return out
		}
		want, err := graph.CallOnceN(graphtest.Reference(), func(in nodes) nodes { return fn(in) }, in[0], in[1], in[2])
		require.NoError(t, err)
		plain, apart, fused := Fusions(Options{Workers: 1})
		flow := plain
		flow.Order = Dataflow
		for _, o := range []Options{plain, apart, fused, flow} {
			c := compileAs(t, o, func(_ *graph.Graph, in nodes) nodes { return fn(in) }, in)
			require.NoError(t, checkPlan(c, (&Steps{f: &frame{code: c}}).After), "seed %d", seed)
			runner := Runner(sequential{})
			if o.Order == Dataflow {
				runner = anyOrder{rng}
			}
			for i, g := range runAs(t, c, runner, in) {
				got, err := tensors.FromBytes(want[i].Shape(), g)
				require.NoError(t, err)
				require.True(t, got.InDelta(want[i], 1e-4), "seed %d, result %d:\n%s\nthe reference has\n%s", seed, i, got, want[i])
			}
		}
	}
}
