package train

import (
	"errors"
	"fmt"
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/internal/checks"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"
)

// report is what a step tells of itself: its measures, and whether all went well. It is one vector of float64,
// so that it comes to the host at once:
//
//	values of loss and metrics | their weights | total | first suspect that is not finite | per check position, value
//
// It stays with the graph, to read the vector by; with the graph of several steps, a list of reports does.
type report struct {
	labels, predictions []*graph.Node
	loss, weight        *graph.Node // and what it weighs
	total               *graph.Node // the loss with what was added to it

	values, weights []*graph.Node // of loss and metrics; the values of streaming metrics are vectors
	metrics         []metrics.Interface
	suspects        []suspect
	finite          []*graph.Node // of each suspect, a bool scalar
	checks          []*checks.Label
}

// suspect is what might not be finite: the gradient or the new value of a variable.
type suspect struct {
	path     string
	gradient bool
	node     *graph.Node
}

// gradients lets the report look at gradients, before anything is done to them.
func (r *report) gradients(variables []*model.Variable, gradients []*graph.Node) {
	for i, v := range variables {
		r.suspect(suspect{v.Path(), true, gradients[i]})
	}
}

// newValues lets the report look at what the graph makes of its variables: those of the model, of the optimizer,
// and all others.
func (r *report) newValues(store *model.Store) {
	g := r.total.Graph()
	for _, v := range store.VariablesOf(g) {
		if v.ChangedInGraph(g) {
			r.suspect(suspect{v.Path(), false, v.NodeValue(g)})
		}
	}
}

// suspect lets the report look at a node, by its largest magnitude: that is one reduction, and finite only if all of it is.
func (r *report) suspect(s suspect) {
	x := s.node
	if !x.DType().IsFloat() || x.Shape().Size() == 0 {
		return
	}
	if x.DType().IsHalf() {
		x = graph.ConvertDType(x, dtypes.Float32)
	}
	r.suspects = append(r.suspects, s)
	r.finite = append(r.finite, graph.IsFinite(graph.ReduceAllMax(graph.Abs(x))))
}

// measure adds the loss and the metrics.
func (r *report) measure(scope *model.Scope, list []metrics.Interface) {
	r.values, r.weights, r.metrics = []*graph.Node{r.loss}, []*graph.Node{r.weight}, list
	for i, m := range list {
		value, weight := m.UpdateGraph(scopeOf(scope, i), r.labels, r.predictions)
		_, streams := m.(metrics.Streaming)
		switch {
		case streams && (value.Rank() != 1 || weight.Rank() > 0):
			graph.Errorf("metric %q: its state must be a vector and its weight a scalar, got %s and %s", m.Name(), value.Shape(), weight.Shape())
		case !streams && (value.Rank() > 0 || weight.Rank() > 0):
			graph.Errorf("metric %q: its value and weight must be scalars, got %s and %s", m.Name(), value.Shape(), weight.Shape())
		}
		r.values, r.weights = append(r.values, value), append(r.weights, weight)
	}
	r.checks = checks.Labels(r.total.Graph())
}

// ok reports whether the step counts: a bool scalar.
func (r *report) ok() *graph.Node {
	ok := graph.IsFinite(r.total)
	for _, finite := range r.finite {
		ok = graph.LogicalAnd(ok, finite)
	}
	for _, c := range r.checks {
		ok = graph.LogicalAnd(ok, graph.IsNegative(c.Position))
	}
	return ok
}

// numbers returns the vector.
func (r *report) numbers() *graph.Node {
	r.total.Graph().AttachState(reportKey{}, []*report{r})
	all := append(append([]*graph.Node{}, r.values...), r.weights...)
	all = append(all, r.total, r.first())
	for _, c := range r.checks {
		all = append(all, c.Position, c.Value)
	}
	for i, x := range all {
		all[i] = graph.Reshape(graph.ConvertDType(graph.StopGradient(x), dtypes.Float64), x.Shape().Size())
	}
	return graph.Concatenate(all, 0)
}

type reportKey struct{}

// reportsOf returns the reports of the steps of a graph.
func reportsOf(g *graph.Graph) []*report { return g.State(reportKey{}).([]*report) }

// first returns the number of the first suspect that is not finite, of the number of suspects if all are.
func (r *report) first() *graph.Node {
	g, n := r.total.Graph(), len(r.finite)
	if n == 0 {
		return graph.Scalar(g, dtypes.Int32, 0)
	}
	place := graph.Iota(g, shapes.Make(dtypes.Int32, n), 0)
	return graph.ReduceAllMin(graph.Where(graph.Stack(r.finite, 0), graph.ConstAs(place, n), place))
}

