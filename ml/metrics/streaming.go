package metrics

import (
	"math"
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/names"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
)

// Streaming is a metric that is no mean over examples, such as a precision or the area under a curve. What UpdateGraph returns as the value is a vector,
// the state of a batch; states are joined over batches of any size, and the metric is measured of all of them: exactly what one batch of all examples
// has. An evaluation measures so. In training, where a model changes between batches, the metric of a step is that of its batch, and curves and
// epochs show averages of these.
type Streaming interface {
	Interface
	// Join returns the state of the batches before together with that of another one. before is nil for the first one, and may be changed.
	Join(before, batch []float64) []float64
	// Measure returns the metric of a state, NaN where it has none.
	Measure(state []float64) float64
}

// Stream is a [Streaming] metric, see [NewSums] and [NewCollected].
type Stream struct {
	Metric
	vector  GraphFn
	collect bool
	join    func(before, batch []float64) // nil for sums
	measure func(state []float64) float64
}

// NewSums returns a streaming metric of sums: vector returns those of a batch, a float vector, and measure makes the metric of those of all batches.
func NewSums(name, shortName, kind string, vector GraphFn, measure func(sums []float64) float64) *Stream {
	return &Stream{Metric: Metric{name: name, short: shortName, kind: kind}, vector: vector, measure: measure}
}

// NewCollected returns a streaming metric of all that there is: vector returns what a batch has, a float vector, and measure gets those of all batches, one
// behind the other. It is for what cannot be put together of sums, such as a median.
func NewCollected(name, shortName, kind string, vector GraphFn, measure func(all []float64) float64) *Stream {
	m := NewSums(name, shortName, kind, vector, measure)
	m.collect = true
	return m
}

// String returns the name.
func (m *Stream) String() string { return m.name }

// AsPercent lets values be written as percentages, and returns the metric.
func (m *Stream) AsPercent() *Stream {
	m.percent = true
	return m
}

// Named gives the metric other names, to have two of a kind, and returns it.
func (m *Stream) Named(name, shortName string) *Stream {
	m.name, m.short = name, shortName
	return m
}

// UpdateGraph returns the state of a batch, and what the batch weighs.
func (m *Stream) UpdateGraph(scope *model.Scope, labels, predictions []*graph.Node) (state, weight *graph.Node) {
	state = m.vector(scope, labels, predictions)
	if state.Rank() != 1 || !state.DType().IsFloat() {
		graph.Errorf("%s: the state of a batch is %s, want a vector of floats", m.name, state.Shape())
	}
	return graph.ConvertDType(state, dtypes.Float64), losses.TotalWeight(labels, predictions)
}

// Join returns both states together.
func (m *Stream) Join(before, batch []float64) []float64 {
	if m.collect || before == nil {
		return append(before, batch...)
	}
	switch {
	case len(before) != len(batch): // states that do not belong together
		for i := range before {
			before[i] = math.NaN()
		}
	case m.join != nil:
		m.join(before, batch)
	default:
		for i := range before {
			before[i] += batch[i]
		}
	}
	return before
}

// Measure returns the metric of a state.
func (m *Stream) Measure(state []float64) float64 {
	if m == nil || m.measure == nil {
		return math.NaN()
	}
	return m.measure(state)
}

// weightsOf returns what each element of a float32 node of the shape counts, by the weights and the mask behind the first label: a float64 vector.
func weightsOf(g *graph.Graph, shape shapes.Shape, labels []*graph.Node) *graph.Node {
	shape = shape.WithDType(dtypes.Float64)
	w := graph.Ones(g, shape)
	weights, mask := losses.WeightsAndMask(shape, labels)
	if weights != nil {
		w = graph.BroadcastToShape(graph.ConvertDType(weights, dtypes.Float64), shape)
	}
	if mask != nil {
		w = graph.Where(graph.BroadcastToShape(mask, shape.WithDType(dtypes.Bool)), w, graph.ZerosLike(w))
	}
	return graph.Reshape(w, shape.Size())
}

