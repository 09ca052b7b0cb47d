package metrics_test

import (
	"math"
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/require"
)

// eval computes a metric: the last of values is the prediction, the others are labels.
func eval(m metrics.Interface, values ...any) (value, weight float64, err error) {
	out, err := model.CallOnceN(graphtest.Reference(), model.NewStore(), func(scope *model.Scope, in []*Node) (*Node, *Node) {
		last := len(in) - 1
		return m.UpdateGraph(scope, in[:last], in[last:])
	}, values...)
	if err != nil {
		return 0, 0, err
	}
	return out[0].Float64At(0), out[1].Float64At(0), nil
}

func TestMetricsAgainstNumbersByHand(t *testing.T) {
	logits := [][]float32{{1, 5, 2, 4}, {9, 1, 2, 3}, {1, 1, 0, 0}}
	for _, c := range []struct {
		name          string
		metric        metrics.Interface
		values        []any
		value, weight float64
	}{
		{"sparse", metrics.NewSparseCategoricalAccuracy(), []any{[]int64{1, 3, 0}, logits}, 2. / 3, 3},
		{"sparse, [N 1]", metrics.NewSparseCategoricalAccuracy(), []any{[][]uint8{{1}, {0}, {1}}, logits}, 2. / 3, 3},
		{"sparse, masked", metrics.NewSparseCategoricalAccuracy(), []any{[]int64{1, 3, 0}, []bool{true, true, false}, logits}, 0.5, 2},
		{"categorical", metrics.NewCategoricalAccuracy(), []any{[][]float32{{0, 1}, {0, 1}}, [][]float32{{1, 2}, {2, 1}}}, 0.5, 2},
		{"top 2", metrics.NewTopKAccuracy(2), []any{[]int64{3, 1, 1}, logits}, 2. / 3, 3},
		{"top 1", metrics.NewTopKAccuracy(1), []any{[]int64{3, 0, 2}, logits}, 1. / 3, 3},
		{"binary", metrics.NewBinaryAccuracy(), []any{[]float32{1, 0, 1, 0}, []float32{0.7, 0.2, 0.4, 0.5}}, 0.75, 4},
		{"binary logits", metrics.NewBinaryLogitsAccuracy(), []any{[]bool{true, false}, []float32{0.1, 0.1}}, 0.5, 2},
		{"absolute error", metrics.NewMeanAbsoluteError(), []any{[]int32{1, 2}, []float64{2, 5}}, 2, 2},
		{"of a loss", metrics.FromLoss("Squares", "mse", losses.MeanSquaredError), []any{[]float64{1, 2}, []float64{2, 5}}, 5, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			value, weight, err := eval(c.metric, c.values...)
			require.NoError(t, err)
			require.InDelta(t, c.value, value, 1e-6)
			require.Equal(t, c.weight, weight)
		})
	}
	_, _, err := eval(metrics.NewBinaryAccuracy(), []float32{1}, []float32{1, 2})
	require.ErrorContains(t, err, "Accuracy: labels float32[1] against predictions float32[2]: they must have the same shape")
	_, _, err = eval(metrics.NewTopKAccuracy(0), []int64{1}, [][]float32{{1, 2}})
	require.ErrorContains(t, err, "want k of 1 or more")
}

func TestMeansOverBatches(t *testing.T) {
	var m metrics.Mean
	require.True(t, math.IsNaN(m.Value()))
	m.Add(1, 32)
	m.Add(0.5, 8)
	m.Add(math.NaN(), 0)
	require.Equal(t, 0.9, m.Value())
	m.Reset()
	require.True(t, math.IsNaN(m.Value()))

	a := metrics.MovingAverage{NewWeight: 0.25}
	var got []float64
	for _, v := range []float64{4, 2, 3, 3, 7, 0} {
		a.Add(v, 1)
		got = append(got, a.Value())
	}
	require.Len(t, got, 6)
	require.InDeltaSlice(t, []float64{4, 3, 3, 3, 4, 3}, got, 1e-12)
}
