package optimizers

import (
	"fmt"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/model"
)

// ParamLearningRate is the hyperparameter that replaces the learning rate of any optimizer.
const ParamLearningRate = "learning_rate"

func init() {
	model.RegisterParam(ParamLearningRate, 0.0, "step size of the optimizer; 0 for the optimizer's own")
}

// Interface is an optimizer.
type Interface interface {
	// UpdateGraphWithGradients adds to the graph the update of each variable against its gradient. The
	// optimizer keeps its state in variables of scope.
	UpdateGraphWithGradients(scope *model.Scope, variables []*model.Variable, gradients []*graph.Node)

	// Clear deletes the state.
	Clear(scope *model.Scope) error
}

// StatePath is the scope of the optimizers' state.
const StatePath = "/optimizers"

// Minimize adds to the graph of loss, a float scalar, one step of an optimizer on all trainable variables
// that the graph uses. Trainers do this themselves.
func Minimize(optimizer Interface, store *model.Store, loss *graph.Node) {
	variables, gradients := Gradients(store, loss)
	optimizer.UpdateGraphWithGradients(store.Scope(StatePath), variables, gradients)
}

// Gradients returns the trainable variables that loss's graph uses, in order of first use, and the
// gradients of loss with respect to them. It panics with [graph.Error] if there are none.
func Gradients(store *model.Store, loss *graph.Node) ([]*model.Variable, []*graph.Node) {
	var variables []*model.Variable
	var nodes []*graph.Node
	for _, v := range store.VariablesOf(loss.Graph()) {
		if v.Trainable() {
			variables, nodes = append(variables, v), append(nodes, v.NodeBefore(loss))
		}
	}
	if len(variables) == 0 {
		graph.Errorf("the model has no trainable variables: there is nothing to train")
	}
	return variables, graph.Gradient(loss, nodes...)
}

// settings are what all optimizers have in common.
type settings struct {
	name         string
	learningRate float64
	schedule     Schedule
	clipNorm     float64
	clipValue    float64
	decay        float64
	decayFilter  func(v *model.Variable) bool
}

// check panics with [graph.Error] if a setting makes no sense.
func (s *settings) check() {
	switch {
	case !(s.learningRate >= 0):
		graph.Errorf("%s: the learning rate is %g, want 0 or more", s.name, s.learningRate)
	case !(s.clipNorm >= 0) || !(s.clipValue >= 0):
		graph.Errorf("%s: gradients cannot be clipped at a negative limit", s.name)
	case !(s.decay >= 0):
		graph.Errorf("%s: the weight decay is %g, want 0 or more", s.name, s.decay)
	}
}

// decays reports whether weight decay applies to v.
func (s *settings) decays(v *model.Variable) bool {
	return s.decay > 0 && (s.decayFilter == nil || s.decayFilter(v))
}

// begin counts the step and returns its number, from 1, and the learning rate, both as float32 scalars.
func (s *settings) begin(scope *model.Scope, g *graph.Graph) (step, learningRate *graph.Node) {
	counter := scope.VariableWithValue("step", int64(0)).SetTrainable(false)
	counter.SetNodeValue(graph.AddScalar(counter.NodeValue(g), 1))
	step = graph.ConvertDType(counter.NodeValue(g), dtypes.Float32)
	rate := s.learningRate
	if p := model.GetParamOr(scope, ParamLearningRate, 0.0); p != 0 {
		rate = p
	}
	learningRate = graph.Scalar(g, dtypes.Float32, rate)
	if s.schedule != nil {
		learningRate = graph.Mul(learningRate, s.schedule.Graph(graph.AddScalar(step, -1)))
	}
	return step, learningRate.WithAlias("learning_rate")
}

// clip limits the gradients.
func (s *settings) clip(gradients []*graph.Node) []*graph.Node {
	if s.clipValue > 0 {
		gradients = ClipValue(gradients, s.clipValue)
	}
	if s.clipNorm > 0 {
		gradients = ClipGlobalNorm(gradients, s.clipNorm)
	}
	return gradients
}

// ClipValue limits every element of the gradients to [-limit, limit].
func ClipValue(gradients []*graph.Node, limit float64) []*graph.Node {
	out := make([]*graph.Node, len(gradients))
	for i, x := range gradients {
		out[i] = graph.ClipScalar(x, -limit, limit)
	}
	return out
}

// GlobalNorm returns the Euclidean norm of all gradients taken together, a float scalar of the first
// one's dtype, at least float32.
func GlobalNorm(gradients []*graph.Node) *graph.Node {
	dtype := wide(gradients[0].DType())
	var sum *graph.Node
	for _, x := range gradients {
		s := graph.ReduceAllSum(graph.Square(graph.ConvertDType(x, dtype)))
		if sum == nil {
			sum = s
		} else {
			sum = graph.Add(sum, s)
		}
	}
	return graph.Sqrt(sum)
}

// ClipGlobalNorm scales the gradients so that their norm, see [GlobalNorm], is at most limit:
//
//	x · limit / max(norm, limit)
//
// Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2012,
// arXiv:1211.5063, algorithm 1, with the norm over all variables.
func ClipGlobalNorm(gradients []*graph.Node, limit float64) []*graph.Node {
	norm := GlobalNorm(gradients)
	scale := graph.Div(graph.ConstAs(norm, limit), graph.MaxScalar(norm, limit))
	out := make([]*graph.Node, len(gradients))
	for i, x := range gradients {
		out[i] = graph.Mul(x, graph.ConvertDType(scale, x.DType()))
	}
	return out
}

// wide returns the dtype that updates of a variable are computed in: float32 for narrower floats.
func wide(dtype dtypes.DType) dtypes.DType {
	if dtype == dtypes.Float64 {
		return dtype
	}
	return dtypes.Float32
}

// state returns a variable of zeros beside v, in the dtype of its updates, divided like v.
func state(scope *model.Scope, name string, v *model.Variable) *model.Variable {
	shape := shapes.Make(wide(v.DType()), v.Shape().Dimensions...)
	// Paths of variables begin with a slash, so they nest below name.
	parent, leaf := model.SplitPath(v.Path())
	s := scope.WithInitializer(initializers.Zero)
	if parent != "/" {
		s = s.Shared("%s", name+parent)
	} else {
		s = s.Shared("%s", name)
	}
	return s.VariableWithShape(leaf, shape).SetTrainable(false).SetSharding(v.Sharding()...)
}

// value returns v's value in the dtype of its updates.
func value(v *model.Variable, g *graph.Graph) *graph.Node {
	return graph.ConvertDType(v.NodeValue(g), wide(v.DType()))
}

// step returns x - update, in x's dtype: the value that a variable gets.
func subtract(v *model.Variable, x, update *graph.Node) {
	v.SetNodeValue(graph.ConvertDType(graph.Sub(x, update), v.DType()))
}

// as converts a scalar to x's dtype.
func as(x, scalar *graph.Node) *graph.Node { return graph.ConvertDType(scalar, x.DType()) }

// clear deletes the state below scope/name.
func (s *settings) Clear(scope *model.Scope) error {
	path := model.JoinPath(scope.Path(), s.name)
	if err := scope.Store().DeleteVariablesInScope(path); err != nil {
		return fmt.Errorf("clearing %s: %w", s.name, err)
	}
	return nil
}
