package metrics_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// vector is what scikit-learn measures of a batch, see testdata/make.py.
type vector struct {
	Name, Source                 string
	Int                          bool
	Dims                         []int
	Labels, Predictions, Weights []float64
	Value                        float64
}

// references holds the streaming metrics, and others, by the names of vectors.
var references = map[string]metrics.Interface{
	"NewPrecision, macro":     metrics.NewPrecision(metrics.Macro),
	"NewPrecision, micro":     metrics.NewPrecision(metrics.Micro),
	"NewPrecision, weighted":  metrics.NewPrecision(metrics.Weighted),
	"NewRecall, macro":        metrics.NewRecall(metrics.Macro),
	"NewRecall, micro":        metrics.NewRecall(metrics.Micro),
	"NewRecall, weighted":     metrics.NewRecall(metrics.Weighted),
	"NewF1, macro":            metrics.NewF1(metrics.Macro),
	"NewF1, micro":            metrics.NewF1(metrics.Micro),
	"NewF1, weighted":         metrics.NewF1(metrics.Weighted),
	"NewConfusion":            metrics.NewConfusion(),
	"NewMeanIoU":              metrics.NewMeanIoU(),
	"NewBinaryPrecision":      metrics.NewBinaryPrecision(0),
	"NewBinaryRecall":         metrics.NewBinaryRecall(0),
	"NewBinaryF1":             metrics.NewBinaryF1(0),
	"NewROCAUC":               metrics.NewROCAUC(),
	"NewPRAUC":                metrics.NewPRAUC(),
	"NewPerplexity":           metrics.NewPerplexity(),
	"NewR2":                   metrics.NewR2(),
	"NewRootMeanSquaredError": metrics.NewRootMeanSquaredError(),
	"NewMeanAbsoluteError":    metrics.NewMeanAbsoluteError(),
	"NewMedianAbsoluteError":  metrics.NewMedianAbsoluteError(),

	"NewSparseCategoricalAccuracy": metrics.NewSparseCategoricalAccuracy(),
	"NewCategoricalAccuracy":       metrics.NewCategoricalAccuracy(),
	"NewBinaryAccuracy":            metrics.NewBinaryAccuracy(),
	"NewBinaryLogitsAccuracy":      metrics.NewBinaryLogitsAccuracy(),
	"NewTopKAccuracy":              metrics.NewTopKAccuracy(2),
}

// rows returns the labels of some examples, as a tensor of theirs: one number each, or one for each class.
func (v vector) rows(labels []float64) any {
	n := v.Dims[0]
	if v.Int {
		whole := make([]int32, len(labels))
		for i, x := range labels {
			whole[i] = int32(x)
		}
		return whole
	}
	if width := len(v.Labels) / n; width > 1 {
		return tensors.FromFlatDataAndDimensions(labels, len(labels)/width, width)
	}
	return labels
}

// state returns what a metric returns for a batch.
func state(t *testing.T, m metrics.Interface, values ...any) []float64 {
	t.Helper()
	out, err := model.CallOnceN(graphtest.Reference(), model.NewStore(), func(scope *model.Scope, in []*Node) []*Node {
		last := len(in) - 1
		value, weight := m.UpdateGraph(scope, in[:last], in[last:])
		return []*Node{Reshape(value, value.Shape().Size()), weight}
	}, values...)
	require.NoError(t, err)
	defer out[1].Close()
	v := make([]float64, out[0].Shape().Size())
	for i := range v {
		v[i] = out[0].Float64At(i)
	}
	return append(v, out[1].Float64At(0))
}

