package graph_test

import (
	"math"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
)

func TestMaskedReductionsSeeOnlyWhatTheMaskShows(t *testing.T) {
	x := [][]float64{{1, nan, 3}, {inf, 5, -6}, {7, 8, 9}}
	mask := [][]bool{{true, false, true}, {false, true, true}, {false, false, false}}
	for _, c := range []struct {
		name string
		fn   func(x, mask *node, axes ...int) *node
		want any
	}{
		{"sum", graph.MaskedReduceSum, []float64{4, -1, 0}},
		{"mean", graph.MaskedReduceMean, []float64{2, -0.5, 0}},
		{"max", graph.MaskedReduceMax, []float64{3, 5, -inf}},
		{"min", graph.MaskedReduceMin, []float64{1, -6, inf}},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantValue(t, func(x, mask *node) *node { return c.fn(x, mask, -1) }, c.want, x, mask)
		})
	}
	all := func(f func(x, mask *node) *node, want float64) {
		t.Helper()
		wantValue(t, f, want, x, mask)
	}
	all(graph.MaskedReduceAllSum, 3)
	all(graph.MaskedReduceAllMean, 0.75)
	all(graph.MaskedReduceAllMax, 5)
	all(graph.MaskedReduceAllMin, -6)
}

func TestMaskedReductionsBroadcastAndKeep(t *testing.T) {
	x := [][]int32{{1, 2}, {3, 4}}
	wantValue(t, func(x, m *node) *node { return graph.MaskedReduceSum(x, m, 1) }, []int32{1, 3}, x, []bool{true, false})
	wantValue(t, func(x, m *node) *node { return graph.MaskedReduceMax(x, m, 0) }, []int32{1, 2}, x, [][]bool{{true}, {false}})
	wantValue(t, func(x *node) *node { return graph.MaskedReduceMin(x, nil, 0) }, []int32{1, 2}, x)
	wantValue(t, func(x, m *node) *node { return graph.MaskedReduceMax(x, m, 1) }, []int32{math.MinInt32, math.MinInt32}, x, false)
	wantValue(t, func(x, m *node) *node { return graph.MaskedReduceAndKeep(x, m, graph.MaskedReduceSum, 1) }, [][]int32{{1}, {3}}, x, []bool{true, false})
	wantValue(t, func(x *node) *node { return graph.ReduceAndKeep(x, graph.ReduceSum) }, [][]int32{{10}}, x)
}

func TestWhatIsMaskedGetsNoGradient(t *testing.T) {
	x, mask := []float64{nan, 2, inf, 2}, []bool{false, true, false, true}
	for _, c := range []struct {
		name string
		fn   func(x, mask *node) *node
		want []float64
	}{
		{"sum", graph.MaskedReduceAllSum, []float64{0, 1, 0, 1}},
		{"mean", graph.MaskedReduceAllMean, []float64{0, 0.5, 0, 0.5}},
		{"max", graph.MaskedReduceAllMax, []float64{0, 0.5, 0, 0.5}},
		{"min", graph.MaskedReduceAllMin, []float64{0, 0.5, 0, 0.5}},
		{"softmax", func(x, mask *node) *node {
			return graph.ReduceAllSum(graph.Mul(graph.MaskedSoftmax(x, mask), graph.Const(x.Graph(), []float64{1, 2, 3, 4})))
		}, []float64{0, -0.5, 0, 0.5}},
		{"log softmax", func(x, mask *node) *node {
			y := graph.MaskedLogSoftmax(x, mask)
			return graph.ReduceAllSum(graph.Where(mask, graph.Mul(y, graph.Const(x.Graph(), []float64{1, 2, 3, 4})), graph.ZerosLike(y)))
		}, []float64{0, -1, 0, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			slope := func(x, mask *node) *node { return graph.Gradient(c.fn(x, mask), x)[0] }
			wantValue(t, slope, c.want, x, mask)
			wantValue(t, slope, []float64{0, 0, 0, 0}, x, []bool{false, false, false, false})
		})
	}
}

func TestMeansOfManyHalves(t *testing.T) {
	ones := func(x *node) *node { return graph.BroadcastToDims(x, 70000) } // more than float16 can count
	half := func(f func(x *node) *node) func(x *node) *node {
		return func(x *node) *node {
			return graph.ConvertDType(f(ones(graph.ConvertDType(x, dtypes.Float16))), dtypes.Float64)
		}
	}
	wantValue(t, half(func(x *node) *node { return graph.MaskedReduceMean(x, graph.IsPositive(x)) }), 1.5, 1.5)
	wantValue(t, half(func(x *node) *node { return graph.ReduceMean(x) }), 1.5, 1.5)
	wantValue(t, half(func(x *node) *node { return graph.Variance(x) }), 0, 1.5)
	wantValue(t, half(func(x *node) *node { // each of 70,000 gets the same share, so a weight of 7000 gives a tenth
		return graph.MulScalar(graph.ReduceMax(slope(func(x *node) *node { return graph.MulScalar(graph.ReduceMean(x), 7000) })(x)), 10)
	}), 1, 1.5)
	wantValue(t, half(func(x *node) *node {
		return graph.MulScalar(graph.ReduceMax(slope(func(x *node) *node { return graph.MulScalar(graph.ReduceMax(x), 7000) })(x)), 10)
	}), 1, 1.5)
	wantValue(t, half(func(x *node) *node {
		return graph.L2Norm(graph.MulScalar(graph.SliceAxis(x, 0, graph.AxisRange(0, 4)), 1000))
	}), 2000, 1)
}

func TestMaskedSoftmax(t *testing.T) {
	x := [][]float64{{0, nan, 0}, {1, 2, 3}, {-inf, 5, -inf}}
	mask := [][]bool{{true, false, true}, {false, false, false}, {true, false, true}}
	last := func(x, mask *node) *node { return graph.MaskedSoftmax(x, mask) }
	wantValue(t, last, [][]float64{{0.5, 0, 0.5}, {0, 0, 0}, {0, 0, 0}}, x, mask)
	logs := func(x, mask *node) *node { return graph.MaskedLogSoftmax(x, mask, -1) }
	wantValue(t, logs, [][]float64{{-math.Ln2, -inf, -math.Ln2}, {-inf, -inf, -inf}, {-inf, -inf, -inf}}, x, mask)
	wantValue(t, func(x *node) *node { return graph.MaskedSoftmax(x, nil) }, []float64{0.5, 0.5}, []float64{1e300, 1e300})
	wantValue(t, func(x *node) *node { return graph.MaskedLogSoftmax(x, nil) }, []float64{0, -2e300}, []float64{1e300, -1e300})
}
