package gocpu

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// turns returns the state after n turns of a body, which gets the number of the turn and the state.
func turns(n *graph.Node, state []*graph.Node, body func(i *graph.Node, state []*graph.Node) []*graph.Node) []*graph.Node {
	g := n.Graph()
	params := func(g *graph.Graph) (i *graph.Node, list []*graph.Node) {
		i = graph.Parameter(g, "i", shapes.Make(dtypes.Int32))
		for k, s := range state {
			list = append(list, graph.Parameter(g, fmt.Sprint("s", k), s.Shape()))
		}
		return i, list
	}
	return graph.While(
		graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			i, _ := params(g)
			return []*graph.Node{graph.LessThan(i, n)}
		}),
		graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			i, list := params(g)
			return append([]*graph.Node{graph.AddScalar(i, 1)}, body(i, list)...)
		}),
		append([]*graph.Node{graph.Const(g, int32(0))}, state...)...)[1:]
}

// put writes x, of one time, at time i.
func putAt(all, x, i *graph.Node) *graph.Node {
	return graph.DynamicUpdateSlice(all, graph.ExpandAxes(x, 0), []*graph.Node{i, graph.Const(i.Graph(), int32(0))})
}

type nodes = []*graph.Node

// loopCases are loops over n turns of x [6 4] and y [4 4]. inPlace says which values of the state, from the one behind the number of the
// turn, are written over where they lie, and once how many steps of the body are run by the first turn alone, where steps are not
// fused.
var loopCases = []struct {
	name    string
	loop    func(n, x, y *graph.Node) nodes
	inPlace []bool
	once    int
}{
	{"a value that grows", func(n, _, y *graph.Node) nodes {
		return turns(n, nodes{y}, func(_ *graph.Node, s nodes) nodes { return nodes{graph.AddScalar(graph.MulScalar(s[0], 0.5), 1)} })
	}, []bool{true}, 0},
	{"a product, which cannot lie on its operand", func(n, _, y *graph.Node) nodes {
		return turns(n, nodes{y}, func(_ *graph.Node, s nodes) nodes { return nodes{graph.MatMul(s[0], y)} })
	}, []bool{false}, 0},
	{"a sequence to which each turn adds", func(n, x, y *graph.Node) nodes {
		return turns(n, nodes{x, y}, func(i *graph.Node, s nodes) nodes {
			h := graph.Tanh(graph.MatMul(s[1], y))
			return nodes{putAt(s[0], graph.ReduceSum(h, 0), i), h}
		})
	}, []bool{true, false}, 0},
	{"two sequences of one shape", func(n, x, _ *graph.Node) nodes {
		return turns(n, nodes{x, graph.Neg(x)}, func(i *graph.Node, s nodes) nodes {
			a, b := graph.ReduceSum(s[0], 0), graph.ReduceMax(s[1], 0)
			return nodes{putAt(s[0], b, i), putAt(s[1], a, i)}
		})
	}, []bool{true, true}, 0},
	{"a sequence that is read behind its writing", func(n, x, _ *graph.Node) nodes {
		return turns(n, nodes{x, x}, func(i *graph.Node, s nodes) nodes {
			next := putAt(s[0], graph.ReduceSum(s[1], 0), i)
			return nodes{next, graph.Add(graph.MulScalar(s[0], 0.5), next)}
		})
	}, []bool{false, true}, 0},
	{"values that change places", func(n, x, _ *graph.Node) nodes {
		return turns(n, nodes{x, graph.Neg(x), graph.AddScalar(x, 1)}, func(_ *graph.Node, s nodes) nodes { return nodes{s[1], s[2], s[0]} })
	}, []bool{false, true, true}, 0},
	{"one value for all", func(n, x, _ *graph.Node) nodes {
		return turns(n, nodes{x, x, x}, func(_ *graph.Node, s nodes) nodes {
			return nodes{s[0], graph.Add(s[1], s[0]), graph.Sub(s[2], s[1])}
		})
	}, []bool{true, false, true}, 0},
	{"a state that is thrown away", func(n, x, _ *graph.Node) nodes {
		return turns(n, nodes{x}, func(i *graph.Node, _ nodes) nodes {
			return nodes{graph.Add(x, graph.ConvertDType(i, dtypes.Float32))}
		})
	}, []bool{true}, 0},
	{"work on what does not change", func(n, x, y *graph.Node) nodes {
		return turns(n, nodes{y}, func(_ *graph.Node, s nodes) nodes {
			w := graph.Sqrt(graph.Abs(graph.MatMul(graph.Transpose(x, 0, 1), x)))
			return nodes{graph.Tanh(graph.MatMul(s[0], w))}
		})
	}, []bool{false}, 3},
	{"a result that does not change", func(n, x, y *graph.Node) nodes {
		return turns(n, nodes{y, x}, func(_ *graph.Node, s nodes) nodes {
			return nodes{graph.MatMul(s[0], graph.MatMul(y, y)), graph.Exp(graph.Neg(x))}
		})
	}, []bool{false, true}, 2},
	{"work on constants", func(n, _, y *graph.Node) nodes {
		g := n.Graph()
		return turns(n, nodes{y}, func(_ *graph.Node, s nodes) nodes {
			c := graph.Sqrt(graph.IotaFull(g, shapes.Make(dtypes.Float32, 4, 4)))
			return nodes{graph.Tanh(graph.MatMul(s[0], graph.Transpose(c, 0, 1)))}
		})
	}, []bool{false}, 2},
	{"a loop in a loop", func(n, x, y *graph.Node) nodes {
		return turns(n, nodes{y, x}, func(i *graph.Node, s nodes) nodes {
			w := graph.Tanh(y)
			inner := turns(i, nodes{s[0], s[1]}, func(k *graph.Node, r nodes) nodes {
				return nodes{graph.Tanh(graph.MatMul(r[0], w)), putAt(r[1], graph.ReduceSum(s[0], 0), k)}
			})
			return inner
		})
	}, nil, 1},
	{"a choice in a loop", func(n, x, y *graph.Node) nodes {
		return turns(n, nodes{x}, func(i *graph.Node, s nodes) nodes {
			odd := graph.Equal(graph.Rem(i, graph.Const(i.Graph(), int32(2))), graph.Const(i.Graph(), int32(1)))
			branch := func(f func() *graph.Node) *graph.Function {
				return graph.NewClosure(i.Graph(), func(*graph.Graph) nodes { return nodes{f()} })
			}
			return graph.If(odd, branch(func() *graph.Node { return graph.MatMul(s[0], y) }), branch(func() *graph.Node { return graph.Neg(s[0]) }))
		})
	}, []bool{false}, 0},
}