// Average says how the measures of single classes become one.
type Average string

// The averages over classes.
const (
	Macro    Average = "macro"    // the mean over the classes, each counting the same
	Micro    Average = "micro"    // of all examples together
	Weighted Average = "weighted" // the mean over the classes, each weighed by its number of labels
)

// NewConfusion counts how often each class is taken for each: of labels k, integers [...] or [..., 1], and logits or probabilities [..., C], of which the
// largest counts. What it measures is the accuracy; its state is the matrix, see [Confusion].
func NewConfusion() *Stream {
	return confusion("Confusion", "conf", func(m [][]float64) float64 {
		right, all := 0.0, 0.0
		for i, row := range m {
			for j, x := range row {
				all += x
				if i == j {
					right += x
				}
			}
		}
		return ratio(right, all)
	}).AsPercent()
}

// Confusion returns the matrix of a state of [NewConfusion], and of the other metrics of classes; nil if it is none: row i, column j is the weight of the examples of class i that were
// taken for class j. The last column, behind those of the classes, is that of predictions that are no numbers.
func Confusion(state []float64) [][]float64 {
	classes := int(math.Round((math.Sqrt(float64(1+4*len(state))) - 1) / 2)) // C·(C+1) numbers
	if len(state) != classes*(classes+1) {
		return nil
	}
	out := make([][]float64, classes)
	for i := range out {
		out[i] = state[i*(classes+1) : (i+1)*(classes+1)]
	}
	return out
}

func confusion(name, short string, measure func(m [][]float64) float64) *Stream {
	return NewSums(name, short, "score", func(_ *model.Scope, labels, predictions []*graph.Node) *graph.Node {
		k := losses.SparseLabels(name, labels, predictions)
		p := predictions[0]
		classes := p.Dim(-1)
		w := weightsOf(p.Graph(), k.Shape(), labels)
		guess := graph.ArgMax(p, -1, dtypes.Int32)
		if p.DType().IsFloat() {
			guess = graph.Where(graph.IsNaN(graph.ReduceMax(p, -1)), graph.ConstAs(guess, classes), guess)
		}
		n := k.Shape().Size()
		truth := graph.OneHot(graph.Reshape(graph.ConvertDType(k, dtypes.Int32), n), classes, dtypes.Float64)
		guesses := graph.OneHot(graph.Reshape(guess, n), classes+1, dtypes.Float64)
		counts := graph.MatMul(graph.Transpose(graph.Mul(truth, graph.ExpandAxes(w, 1)), 0, 1), guesses)
		return graph.Reshape(counts, classes*(classes+1))
	}, func(state []float64) float64 { return measure(Confusion(state)) })
}

// counts are those of one class.
type counts struct{ right, labels, guesses float64 }

// perClass returns the average of a measure over the classes of a confusion matrix, those that occur.
func perClass(average Average, m [][]float64, measure func(c counts) float64) float64 {
	var all counts
	sum, total := 0.0, 0.0
	for i := range m {
		c := counts{right: m[i][i]}
		for j := range m[i] {
			c.labels += m[i][j]
		}
		for j := range m {
			c.guesses += m[j][i]
		}
		all = counts{all.right + c.right, all.labels + c.labels, all.guesses + c.guesses}
		weight := 1.0
		switch {
		case average == Weighted:
			weight = c.labels
		case c.labels == 0 && c.guesses == 0:
			continue
		}
		sum, total = sum+weight*measure(c), total+weight
	}
	if average == Micro {
		return measure(all)
	}
	return ratio(sum, total)
}

// ratio returns a/b, 0 of 0/0.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func averaged(what, short string, average Average, measure func(c counts) float64) *Stream {
	m := confusion(what, short, func(matrix [][]float64) float64 { return perClass(average, matrix, measure) })
	if !slices.Contains([]Average{Macro, Micro, Weighted}, average) {
		m.vector = func(*model.Scope, []*graph.Node, []*graph.Node) *graph.Node {
			known := []string{string(Macro), string(Micro), string(Weighted)}
			graph.Errorf("%s: there is no average %q%s (there are %q)", what, average, names.Hint(string(average), known), known)
			return nil
		}
	}
	return m.AsPercent()
}