// TestMetricsAreThoseOfScikitLearn, over batches of any size, with examples behind a mask that are NaN and no class.
func TestMetricsAreThoseOfScikitLearn(t *testing.T) {
	data, err := os.ReadFile("testdata/vectors.json")
	require.NoError(t, err)
	var vectors []vector
	require.NoError(t, json.Unmarshal(data, &vectors))
	for name, signature := range testenv.Functions(t, ".") {
		if strings.HasSuffix(signature, ") *Stream") && name != "NewSums" && name != "NewCollected" {
			assert.True(t, slices.ContainsFunc(vectors, func(v vector) bool { return v.Name == name || strings.HasPrefix(v.Name, name+", ") }), "%s has no vector: let testdata/make.py make one", name)
		}
	}
	for _, v := range vectors {
		m := references[v.Name]
		if !assert.NotNil(t, m, "%s: the vector has no metric", v.Name) {
			continue
		}
		n := v.Dims[0]
		width, labelWidth := len(v.Predictions)/n, len(v.Labels)/n
		for _, ends := range [][]int{{n}, {1, 6, n}, {3, 4, 5, n - 1, n}} {
			for _, hidden := range []bool{false, true} {
				var all []float64
				var mean metrics.Mean
				begin := 0
				for _, end := range ends {
					labels, predictions := slices.Clone(v.Labels[begin*labelWidth:end*labelWidth]), slices.Clone(v.Predictions[begin*width:end*width])
					var mask []bool
					weights := []float64{}
					if len(v.Weights) > 0 {
						weights = slices.Clone(v.Weights[begin:end])
					}
					if hidden {
						mask = append(slices.Repeat([]bool{true}, end-begin), false)
						labels = append(labels, slices.Repeat([]float64{1e6}, labelWidth)...)
						predictions = append(predictions, slices.Repeat([]float64{math.NaN()}, width)...)
						if len(weights) > 0 {
							weights = append(weights, math.NaN())
						}
					}
					dims := slices.Clone(v.Dims)
					dims[0] = len(labels) / labelWidth
					in := []any{v.rows(labels)}
					if len(weights) > 0 {
						in = append(in, weights)
					}
					if hidden {
						in = append(in, mask)
					}
					in = append(in, tensors.FromFlatDataAndDimensions(predictions, dims...))
					got := state(t, m, in...)
					if s, ok := m.(metrics.Streaming); ok {
						all = s.Join(all, got[:len(got)-1])
					} else {
						mean.Add(got[0], got[1])
					}
					begin = end
				}
				got, tolerance := mean.Value(), 1e-6 // means of hits are float32
				if s, ok := m.(metrics.Streaming); ok {
					got, tolerance = s.Measure(all), 1e-9
				}
				require.InDelta(t, v.Value, got, tolerance, "%s of %s, batches that end at %v, hidden: %v, weights: %v", v.Name, v.Source, ends, hidden, len(v.Weights) > 0)
			}
		}
	}
}

// What a metric is of labels or predictions that are all moved by a number: the same. Each has an entry that streams numbers; of those of classes only
// predictions move.
var whatMoves = map[string]struct{ labels, predictions bool }{
	"NewR2": {true, true}, "NewRootMeanSquaredError": {true, true}, "NewMeanAbsoluteError": {true, true}, "NewMedianAbsoluteError": {true, true},
	"NewROCAUC": {false, true}, "NewPRAUC": {false, true}, "NewPerplexity": {false, true}, "NewConfusion": {false, true}, "NewMeanIoU": {false, true},
	"NewPrecision": {false, true}, "NewRecall": {false, true}, "NewF1": {false, true},
	"NewSparseCategoricalAccuracy": {false, true}, "NewCategoricalAccuracy": {false, true}, "NewTopKAccuracy": {false, true},
}

// fixed are metrics of predictions against a threshold, which do not move with it.
var fixed = []string{"NewBinaryPrecision", "NewBinaryRecall", "NewBinaryF1", "NewBinaryAccuracy", "NewBinaryLogitsAccuracy"}

