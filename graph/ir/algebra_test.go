package ir_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/golden"
)

type node = graph.Node

// algebra has, per rule by which rows are simplified, a call that it changes, or that it must leave as it is.
var algebra = []struct {
	name  string
	build func(v, w, m *node) *node // two vectors of three and a matrix
}{
	{"x + (-y) is a difference", func(v, w, _ *node) *node { return graph.Add(v, graph.Neg(w)) }},
	{"(-x) + y is a difference", func(v, w, _ *node) *node { return graph.Add(graph.Neg(v), w) }},
	{"x - (-y) is a sum", func(v, w, _ *node) *node { return graph.Sub(v, graph.Neg(w)) }},
	{"x - x of integers is 0", func(v, _, _ *node) *node { i := graph.ConvertDType(v, dtypes.Int32); return graph.Sub(i, i) }},
	{"x - x of floats may be NaN, and stays", func(v, _, _ *node) *node { return graph.Sub(v, v) }},
	{"signs of factors cancel", func(v, w, _ *node) *node { return graph.Mul(graph.Neg(v), graph.Neg(w)) }},
	{"signs of quotients cancel", func(v, w, _ *node) *node { return graph.Div(graph.Neg(v), graph.Neg(w)) }},
	{"a factor of -1 is a sign", func(v, _, _ *node) *node { return graph.MulScalar(v, -1) }},
	{"a divisor of -1 is a sign", func(v, _, _ *node) *node { return graph.DivScalar(v, -1) }},
	{"a divisor of 8 is a factor", func(v, _, _ *node) *node { return graph.Div(v, graph.Const(v.Graph(), float32(8))) }},
	{"a divisor of 3 stays", func(v, _, _ *node) *node { return graph.Div(v, graph.Const(v.Graph(), float32(3))) }},
	{"a power of 2 is a square", func(v, _, _ *node) *node { return graph.Pow(v, graph.Const(v.Graph(), float32(2))) }},
	{"a power of -1 is a reciprocal", func(v, _, _ *node) *node { return graph.Pow(v, graph.Const(v.Graph(), float32(-1))) }},
	{"|-x|", func(v, _, _ *node) *node { return graph.Abs(graph.Neg(v)) }},
	{"||x||", func(v, _, _ *node) *node { return graph.Abs(graph.Abs(v)) }},
	{"whole numbers are whole", func(v, _, _ *node) *node { return graph.Floor(graph.Round(v)) }},
	{"the sign of a sign", func(v, _, _ *node) *node { return graph.Sign(graph.Sign(v)) }},
	{"the larger of x and x", func(v, _, _ *node) *node { return graph.Max(v, v) }},
	{"not equal", func(v, w, _ *node) *node { return graph.LogicalNot(graph.Equal(v, w)) }},
	{"not below, which NaN is neither, stays", func(v, w, _ *node) *node { return graph.LogicalNot(graph.LessThan(v, w)) }},
	{"not below, of integers", func(v, w, _ *node) *node {
		return graph.LogicalNot(graph.LessThan(graph.ConvertDType(v, dtypes.Int32), graph.ConvertDType(w, dtypes.Int32)))
	}},
	{"x and true", func(v, w, _ *node) *node { return graph.LogicalAnd(graph.Equal(v, w), graph.Const(v.Graph(), true)) }},
	{"the same either way", func(v, w, _ *node) *node { return graph.Where(graph.Equal(v, w), v, v) }},
	{"a choice that is made", func(v, w, _ *node) *node { return graph.Where(graph.Const(v.Graph(), false), v, w) }},
	{"a choice turned round", func(v, w, _ *node) *node { return graph.Where(graph.LogicalNot(graph.LessThan(v, w)), v, w) }},
	{"parts of complex numbers", func(v, w, _ *node) *node { return graph.Imag(graph.Complex(v, w)) }},
	{"back to front twice", func(v, _, _ *node) *node { return graph.Reverse(graph.Reverse(v, 0), 0) }},
	{"a slice of a slice", func(_, _, m *node) *node {
		s := graph.Slice(graph.Reshape(m, 6), graph.AxisRange(1, 6).Stride(2))
		return graph.Slice(s, graph.AxisRange(1, 3))
	}},
	{"a slice of one element, with steps as large as they can be", func(_, _, m *node) *node {
		s := graph.Slice(m, graph.AxisRange(0, 2).Stride(1<<40))
		return graph.Slice(s, graph.AxisRange(0, 1).Stride(1<<40), graph.AxisRange(0, 2))
	}},
	{"a transpose of axes of size 1 is a view", func(v, _, _ *node) *node { return graph.Transpose(graph.Reshape(v, 1, 3), 0, 1) }},
	{"transposes across elementwise calls", func(_, _, m *node) *node {
		return graph.Transpose(graph.Exp(graph.MulScalar(graph.Transpose(m, 0, 1), 3)), 0, 1)
	}},
	{"transposes stay where others read what is between", func(_, _, m *node) *node {
		e := graph.Exp(graph.Transpose(m, 0, 1))
		return graph.Add(graph.Transpose(e, 0, 1), graph.ReduceAllSum(e))
	}},
	{"views across elementwise calls", func(_, _, m *node) *node { return graph.Reshape(graph.Exp(graph.Reshape(m, 6)), 2, 3) }},
	{"a row that is repeated", func(v, _, m *node) *node { return graph.Add(m, graph.BroadcastToDims(v, 2, 3)) }},
	{"one of two repetitions makes the shape", func(v, w, _ *node) *node {
		return graph.Add(graph.BroadcastToDims(v, 2, 3), graph.BroadcastToDims(w, 2, 3))
	}},
	{"a product with what is repeated over its batch", func(v, _, m *node) *node {
		x := graph.BroadcastToDims(graph.Reshape(v, 1, 3), 4, 2, 3)
		w := graph.BroadcastToDims(graph.Transpose(m, 0, 1), 4, 3, 2)
		return graph.DotGeneral(graph.Exp(x), []int{2}, []int{0}, w, []int{1}, []int{0})
	}},
	{"a product with what is repeated over its batch on the left", func(v, _, m *node) *node {
		w := graph.BroadcastToDims(m, 4, 2, 3)
		x := graph.Exp(graph.BroadcastToDims(graph.Reshape(v, 1, 3, 1), 4, 3, 2))
		return graph.DotGeneral(w, []int{2}, []int{0}, x, []int{1}, []int{0})
	}},
	{"a matrix that is repeated for vectors", func(v, _, m *node) *node {
		w := graph.BroadcastToDims(m, 4, 2, 3)
		return graph.DotGeneral(w, []int{2}, []int{0}, graph.Exp(graph.BroadcastToDims(v, 4, 3)), []int{1}, []int{0})
	}},
	{"a vector that is repeated for matrices", func(v, _, m *node) *node {
		x := graph.Exp(graph.BroadcastToDims(m, 4, 2, 3))
		return graph.DotGeneral(graph.BroadcastToDims(v, 4, 3), []int{1}, []int{0}, x, []int{2}, []int{0})
	}},
	{"batch axes that are not in front", func(v, _, m *node) *node {
		w := graph.Transpose(graph.Exp(graph.BroadcastToDims(v, 4, 2, 3)), 0, 1) // [2 4 3]
		return graph.DotGeneral(graph.BroadcastToDims(graph.Reshape(m, 2, 1, 3), 2, 4, 3), []int{2}, []int{1}, w, []int{2}, []int{1})
	}},
	{"products stay where their result is more than what is repeated", func(v, _, m *node) *node {
		w := graph.BroadcastToDims(graph.Reshape(v, 3, 1), 4, 3, 1)
		x := graph.Exp(graph.BroadcastToDims(v, 4, 1, 3))
		return graph.DotGeneral(w, []int{2}, []int{0}, x, []int{1}, []int{0})
	}},
}

