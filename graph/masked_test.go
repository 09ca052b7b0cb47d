package graph_test

import (
	"math"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

// Whatever lies under the mask, and whatever was made of the masked results, values and gradients are those of zeros
// there: for every function that takes a mask.
func TestWhatIsMaskedHasNoEffect(t *testing.T) {
	functions := map[string]func(x, mask *node, axes ...int) *node{
		"MaskedReduceSum": graph.MaskedReduceSum, "MaskedReduceMean": graph.MaskedReduceMean, "MaskedReduceMax": graph.MaskedReduceMax,
		"MaskedReduceMin": graph.MaskedReduceMin, "MaskedSoftmax": graph.MaskedSoftmax, "MaskedLogSoftmax": graph.MaskedLogSoftmax,
		"MaskedReduceAllSum": all(graph.MaskedReduceAllSum), "MaskedReduceAllMean": all(graph.MaskedReduceAllMean),
		"MaskedReduceAllMax": all(graph.MaskedReduceAllMax), "MaskedReduceAllMin": all(graph.MaskedReduceAllMin),
		"MaskedReduceAndKeep": func(x, mask *node, axes ...int) *node {
			return graph.MaskedReduceAndKeep(x, mask, graph.MaskedReduceMean, axes...)
		},
	}
	mask := [][]bool{{true, false, true}, {false, true, false}, {false, false, false}, {true, true, false}}
	for _, name := range functionsOfNodes(t) {
		if strings.HasPrefix(name, "Masked") && functions[name] == nil {
			t.Errorf("%s has no case", name)
		}
	}
	for name, f := range functions {
		for _, d := range dtypes.Floats.List() {
			for _, axis := range []int{0, 1} {
				both := func(x, mask, poison *node) []*node {
					y := f(x, mask, axis)
					loss := graph.ReduceAllSum(graph.Where(graph.IsFinite(y), y, graph.ZerosLike(y)))
					if y.Rank() == 2 && y.Dim(0) == 4 && y.Dim(1) == 3 { // what is made of masked results is not finite
						loss = graph.ReduceAllSum(graph.Mul(y, graph.Where(mask, graph.ConstAs(y, 2), graph.BroadcastToDims(poison, 4, 3))))
					}
					return []*node{y, graph.Gradient(loss, x)[0]}
				}
				run := func(hidden float64) []*tensors.Tensor {
					v := []float64{1, hidden, -2, hidden, 3, hidden, hidden, hidden, hidden, 0.5, -1, hidden}
					out, err := graph.CallOnceN(graphtest.Reference(), both, ir.Array([]int{4, 3}, v...).Tensor(d), mask, scalarOf(hidden, d))
					require.NoError(t, err, name)
					return out
				}
				want := run(0)
				for _, hidden := range []float64{nan, inf, -inf} {
					for i, got := range run(hidden) {
						assert.NoError(t, graphtest.Diff(got, want[i], ir.Tolerance{}), "%s along axis %d in %s with %v hidden, result %d", name, axis, d, hidden, i)
					}
				}
			}
		}
	}
}

// all gives a reduction over everything the form of one over axes.
func all(f func(x, mask *node) *node) func(x, mask *node, axes ...int) *node {
	return func(x, mask *node, _ ...int) *node { return f(x, mask) }
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
