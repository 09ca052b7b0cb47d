package gocpu

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rowwise are functions of x [m, k], w [k, 4c], z [m, 4c], a row [4c] and a state [m, c], in which something follows a product.
var rowwise = []struct {
	name  string
	steps int // that are left, but for copies; 0 if they are not counted
	fn    func(x, w, z, row, state *graph.Node) []*graph.Node
}{
	{"gates of sums", 1, func(x, w, z, _, state *graph.Node) []*graph.Node {
		return gates(graph.Add(z, graph.MatMul(x, w)), state)
	}},
	{"gates of products", 1, func(x, w, _, _, state *graph.Node) []*graph.Node { return gates(graph.MatMul(x, w), state) }},
	{"two products", 3, func(x, w, _, row, state *graph.Node) []*graph.Node {
		y := graph.Add(graph.MatMul(x, w), graph.MatMul(graph.MulScalar(x, 2), w))
		return gates(graph.Add(y, row), state)
	}},
	{"all is wanted", 1, func(x, w, z, _, state *graph.Node) []*graph.Node {
		y := graph.MatMul(x, w)
		sum := graph.Add(z, y)
		return append(gates(sum, state), y, sum, graph.SliceAxis(sum, -1, graph.AxisRange(0, state.Dim(-1))))
	}},
	{"a factor is read", 0, func(x, w, z, _, _ *graph.Node) []*graph.Node {
		y := graph.Tanh(graph.Add(graph.MatMul(x, w), z))
		return []*graph.Node{graph.Add(graph.Split(y, -1, 4)[2], graph.Tanh(graph.SliceAxis(x, -1, graph.AxisRange(0, 1))))}
	}},
	{"a column of what is made", 0, func(x, w, z, _, state *graph.Node) []*graph.Node {
		y := graph.Add(graph.MatMul(x, w), z)
		return []*graph.Node{graph.Mul(graph.Tanh(state), graph.Exp(graph.SliceAxis(y, -1, graph.AxisRange(0, 1)))), y}
	}},
	{"others' rows", 0, func(x, w, z, _, state *graph.Node) []*graph.Node {
		y := graph.Add(graph.MatMul(x, w), z)
		m := y.Dim(0) / 2
		top, bottom := graph.SliceAxis(y, 0, graph.AxisRange(0, m)), graph.SliceAxis(y, 0, graph.AxisRange(m, 2*m))
		return append(gates(graph.Sub(bottom, top), graph.SliceAxis(state, 0, graph.AxisRange(0, m))), y)
	}},
	{"a part read by something else", 0, func(x, w, z, _, state *graph.Node) []*graph.Node {
		y := graph.Add(graph.MatMul(x, w), z)
		return append(gates(y, state), graph.ReduceAllSum(y), graph.Reverse(y, 1))
	}},
}

// gates is a step of an LSTM after its products.
func gates(sums, c *graph.Node) []*graph.Node {
	parts := graph.Split(sums, -1, 4)
	next := graph.Add(graph.Mul(graph.Sigmoid(parts[1]), c), graph.Mul(graph.Sigmoid(parts[0]), graph.Tanh(parts[2])))
	return []*graph.Node{graph.Mul(graph.Sigmoid(parts[3]), graph.Tanh(next)), next}
}

