package optimizers

import (
	"math"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/model"
)

// Update is one step of one variable, as a [Rule] sees it. Value, Gradient and state have the dtype that updates are
// computed in: float32, or float64 for float64 variables.
type Update struct {
	Variable     *model.Variable // what is updated
	Value        *graph.Node     // θ
	Gradient     *graph.Node     // of θ's shape; clipped, and with the weight decay in it if that is coupled
	Step         *graph.Node     // number of this update of the variable, from 1: a float32 scalar
	LearningRate *graph.Node     // of this step: a float32 scalar; the optimizer multiplies by it, not the rule

	raw   *graph.Node // the gradient as it was given
	decay float64     // that is still to be added to the direction
	next  *graph.Node // the variable's value after the step, if the rule says it itself

	name       string       // of the optimizer
	scope      *model.Scope // of its state
	stateDType dtypes.DType
	states     map[string]*State
}

// State is a named piece of state beside a variable. It is saved in checkpoints, and divided over a mesh as the
// variable is if it has its shape.
type State struct {
	v     *model.Variable
	value *graph.Node // as computed, not yet rounded to the dtype of v
}

// Slot says what a piece of state is like. The zero value is state like the variable, of zeros.
type Slot struct {
	Dims    []int                    // nil for those of the variable; []int{} for a scalar
	DType   dtypes.DType             // unset for that of StateDType, or else of the update
	Initial initializers.Initializer // nil for zeros
}

// Names of state that all optimizers may keep.
const (
	stepState   = "step"
	masterState = "master"
)

// State returns the state of the given name, like the variable and 0 at the beginning.
func (u *Update) State(name string) *State { return u.StateOf(name, Slot{}) }

// StateOf returns the state of the given name, as slot says it is to be.
func (u *Update) StateOf(name string, slot Slot) *State {
	if u == nil || u.Variable == nil || u.scope == nil {
		graph.Errorf("the update is nil, or a zero Update: an optimizer passes one to its rule")
	}
	if name == "" || strings.Contains(name, "/") || name == stepState || name == masterState {
		graph.Errorf("%s: %q is no name of state: it must not be empty, contain a slash, or be %q or %q", u.name, name, stepState, masterState)
	}
	if slot.DType == dtypes.Invalid {
		slot.DType = u.stateDType
	}
	return u.state(name, slot)
}

// state is StateOf for all names and dtypes.
func (u *Update) state(name string, slot Slot) *State {
	if slot.DType == dtypes.Invalid {
		slot.DType = wide(u.Variable.DType())
	}
	if s := u.states[name]; s != nil {
		if dims := s.v.Shape().Dimensions; s.v.DType() != slot.DType || !slices.Equal(dims, slotDims(slot, u.Variable)) {
			graph.Errorf("%s: the state %q is asked for as %s and as %s", u.name, name, s.v.Shape(), shapes.Make(slot.DType, slotDims(slot, u.Variable)...))
		}
		return s
	}
	if slot.Initial == nil {
		slot.Initial = initializers.Zero
	}
	dims, sharding := u.Variable.Shape().Dimensions, u.Variable.Sharding()
	if slot.Dims != nil && !slices.Equal(slot.Dims, dims) {
		dims, sharding = slot.Dims, nil
	}
	parent, leaf := model.SplitPath(statePath(u.scope, name, u.Variable))
	v := u.scope.Store().Scope(parent).WithInitializer(slot.Initial).VariableWithShape(leaf, shapes.Make(slot.DType, dims...))
	s := &State{v: v.SetTrainable(false).SetSharding(sharding...)}
	s.value = v.NodeValue(u.Gradient)
	if slot.DType.IsFloat() {
		s.value = graph.ConvertDType(s.value, wide(u.Variable.DType()))
	}
	if u.states == nil {
		u.states = map[string]*State{}
	}
	u.states[name] = s
	return s
}

// slotDims returns the dimensions of a piece of v's state.
func slotDims(slot Slot, v *model.Variable) []int {
	if slot.Dims != nil {
		return slot.Dims
	}
	return v.Shape().Dimensions
}

// statePath returns the path of a piece of v's state. Paths of variables begin with a slash, so they nest
// below the name.
func statePath(scope *model.Scope, name string, v *model.Variable) string {
	return model.JoinPath(scope.Path(), name, v.Path())
}

// Value returns the state: what it was before the step, or what [State.Set] made of it. Floats have the dtype of the
// update, whatever they are kept in.
func (s *State) Value() *graph.Node { return s.value }