// outcome is a report that was read.
type outcome struct {
	values, weights []float64
	states          [][]float64 // of the metrics that are streaming, else nil
	total           float64
	bad             *suspect // the first one that is not finite
	label           error    // a label that is no class
}

// size returns the length of the vector.
func (r *report) size() int {
	n := len(r.weights) + 2 + 2*len(r.checks)
	for _, v := range r.values {
		n += v.Shape().Size()
	}
	return n
}

// read reads the vector of a step, the one of several whose vectors follow each other.
func (r *report) read(numbers *tensors.Tensor, step int) (o outcome) {
	next := step * r.size()
	take := func() float64 {
		next++
		return numbers.Float64At(next - 1)
	}
	o.states = make([][]float64, len(r.values))
	for i, v := range r.values {
		if i == 0 || v.Rank() == 0 {
			o.values = append(o.values, take())
			continue
		}
		state := make([]float64, v.Shape().Size())
		for j := range state {
			state[j] = take()
		}
		o.states[i] = state
		o.values = append(o.values, r.metrics[i-1].(metrics.Streaming).Measure(state))
	}
	for i := range r.weights {
		weight := take()
		if o.states[i] != nil && math.IsNaN(o.values[i]) { // a batch that has none, such as an area under a curve of one class
			weight = 0
		}
		o.weights = append(o.weights, weight)
	}
	o.total = take()
	if i := int(take()); i < len(r.suspects) {
		o.bad = &r.suspects[i]
	}
	for _, c := range r.checks {
		if err := c.Error(take(), take()); o.label == nil {
			o.label = err
		}
	}
	return o
}

// NotFiniteError reports a step of training that was not made: its loss, a gradient, or what it would have
// made of a variable is NaN or infinite.
type NotFiniteError struct {
	Step int64   // the step that was tried, from 1
	Loss float64 // with what was added to it; NaN or ±Inf, unless Variable says more

	// Variable is, where the loss is finite, the path of the first variable whose gradient (Gradient is true) or new
	// value is not; it may be one of the optimizer's.
	Variable string
	Gradient bool

	// First is where it begins, if [Trainer.LocateNotFinite] asks for that and it was found.
	First *NotFiniteNode

	cause error // a label that is no class
}

// Error says at which step, what, and what to do.
func (e *NotFiniteError) Error() string {
	what, remedy := fmt.Sprintf("the loss is %v", e.Loss), "lower the learning rate, clip gradients, or look for bad data"
	switch {
	case e.cause != nil:
		return fmt.Sprintf("training step %d: %v; the step was not made, the model is as it was before", e.Step, e.cause)
	case e.Gradient:
		what = fmt.Sprintf("the gradient of %q is not finite, though the loss is, %v", e.Variable, e.Loss)
		remedy = "look for a root or a logarithm of 0, a division by 0 or an overflow in model and loss, or for bad data"
	case e.Variable != "":
		what = fmt.Sprintf("the new value of %q is not finite, though loss and gradients are", e.Variable)
		remedy = "lower the learning rate or clip gradients"
	}
	if e.First != nil {
		what += "; " + e.First.String()
	}
	return fmt.Sprintf("training step %d: %s: the step was not made, the model is as it was before; %s", e.Step, what, remedy)
}

// Unwrap returns what is wrong with a label, if that is the reason.
func (e *NotFiniteError) Unwrap() error { return e.cause }

// failed reports whether the step was not made.
func (o *outcome) failed() bool { return !o.lossIsFinite() || o.bad != nil || o.label != nil }

func (o *outcome) lossIsFinite() bool { return !math.IsNaN(o.total) && !math.IsInf(o.total, 0) }

// failure returns why the step was not made.
func (o *outcome) failure(step int64) error {
	switch lossIsFinite := o.lossIsFinite(); {
	case o.label != nil && !lossIsFinite:
		return &NotFiniteError{Step: step, Loss: o.total, cause: o.label}
	case o.label != nil:
		return fmt.Errorf("training step %d: %w; the step was not made, the model is as it was before", step, o.label)
	case !lossIsFinite:
		return &NotFiniteError{Step: step, Loss: o.total}
	}
	return &NotFiniteError{Step: step, Loss: o.total, Variable: o.bad.path, Gradient: o.bad.gradient}
}

var errNothingCounted = errors.New("nothing was counted: the mask hides all examples, or all weights are 0")
