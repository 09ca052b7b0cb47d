package gocpu_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

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

// regionMaker makes random programs with functions in functions. All values are vectors of one length, of float32 or int32.
type regionMaker struct {
	rng *rand.Rand
	g   *graph.Graph
	fns []*graph.Function // of a float vector, called more than once
}

const regionLength = 3

// step returns a value that is computed from some of pool.
func (m *regionMaker) step(pool []*graph.Node, depth int) []*graph.Node {
	x, y := m.pick(pool, dtypes.Float32), m.pick(pool, dtypes.Float32)
	i, k := m.pick(pool, dtypes.Int32), m.pick(pool, dtypes.Int32)
	cases := 17
	if depth == 0 {
		cases = 11
	}
	switch m.rng.IntN(cases) {
	case 0:
		return single(graph.Add(x, graph.Mul(y, x)))
	case 1:
		return single(graph.Sub(graph.AddScalar(x, 1), y))
	case 2:
		return single(graph.Neg(graph.Neg(graph.MulScalar(x, 1))))
	case 3:
		return single(graph.Max(x, graph.Min(y, graph.Neg(x))))
	case 4:
		return single(graph.Add(i, graph.Mul(k, graph.Const(m.g, []int32{1, 1, 1}))))
	case 5:
		return single(graph.ConvertDType(graph.ConvertDType(i, dtypes.Int64), dtypes.Int32))
	case 6:
		return single(graph.Where(graph.LessThan(x, y), x, graph.Const(m.g, []float32{1, float32(math.Inf(1)), -2})))
	case 7:
		return single(graph.Reshape(graph.Transpose(graph.Transpose(graph.Reshape(x, 1, regionLength), 0, 1), 0, 1), regionLength))
	case 8:
		return graph.ApplyMulti(ops.SortWithIndices, ir.SortAttrs{}, x)[:1]
	case 9:
		return single(graph.Where(graph.LogicalNot(graph.LogicalNot(graph.Equal(i, k))), i, graph.BitwiseNot(k)))
	case 10:
		return single(graph.Abs(graph.Sub(x, x)))
	case 11, 12:
		return graph.If(graph.LessThan(first(x), first(y)), m.closure(pool, depth), m.closure(pool, depth))
	case 13:
		branches := make([]*graph.Function, 1+m.rng.IntN(4))
		for b := range branches {
			branches[b] = m.closure(pool, depth)
			if b > 0 && m.rng.IntN(3) == 0 {
				branches[b] = branches[b-1]
			}
		}
		return graph.Switch(first(i), branches...)
	case 14:
		return m.loop(pool, x, depth)
	case 15:
		return m.scan(pool, x, depth)
	default:
		if len(m.fns) == 0 || m.rng.IntN(2) == 0 {
			m.fns = append(m.fns, graph.NewFunction(m.g, "f", func(g *graph.Graph) []*graph.Node {
				p := graph.Parameter(g, "p", shapes.Make(dtypes.Float32, regionLength))
				return m.steps(append(single(p), constants(g)...), 0)
			}))
		}
		return m.fns[m.rng.IntN(len(m.fns))].Call(x)
	}
}

func (m *regionMaker) loop(pool []*graph.Node, x *graph.Node, depth int) []*graph.Node {
	count, state := shapes.Make(dtypes.Int32), shapes.Make(dtypes.Float32, regionLength)
	n := int32(m.rng.IntN(4))
	cond := graph.NewClosure(m.g, func(g *graph.Graph) []*graph.Node {
		c := graph.Parameter(g, "c", count)
		graph.Parameter(g, "x", state)
		return single(graph.LessThan(c, graph.Const(g, n)))
	})
	body := graph.NewClosure(m.g, func(g *graph.Graph) []*graph.Node {
		c, x := graph.Parameter(g, "c", count), graph.Parameter(g, "x", state)
		return []*graph.Node{graph.Add(c, graph.Const(g, int32(1))), m.steps(append(pool[:len(pool):len(pool)], x), depth-1)[0]}
	})
	return graph.While(cond, body, graph.Const(m.g, int32(0)), x)[1:]
}

// scan goes over a float and an integer array, forth or back, and returns what it carries and sums of what it has stacked.
func (m *regionMaker) scan(pool []*graph.Node, x *graph.Node, depth int) []*graph.Node {
	n := m.rng.IntN(4)
	floats := graph.Zeros(m.g, shapes.Make(dtypes.Float32, n, regionLength))
	ints := graph.Iota(m.g, shapes.Make(dtypes.Int32, n, regionLength), 0)
	if n > 0 {
		floats = graph.Concatenate(slices.Repeat([]*graph.Node{graph.ExpandAxes(x, 0)}, n), 0)
	}
	s := graph.Scan([]*graph.Node{x, m.pick(pool, dtypes.Int32)}, []*graph.Node{floats, ints}, func(carry, x []*graph.Node) (next, y []*graph.Node) {
		out := m.steps(slices.Concat(pool, carry, x), depth-1)
		return out, []*graph.Node{out[0], carry[1], graph.Max(out[0], x[0])}
	})
	if m.rng.IntN(2) == 0 {
		s = s.Reverse()
	}
	switch m.rng.IntN(4) {
	case 0:
		s = s.Unroll(2)
	case 1:
		s = s.StoreEvery(2)
	}
	carry, ys := s.Done()
	return append(carry, graph.ReduceMax(ys[0], 0), graph.ReduceSum(ys[1], 0), graph.ReduceMin(ys[2], 0))
}