func loopInputs(n int32) []*tensors.Tensor {
	rng := rand.New(rand.NewPCG(3, 4))
	return []*tensors.Tensor{tensors.FromScalar(n), floats(rng, 6, 4), floats(rng, 4, 4)}
}

// TestLoops compares loops of no, one and several turns with the reference's, in every order of their steps, and with what they
// start from given up.
func TestLoops(t *testing.T) {
	for _, l := range loopCases {
		t.Run(l.name, func(t *testing.T) {
			loop := func(in nodes) nodes { return l.loop(in[0], in[1], in[2]) }
			for n := range int32(6) {
				in := loopInputs(n)
				want, err := graph.CallOnceN(graphtest.Reference(), loop, in[0], in[1], in[2])
				require.NoError(t, err)
				fn := func(_ *graph.Graph, in nodes) nodes { return loop(in) }
				plain, apart, fused := Fusions(Options{Workers: 2})
				flow := plain
				flow.Order = Dataflow
				var first [][]byte
				for _, o := range []Options{plain, apart, fused} {
					c := compileAs(t, o, fn, in)
					for range 2 { // the second time with what the first has left
						got := runAs(t, c, sequential{}, in)
						if first == nil {
							first = got
						}
						for i, w := range want {
							g, err := tensors.FromBytes(w.Shape(), bytes.Clone(got[i]))
							require.NoError(t, err)
							require.True(t, g.InDelta(w, 1e-4), "%d turns, result %d:\n%s\nthe reference has\n%s", n, i, g, w)
						}
					}
				}
				for k := range uint64(3) {
					flow.Runner = anyOrder{rand.New(rand.NewPCG(uint64(n), k))}
					c := compileAs(t, flow, fn, in)
					require.True(t, sameBits(runAs(t, c, flow.Runner, in), first), "%d turns, in order %d", n, k)
				}
			}
		})
	}
}

// TestLoopsDoNoWorkTwice: what lies where it can stay is not moved, and what does not change is not computed again.
func TestLoopsDoNoWorkTwice(t *testing.T) {
	for _, l := range loopCases {
		t.Run(l.name, func(t *testing.T) {
			plain, _, _ := Fusions(Options{Workers: 1})
			c := compileAs(t, plain, func(_ *graph.Graph, in nodes) nodes { return l.loop(in[0], in[1], in[2]) }, loopInputs(3))
			for _, s := range c.steps {
				w, ok := s.control.(*while)
				if !ok {
					continue
				}
				if l.inPlace != nil {
					assert.Equal(t, l.inPlace, w.inPlace[1:])
				}
				once := slices.DeleteFunc(slices.Clone(w.body.steps[:w.body.once]), func(s step) bool { return s.op == packOp }) // not on all processors
				assert.Len(t, once, l.once)
			}
		})
	}
}

// counter counts steps by op.
type counter map[string]int

func (c counter) Before(s *Step)         { c[s.Op.Name]++ }
func (c counter) After(_ *Step, _ error) {}

