package optimizers

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
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

// update is what an optimizer does to one variable in one graph.
type update struct {
	v        *model.Variable
	scope    *model.Scope // of the optimizer's state
	x        *graph.Node  // v's value, in the dtype of its updates
	gradient *graph.Node  // in the same dtype, clipped
	step     *graph.Node  // the number of this update of v, from 1: a float32 scalar
}

// begin counts the steps, clips the gradients, and returns what there is to update and the learning rate, a
// float32 scalar. states are the names of the state that the optimizer keeps beside each variable.
func (s *settings) begin(scope *model.Scope, variables []*model.Variable, gradients []*graph.Node, states ...string) (updates []update, learningRate *graph.Node) {
	if len(variables) == 0 || len(variables) != len(gradients) {
		graph.Errorf("%s: got %d variables and %d gradients, want one for each, and one at least", s.name, len(variables), len(gradients))
	}
	if slices.Contains(variables, nil) {
		graph.Errorf("%s: a variable is nil", s.name)
	}
	g := gradients[0].Graph()
	scope = s.stateScope(scope, variables, g, append(states, stepState, masterState))
	wideGradients := make([]*graph.Node, len(gradients))
	for i, v := range variables {
		wideGradients[i] = graph.ConvertDType(gradients[i], wide(v.DType()))
	}
	wideGradients = s.clip(wideGradients)
	var last *graph.Node // the largest number of a step
	for i, v := range variables {
		step := count(scope, v, g)
		if i == 0 {
			last = step
		} else if s.schedule != nil {
			last = graph.Max(last, step)
		}
		updates = append(updates, update{v, scope, value(scope, v, g), wideGradients[i], graph.ConvertDType(step, dtypes.Float32)})
	}
	rate := s.learningRate
	if p := model.GetParamOr(scope, ParamLearningRate, 0.0); p != 0 {
		rate = p
	}
	learningRate = graph.Scalar(g, dtypes.Float32, rate)
	if s.schedule != nil {
		learningRate = graph.Mul(learningRate, s.schedule.Graph(graph.ConvertDType(graph.AddScalar(last, -1), dtypes.Float32)))
	}
	return updates, learningRate
}

// Names of state that all optimizers may keep.
const (
	stepState   = "step"
	masterState = "master"
)

// stateScope returns the scope below scope that the optimizer keeps its state in: the first of adam, adam_2, …
// in which no path that it needs belongs to somebody else in this graph, another optimizer of the same
// variables or the model.
func (s *settings) stateScope(scope *model.Scope, variables []*model.Variable, g *graph.Graph, states []string) *model.Scope {
	for n := 1; ; n++ {
		own := scope.Shared("%s", numbered(s.name, n))
		if !slices.ContainsFunc(variables, func(v *model.Variable) bool {
			return slices.ContainsFunc(states, func(state string) bool {
				other := scope.Store().GetVariable(statePath(own, state, v))
				return other != nil && (other.ChangedInGraph(g) || other.Trainable() && other.InUseByGraph(g))
			})
		}) {
			return own
		}
	}
}

func numbered(name string, n int) string {
	if n == 1 {
		return name
	}
	return fmt.Sprintf("%s_%d", name, n)
}