// TestWhatFollowsRowByRow compares the bits of products with what follows them in one step with those of a step for each call.
func TestWhatFollowsRowByRow(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for _, c := range rowwise {
		for s, size := range [][3]int{{1, 5, 64}, {2, 64, 64}, {12, 300, 80}, {32, 128, 128}, {33, 17, 70}, {40, 1500, 100}, {128, 64, 128}, {9, 8, 200}} {
			m, k, n := size[0], size[1], size[2]
			in := []*tensors.Tensor{floats(rng, m, k), floats(rng, k, 4*n), floats(rng, m, 4*n), floats(rng, 4*n), floats(rng, m, n)}
			fn := func(_ *graph.Graph, in []*graph.Node) []*graph.Node { return c.fn(in[0], in[1], in[2], in[3], in[4]) }
			_, apart, fused := Fusions(Options{Workers: 1 + s%3})
			list := []Options{fused}
			if vector.Assembled(cpu.Use()) {
				list = append(list, Options{Workers: fused.Workers})
			}
			want := results(t, apart, fn, in)
			for _, o := range list {
				name := fmt.Sprintf("%s, %v, fusion %d", c.name, size, o.fusion)
				assert.True(t, sameBits(results(t, o, fn, in), want), name)
				code := compileAs(t, o, fn, in)
				require.NoError(t, checkPlan(code, (&Steps{f: &frame{code: code}}).After), name)
				o.Order, o.Runner = Dataflow, anyOrder{rand.New(rand.NewPCG(uint64(s), 5))}
				assert.True(t, sameBits(results(t, o, fn, in), want), name+", in any order")
			}
		}
	}
}

// TestWhatFollowsIsOneStep counts steps: one, if rows are long enough and the product is not alone.
func TestWhatFollowsIsOneStep(t *testing.T) {
	if !vector.Assembled(cpu.Use()) {
		t.Skip("no vector programs for this processor: calls are not fused")
	}
	rng := rand.New(rand.NewPCG(13, 14))
	in := []*tensors.Tensor{floats(rng, 32, 128), floats(rng, 128, 512), floats(rng, 32, 512), floats(rng, 512), floats(rng, 32, 128)}
	for _, c := range rowwise {
		if c.steps == 0 {
			continue
		}
		code := compileAs(t, Options{Workers: 2}, func(_ *graph.Graph, in []*graph.Node) []*graph.Node { return c.fn(in[0], in[1], in[2], in[3], in[4]) }, in)
		products := 0
		for _, s := range code.steps {
			if s.op != copyOp && s.op != packOp && len(s.out) > 0 {
				products++
			}
		}
		assert.Equal(t, c.steps, products, c.name)
	}
}

// TestLoopsOfRows runs a recurrent network as a loop, on any number of workers, and compares it with one whose loop is written out.
func TestLoopsOfRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	const turns, m, n = 5, 33, 64
	in := []*tensors.Tensor{floats(rng, turns, m, 4*n), floats(rng, n, 4*n)}
	zero := func(g *graph.Graph) *graph.Node { return graph.Zeros(g, shapes.Make(dtypes.Float32, m, n)) }
	step := func(share, h, c, u *graph.Node) []*graph.Node {
		return gates(graph.Add(share, graph.MatMul(h, u)), c)
	}
	loop := func(g *graph.Graph, in []*graph.Node) []*graph.Node {
		_, all := graph.Scan([]*graph.Node{zero(g), zero(g)}, in[:1], func(state, share []*graph.Node) (next, y []*graph.Node) {
			next = step(share[0], state[0], state[1], in[1])
			return next, next
		}).Done()
		return all
	}
	unrolled := func(g *graph.Graph, in []*graph.Node) []*graph.Node {
		state, all := []*graph.Node{zero(g), zero(g)}, make([][]*graph.Node, 2)
		for i := range turns {
			share := graph.Squeeze(graph.SliceAxis(in[0], 0, graph.AxisElem(i)), 0)
			state = step(share, state[0], state[1], in[1])
			for k := range all {
				all[k] = append(all[k], graph.ExpandAxes(state[k], 0))
			}
		}
		return []*graph.Node{graph.Concatenate(all[0], 0), graph.Concatenate(all[1], 0)}
	}
	want := results(t, Options{Workers: 1}, unrolled, in)
	for workers := 1; workers <= 3; workers++ {
		assert.True(t, sameBits(results(t, Options{Workers: workers}, loop, in), want), "%d workers", workers)
	}
}