// NewPrecision measures which part of what is taken for a class is of it, averaged over the classes that occur; 0 for a class that nothing is taken for. Labels
// and predictions are those of [NewSparseCategoricalAccuracy].
func NewPrecision(average Average) *Stream {
	return averaged("Precision", "prec", average, func(c counts) float64 { return ratio(c.right, c.guesses) })
}

// NewRecall measures which part of a class is taken for it, averaged over the classes that occur; 0 for a class without labels. Labels and
// predictions are those of [NewSparseCategoricalAccuracy].
func NewRecall(average Average) *Stream {
	return averaged("Recall", "rec", average, func(c counts) float64 { return ratio(c.right, c.labels) })
}

// NewF1 measures 2 · precision · recall / (precision + recall) of each class, averaged over the classes that occur. Labels and predictions are those of
// [NewSparseCategoricalAccuracy].
func NewF1(average Average) *Stream {
	return averaged("F1", "f1", average, func(c counts) float64 { return ratio(2*c.right, c.labels+c.guesses) })
}

// NewMeanIoU measures, of each class, what is of it and taken for it over what is either, averaged over the classes that occur: of segmentations with labels and
// predictions as those of [NewSparseCategoricalAccuracy].
func NewMeanIoU() *Stream {
	return averaged("Mean IoU", "miou", Macro, func(c counts) float64 { return ratio(c.right, c.labels+c.guesses-c.right) })
}

// binaryCounts returns a metric of [true positives, positive labels, positive guesses, all].
func binaryCounts(name, short string, threshold float64, measure func(c counts) float64) *Stream {
	return NewSums(name, short, "score", func(_ *model.Scope, labels, predictions []*graph.Node) *graph.Node {
		sameShape(name, labels, predictions)
		p := predictions[0]
		w := weightsOf(p.Graph(), p.Shape(), labels)
		flat := func(x *graph.Node) *graph.Node {
			return graph.Reshape(graph.ConvertDType(x, dtypes.Float64), p.Shape().Size())
		}
		y, guess := flat(isPositive(labels[0])), flat(graph.GreaterThan(p, graph.ConstAs(p, threshold)))
		sum := func(x *graph.Node) *graph.Node { return graph.Reshape(graph.ReduceAllSum(graph.Mul(x, w)), 1) }
		return graph.Concatenate([]*graph.Node{sum(graph.Mul(y, guess)), sum(y), sum(guess)}, 0)
	}, func(s []float64) float64 { return measure(counts{at(s, 0), at(s, 1), at(s, 2)}) }).AsPercent()
}

// isPositive returns where a label, float, bool or integer, is on the side of 1.
func isPositive(y *graph.Node) *graph.Node {
	if y.DType() == dtypes.Bool {
		return y
	}
	if !y.DType().IsFloat() {
		y = graph.ConvertDType(y, dtypes.Float32)
	}
	return graph.GreaterThan(y, graph.ConstAs(y, 0.5))
}

// NewBinaryPrecision measures which part of the predictions above threshold have a label of 1: 1/2 for probabilities, 0 for logits. Labels, floats, bools or
// integers, have the shape of the predictions.
func NewBinaryPrecision(threshold float64) *Stream {
	return binaryCounts("Precision", "prec", threshold, func(c counts) float64 { return ratio(c.right, c.guesses) })
}

// NewBinaryRecall measures which part of what has a label of 1 is predicted above threshold; see [NewBinaryPrecision].
func NewBinaryRecall(threshold float64) *Stream {
	return binaryCounts("Recall", "rec", threshold, func(c counts) float64 { return ratio(c.right, c.labels) })
}

// NewBinaryF1 measures 2 · precision · recall / (precision + recall); see [NewBinaryPrecision].
func NewBinaryF1(threshold float64) *Stream {
	return binaryCounts("F1", "f1", threshold, func(c counts) float64 { return ratio(2*c.right, c.labels+c.guesses) })
}

