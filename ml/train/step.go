package train

import (
	"fmt"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
)

const (
	// accumulatorsPath is the scope of the accumulated gradients.
	accumulatorsPath = "/accumulated_gradients"
	// accumulatedWeightPath is the path of what the batches weigh whose gradients are accumulated.
	accumulatedWeightPath = "/accumulated_weight"
)

// build adds a whole step to the graph: what is between a batch and the numbers that are shown.
func (t *Trainer) build(scope *model.Scope, key execKey, in []*graph.Node) []*graph.Node {
	if key.numInputs > 0 {
		losses.SetInputs(in[0].Graph(), in[:key.numInputs])
	}
	predictions := t.precise(scope, key.spec, in[:key.numInputs])
	if key.mode == modePredict {
		return predictions
	}
	labels := in[key.numInputs:]
	var before *graph.Node // whether the steps before were made
	if trains := key.mode != modeEval; trains {
		labels, before = labels[:len(labels)-1], labels[len(labels)-1]
	}
	loss := scalarLoss(t.loss(labels, predictions), labels)
	g, total := loss.Graph(), loss
	if extra := losses.Extra(g); extra != nil {
		total = graph.Add(loss, graph.ConvertDType(extra, loss.DType()))
	}
	report := &report{labels: labels, predictions: predictions, loss: loss, weight: losses.TotalWeight(labels, predictions), total: total}
	if key.mode != modeEval {
		scale := t.newScale(g)
		variables, gradients, parts := t.gradients(key, scale, loss, total)
		gradients = scale.down(gradients)
		report.gradients(variables, gradients)
		scale.look(report)
		if t.accumulate > 1 {
			gradients = t.addToAccumulated(variables, gradients, report.weight, key.mode == modeTrain)
		}
		if key.mode == modeTrain {
			scope := t.store.Scope(optimizers.StatePath)
			for _, p := range parts {
				p.optimizer.UpdateGraphWithGradients(scope, variables[p.from:p.to], gradients[p.from:p.to])
			}
			t.countStep(g)
		}
		scale.skip(variables, t.accumulate > 1 && key.mode == modeTrain)
	}
	report.measure(scope, t.metrics)
	if key.mode == modeEval {
		return []*graph.Node{report.numbers()}
	}
	report.newValues(t.store)
	made := graph.LogicalAnd(before, report.ok())
	onlyIf(made, t.store)
	return []*graph.Node{report.numbers(), made}
}

// scalarLoss returns a loss as a scalar, the mean of one for each example, and of a float32 at least.
func scalarLoss(loss *graph.Node, labels []*graph.Node) *graph.Node {
	if !loss.DType().IsFloat() {
		graph.Errorf("the loss is %s, want a float", loss.Shape())
	}
	if loss.Rank() > 0 {
		loss = losses.Reduce(loss, labels)
	}
	if loss.DType().IsHalf() { // a loss of one's own; the metrics' means want more digits
		loss = graph.ConvertDType(loss, dtypes.Float32)
	}
	return loss
}

// countStep counts the update.
func (t *Trainer) countStep(g *graph.Graph) {
	path, name := model.SplitPath(GlobalStepPath)
	step := own(t.store.Scope(path).VariableWithValue(name, int64(0)), g)
	step.SetNodeValue(graph.AddScalar(step.NodeValue(g), 1))
}

// own returns v, a variable in which the trainer keeps something, unless it is the model's. The model may read it.
func own(v *model.Variable, g *graph.Graph) *model.Variable {
	if v.ChangedInGraph(g) || v.Trainable() && v.InUseByGraph(g) {
		graph.Errorf("the model changes its variable %q, in which trainers keep something of their own: give it another name", v.Path())
	}
	return v.SetTrainable(false)
}

// addToAccumulated adds the gradients of a batch, times what it weighs, to those of the batches before it:
//
//	sum ← sum + weight · gradient,   total ← total + weight
//
// and returns sum/total, the gradients of all these batches as one. With the last batch of an update the sums begin anew.
func (t *Trainer) addToAccumulated(variables []*model.Variable, gradients []*graph.Node, weight *graph.Node, last bool) []*graph.Node {
	g := weight.Graph()
	// A batch that weighs nothing has the gradients of what was added to the loss alone. They count, if only where no
	// other batch does: so little beside other weights changes no sum.
	const almostNothing = 1e-20
	weight = graph.Where(graph.IsZero(weight), graph.ConstAs(weight, almostNothing), weight)

	path, name := model.SplitPath(accumulatedWeightPath)
	totalVar := own(t.store.Scope(path).VariableWithValue(name, float32(0)), g)
	total := graph.Add(totalVar.NodeValue(g), weight)
	set := func(v *model.Variable, sum *graph.Node) {
		if last {
			sum = graph.ZerosLike(sum)
		}
		v.SetNodeValue(sum)
	}
	means := make([]*graph.Node, len(gradients))
	for i, v := range variables {
		acc := own(t.accumulator(v), g)
		as := func(scalar *graph.Node) *graph.Node { return graph.ConvertDType(scalar, acc.DType()) }
		sum := graph.Add(acc.NodeValue(g), graph.Mul(graph.ConvertDType(gradients[i], acc.DType()), as(weight)))
		means[i] = graph.Div(sum, as(total))
		set(acc, sum)
	}
	set(totalVar, total)
	return means
}

// accumulator returns the variable that sums v's gradients.
func (t *Trainer) accumulator(v *model.Variable) *model.Variable {
	dtype := v.DType()
	if dtype != dtypes.Float64 {
		dtype = dtypes.Float32
	}
	parent, name := model.SplitPath(v.Path())
	scope := t.store.Scope(model.JoinPath(accumulatorsPath, parent)).WithInitializer(initializers.Zero)
	return scope.VariableWithShape(name, shapes.Make(dtype, v.Shape().Dimensions...)).SetSharding(v.Sharding()...)
}

// onlyIf lets all variables that the graph changes keep their values unless ok holds.
func onlyIf(ok *graph.Node, store *model.Store) {
	g := ok.Graph()
	for _, v := range store.VariablesOf(g) {
		if v.ChangedInGraph(g) {
			v.SetNodeValue(graph.Where(ok, v.NodeValue(g), v.NodeBefore(g)))
		}
	}
}

// scopeOf returns the scope of a metric's variables.
func scopeOf(scope *model.Scope, metric int) *model.Scope {
	return scope.In("%s", fmt.Sprintf("metrics/%d", metric))
}
