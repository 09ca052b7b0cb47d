package graph_test

import (
	"fmt"
	"math"
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

// plainAttention is the equation, with a score for each pair.
func plainAttention(q, k, v *node, scale float64, mask *node) *node {
	s := graph.MulScalar(graph.MatMul(q, graph.Transpose(k, -2, -1)), scale)
	return graph.MatMul(graph.MaskedSoftmax(s, mask), v)
}

func TestAttentionIsItsEquation(t *testing.T) {
	in := []any{ir.Ramp(2, 4, 5, 3).Tensor(dtypes.Float64), ir.Ramp(2, 2, 6, 3).Tensor(dtypes.Float64), ir.Ramp(2, 2, 6, 2).Tensor(dtypes.Float64)}
	repeated := func(x *node) *node { // heads 0 0 1 1
		return graph.Reshape(graph.Stack([]*node{x, x}, 2), 2, 4, x.Dim(-2), x.Dim(-1))
	}
	causal := func(g *graph.Graph) *node {
		s := shapes.Make(dtypes.Int32, 5, 6)
		return graph.GreaterOrEqual(graph.Iota(g, s, 0), graph.Iota(g, s, 1))
	}
	hidden := func(g *graph.Graph) *node { return graph.Const(g, []bool{true, true, false, true, true, false}) }
	for name, c := range map[string]struct {
		got  func(b *graph.AttentionBuilder, g *graph.Graph) *graph.AttentionBuilder
		want func(q, k, v *node) *node
	}{
		"the scale is 1/√D": {func(b *graph.AttentionBuilder, g *graph.Graph) *graph.AttentionBuilder { return b },
			func(q, k, v *node) *node { return plainAttention(q, k, v, 1/math.Sqrt(3), nil) }},
		"a scale": {func(b *graph.AttentionBuilder, g *graph.Graph) *graph.AttentionBuilder { return b.Scale(2) },
			func(q, k, v *node) *node { return plainAttention(q, k, v, 2, nil) }},
		"causal": {func(b *graph.AttentionBuilder, g *graph.Graph) *graph.AttentionBuilder { return b.Causal(true) },
			func(q, k, v *node) *node { return plainAttention(q, k, v, 1/math.Sqrt(3), causal(q.Graph())) }},
		"a mask": {func(b *graph.AttentionBuilder, g *graph.Graph) *graph.AttentionBuilder { return b.Mask(hidden(g)) },
			func(q, k, v *node) *node { return plainAttention(q, k, v, 1/math.Sqrt(3), hidden(q.Graph())) }},
		"a mask and causal": {func(b *graph.AttentionBuilder, g *graph.Graph) *graph.AttentionBuilder {
			return b.Mask(hidden(g)).Causal(true)
		}, func(q, k, v *node) *node {
			return plainAttention(q, k, v, 1/math.Sqrt(3), graph.LogicalAnd(hidden(q.Graph()), causal(q.Graph())))
		}},
		"numbers": {func(b *graph.AttentionBuilder, g *graph.Graph) *graph.AttentionBuilder {
			return b.Mask(graph.Where(hidden(g), graph.Scalar(g, dtypes.Float64, 0), graph.Infinity(g, dtypes.Float64, -1)))
		}, func(q, k, v *node) *node { return plainAttention(q, k, v, 1/math.Sqrt(3), hidden(q.Graph())) }},
	} {
		t.Run(name, func(t *testing.T) {
			withSlopes := func(f func(q, k, v *node) *node) func(q, k, v *node) []*node {
				return func(q, k, v *node) []*node {
					y := f(q, k, v)
					return append(graph.Gradient(graph.ReduceAllSum(graph.Sin(y)), q, k, v), y)
				}
			}
			got, err := graph.CallOnceN(graphtest.Reference(), withSlopes(func(q, k, v *node) *node {
				return c.got(graph.ScaledDotProductAttention(q, k, v), q.Graph()).Done()
			}), in...)
			require.NoError(t, err)
			want, err := graph.CallOnceN(graphtest.Reference(), withSlopes(func(q, k, v *node) *node { return c.want(q, repeated(k), repeated(v)) }), in...)
			require.NoError(t, err)
			for i := range want {
				assert.NoError(t, graphtest.Diff(got[i], want[i], ir.Tolerance{ULP: 64, Abs: 64}), "result %d", i)
			}
		})
	}
}

// Where nothing is seen the result is 0, and so is every gradient.
func TestAttentionOfNothing(t *testing.T) {
	for name, keys := range map[string]int{"no keys": 0, "all hidden": 3} {
		for _, d := range dtypes.Floats.List() {
			out, err := graph.CallOnceN(graphtest.Reference(), func(q, k, v *node) []*node {
				y := graph.ScaledDotProductAttention(q, k, v).Mask(graph.Const(q.Graph(), false)).Done()
				return append(graph.Gradient(graph.ReduceAllSum(y), q, k, v), y)
			}, ir.Ramp(1, 2, 4).Tensor(d), ir.Ramp(1, keys, 4).Tensor(d), ir.Ramp(1, keys, 4).Tensor(d))
			require.NoError(t, err)
			for i, x := range out {
				assert.NoError(t, graphtest.Diff(x, tensors.FromShape(x.Shape()), ir.Tolerance{}), "%s, %s, result %d", name, d, i)
			}
		}
	}
}

func TestAttentionNamesAxesOfItsResult(t *testing.T) {
	named := func(names ...string) shapes.Shape {
		return shapes.Make(dtypes.Float32, 2, 2, 2, 2).WithAxisNames(names...)
	}
	attention := func(q, k, v shapes.Shape) (y *node, err error) {
		g := graph.NewGraph(graphtest.Reference(), "names")
		err = graph.Catch(func() {
			y = graph.ScaledDotProductAttention(graph.Parameter(g, "q", q), graph.Parameter(g, "k", k), graph.Parameter(g, "v", v)).Done()
			graph.Gradient(graph.ReduceAllSum(y), y.Graph().Parameters()...)
		})
		return y, err
	}
	y, err := attention(named("batch", "head", "time", "query"), named("batch", "shared", "time", "query"), named("", "shared", "time", "value"))
	require.NoError(t, err)
	assert.Equal(t, named("batch", "head", "time", "value"), y.Shape())
	_, err = attention(named("batch", "head", "time", "query"), named("batch", "head", "time", "key"), named("batch", "head", "time", "value"))
	assert.ErrorContains(t, err, `channels of query and key: the names differ: "query" meets "key"`)
}

func TestMistakesOfAttention(t *testing.T) {
	x := func(dims ...int) any { return ir.Ramp(dims...).Tensor(dtypes.Float32) }
	done := func(set func(b *graph.AttentionBuilder) *graph.AttentionBuilder) func(q, k, v *node) *node {
		return func(q, k, v *node) *node { return set(graph.ScaledDotProductAttention(q, k, v)).Done() }
	}
	plain := done(func(b *graph.AttentionBuilder) *graph.AttentionBuilder { return b })
	masked := func(mask any) func(q, k, v *node) *node {
		return func(q, k, v *node) *node {
			return graph.ScaledDotProductAttention(q, k, v).Mask(graph.Const(q.Graph(), mask)).Done()
		}
	}
	for _, c := range []struct {
		name    string
		fn      func(q, k, v *node) *node
		q, k, v any
		want    string
	}{
		{"a scalar", plain, 1.0, 1.0, 1.0, "want [..., heads, time, channels] of one rank"},
		{"ranks", plain, x(1, 2, 3), x(1, 1, 2, 3), x(1, 2, 3), "want [..., heads, time, channels] of one rank"},
		{"dtypes", plain, x(1, 2, 3), ir.Ramp(1, 2, 3).Tensor(dtypes.Float64), x(1, 2, 3), "query, key and value are float32, float64 and float32: they must be of one dtype"},
		{"integers", plain, ir.Ramp(1, 2, 3).Tensor(dtypes.Int32), x(1, 2, 3), x(1, 2, 3), "int32 is not a dtype that it takes: float"},
		{"batches", plain, x(2, 1, 2, 3), x(3, 1, 2, 3), x(3, 1, 2, 3), "batches differ: 2 against 3"},
		{"channels", plain, x(1, 2, 3), x(1, 2, 4), x(1, 2, 3), "channels of query and key differ: 3 against 4"},
		{"times", plain, x(1, 2, 3), x(1, 2, 3), x(1, 4, 3), "times of key and value differ: 2 against 4"},
		{"heads", plain, x(3, 2, 3), x(2, 2, 3), x(2, 2, 3), "2 heads of keys and values do not divide 3 heads of queries"},
		{"heads of values", plain, x(4, 2, 3), x(2, 2, 3), x(4, 2, 3), "heads of key and value differ: 2 against 4"},
		{"a scale", done(func(b *graph.AttentionBuilder) *graph.AttentionBuilder { return b.Scale(math.Inf(1)) }), x(1, 2, 3), x(1, 2, 3), x(1, 2, 3), "the scale is +Inf: give a finite number"},
		{"a mask of integers", masked([]int32{1, 1}), x(1, 2, 3), x(1, 2, 3), x(1, 2, 3), "the mask must hold bools or numbers of the query's dtype, float32, not int32"},
		{"a mask of another size", masked([]bool{true, true, true}), x(1, 2, 3), x(1, 2, 3), x(1, 2, 3), "the mask does not fit the scores, [..., heads, queries, keys]"},
	} {
		t.Run(c.name, func(t *testing.T) { wantError(t, c.fn, c.want, c.q, c.k, c.v) })
	}
}

func ExampleScaledDotProductAttention() {
	backend := graphtest.Reference()
	keys := [][][]float32{{{1, 0}, {0, 1}, {1, 1}}} // one head, three times, two channels
	values := [][][]float32{{{10}, {20}, {30}}}
	y, err := graph.CallOnce(backend, func(query, key, value *graph.Node) *graph.Node {
		return graph.ScaledDotProductAttention(query, key, value).Scale(20).Causal(true).Done()
	}, keys, keys, values)
	fmt.Println(y, err)
	// Output:
	// float32[1 3 1]
	// [[[10]
	//   [20]
	//   [30]]] <nil>
}