// count counts the steps that v has made and returns their number, with this one: an int64 scalar. Each variable
// has its own, so that optimizers of different variables, in one graph or in several, do not count for each
// other, and one that is trained later than others begins at its beginning.
func count(scope *model.Scope, v *model.Variable, g *graph.Graph) *graph.Node {
	before := int64(0)
	if old := scope.GetVariable(stepState); old != nil && old.Shape().Equal(shapes.Make(dtypes.Int64)) { // once there was one for all
		if t, err := old.Value(); err == nil {
			before = tensors.ToScalar[int64](t)
		}
	}
	parent, leaf := model.SplitPath(statePath(scope, stepState, v))
	counter := scope.Store().Scope(parent).VariableWithValue(leaf, before).SetTrainable(false)
	counter.SetSharding() // whatever a pattern says that v's path ends with
	counter.SetNodeValue(graph.AddScalar(counter.NodeValue(g), 1))
	return counter.NodeValue(g)
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
// one's dtype, at least float32. It is computed as M·√Σ(x/M)², M the largest |x|: squares of gradients that are
// finite may not be.
func GlobalNorm(gradients []*graph.Node) *graph.Node {
	largest, norm := scaledNorm(gradients)
	return graph.Where(graph.IsFinite(largest), graph.Mul(largest, norm), largest)
}

// scaledNorm returns M, the largest |x|, and √Σ(x/M)², which is 0 if all are.
func scaledNorm(gradients []*graph.Node) (largest, norm *graph.Node) {
	if len(gradients) == 0 {
		graph.Errorf("the norm of gradients: got none, want one at least")
	}
	dtype := wide(gradients[0].DType())
	var values []*graph.Node
	for _, x := range gradients {
		if x.Shape().Size() == 0 {
			continue
		}
		x = graph.ConvertDType(x, dtype)
		values = append(values, x)
		m := graph.ReduceAllMax(graph.Abs(x))
		if largest == nil {
			largest = m
		} else {
			largest = graph.Max(largest, m)
		}
	}
	if values == nil {
		zero := graph.ScalarZero(gradients[0].Graph(), dtype)
		return zero, zero
	}
	unit := graph.Where(graph.IsZero(largest), graph.OnesLike(largest), largest)
	var sum *graph.Node
	for _, x := range values {
		s := graph.ReduceAllSum(graph.Square(graph.Div(x, unit)))
		if sum == nil {
			sum = s
		} else {
			sum = graph.Add(sum, s)
		}
	}
	return largest, graph.Sqrt(sum)
}

// ClipGlobalNorm scales the gradients so that their norm, see [GlobalNorm], is at most limit:
//
//	x · limit / max(norm, limit)
//
// Gradients that are not finite make all of them NaN: nothing is hidden by clipping.
//
// Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2012,
// arXiv:1211.5063, algorithm 1, with the norm over all variables.
func ClipGlobalNorm(gradients []*graph.Node, limit float64) []*graph.Node {
	largest, norm := scaledNorm(gradients)
	scale := graph.MinScalar(graph.Div(graph.Div(graph.ConstAs(largest, limit), largest), norm), 1)
	scale = graph.Where(graph.IsZero(largest), graph.OnesLike(scale), scale) // 0/0
	out := make([]*graph.Node, len(gradients))
	for i, x := range gradients {
		dtype := wide(x.DType()) // a float16 might hold no such scale
		y := graph.Mul(graph.ConvertDType(x, dtype), graph.ConvertDType(scale, dtype))
		out[i] = graph.ConvertDType(y, x.DType())
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

// statePath returns the path of a piece of v's state. Paths of variables begin with a slash, so they nest
// below the name.
func statePath(scope *model.Scope, name string, v *model.Variable) string {
	return model.JoinPath(scope.Path(), name, v.Path())
}

// state returns a variable of zeros beside v, in the dtype of its updates, divided like v.
func state(scope *model.Scope, name string, v *model.Variable) *model.Variable {
	shape := shapes.Make(wide(v.DType()), v.Shape().Dimensions...)
	parent, leaf := model.SplitPath(statePath(scope, name, v))
	s := scope.Store().Scope(parent).WithInitializer(initializers.Zero)
	return s.VariableWithShape(leaf, shape).SetTrainable(false).SetSharding(v.Sharding()...)
}

// state returns the variable of the given name beside the one that is updated.
func (u *update) state(name string) *model.Variable { return state(u.scope, name, u.v) }

// value returns v's value in the dtype of its updates. Of a narrow v that is the master copy: v alone would lose
// all updates that are less than half of its last place, which most are. Where v is not the rounded master, it was
// set by somebody else since, or never updated, and counts itself.
func value(scope *model.Scope, v *model.Variable, g *graph.Graph) *graph.Node {
	x := v.NodeValue(g)
	if wide(v.DType()) == v.DType() {
		return x
	}
	master := state(scope, masterState, v).NodeValue(g)
	return graph.Where(graph.Equal(graph.ConvertDType(master, v.DType()), x), master, graph.ConvertDType(x, master.DType()))
}

// subtract gives the variable the value x - d, rounded to its dtype, and its master copy, if it is narrow, the
// value itself.
func (u *update) subtract(d *graph.Node) {
	x := graph.Sub(u.x, d)
	if x.DType() != u.v.DType() {
		u.state(masterState).SetNodeValue(x)
	}
	u.v.SetNodeValue(graph.ConvertDType(x, u.v.DType()))
}

// as converts a scalar to x's dtype.
func as(x, scalar *graph.Node) *graph.Node { return graph.ConvertDType(scalar, x.DType()) }

// Clear deletes the state of all optimizers of this kind below scope.
func (s *settings) Clear(scope *model.Scope) error {
	for n := 1; ; n++ {
		path := model.JoinPath(scope.Path(), numbered(s.name, n))
		if n > 1 && scope.Store().Scope(path).NumVariables() == 0 {
			return nil
		}
		if err := scope.Store().DeleteVariablesInScope(path); err != nil {
			return fmt.Errorf("clearing %s: %w", s.name, err)
		}
	}
}