func TestALoopOfNoTurnsComputesNothing(t *testing.T) {
	for n, want := range []int{0, 1, 1, 1} {
		seen := counter{}
		c := compileAs(t, Options{Workers: 1, Observer: seen}, func(_ *graph.Graph, in nodes) nodes {
			return turns(in[0], nodes{in[2]}, func(_ *graph.Node, s nodes) nodes {
				return nodes{graph.MatMul(s[0], graph.Cholesky(graph.MatMul(in[2], graph.Transpose(in[2], 0, 1)), true))}
			})
		}, loopInputs(int32(n)))
		runAs(t, c, sequential{}, loopInputs(int32(n)))
		assert.Equal(t, want, seen[ops.Cholesky.Name], "%d turns", n)
	}
}

// TestAnOperandOfManyProductsIsPackedOnce: of a recurrence that is written out, of its gradient, and of a loop.
func TestAnOperandOfManyProductsIsPackedOnce(t *testing.T) {
	if cpu.Use() == cpu.Portable {
		t.Skip("products in plain Go pack for themselves")
	}
	const T = 5
	rng := rand.New(rand.NewPCG(5, 6))
	in := []*tensors.Tensor{floats(rng, 32, 64), floats(rng, 64, 512)}
	step := func(h, w *graph.Node) *graph.Node {
		return graph.ReduceMax(graph.Reshape(graph.Tanh(graph.MatMul(h, w)), 32, 64, 8), 2)
	}
	recurrence := func(h, w *graph.Node) *graph.Node {
		for range T {
			h = step(h, w)
		}
		return h
	}
	for _, c := range []struct {
		name  string
		fn    func(h, w *graph.Node) nodes
		packs int
	}{
		{"once", func(h, w *graph.Node) nodes { return nodes{step(h, w)} }, 0},
		{"written out", func(h, w *graph.Node) nodes { return nodes{recurrence(h, w)} }, 1},
		{"its gradient", func(h, w *graph.Node) nodes { return graph.Gradient(graph.ReduceAllSum(recurrence(h, w)), h, w) }, 2},
		{"a loop", func(h, w *graph.Node) nodes {
			return turns(graph.Const(h.Graph(), int32(T)), nodes{h}, func(_ *graph.Node, s nodes) nodes { return nodes{step(s[0], w)} })
		}, 1},
		{"a loop over what its functions compute", func(h, w *graph.Node) nodes {
			return turns(graph.Const(h.Graph(), int32(T)), nodes{h}, func(_ *graph.Node, s nodes) nodes { return nodes{step(s[0], graph.Tanh(w))} })
		}, 1},
		{"other operands", func(h, w *graph.Node) nodes { return nodes{graph.MatMul(h, w), graph.MatMul(h, graph.Neg(w))} }, 0},
		{"other rows", func(h, w *graph.Node) nodes {
			return nodes{graph.MatMul(h, w), graph.MatMul(graph.SliceAxis(h, 0, graph.AxisRange(0, 31)), w)}
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			fn := func(_ *graph.Graph, in nodes) nodes { return c.fn(in[0], in[1]) }
			want, err := graph.CallOnceN(graphtest.Reference(), func(in nodes) nodes { return c.fn(in[0], in[1]) }, in[0], in[1])
			require.NoError(t, err)
			for _, order := range []Order{Sequential, Dataflow} {
				seen := counter{}
				got := runAs(t, compileAs(t, Options{Workers: 2, Observer: seen, Order: order}, fn, in), sequential{}, in)
				assert.Equal(t, c.packs, seen[packOp.Name])
				for i, w := range want {
					g, err := tensors.FromBytes(w.Shape(), got[i])
					require.NoError(t, err)
					require.True(t, g.InDelta(w, 1e-3), "result %d", i)
				}
			}
		})
	}
}

// TestALoopIsCancelledInAnyTurn: a loop that never ends does when its context does.
func TestALoopIsCancelledInAnyTurn(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	o := Options{Workers: 1, Observer: endAfter{cancel, new(int)}}
	in := loopInputs(1 << 30)
	c := compileAs(t, o, func(_ *graph.Graph, in nodes) nodes { return loopCases[0].loop(in[0], in[1], in[2]) }, in)
	out := [][]byte{aligned(c.values[c.outputs[0]].size)}
	given := make([][]byte, len(in))
	for i, x := range in {
		given[i] = aligned(x.Shape().ByteSize())
		x.MustConstBytes(func(data []byte) { copy(given[i], data) })
	}
	assert.ErrorIs(t, c.exec(ctx, given, out, nil), context.Canceled)
}

// endAfter ends a run in its 1,000th step.
type endAfter struct {
	cancel context.CancelFunc
	seen   *int
}

func (e endAfter) Before(*Step) {
	if *e.seen++; *e.seen == 1000 {
		e.cancel()
	}
}
func (e endAfter) After(*Step, error) {}