// scored returns a metric of all predictions with their labels and weights.
func scored(name, short string, measure func(all []score) float64) *Stream {
	return NewCollected(name, short, "score", func(_ *model.Scope, labels, predictions []*graph.Node) *graph.Node {
		sameShape(name, labels, predictions)
		p := predictions[0]
		if !p.DType().IsFloat() {
			graph.Errorf("%s: predictions are %s, want floats", name, p.Shape())
		}
		n := p.Shape().Size()
		column := func(x *graph.Node) *graph.Node { return graph.Reshape(graph.ConvertDType(x, dtypes.Float64), n, 1) }
		w := weightsOf(p.Graph(), p.Shape(), labels)
		rows := graph.Concatenate([]*graph.Node{column(p), column(isPositive(labels[0])), graph.Reshape(w, n, 1)}, 1)
		return graph.Reshape(rows, 3*n)
	}, func(all []float64) float64 {
		var scores []score
		for i := 0; i+2 < len(all); i += 3 {
			if all[i+2] == 0 {
				continue
			}
			if math.IsNaN(all[i]) {
				return math.NaN()
			}
			scores = append(scores, score{all[i], all[i+1] == 1, all[i+2]})
		}
		slices.SortStableFunc(scores, func(a, b score) int {
			switch {
			case a.value > b.value:
				return -1
			case a.value < b.value:
				return 1
			}
			return 0
		})
		return measure(scores)
	})
}

// score is a prediction.
type score struct {
	value    float64
	positive bool
	weight   float64
}

// thresholds calls fn with the weights of positives and negatives from each threshold up, from the largest one down.
func thresholds(scores []score, fn func(positives, negatives float64)) {
	positives, negatives := 0.0, 0.0
	for i, s := range scores {
		if s.positive {
			positives += s.weight
		} else {
			negatives += s.weight
		}
		if i+1 == len(scores) || scores[i+1].value != s.value {
			fn(positives, negatives)
		}
	}
}

// totals returns the weights of positives and negatives.
func totals(scores []score) (positives, negatives float64) {
	for _, s := range scores {
		if s.positive {
			positives += s.weight
		} else {
			negatives += s.weight
		}
	}
	return positives, negatives
}

// NewROCAUC measures the area under the curve of true over false positives: the probability that a prediction with a label of 1 is above one with a label of 0. It is
// exact, of all predictions, which it keeps; NaN if there is only one kind of labels. Labels, floats, bools or integers, have the
// shape of the predictions, probabilities or logits.
func NewROCAUC() *Stream {
	return scored("ROC AUC", "auc", func(scores []score) float64 {
		allPositives, allNegatives := totals(scores)
		if allPositives == 0 || allNegatives == 0 {
			return math.NaN()
		}
		area, p0, n0 := 0.0, 0.0, 0.0
		thresholds(scores, func(p, n float64) {
			area += (n - n0) * (p + p0) / 2
			p0, n0 = p, n
		})
		return area / allPositives / allNegatives
	})
}

// NewPRAUC measures the area under the curve of precision over recall, as the average precision Σ (R_i - R_{i-1}) · P_i over all thresholds. It is exact, of all
// predictions, which it keeps; NaN if no label is 1. Labels and predictions are those of [NewROCAUC].
func NewPRAUC() *Stream {
	return scored("PR AUC", "prauc", func(scores []score) float64 {
		all, _ := totals(scores)
		if all == 0 {
			return math.NaN()
		}
		area, p0 := 0.0, 0.0
		thresholds(scores, func(p, n float64) {
			area += (p - p0) / all * p / (p + n)
			p0 = p
		})
		return area
	})
}