// TestAProductOfAllTurnsIsMadeOnce: what follows it differs from turn to turn.
func TestAProductOfAllTurnsIsMadeOnce(t *testing.T) {
	if !vector.Assembled(cpu.Use()) {
		t.Skip("no vector programs for this processor: calls are not fused")
	}
	rng := rand.New(rand.NewPCG(19, 20))
	in := []*tensors.Tensor{floats(rng, 32, 64), floats(rng, 64, 256), floats(rng, 32, 256)}
	code := compileAs(t, Options{Workers: 2}, func(g *graph.Graph, in []*graph.Node) []*graph.Node {
		return turns(graph.Const(g, int32(5)), in[2:], func(_ *graph.Node, state []*graph.Node) []*graph.Node {
			parts := graph.Split(graph.Add(graph.MatMul(in[0], in[1]), state[0]), -1, 2)
			more := graph.Tanh(graph.Mul(parts[0], parts[1]))
			return []*graph.Node{graph.Concatenate([]*graph.Node{more, more}, -1)}
		})
	}, in)
	for _, s := range code.steps {
		if loop, ok := s.control.(*while); ok {
			made := slices.ContainsFunc(loop.body.steps[:loop.body.once], func(s step) bool { return s.op == ops.DotGeneral })
			assert.True(t, made, "the product is not made before the turns")
			return
		}
	}
	t.Fatal("there is no loop")
}

// TestSlicesAreReadWhereTheyLie compares the bits of groups that read slices with those of slices that are copied before.
func TestSlicesAreReadWhereTheyLie(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	in := []*tensors.Tensor{floats(rng, 6, 5, 300), floats(rng, 300), floats(rng, 2, 5, 70)}
	for name, fn := range map[string]func(x, row, z *graph.Node) *graph.Node{
		"along the last axis": func(x, row, _ *graph.Node) *graph.Node {
			parts := graph.Split(graph.Add(x, row), -1, 3)
			return graph.Add(graph.Tanh(parts[0]), graph.Mul(parts[1], parts[2]))
		},
		"along all axes": func(x, _, z *graph.Node) *graph.Node {
			return graph.Add(z, graph.Slice(x, graph.AxisRange(3, 5), graph.AxisRange(), graph.AxisRange(7, 77)))
		},
		"every second": func(x, _, z *graph.Node) *graph.Node {
			return graph.Add(z, graph.Slice(x, graph.AxisRange(1, 5).Stride(2), graph.AxisRange(), graph.AxisRange(100, 170)))
		},
		"every second of neighbours": func(x, _, z *graph.Node) *graph.Node {
			return graph.Add(z, graph.Slice(x, graph.AxisRange(0, 2), graph.AxisRange(), graph.AxisRange(10, 150).Stride(2)))
		},
		"with another layout": func(x, row, z *graph.Node) *graph.Node {
			y := graph.Slice(x, graph.AxisRange(3, 5), graph.AxisRange(), graph.AxisRange(7, 77))
			return graph.Add(graph.Add(z, graph.SliceAxis(row, 0, graph.AxisRange(5, 75))), y)
		},
		"joined": func(x, _, _ *graph.Node) *graph.Node {
			return graph.ReduceSum(graph.Square(graph.SliceAxis(x, -1, graph.AxisRange(9, 209))), -1)
		},
		"one row": func(_, row, z *graph.Node) *graph.Node {
			return graph.Mul(graph.ReduceAllSum(z), graph.Tanh(graph.SliceAxis(row, 0, graph.AxisRange(5, 75))))
		},
	} {
		build := func(_ *graph.Graph, in []*graph.Node) []*graph.Node { return []*graph.Node{fn(in[0], in[1], in[2])} }
		for workers := 1; workers <= 3; workers++ {
			_, apart, fused := Fusions(Options{Workers: workers})
			assert.True(t, sameBits(results(t, fused, build, in), results(t, apart, build, in)), "%s, %d workers", name, workers)
			for _, s := range compileAs(t, fused, build, in).steps {
				assert.True(t, s.op != ops.Slice || name == "every second of neighbours" || name == "with another layout", "%s: a slice is copied", name)
			}
		}
	}
}
