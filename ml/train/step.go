package train

import (
	"fmt"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
)

// accumulatorsPath is the scope of the accumulated gradients.
const accumulatorsPath = "/accumulated_gradients"

// build adds a whole step to the graph: what is between a batch and the numbers that are shown.
func (t *Trainer) build(scope *model.Scope, key execKey, in []*graph.Node) []*graph.Node {
	predictions := t.model(scope, key.spec, in[:key.numInputs])
	if key.mode == modePredict {
		return predictions
	}
	labels := in[key.numInputs:]
	loss := t.loss(labels, predictions)
	if !loss.DType().IsFloat() {
		graph.Errorf("the loss is %s, want a float", loss.Shape())
	}
	if loss.Rank() > 0 {
		loss = graph.ReduceAllMean(loss)
	}
	g, total := loss.Graph(), loss
	if extra := losses.Extra(g); extra != nil {
		total = graph.Add(loss, graph.ConvertDType(extra, loss.DType()))
	}
	switch key.mode {
	case modeTrain:
		t.update(total)
	case modeAccumulate:
		variables, gradients := optimizers.Gradients(t.store, total)
		for i, v := range variables {
			acc := t.accumulator(v)
			acc.SetNodeValue(graph.Add(acc.NodeValue(g), graph.ConvertDType(gradients[i], acc.DType())))
		}
	}
	numbers := t.measure(scope, labels, predictions, loss, total)
	if key.mode != modeEval {
		onlyIf(graph.IsFinite(total), t.store)
	}
	return []*graph.Node{numbers}
}

// update adds the gradient and the optimizer's step.
func (t *Trainer) update(total *graph.Node) {
	g := total.Graph()
	variables, gradients := optimizers.Gradients(t.store, total)
	if t.accumulate > 1 {
		for i, v := range variables {
			acc := t.accumulator(v)
			sum := graph.Add(acc.NodeValue(g), graph.ConvertDType(gradients[i], acc.DType()))
			gradients[i] = graph.DivScalar(sum, t.accumulate)
			acc.SetNodeValue(graph.ZerosLike(sum))
		}
	}
	t.optimizer.UpdateGraphWithGradients(t.store.Scope(optimizers.StatePath), variables, gradients)
	path, name := model.SplitPath(GlobalStepPath)
	step := t.store.Scope(path).VariableWithValue(name, int64(0)).SetTrainable(false)
	step.SetNodeValue(graph.AddScalar(step.NodeValue(g), 1))
}

// accumulator returns the variable that sums v's gradients.
func (t *Trainer) accumulator(v *model.Variable) *model.Variable {
	dtype := v.DType()
	if dtype != dtypes.Float64 {
		dtype = dtypes.Float32
	}
	parent, name := model.SplitPath(v.Path())
	scope := t.store.Scope(model.JoinPath(accumulatorsPath, parent)).WithInitializer(initializers.Zero)
	return scope.VariableWithShape(name, shapes.Make(dtype, v.Shape().Dimensions...)).SetTrainable(false).SetSharding(v.Sharding()...)
}

// measure returns all numbers of a step as one vector, so that they come to the host together: the
// values of loss and metrics, their weights, and the loss with what was added to it. It is of float32,
// or of float64 if the loss is.
func (t *Trainer) measure(scope *model.Scope, labels, predictions []*graph.Node, loss, total *graph.Node) *graph.Node {
	values, weights := []*graph.Node{loss}, []*graph.Node{losses.TotalWeight(labels, predictions)}
	for i, m := range t.metrics {
		value, weight := m.UpdateGraph(scope.Shared("%s", fmt.Sprintf("metrics/%d", i)), labels, predictions)
		values, weights = append(values, value), append(weights, weight)
	}
	dtype := dtypes.Float32
	if loss.DType() == dtypes.Float64 {
		dtype = dtypes.Float64
	}
	numbers := append(append(values, weights...), total)
	for i, x := range numbers {
		if x.Rank() > 0 {
			graph.Errorf("metric %q: its value and weight must be scalars, got %s", t.metrics[(i-1)%len(values)].Name(), x.Shape())
		}
		numbers[i] = graph.Reshape(graph.ConvertDType(graph.StopGradient(x), dtype), 1)
	}
	return graph.Concatenate(numbers, 0)
}

// unpack takes the vector of measure apart.
func unpack(numbers *tensors.Tensor) (values, weights []float64, total float64) {
	n := (numbers.Size() - 1) / 2
	for i := range n {
		values, weights = append(values, numbers.Float64At(i)), append(weights, numbers.Float64At(n+i))
	}
	return values, weights, numbers.Float64At(2 * n)
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