// NewPerplexity measures exp of the mean cross entropy of logits [..., C] and labels as those of [losses.SparseCategoricalCrossEntropyLogits]: of a language model, of
// how many words it is in doubt.
func NewPerplexity() *Stream {
	return NewSums("Perplexity", "ppl", "perplexity", func(_ *model.Scope, labels, predictions []*graph.Node) *graph.Node {
		k := losses.SparseLabels("Perplexity", labels, predictions)
		x := losses.FillMasked(predictions[0], labels, 0)
		if x.DType().IsHalf() {
			x = graph.ConvertDType(x, dtypes.Float32)
		}
		w := weightsOf(x.Graph(), k.Shape(), labels)
		loss := graph.Reshape(graph.ConvertDType(graph.SoftmaxCrossEntropy(x, k), dtypes.Float64), k.Shape().Size())
		return sums(w, loss)
	}, func(s []float64) float64 { return math.Exp(ratio(at(s, 1), at(s, 0))) })
}

// sums returns the sum of w, and those of w·x for each of xs: a vector.
func sums(w *graph.Node, xs ...*graph.Node) *graph.Node {
	parts := []*graph.Node{graph.Reshape(graph.ReduceAllSum(w), 1)}
	for _, x := range xs {
		parts = append(parts, graph.Reshape(graph.ReduceAllSum(graph.Mul(w, x)), 1))
	}
	return graph.Concatenate(parts, 0)
}

// at returns an element of a state, 0 if it is too short.
func at(s []float64, i int) float64 {
	if i < len(s) {
		return s[i]
	}
	return 0
}

// difference returns labels and predictions in float64 as vectors, 0 behind the mask, with the weights.
func difference(name string, labels, predictions []*graph.Node) (y, p, w *graph.Node) {
	sameShape(name, labels, predictions)
	n := predictions[0].Shape().Size()
	flat := func(x *graph.Node) *graph.Node {
		return graph.Reshape(graph.ConvertDType(losses.FillMasked(x, labels, 0), dtypes.Float64), n)
	}
	return flat(labels[0]), flat(predictions[0]), weightsOf(predictions[0].Graph(), predictions[0].Shape(), labels)
}

// NewR2 measures 1 - Σ (label - prediction)² / Σ (label - mean of labels)², the part of the labels' variance that is predicted, over all elements; NaN
// if the labels are all the same. Labels and predictions have the same shape. Its state is the sum of the weights, the mean of the labels, their squared
// differences from it, and those from the predictions, so that labels far from 0, such as years or temperatures in kelvin, lose no digits.
//
// Source of how states are joined: Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979, eq. 2.1.
func NewR2() *Stream {
	m := NewSums("R²", "r2", "score", func(_ *model.Scope, labels, predictions []*graph.Node) *graph.Node {
		y, p, w := difference("R²", labels, predictions)
		one := func(x *graph.Node) *graph.Node { return graph.Reshape(x, 1) }
		total := graph.ReduceAllSum(w)
		mean := graph.Div(graph.ReduceAllSum(graph.Mul(w, y)), graph.Where(graph.IsZero(total), graph.OnesLike(total), total))
		away := graph.ReduceAllSum(graph.Mul(w, graph.Square(graph.Sub(y, mean))))
		missed := graph.ReduceAllSum(graph.Mul(w, graph.Square(graph.Sub(y, p))))
		return graph.Concatenate([]*graph.Node{one(total), one(mean), one(away), one(missed)}, 0)
	}, func(s []float64) float64 {
		// What rounding makes of labels that are all the same is not a variance.
		if variance := at(s, 2); variance > at(s, 0)*1e-28*at(s, 1)*at(s, 1) {
			return 1 - at(s, 3)/variance
		}
		return math.NaN()
	})
	m.join = joinMoments
	return m
}

// joinMoments adds to the weight, mean and squared differences of some labels those of others, and to their last number the others' last one.
func joinMoments(a, b []float64) {
	if len(a) < 4 || b[0] == 0 {
		return
	}
	d, total := b[1]-a[1], a[0]+b[0]
	a[2] += b[2] + d*d*a[0]*(b[0]/total)
	a[1] += d * (b[0] / total)
	a[0] = total
	a[3] += b[3]
}