func (m *regionMaker) closure(pool []*graph.Node, depth int) *graph.Function {
	return graph.NewClosure(m.g, func(*graph.Graph) []*graph.Node { return m.steps(pool, depth-1) })
}

// steps returns a float and an integer vector.
func (m *regionMaker) steps(pool []*graph.Node, depth int) []*graph.Node {
	pool = pool[:len(pool):len(pool)]
	for range 1 + m.rng.IntN(6) {
		pool = append(pool, m.step(pool, depth)...)
	}
	return []*graph.Node{m.last(pool, dtypes.Float32), m.last(pool, dtypes.Int32)}
}

func (m *regionMaker) of(pool []*graph.Node, d dtypes.DType) (list []*graph.Node) {
	for _, x := range pool {
		if x.DType() == d {
			list = append(list, x)
		}
	}
	return list
}

func (m *regionMaker) pick(pool []*graph.Node, d dtypes.DType) *graph.Node {
	list := m.of(pool, d)
	return list[m.rng.IntN(len(list))]
}

func (m *regionMaker) last(pool []*graph.Node, d dtypes.DType) *graph.Node {
	list := m.of(pool, d)
	return list[len(list)-1]
}

func single(x *graph.Node) []*graph.Node { return []*graph.Node{x} }

func first(x *graph.Node) *graph.Node { return graph.Reshape(graph.Slice(x, graph.AxisRange(0, 1))) }

func constants(g *graph.Graph) []*graph.Node {
	return []*graph.Node{graph.Const(g, []float32{0, -1, 2}), graph.Const(g, []int32{-1, 0, 7})}
}

// randomRegions returns a program and inputs for it, NaN and infinities among them.
func randomRegions(t testing.TB, seed uint64) (*ir.Program, []*tensors.Tensor) {
	m := &regionMaker{rng: rand.New(rand.NewPCG(seed, 1)), g: graph.NewGraph(nil, "regions")}
	in := []*tensors.Tensor{
		tensors.FromValue([]float32{1.5, float32(math.NaN()), -3}), tensors.FromValue([]float32{-1, float32(math.Inf(1)), 0.25}),
		tensors.FromValue([]int32{int32(seed%7) - 2, 3, math.MinInt32}),
	}
	var p *ir.Program
	require.NoError(t, graph.Catch(func() {
		var pool []*graph.Node
		for _, x := range in {
			pool = append(pool, graph.Parameter(m.g, "", x.Shape()))
		}
		pool = append(pool, constants(m.g)...)
		var out []*graph.Node
		for range 3 {
			out = append(out, m.steps(pool, 3)...)
		}
		var err error
		p, err = graph.NewProgram(m.g, out...)
		require.NoError(t, err)
	}))
	return p, in
}

// TestRegionsComputeTheSame runs random programs with functions in functions before and after each pass, on the reference
// and here, after Lower once and twice, after a trip through JSON, and with all inputs donated.
func TestRegionsComputeTheSame(t *testing.T) {
	ref, engine := graphtest.Reference(), gocpu.New()
	for seed := range uint64(40) {
		p, in := randomRegions(t, seed)
		want := graphtest.Run(t, ref, p, in)
		same := func(what string, b ir.Backend, q *ir.Program, donate []bool) {
			t.Helper()
			got := graphtest.Run(t, b, q, in, donate...)
			for i := range want {
				require.NoError(t, graphtest.Diff(got[i], want[i], ir.Tolerance{}), "seed %d, %s, result %d:\n%s\n%s", seed, what, i, p, q)
			}
		}
		same("as it is", engine, p, nil)
		for _, pass := range ir.Passes() {
			q, err := pass.Run(p, engine.Lowers)
			require.NoError(t, err)
			same(pass.Name, ref, q, nil)
			same(pass.Name, engine, q, nil)
		}
		low, err := ir.Lower(p, engine.Lowers)
		require.NoError(t, err)
		written, err := ir.Lower(p, func(c ir.Call) bool { return c.Op != ops.Scan && engine.Lowers(c) })
		require.NoError(t, err)
		same("with loops that count", engine, written, nil)
		same("with loops that count", ref, written, nil)
		again, err := ir.Lower(low, engine.Lowers)
		require.NoError(t, err)
		require.LessOrEqual(t, again.NumInstrs(), low.NumInstrs())
		same("lowered twice", engine, again, nil)
		data, err := json.Marshal(p)
		require.NoError(t, err)
		var read ir.Program
		require.NoError(t, json.Unmarshal(data, &read))
		require.Equal(t, p.String(), read.String())
		low2, err := ir.Lower(&read, engine.Lowers)
		require.NoError(t, err)
		require.Equal(t, low.String(), low2.String())
		all := []bool{true, true, true}
		same("donated", engine, low2.Donate(all), all)
	}
}