// TestMetricsFarFromZero: of numbers around a million or ten to the eighth, over uneven batches, each metric is what it is of those around 0, as far as
// these numbers themselves are exact.
func TestMetricsFarFromZero(t *testing.T) {
	data, err := os.ReadFile("testdata/vectors.json")
	require.NoError(t, err)
	var vectors []vector
	require.NoError(t, json.Unmarshal(data, &vectors))
	for _, v := range vectors {
		name, _, _ := strings.Cut(v.Name, ",")
		moves, ok := whatMoves[name]
		if !ok {
			require.Contains(t, fixed, name, "say in whatMoves what moves with it")
			continue
		}
		m, n := references[v.Name], v.Dims[0]
		width, labelWidth := len(v.Predictions)/n, len(v.Labels)/n
		for _, offset := range []float64{1 << 20, -(1 << 27)} { // numbers with two digits stay exact to 1e-8
			var all []float64
			var mean metrics.Mean
			for begin, sizes := 0, []int{1, 5, 2, n - 8}; begin < n; sizes = sizes[1:] {
				end := begin + sizes[0]
				labels, predictions := slices.Clone(v.Labels[begin*labelWidth:end*labelWidth]), slices.Clone(v.Predictions[begin*width:end*width])
				for i := range labels {
					if moves.labels {
						labels[i] += offset
					}
				}
				for i := range predictions {
					if moves.predictions {
						predictions[i] += offset
					}
				}
				in := []any{v.rows(labels)}
				if len(v.Weights) > 0 {
					in = append(in, v.Weights[begin:end])
				}
				dims := slices.Clone(v.Dims)
				dims[0] = end - begin
				got := state(t, m, append(in, tensors.FromFlatDataAndDimensions(predictions, dims...))...)
				if s, ok := m.(metrics.Streaming); ok {
					all = s.Join(all, got[:len(got)-1])
				} else {
					mean.Add(got[0], got[1])
				}
				begin = end
			}
			got := mean.Value()
			if s, ok := m.(metrics.Streaming); ok {
				got = s.Measure(all)
			}
			require.InDelta(t, v.Value, got, 1e-6, "%s, moved by %v, weights: %v", v.Name, offset, len(v.Weights) > 0)
		}
	}
}

// TestR2OfBatchesThatWeighNothing, and of labels that differ by less than is left of them.
func TestR2OfBatchesThatWeighNothing(t *testing.T) {
	m := metrics.NewR2()
	one := func(values ...any) []float64 {
		s := state(t, m, values...)
		return s[:len(s)-1]
	}
	empty := func() []float64 { return one([]float64{7, 9}, []bool{false, false}, []float64{1, 1}) }
	full := func() []float64 { return one([]float64{1, 2, 4}, []float64{1, 2, 3}) }
	want := m.Measure(full())
	assert.InDelta(t, 1-1./(14./3), want, 1e-12)
	assert.InDelta(t, want, m.Measure(m.Join(m.Join(nil, empty()), full())), 1e-12)
	assert.InDelta(t, want, m.Measure(m.Join(m.Join(nil, full()), empty())), 1e-12)
	assert.True(t, math.IsNaN(m.Measure(empty())))
	same := one([]float64{0.1, 0.1, 0.1}, []float64{0, 0.1, 0.2})
	assert.True(t, math.IsNaN(m.Measure(m.Join(same, one([]float64{0.1}, []float64{0.3})))))
	assert.True(t, math.IsNaN(m.Measure(m.Join(full(), []float64{1}))))
}