// NewRootMeanSquaredError measures the root of the mean of (label - prediction)², over all elements of all batches. Labels and predictions have the
// same shape.
func NewRootMeanSquaredError() *Stream {
	return NewSums("Root mean squared error", "rmse", "error", func(_ *model.Scope, labels, predictions []*graph.Node) *graph.Node {
		y, p, w := difference("Root mean squared error", labels, predictions)
		return sums(w, graph.Square(graph.Sub(y, p)))
	}, func(s []float64) float64 { return math.Sqrt(ratio(at(s, 1), at(s, 0))) })
}

// NewMedianAbsoluteError measures the median of |label - prediction| over all elements of all batches, which it keeps: the smallest value that half of the
// weight does not exceed, and of equal weights the mean of the two in the middle. Labels and predictions have the same shape.
func NewMedianAbsoluteError() *Stream {
	return NewCollected("Median absolute error", "medae", "error", func(_ *model.Scope, labels, predictions []*graph.Node) *graph.Node {
		y, p, w := difference("Median absolute error", labels, predictions)
		n := y.Dim(0)
		return graph.Reshape(graph.Stack([]*graph.Node{graph.Abs(graph.Sub(y, p)), w}, 1), 2*n)
	}, func(all []float64) float64 { return median(all) })
}

// median returns that of pairs of value and weight, NaN of nothing.
func median(pairs []float64) float64 {
	type element struct{ value, weight float64 }
	var list []element
	total := 0.0
	for i := 0; i+1 < len(pairs); i += 2 {
		switch {
		case pairs[i+1] == 0:
		case math.IsNaN(pairs[i]):
			return math.NaN()
		default:
			list = append(list, element{pairs[i], pairs[i+1]})
			total += pairs[i+1]
		}
	}
	slices.SortStableFunc(list, func(a, b element) int {
		switch {
		case a.value < b.value:
			return -1
		case a.value > b.value:
			return 1
		}
		return 0
	})
	below := 0.0
	for i, e := range list {
		below += e.weight
		if below == total/2 && i+1 < len(list) {
			return (e.value + list[i+1].value) / 2
		}
		if below >= total/2 {
			return e.value
		}
	}
	return math.NaN()
}

// Unweighted returns a metric that does not see the weights behind the first label, only the mask, and is named so: beside a weighted loss it tells what each example
// counts the same in. Of nil it is nil.
func Unweighted(metric Interface) Interface {
	if metric == nil {
		return nil
	}
	if s, ok := metric.(Streaming); ok {
		return &unweightedStream{unweighted{metric}, s}
	}
	return &unweighted{metric}
}

type unweighted struct{ Interface }

// Name returns the name.
func (m *unweighted) Name() string { return "Unweighted " + lower(m.Interface.Name()) }

// ShortName returns the name for narrow places.
func (m *unweighted) ShortName() string { return "u-" + m.Interface.ShortName() }

// UpdateGraph returns the metric's value for a batch, without weights.
func (m *unweighted) UpdateGraph(scope *model.Scope, labels, predictions []*graph.Node) (value, weight *graph.Node) {
	kept := slices.Clone(labels[:min(1, len(labels))])
	for _, extra := range labels[min(1, len(labels)):] {
		if extra.DType() == dtypes.Bool {
			kept = append(kept, extra)
		}
	}
	return m.Interface.UpdateGraph(scope, kept, predictions)
}

type unweightedStream struct {
	unweighted
	stream Streaming
}

// Join returns both states together.
func (m *unweightedStream) Join(before, batch []float64) []float64 {
	return m.stream.Join(before, batch)
}

// Measure returns the metric of a state.
func (m *unweightedStream) Measure(state []float64) float64 { return m.stream.Measure(state) }

// lower writes the first letter small, unless the second one is large too.
func lower(name string) string {
	if len(name) > 1 && name[0] >= 'A' && name[0] <= 'Z' && name[1] >= 'a' && name[1] <= 'z' {
		return string(name[0]+'a'-'A') + name[1:]
	}
	return name
}
