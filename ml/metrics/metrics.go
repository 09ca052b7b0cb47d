package metrics

import (
	"fmt"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
)

// Interface is a metric.
type Interface interface {
	// Name returns the name, such as "Accuracy", unique within a trainer.
	Name() string
	// ShortName returns the name for narrow places, such as "acc".
	ShortName() string
	// Kind returns what is measured, such as "accuracy": metrics of one kind share an axis.
	Kind() string
	// Percent reports whether values are written as percentages.
	Percent() bool

	// UpdateGraph returns the metric's value for a batch and what it weighs, both float scalars.
	UpdateGraph(scope *model.Scope, labels, predictions []*graph.Node) (value, weight *graph.Node)
}

// GraphFn computes a metric for each example of a batch: a float or bool node of any shape.
type GraphFn func(scope *model.Scope, labels, predictions []*graph.Node) *graph.Node

// Metric is a metric that is a mean over examples; see [New].
type Metric struct {
	name, short, kind string
	percent           bool
	fn                GraphFn
}

// New returns a metric that is the mean of what fn computes for each example, with the weights and mask
// that stand behind the first label.
func New(name, shortName, kind string, fn GraphFn) *Metric {
	return &Metric{name: name, short: shortName, kind: kind, fn: fn}
}

// AsPercent lets values be written as percentages, and returns the metric.
func (m *Metric) AsPercent() *Metric {
	m.percent = true
	return m
}

// Named gives the metric other names, to have two of a kind, and returns it.
func (m *Metric) Named(name, shortName string) *Metric {
	m.name, m.short = name, shortName
	return m
}

// Name returns the name.
func (m *Metric) Name() string { return m.name }

// ShortName returns the name for narrow places.
func (m *Metric) ShortName() string { return m.short }

// Kind returns what is measured.
func (m *Metric) Kind() string { return m.kind }

// Percent reports whether values are written as percentages.
func (m *Metric) Percent() bool { return m.percent }

// UpdateGraph returns the metric's value for a batch and what it weighs.
func (m *Metric) UpdateGraph(scope *model.Scope, labels, predictions []*graph.Node) (value, weight *graph.Node) {
	each := m.fn(scope, labels, predictions)
	if !each.DType().IsFloat() || each.DType().Size() < 4 {
		each = graph.ConvertDType(each, dtypes.Float32)
	}
	return losses.MeanAndWeight(each, labels)
}

// NewSparseCategoricalAccuracy measures how often the largest of the logits or probabilities [..., C] is at
// the label, an integer [...] or [..., 1]. Of several largest ones the first counts. A prediction with a NaN is no
// hit, here and in all accuracies.
func NewSparseCategoricalAccuracy() *Metric {
	return New("Accuracy", "acc", "accuracy", func(_ *model.Scope, labels, predictions []*graph.Node) *graph.Node {
		k := losses.SparseLabels("Accuracy", labels, predictions)
		return hit(graph.Equal(graph.ArgMax(predictions[0], -1, k.DType()), k), graph.ReduceMax(predictions[0], -1))
	}).AsPercent()
}

// NewCategoricalAccuracy is [NewSparseCategoricalAccuracy] for labels that are one-hot, [..., C].
func NewCategoricalAccuracy() *Metric {
	return New("Accuracy", "acc", "accuracy", func(_ *model.Scope, labels, predictions []*graph.Node) *graph.Node {
		sameShape("Accuracy", labels, predictions)
		return hit(graph.Equal(graph.ArgMax(predictions[0], -1), graph.ArgMax(labels[0], -1)), graph.ReduceMax(predictions[0], -1))
	}).AsPercent()
}

// NewBinaryAccuracy measures how often a probability is on the label's side of 1/2. Labels, floats, bools
// or integers, have the shape of the predictions.
func NewBinaryAccuracy() *Metric { return binary(0.5) }

// NewBinaryLogitsAccuracy is [NewBinaryAccuracy] for logits: they are on the label's side of 0.
func NewBinaryLogitsAccuracy() *Metric { return binary(0) }