func TestAlgebra(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	in := []*tensors.Tensor{special(rng, dtypes.Float32, 3), special(rng, dtypes.Float32, 3), special(rng, dtypes.Float32, 2, 3)}
	var text strings.Builder
	for _, c := range algebra {
		p := programOf(t, func(x ...*node) []*node { return []*node{c.build(x[0], x[1], x[2])} }, vector, vector, matrix)
		q, err := passNamed(t, "simplify").Run(p, nil)
		require.NoError(t, err)
		diff := places.ReplaceAllString(p.Diff(q), "")
		require.Equal(t, strings.HasSuffix(c.name, "stays") || strings.Contains(c.name, " stay "), diff == "", "%s\n%s\n%s", c.name, p, q)
		require.NoError(t, graphtest.Diff(run(t, q, in)[0], run(t, p, in)[0], ir.ULP(1, "of a power")), "%s\n%s\n%s", c.name, p, q)
		fmt.Fprintf(&text, "%s\n%s\n", c.name, diff)
	}
	golden.Check(t, "testdata/algebra.txt", text.String())
}

// special returns numbers among which are those that rules forget.
func special(rng *rand.Rand, d dtypes.DType, dims ...int) *tensors.Tensor {
	list := []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, 1, -1, 2, 0.5, -3, 1e-40, 7e30}
	n := 1
	for _, k := range dims {
		n *= k
	}
	values := make([]float64, n)
	for i := range values {
		if values[i] = rng.NormFloat64(); rng.IntN(3) == 0 {
			values[i] = list[rng.IntN(len(list))]
		}
	}
	x, err := tensors.FromFlatDataAndDimensions(values, dims...).ConvertDType(d)
	if err != nil {
		panic(err)
	}
	return x
}

