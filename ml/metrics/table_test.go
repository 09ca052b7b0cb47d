package metrics_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/require"
)

// entry is a metric with a batch of four examples for it: some right, some wrong.
type entry struct {
	name        string // of the exported function
	metric      metrics.Interface
	labels      []float64
	predictions []float64
	classes     int  // 0 for a metric of single numbers
	sparse      bool // labels are numbers of classes
}

var scores = []float64{1, 2, -0.5, 0, 4, 1, 0.25, 0.5, -2, 3, 3, 1}

// table holds all metrics: TestTheTableIsComplete says so.
var table = []entry{
	{name: "New", metric: metrics.New("Squares", "sq", "error", func(_ *model.Scope, y, p []*Node) *Node { return Square(Sub(p[0], y[0])) }), labels: []float64{1, 0, 2, 0}, predictions: []float64{0.5, 1, 0, 2}},
	{name: "NewSparseCategoricalAccuracy", metric: metrics.NewSparseCategoricalAccuracy(), labels: []float64{1, 0, 1, 2}, predictions: scores, classes: 3, sparse: true},
	{name: "NewTopKAccuracy", metric: metrics.NewTopKAccuracy(2), labels: []float64{2, 0, 1, 2}, predictions: scores, classes: 3, sparse: true},
	{name: "NewCategoricalAccuracy", metric: metrics.NewCategoricalAccuracy(), labels: []float64{0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0}, predictions: scores, classes: 3},
	{name: "NewBinaryAccuracy", metric: metrics.NewBinaryAccuracy(), labels: []float64{1, 0, 0, 1}, predictions: []float64{0.75, 0.25, 1, 0.5}},
	{name: "NewBinaryLogitsAccuracy", metric: metrics.NewBinaryLogitsAccuracy(), labels: []float64{1, 0, 0, 1}, predictions: []float64{2, -1, 1, -0.5}},
	{name: "NewMeanAbsoluteError", metric: metrics.NewMeanAbsoluteError(), labels: []float64{1, 0, 2, 0}, predictions: []float64{0.5, 1, 0, 2}},
	{name: "FromLoss", metric: metrics.FromLoss("Squares", "mse", losses.MeanSquaredError), labels: []float64{1, 0, 2, 0}, predictions: []float64{0.5, 1, 0, 2}},
	{name: "FromLoss", metric: metrics.FromLoss("Each", "each", func(y, p []*Node) *Node { return Abs(Sub(p[0], y[0])) }), labels: []float64{1, 0, 2, 0}, predictions: []float64{0.5, 1, 0, 2}},
}

// TestTheTableIsComplete fails for a new metric that the table lacks: nothing below would look at it.
func TestTheTableIsComplete(t *testing.T) {
	for name, signature := range testenv.Functions(t, ".") {
		if strings.HasSuffix(signature, ") *Metric") || strings.HasSuffix(signature, ") Interface") && name != "Unweighted" {
			require.True(t, slices.ContainsFunc(table, func(e entry) bool { return e.name == name }), "%s is a metric: give it an entry in the table", name)
		}
	}
}

// batch returns the examples from from to to, as labels and predictions.
func (e entry) batch(t *testing.T, dtype dtypes.DType, from, to int, labels, predictions []float64) (y, p *tensors.Tensor) {
	t.Helper()
	convert := func(x []float64, dtype dtypes.DType, one bool) *tensors.Tensor {
		dims, n := []int{to - from}, 1
		if e.classes > 0 && !one {
			dims, n = append(dims, e.classes), e.classes
		}
		out, err := tensors.FromFlatDataAndDimensions(slices.Clone(x[from*n:to*n]), dims...).ConvertDType(dtype)
		require.NoError(t, err)
		return out
	}
	labelType := dtype
	if e.sparse {
		labelType = dtypes.Int32
	}
	return convert(labels, labelType, e.sparse), convert(predictions, dtype, false)
}