func binary(threshold float64) *Metric {
	return New("Accuracy", "acc", "accuracy", func(_ *model.Scope, labels, predictions []*graph.Node) *graph.Node {
		sameShape("Accuracy", labels, predictions)
		y, p := labels[0], predictions[0]
		if y.DType() != dtypes.Bool {
			if !y.DType().IsFloat() {
				y = graph.ConvertDType(y, dtypes.Float32)
			}
			y = graph.GreaterThan(y, graph.ConstAs(y, 0.5))
		}
		return hit(graph.Equal(graph.GreaterThan(p, graph.ConstAs(p, threshold)), y), p)
	}).AsPercent()
}

// hit returns where right holds and what was predicted is a number: to be NaN is not to be right by chance.
func hit(right, predicted *graph.Node) *graph.Node {
	if !predicted.DType().IsFloat() {
		return right
	}
	return graph.LogicalAnd(right, graph.LogicalNot(graph.IsNaN(predicted)))
}

// NewTopKAccuracy measures how often the label, an integer [...] or [..., 1], is among the k largest of the
// logits or probabilities [..., C]: fewer than k classes have a larger value than the label's. One that is NaN
// counts as larger than all, so a prediction of NaNs is no hit.
func NewTopKAccuracy(k int) *Metric {
	name := fmt.Sprintf("Top-%d accuracy", k)
	return New(name, fmt.Sprintf("top%d", k), "accuracy", func(_ *model.Scope, labels, predictions []*graph.Node) *graph.Node {
		if k < 1 {
			graph.Errorf("%s: want k of 1 or more", name)
		}
		y, p := losses.SparseLabels(name, labels, predictions), predictions[0]
		classes := graph.Iota(p.Graph(), p.Shape().WithDType(y.DType()), -1)
		isLabel := graph.Equal(graph.ExpandAxes(y, -1), classes)
		own := graph.ReduceSum(graph.Where(isLabel, p, graph.ZerosLike(p)), -1)
		larger := graph.LogicalNot(graph.LessOrEqual(p, graph.ExpandAxes(own, -1)))
		count := graph.ReduceSum(graph.ConvertDType(larger, dtypes.Float32), -1)
		return graph.LessThan(count, graph.Scalar(p.Graph(), dtypes.Float32, k))
	}).AsPercent()
}

// NewMeanAbsoluteError measures the mean of |prediction - label|.
func NewMeanAbsoluteError() *Metric {
	return New("Mean absolute error", "mae", "error", func(_ *model.Scope, labels, predictions []*graph.Node) *graph.Node {
		sameShape("Mean absolute error", labels, predictions)
		p := predictions[0]
		if p.DType().IsHalf() { // labels may be more exact than predictions
			p = graph.ConvertDType(p, dtypes.Float32)
		}
		return graph.Abs(graph.Sub(p, graph.ConvertDType(labels[0], p.DType())))
	})
}

// FromLoss makes a metric of a loss that is a mean over the batch.
func FromLoss(name, shortName string, loss losses.Fn) Interface {
	return &lossMetric{Metric: Metric{name: name, short: shortName, kind: "loss"}, loss: loss}
}

type lossMetric struct {
	Metric
	loss losses.Fn
}

func (m *lossMetric) UpdateGraph(_ *model.Scope, labels, predictions []*graph.Node) (value, weight *graph.Node) {
	value = m.loss(labels, predictions)
	if value.Rank() > 0 {
		return losses.MeanAndWeight(value, labels)
	}
	return value, losses.TotalWeight(labels, predictions)
}

func sameShape(name string, labels, predictions []*graph.Node) {
	if len(labels) == 0 || len(predictions) == 0 || !labels[0].Shape().EqualDimensions(predictions[0].Shape()) {
		graph.Errorf("%s: labels %s against predictions %s: they must have the same shape", name, shapesOf(labels), shapesOf(predictions))
	}
}

func shapesOf(nodes []*graph.Node) string {
	s := ""
	for i, n := range nodes {
		if i > 0 {
			s += ", "
		}
		s += n.Shape().String()
	}
	return s
}