// expressions makes n random calls of what rules look at, on nodes of a pool that have sizes of 1, 3 or 6, and returns the pool with their
// results.
func expressions(rng *rand.Rand, pool []*node, n int) []*node {
	g := pool[0].Graph()
	some := func() *node { return pool[rng.IntN(len(pool))] }
	full := func() *node { // of six elements
		for {
			if x := some(); x.Shape().Size() == 6 {
				return x
			}
		}
	}
	for range n {
		x := some()
		var y *node
		switch rng.IntN(13) {
		case 0:
			y = []func(*node) *node{graph.Neg, graph.Abs, graph.Sign, graph.Floor, graph.Ceil, graph.Round, graph.Tanh, graph.Square}[rng.IntN(8)](x)
		case 1, 2, 3:
			f := []func(x, y *node) *node{graph.Add, graph.Sub, graph.Mul, graph.Div, graph.Max, graph.Min}[rng.IntN(6)]
			x = graph.Reshape(full(), 2, 3)
			switch o := some(); {
			case o.Shape().Size() == 3:
				y = f(x, graph.BroadcastToDims(graph.Reshape(o, 3), 2, 3))
			case o.Shape().Size() == 1:
				y = f(x, graph.Reshape(o))
			default:
				y = f(graph.Reshape(o, 2, 3), x)
			}
		case 4:
			c := graph.Const(g, []float64{1, -1, 2, 4, 0.5, 3}[rng.IntN(6)])
			y = []func(x, y *node) *node{graph.Mul, graph.Div, graph.Add, graph.Sub}[rng.IntN(4)](x, graph.ConvertDType(c, x.DType()))
		case 5, 6:
			if y = x; x.Rank() == 2 {
				y = graph.Transpose(x, 0, 1)
			}
		case 7, 8:
			y = graph.Reshape(full(), [][]int{{2, 3}, {3, 2}, {6}, {1, 6}}[rng.IntN(4)]...)
		case 9:
			y = graph.Slice(graph.Reshape(full(), 6), graph.AxisRange(rng.IntN(2), 5+rng.IntN(2)).Stride(2))
			y = graph.Slice(y, graph.AxisRange(rng.IntN(2), 2))
			y = graph.Reshape(graph.SliceAxis(y, 0, graph.AxisElem(0)))
		case 10:
			c := graph.LessThan(x, graph.Neg(x))
			if rng.IntN(2) == 0 {
				c = graph.LogicalNot([]func(x, y *node) *node{graph.Equal, graph.NotEqual, graph.LessOrEqual}[rng.IntN(3)](x, graph.Abs(x)))
			}
			y = graph.Where(c, x, graph.Square(x))
		case 11:
			y = graph.Real(graph.Complex(x, graph.Abs(x)))
			if x.Rank() > 0 {
				y = graph.Reverse(graph.Reverse(y, 0), rng.IntN(x.Rank()))
			}
		case 12:
			y = graph.MatMul(graph.Reshape(full(), 2, 3), graph.Reshape(full(), 3, 2))
			y = graph.ReduceMax(graph.Reshape(y, 4), 0)
		}
		pool = append(pool, y)
	}
	return pool
}