// Set makes x what the state is after the step, rounded to the dtype that it is kept in, and returns x.
func (s *State) Set(x *graph.Node) *graph.Node {
	if s == nil || s.v == nil {
		graph.Errorf("the state is nil, or a zero State: Update.State returns one")
	}
	s.v.SetNodeValue(graph.ConvertDType(x, s.v.DType()))
	s.value = x
	return x
}

// Average moves the state of the given name towards x and returns it: m ← beta · m + (1 - beta) · x.
func (u *Update) Average(name string, x *graph.Node, beta float64) *graph.Node {
	m := u.State(name)
	return m.Set(average(m.Value(), x, beta))
}

// average returns β·mean + (1-β)·x.
func average(mean, x *graph.Node, beta float64) *graph.Node {
	return graph.Add(graph.MulScalar(mean, beta), graph.MulScalar(x, 1-beta))
}

// BiasCorrection returns 1 - βᵗ for step t, what an [Update.Average] that began with 0 is divided by to be a mean of
// what it has seen: a scalar of the dtype of the update.
func (u *Update) BiasCorrection(beta float64) *graph.Node {
	if beta == 0 {
		return u.as(graph.OnesLike(u.Step))
	}
	// As -expm1(t·log β), which stays exact for β near 1 in float32.
	return u.as(graph.Neg(graph.Expm1(graph.MulScalar(u.Step, math.Log(beta)))))
}

// unbiased divides an average by its [Update.BiasCorrection]: as a product, since of what a step does with each number divisions
// take the longest.
func (u *Update) unbiased(average *graph.Node, beta float64) *graph.Node {
	return graph.Mul(average, graph.Reciprocal(u.BiasCorrection(beta)))
}

// as converts a scalar to the dtype of the update.
func (u *Update) as(scalar *graph.Node) *graph.Node {
	return graph.ConvertDType(scalar, u.Value.DType())
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

// wide returns the dtype that updates of a variable are computed in: float32 for narrower floats.
func wide(dtype dtypes.DType) dtypes.DType {
	if dtype == dtypes.Float64 {
		return dtype
	}
	return dtypes.Float32
}

// value returns the variable's value in the dtype of its updates. Of a narrow one that is the master copy: the
// variable alone would lose all updates that are less than half of its last place, which most are. Where it is not the
// rounded master, it was set by somebody else since, or never updated, and counts itself.
func (u *Update) value(g *graph.Graph) *graph.Node {
	x := u.Variable.NodeValue(g)
	if !u.narrow() {
		return x
	}
	return masterOr(u.state(masterState, Slot{}).Value(), x)
}

// masterOr returns the master copy of the narrow value x where x is what rounding leaves of it, and x elsewhere.
func masterOr(master, x *graph.Node) *graph.Node {
	return graph.Where(graph.Equal(graph.ConvertDType(master, x.DType()), x), master, graph.ConvertDType(x, master.DType()))
}

// narrow reports whether the variable has a master copy.
func (u *Update) narrow() bool { return wide(u.Variable.DType()) != u.Variable.DType() }

// set gives the variable the value x, rounded to its dtype, and its master copy, if it is narrow, the value itself. What is built on it afterwards, as the
// loss of a second network, takes it as it is: its gradients do not go back through the step.
func (u *Update) set(x *graph.Node) {
	if u.narrow() {
		u.state(masterState, Slot{}).Set(x)
	}
	u.Variable.SetNodeValue(graph.StopGradient(graph.ConvertDType(x, u.Variable.DType())))
}

// TakeWeightDecay returns the weight decay of this variable, 0 if it has none or if that is coupled, and leaves it to the rule: it
// is not added to the direction any more. It is for rules that scale the decay with the step, such as [LAMB].
func (u *Update) TakeWeightDecay() float64 {
	decay := u.decay
	u.decay = 0
	return decay
}

// first reports whether this is the variable's first step: a bool scalar.
func (u *Update) first() *graph.Node { return graph.Equal(u.Step, graph.OnesLike(u.Step)) }

// begun returns the state of the given name, which is the variable's value before its first step.
func (u *Update) begun(name string) *State {
	s := u.State(name)
	s.value = graph.Where(u.first(), u.Value, s.value)
	return s
}

// scalar returns a piece of state that is one number, and is 0 at the beginning.
func (u *Update) scalar(name string) *State { return u.StateOf(name, Slot{Dims: []int{}}) }

// powers returns base^t for the step t, as a float64 scalar: what is small is the difference of such numbers.
func (u *Update) power(base float64) *graph.Node {
	return graph.Exp(graph.MulScalar(u.step64(), math.Log(base)))
}

// step64 returns the number of the step as a float64.
func (u *Update) step64() *graph.Node { return graph.ConvertDType(u.Step, dtypes.Float64) }