// TestMasksAndBatches: what is masked has no effect on a metric, whatever it is and in all dtypes; and batches
// put together by their weights measure what one measures.
func TestMasksAndBatches(t *testing.T) {
	weights, mask := []float64{2, 0.5, 3, 1}, []bool{true, false, true, true}
	for _, e := range table {
		for _, dtype := range []dtypes.DType{dtypes.Float64, dtypes.Float32, dtypes.Float16, dtypes.BFloat16} {
			y, p := e.batch(t, dtype, 0, 4, e.labels, e.predictions)
			want, total, err := eval(e.metric, y, weights, mask, p)
			require.NoError(t, err)
			require.Equal(t, 6.0, total)

			var sum metrics.Mean
			for _, part := range [][2]int{{0, 1}, {1, 2}, {2, 4}} { // the second one is masked as a whole
				a, b := part[0], part[1]
				y, p := e.batch(t, dtype, a, b, e.labels, e.predictions)
				value, weight, err := eval(e.metric, y, weights[a:b], mask[a:b], p)
				require.NoError(t, err)
				sum.Add(value, weight)
			}
			require.InDelta(t, want, sum.Value(), 1e-6, "%s %s", e.name, dtype)
			require.Equal(t, 6.0, sum.Weight)

			for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 1e4} {
				labels, predictions, weights := slices.Clone(e.labels), slices.Clone(e.predictions), slices.Clone(weights)
				for i := range max(1, e.classes) {
					predictions[max(1, e.classes)+i] = bad
				}
				weights[1] = bad
				if e.sparse && (math.IsNaN(bad) || math.IsInf(bad, 0)) {
					labels[1] = 1 << 20
				} else {
					for i := range len(labels) / 4 {
						labels[len(labels)/4+i] = bad
					}
				}
				y, p := e.batch(t, dtype, 0, 4, labels, predictions)
				got, weight, err := eval(e.metric, y, weights, mask, p)
				require.NoError(t, err)
				require.Equal(t, want, got, "%s %s, %v behind the mask", e.name, dtype, bad)
				require.Equal(t, total, weight)
			}
			value, weight, err := eval(e.metric, y, []bool{false, false, false, false}, p)
			require.NoError(t, err)
			require.Equal(t, []float64{0, 0}, []float64{value, weight}, e.name)
		}
	}
}

func TestAPredictionOfNaNsIsNoHit(t *testing.T) {
	nan := math.NaN()
	for _, e := range table {
		if e.metric.Kind() != "accuracy" {
			continue
		}
		for label := range max(2, e.classes) { // whatever the label is
			labels, predictions := []float64{float64(label)}, []float64{nan}
			if e.classes > 0 {
				predictions = []float64{nan, nan, nan}
				if !e.sparse {
					labels = make([]float64, e.classes)
					labels[label] = 1
				}
			}
			y, p := e.batch(t, dtypes.Float64, 0, 1, labels, predictions)
			got, _, err := eval(e.metric, y, p)
			require.NoError(t, err)
			require.Equal(t, 0.0, got, "%s, label %v", e.name, label)
		}
	}
	got, _, err := eval(metrics.NewTopKAccuracy(2), []int64{1, 0}, [][]float64{{1, nan, 3}, {2, nan, 1}})
	require.NoError(t, err)
	require.Equal(t, 0.5, got, "a NaN is larger than all")
}

func TestLabelsAreComparedInTheirOwnDType(t *testing.T) {
	got, _, err := eval(metrics.NewBinaryAccuracy(), []float64{0.5 + 1e-12}, []float64{0.75})
	require.NoError(t, err)
	require.Equal(t, 1.0, got)
}

// TestMeansWeighWhatWasCounted: sequences of other lengths, examples of other weights.
func TestMeansWeighWhatWasCounted(t *testing.T) {
	var m metrics.Mean
	for _, length := range []int{2, 6} {
		labels := make([][]int32, 3)
		logits := make([][][]float32, 3)
		for i := range labels {
			labels[i], logits[i] = make([]int32, length), make([][]float32, length)
			for j := range logits[i] {
				logits[i][j] = []float32{float32(length), 3} // right where the sequence is long
			}
		}
		value, weight, err := eval(metrics.NewSparseCategoricalAccuracy(), labels, logits)
		require.NoError(t, err)
		require.Equal(t, float64(3*length), weight)
		m.Add(value, weight)
	}
	require.Equal(t, 0.75, m.Value())

	a := metrics.MovingAverage{NewWeight: 0.25}
	a.Add(4, 1)
	a.Add(1, 3)
	require.Equal(t, 1.75, a.Value())
	for range 200 { // in the long run too, a value of three times the weight counts three times
		a.Add(0, 3)
		a.Add(0, 1)
	}
	before := a
	a.Add(1, 3)
	b := before
	b.Add(1, 1)
	require.InDelta(t, 3/(3+0.75*before.Weight), a.Value(), 1e-9)
	require.InDelta(t, 1/(1+0.75*before.Weight), b.Value(), 1e-9)
}

func TestTheMeanOfNothing(t *testing.T) {
	for _, m := range []interface {
		Add(value, weight float64)
		Value() float64
		Reset()
	}{&metrics.Mean{}, &metrics.MovingAverage{NewWeight: 0.5}} {
		require.True(t, math.IsNaN(m.Value()), "of no batch")
		m.Add(math.NaN(), 0)
		require.Equal(t, 0.0, m.Value(), "of a batch that is masked as a whole")
		m.Add(3, 2)
		m.Add(math.Inf(1), 0)
		require.Equal(t, 3.0, m.Value())
		m.Reset()
		require.True(t, math.IsNaN(m.Value()))
	}
	old := metrics.MovingAverage{NewWeight: 0.25, Count: 2, Average: 6} // saved before weights were
	old.Add(0, 7)
	require.InDelta(t, 4.0, old.Value(), 1e-12)
}

// Each exported function is shown at work.
func TestEveryExportHasAnExample(t *testing.T) { testenv.NeedExamples(t, ".", "Mean", "MovingAverage") }