// TestWhatHasNoMetric: of one class there is no area, of labels that are the same no variance; and what is predicted as NaN is nothing.
func TestWhatHasNoMetric(t *testing.T) {
	measure := func(m *metrics.Stream, values ...any) float64 {
		s := state(t, m, values...)
		return m.Measure(s[:len(s)-1])
	}
	nan := math.NaN()
	assert.True(t, math.IsNaN(measure(metrics.NewROCAUC(), []float32{1, 1}, []float32{0, 1})))
	assert.True(t, math.IsNaN(measure(metrics.NewPRAUC(), []float32{0, 0}, []float32{0, 1})))
	assert.True(t, math.IsNaN(measure(metrics.NewROCAUC(), []float64{0, 1}, []float64{0, nan})))
	assert.True(t, math.IsNaN(measure(metrics.NewR2(), []float32{2, 2}, []float32{0, 1})))
	assert.True(t, math.IsNaN(measure(metrics.NewMedianAbsoluteError(), []float64{2, 2}, []float64{0, nan})))
	s := state(t, metrics.NewConfusion(), []int32{0, 1, 1}, [][]float64{{nan, nan}, {0, 1}, {nan, 2}})
	assert.Equal(t, [][]float64{{0, 0, 1}, {0, 1, 1}}, metrics.Confusion(s[:len(s)-1]))
	assert.Equal(t, 1./3, measure(metrics.NewConfusion(), []int32{0, 1, 1}, [][]float64{{nan, nan}, {0, 1}, {nan, 2}}))
	assert.Equal(t, 0.0, measure(metrics.NewBinaryF1(0.5), []bool{true, false}, []float64{nan, 0}))
	assert.Nil(t, metrics.Confusion([]float64{1, 2, 3}), "no C·(C+1) numbers")
	for _, m := range references {
		if s, ok := m.(metrics.Streaming); ok {
			for _, state := range [][]float64{nil, {1}, {1, 2, 3, 4, 5}} { // of others
				s.Measure(state)
			}
		}
	}
	assert.Nil(t, metrics.Unweighted(nil))
	for want, m := range map[string]metrics.Interface{
		`Precision: there is no average "mean" (there are`:      metrics.NewPrecision("mean"),
		"ROC AUC: predictions are int32[2], want floats":        metrics.NewROCAUC(),
		"F1: labels int32[2] against predictions int32[1]":      nil,
		"Mine: the state of a batch is int32[2], want a vector": metrics.NewSums("Mine", "m", "score", func(_ *model.Scope, _, p []*Node) *Node { return p[0] }, nil),
	} {
		predictions := any([]int32{1, 2})
		if m == nil {
			m, predictions = metrics.NewBinaryF1(0), []int32{1}
		}
		_, _, err := eval(m, []int32{1, 2}, predictions)
		require.ErrorContains(t, err, want)
	}
}

// TestUnweighted: the weights of the loss do not count, the mask does.
func TestUnweighted(t *testing.T) {
	labels, weights, mask, p := []float32{1, 0, 1}, []float32{5, 1, 1}, []bool{true, true, false}, []float32{0.2, 0.1, 0.1}
	m := metrics.Unweighted(metrics.NewBinaryAccuracy())
	value, weight, err := eval(m, labels, weights, mask, p)
	require.NoError(t, err)
	assert.Equal(t, []float64{0.5, 2}, []float64{value, weight})
	assert.Equal(t, []string{"Unweighted accuracy", "u-acc", "accuracy"}, []string{m.Name(), m.ShortName(), m.Kind()})
	s, ok := metrics.Unweighted(metrics.NewBinaryRecall(0.5)).(metrics.Streaming)
	require.True(t, ok)
	got := state(t, s, labels, weights, p)
	assert.Equal(t, 0.0, s.Measure(got[:len(got)-1]))
	assert.Equal(t, "Unweighted ROC AUC", metrics.Unweighted(metrics.NewROCAUC()).Name())
	_, ok = metrics.Unweighted(metrics.FromLoss("x", "x", losses.MeanSquaredError)).(metrics.Streaming)
	assert.False(t, ok)
}

// TestBLEUIsThatOfNLTK: values of nltk 3.10.4, corpus_bleu.
func TestBLEUIsThatOfNLTK(t *testing.T) {
	words := strings.Fields
	candidates := [][]string{words("the cat sat on the mat today"), words("a quick brown fox jumps over the dog")}
	references := [][][]string{
		{words("the cat sat on the mat"), words("today the cat was sitting on the mat")},
		{words("the quick brown fox jumps over the lazy dog")},
	}
	got, err := metrics.BLEU(candidates, references)
	require.NoError(t, err)
	assert.InDelta(t, 0.7681125602138529, got, 1e-12)
	got, err = metrics.BLEU([][]string{words("a b c")}, [][][]string{{words("a b c")}})
	require.NoError(t, err)
	assert.Equal(t, 0.0, got, "no four words")
	for want, fn := range map[string]func() (float64, error){
		"there are no candidates":                  func() (float64, error) { return metrics.BLEU(nil, nil) },
		"got 2 candidates and the references of 1": func() (float64, error) { return metrics.BLEU(candidates, references[:1]) },
		"candidate 0 has no reference":             func() (float64, error) { return metrics.BLEU(candidates[:1], [][][]string{{}}) },
	} {
		_, err := fn()
		assert.ErrorContains(t, err, want)
	}
}
