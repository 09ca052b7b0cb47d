package live_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/linalg"
	"github.com/quire-ml/quire/graph/live"
	"github.com/quire-ml/quire/graph/tensors"
)

// session returns a session of its own, on the engine go.
func session(t testing.TB) *live.Session {
	b := gocpu.New()
	t.Cleanup(func() { b.Close() })
	s, err := live.NewSession(b)
	require.NoError(t, err)
	return s
}

func eval(t testing.TB, arrays ...*live.Array) {
	t.Helper()
	require.NoError(t, live.Eval(context.Background(), arrays...))
}

func floats(t testing.TB, x *live.Array) []float32 {
	t.Helper()
	v, err := live.Values[float32](x)
	require.NoError(t, err)
	return v
}

func TestExpressions(t *testing.T) {
	s := session(t)
	x := s.Of([][]float32{{1, 2, 3}, {4, 5, 6}})
	for _, c := range []struct {
		name string
		y    *live.Array
		want any
	}{
		{"a number of Go takes the dtype", x.Mul(2).Add(1), [][]float32{{3, 5, 7}, {9, 11, 13}}},
		{"so does a slice", x.Sub([]float64{1, 2, 3}), [][]float32{{0, 0, 0}, {3, 3, 3}}},
		{"a tensor", x.Add(tensors.FromValue(float32(1))), [][]float32{{2, 3, 4}, {5, 6, 7}}},
		{"columns are broadcast", x.Add(s.Of([][]float32{{10}, {20}})), [][]float32{{11, 12, 13}, {24, 25, 26}}},
		{"a sum over all", x.Sum(), float32(21)},
		{"over an axis", x.Sum(0), []float32{5, 7, 9}},
		{"a mean", x.Mean(-1), []float32{2, 5}},
		{"a deviation", x.Std(0), []float32{1.5, 1.5, 1.5}},
		{"a comparison", x.Greater(2.5), [][]bool{{false, false, true}, {true, true, true}}},
		{"a row", x.At(1), []float32{4, 5, 6}},
		{"an element", x.At(-1, 0), float32(4)},
		{"a slice", x.Slice(":, ::2"), [][]float32{{1, 3}, {4, 6}}},
		{"backwards", x.Slice("::-1, -1"), []float32{6, 3}},
		{"nothing", x.Slice("1:1"), [][]float32{}},
		{"a slice that is set", x.SetSlice("0, ::2", 9), [][]float32{{9, 2, 9}, {4, 5, 6}}},
		{"and backwards", x.SetSlice("1, ::-1", []float64{1, 2, 3}), [][]float32{{1, 2, 3}, {3, 2, 1}}},
		{"rows that are taken", x.Take([]int{1, 0, -1}, 0), [][]float32{{4, 5, 6}, {1, 2, 3}, {4, 5, 6}}},
		{"columns that are taken", x.Take([][]int{{2}, {0}}, 1), [][][]float32{{{3}, {1}}, {{6}, {4}}}},
		{"along an axis", x.TakeAlongAxis([][]int{{2}, {0}}, 1), [][]float32{{3}, {4}}},
		{"along the first", x.TakeAlongAxis([][]int{{1, 0, 1}}, 0), [][]float32{{4, 2, 6}}},
		{"put along an axis", x.PutAlongAxis([][]int{{2}, {0}}, 0, 1), [][]float32{{1, 2, 0}, {0, 5, 6}}},
		{"put along the first", x.PutAlongAxis([][]int{{1, 0, 1}}, []float64{7, 8, 9}, 0), [][]float32{{1, 8, 3}, {7, 5, 9}}},
		{"a product", x.MatMul(x.T()), [][]float32{{14, 32}, {32, 77}}},
		{"a shape", x.Reshape(3, -1), [][]float32{{1, 2}, {3, 4}, {5, 6}}},
		{"indices", x.ArgMax(1), []int32{2, 2}},
		{"an index among all", x.ArgMax(), int32(5)},
		{"a median of all", x.Median(), float32(3.5)},
		{"a quantile", x.Quantile(0.25, 1), []float32{1.5, 4.5}},
		{"running", x.CumSum(1), [][]float32{{1, 3, 6}, {4, 9, 15}}},
		{"ones that are counted", s.Arange(2, 8, 2), []float32{2, 4, 6}},
		{"a line", s.Linspace(1, 2, 3), []float32{1, 1.5, 2}},
		{"padding", s.Of([]int32{1, 2}).Pad(7, [2]int{1, 2}), []int32{7, 1, 2, 7, 7}},
		{"division rounded down", s.Of([]int32{7, -7, 6}).FloorDiv(2), []int32{3, -4, 3}},
		{"close", x.IsClose(x.Add(1e-7), 1e-5, 1e-8).All(), true},
		{"equal", x.ArrayEqual(x.T()), false},
		{"a choice", x.Where(x.Less(3), -1), [][]float32{{1, 2, -1}, {-1, -1, -1}}},
		{"put together", live.Concatenate(0, x, [][]float64{{7, 8, 9}}, x.Slice("0:1")).Slice("3"), []float32{1, 2, 3}},
		{"a stack", live.Stack(0, x.At(0), []float64{7, 8, 9}), [][]float32{{1, 2, 3}, {7, 8, 9}}},
		{"a sum of products", live.Einsum("ij,kj->ik", x, x).At(0), []float32{14, 32}},
		{"a function", live.Call1(func(x *graph.Node) *graph.Node { return graph.Square(x) }, x.At(0)), []float32{1, 4, 9}},
		{"a function of a graph", live.Call1(func(g *graph.Graph) *graph.Node { return graph.Const(g, []int32{4}) }), []int32{4}},
		{"linear algebra", live.Call1(linalg.Inverse, s.Of([][]float32{{2, 0}, {0, 4}})), [][]float32{{0.5, 0}, {0, 0.25}}},
		{"another dtype", x.ConvertDType(dtypes.Int8).At(0), []int8{1, 2, 3}},
		{"the lower triangle", s.Tri(2, 3, 0), [][]float32{{1, 0, 0}, {1, 1, 0}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.y.Tensor()
			require.NoError(t, err)
			require.Equal(t, c.y.Shape().String(), got.Shape().String())
			want := tensors.FromValue(c.want)
			require.Equal(t, want.Shape().Size(), got.Shape().Size())
			assert.True(t, got.Size() == 0 || got.Equal(want), "%v, want %v", got, want)
		})
	}
}

func TestGradients(t *testing.T) {
	s := session(t)
	value, grads := live.Grad(func(in []*graph.Node) *graph.Node { return graph.ReduceAllSum(graph.Mul(graph.Square(in[0]), in[1])) }, s.Of([]float32{1, 2}), s.Of([]float32{3, 4}))
	require.Equal(t, []float32{19}, floats(t, value))
	require.Equal(t, []float32{6, 16}, floats(t, grads[0]))
	require.Equal(t, []float32{1, 4}, floats(t, grads[1]))
}

func ExampleArray() {
	x := live.Of([]float32{1, 2, 3, 4}).Reshape(2, 2)
	fmt.Println(x.MatMul(x).Add(0.5))
	fmt.Println(x.Sum(), x.Slice("0, ::-1"))
	fmt.Println(x.Sub(x.Mean()).Div(x.Std()).Max().Round())
	// Output:
	// float32[2 2]
	// [[ 7.5 10.5]
	//  [15.5 22.5]]
	// float32[] 10 float32[2]
	// [2 1]
	// float32[] 1
}