// checkSame runs programs on values that rules forget: they must compute the same bits.
func checkSame(t *testing.T, seed uint64, in []*tensors.Tensor, p *ir.Program, others ...*ir.Program) {
	t.Helper()
	want := run(t, p, in)
	for _, q := range others {
		require.NoError(t, q.Check(), "seed %d\n%s\n%s", seed, p, q)
		got := run(t, q, in)
		for i := range want {
			require.NoError(t, graphtest.Diff(got[i], want[i], ir.Tolerance{}), "seed %d, result %d\n%s\n%s", seed, i, p, q)
		}
	}
}

func TestAlgebraOfRandomExpressions(t *testing.T) {
	changed := 0
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 3))
		in := []*tensors.Tensor{special(rng, dtypes.Float64, 2, 3), special(rng, dtypes.Float64, 3), special(rng, dtypes.Float64)}
		p := programOf(t, func(x ...*node) []*node {
			pool := expressions(rng, x, 4+int(seed%30))
			return pool[max(3, len(pool)-2):]
		}, in[0].Shape(), in[1].Shape(), in[2].Shape())
		once, err := passNamed(t, "simplify").Run(p, nil)
		require.NoError(t, err)
		low, err := ir.Lower(p, nil)
		require.NoError(t, err)
		checkSame(t, seed, in, p, once, low)
		if p.Diff(once) != "" {
			changed++
		}
	}
	require.Greater(t, changed, 300)
}

// TestHoistingFromRandomLoops runs loops in loops, counted ones and ones of which values say when they end, maybe at once, with bodies of
// what they carry and of values from around them.
func TestHoistingFromRandomLoops(t *testing.T) {
	changed := 0
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 4))
		in := []*tensors.Tensor{special(rng, dtypes.Float64, 2, 3), special(rng, dtypes.Float64, 3), special(rng, dtypes.Float64), tensors.FromValue(int32(seed % 3))}
		p := programOf(t, func(x ...*node) []*node {
			turns, pool := x[3], x[:3:3]
			var loop func(depth int, pool []*node) []*node
			body := func(depth int, pool []*node, carry *node) *node {
				pool = expressions(rng, append(pool[:len(pool):len(pool)], carry), 1+rng.IntN(8))
				if depth > 0 && rng.IntN(2) == 0 {
					pool = append(pool, loop(depth-1, pool)...)
				}
				last := pool[len(pool)-1]
				for i := len(pool) - 1; last.Shape().Size() != 6; i-- {
					last = pool[i]
				}
				return graph.Tanh(graph.Reshape(last, 2, 3))
			}
			loop = func(depth int, pool []*node) []*node {
				g := x[0].Graph()
				if rng.IntN(2) == 0 {
					last, ys := graph.Scan([]*node{pool[0]}, []*node{graph.Reshape(pool[1], 3)}, func(c, s []*node) ([]*node, []*node) {
						next := body(depth, append(pool[:len(pool):len(pool)], s[0]), c[0])
						return []*node{next}, []*node{graph.ReduceMax(next)}
					}).Done()
					return append(last, ys...)
				}
				parameters := func(g *graph.Graph) (i, s *node) {
					return graph.Parameter(g, "i", shapes.Make(dtypes.Int32)), graph.Parameter(g, "s", pool[0].Shape())
				}
				cond := graph.NewClosure(g, func(g *graph.Graph) []*node {
					i, _ := parameters(g)
					return []*node{graph.LessThan(i, graph.Add(turns, turns))}
				})
				step := graph.NewClosure(g, func(g *graph.Graph) []*node {
					i, s := parameters(g)
					return []*node{graph.OnePlus(i), body(depth, pool, s)}
				})
				return graph.While(cond, step, graph.Const(g, int32(0)), pool[0])[1:]
			}
			return loop(2, pool)
		}, in[0].Shape(), in[1].Shape(), in[2].Shape(), in[3].Shape())
		hoisted, err := passNamed(t, "hoist").Run(p, nil)
		require.NoError(t, err)
		low, err := ir.Lower(p, nil)
		require.NoError(t, err)
		checkSame(t, seed, in, p, hoisted, low)
		if p.Diff(hoisted) != "" {
			changed++
		}
	}
	require.Greater(t, changed, 50)
}
