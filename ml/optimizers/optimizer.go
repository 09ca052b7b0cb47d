package optimizers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ops"
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

// Minimize adds to the graph of loss, a float scalar, one step of an optimizer on the trainable variables
// that the graph uses, all that it trains. Trainers do this themselves.
func Minimize(optimizer Interface, store *model.Store, loss *graph.Node) {
	variables, gradients := GradientsFor(optimizer, store, loss)
	optimizer.UpdateGraphWithGradients(store.Scope(StatePath), variables, gradients)
}

// Gradients returns the trainable variables that loss's graph uses, in order of first use, and the
// gradients of loss with respect to them. It panics with [graph.Error] if there are none.
func Gradients(store *model.Store, loss *graph.Node) ([]*model.Variable, []*graph.Node) {
	return GradientsFor(nil, store, loss)
}

// GradientsFor is [Gradients] of the variables that an optimizer trains, see [Selective].
func GradientsFor(optimizer Interface, store *model.Store, loss *graph.Node) ([]*model.Variable, []*graph.Node) {
	if store == nil {
		graph.Errorf("optimizers: the store of the model's variables is nil")
	}
	if err := store.CheckFrozen(); err != nil {
		graph.Errorf("%w", err)
	}
	var variables []*model.Variable
	var nodes []*graph.Node
	trainable := 0
	for _, v := range store.VariablesOf(loss.Graph()) {
		if !v.Trainable() {
			continue
		}
		trainable++
		if trains(optimizer, v) {
			variables, nodes = append(variables, v), append(nodes, v.NodeBefore(loss))
		}
	}
	switch {
	case trainable == 0:
		graph.Errorf("the model has no trainable variables: there is nothing to train")
	case len(variables) == 0:
		graph.Errorf("the optimizer leaves all %d trainable variables of the model as they are: there is nothing to train", trainable)
	}
	n := len(nodes)
	for _, v := range variables {
		if stepped(v, loss) { // the loss may use both values
			nodes = append(nodes, v.NodeValue(loss))
		}
	}
	gradients := graph.Gradient(loss, nodes...)
	for i, v := range variables {
		if stepped(v, loss) {
			gradients[i] = graph.Add(gradients[i], gradients[n])
			n++
		}
	}
	return variables, gradients[:len(variables)]
}

// stepped reports whether a step before loss has given v its value, through which no gradient goes back. Through one that a model makes of the value
// before, as by clipping it, the gradient with respect to that goes already.
func stepped(v *model.Variable, loss *graph.Node) bool {
	return v.ChangedInGraph(loss.Graph()) && v.NodeValue(loss).Op() == ops.StopGradient
}

// Rule is what makes an optimizer: for one variable θ, with the gradient and the state that u gives, it returns the
// direction d of the step, of θ's shape. The optimizer does the rest:
//
//	θ ← θ - rate · (d + weightDecay · θ)
type Rule func(u *Update) *graph.Node

// Optimizer is a rule with the settings that all optimizers have, see [New].
type Optimizer struct{ settings[*Optimizer] }

// New returns an optimizer that moves each variable as rule says. Its state lies below name in the scope of the
// optimizers' state, so the name is part of what checkpoints hold. All settings work for every rule; the learning
// rate is 0.001 unless set.
//
//	lion := optimizers.New("lion", func(u *optimizers.Update) *graph.Node {
//		m, g := u.State("m"), u.Gradient
//		d := graph.Sign(graph.Add(graph.MulScalar(m.Value(), 0.9), graph.MulScalar(g, 0.1)))
//		m.Set(graph.Add(graph.MulScalar(m.Value(), 0.99), graph.MulScalar(g, 0.01)))
//		return d
//	}).LearningRate(1e-4).WeightDecay(0.1).Done()
func New(name string, rule Rule) *Optimizer {
	o := &Optimizer{}
	o.settings = newSettings(o, name, rule)
	return o
}

// settings are what all optimizers can be told. Setters return the Builder that they are part of, so that each
// builder has them without writing them again.
type settings[Builder any] struct {
	common
	builder Builder
}

func newSettings[Builder any](builder Builder, name string, rule Rule) settings[Builder] {
	return settings[Builder]{common{name: name, rule: rule, learningRate: 1e-3}, builder}
}

// LearningRate sets the step size; the hyperparameter "learning_rate" goes before it.
func (s *settings[Builder]) LearningRate(value float64) Builder {
	s.learningRate = value
	return s.builder
}

// Schedule lets the learning rate change with the steps; nil for a constant one.
func (s *settings[Builder]) Schedule(schedule Schedule) Builder {
	s.schedule = schedule
	return s.builder
}

// WeightDecay sets by how much variables shrink in a step, as a multiple of the learning rate.
func (s *settings[Builder]) WeightDecay(value float64) Builder {
	s.decay = value
	return s.builder
}

// CoupledDecay says whether weight decay is added to the clipped gradient that the rule sees, as that of a penalty
// weightDecay/2 · Σ θ² would be, instead of to the step. It is in [SGD], and in no other optimizer unless set.
func (s *settings[Builder]) CoupledDecay(coupled bool) Builder {
	s.coupled = coupled
	return s.builder
}

// DecayOnly restricts weight decay to the variables that filter accepts. Biases and gains of norms are
// often left out:
//
//	DecayOnly(func(v *model.Variable) bool { return v.Shape().Rank() > 1 })
func (s *settings[Builder]) DecayOnly(filter func(v *model.Variable) bool) Builder {
	s.decayFilter = filter
	return s.builder
}

// ClipGlobalNorm limits the norm of all gradients together, see [ClipGlobalNorm].
func (s *settings[Builder]) ClipGlobalNorm(limit float64) Builder {
	s.clipNorm = limit
	return s.builder
}

// ClipValue limits each element of the gradients, see [ClipValue].
func (s *settings[Builder]) ClipValue(limit float64) Builder {
	s.clipValue = limit
	return s.builder
}

// StateDType sets the float dtype that state is kept in; it is computed in the dtype of the updates all the same.
// Unless set, state is kept as it is computed: in float32, for float64 variables in float64. With bfloat16 the
// state takes half the memory; small changes of slow averages are then lost.
func (s *settings[Builder]) StateDType(dtype dtypes.DType) Builder {
	s.stateDType = dtype
	return s.builder
}

// Gradients adds transforms of the gradients, in their order, before they are clipped and the rule sees them.
func (s *settings[Builder]) Gradients(transforms ...Transform) Builder {
	s.transforms = append(s.transforms, transforms...)
	return s.builder
}

// Directions adds transforms of the directions that the rule returns, in their order, before weight decay is added and
// the learning rate multiplies them.
func (s *settings[Builder]) Directions(transforms ...Transform) Builder {
	s.after = append(s.after, transforms...)
	return s.builder
}

// Done returns the optimizer.
func (s *settings[Builder]) Done() Interface {
	if o, ok := any(s.builder).(Interface); ok && (s.rule != nil || s.joint != nil) {
		return o
	}
	return &s.common // a zero value: its first update says so
}

// common holds the settings, and does what optimizers have in common.
type common struct {
	name         string
	rule         Rule
	joint        func(updates []*Update) []*graph.Node // a rule that sees all variables at once, instead of rule
	learningRate float64
	schedule     Schedule
	clipNorm     float64
	clipValue    float64
	decay        float64
	coupled      bool
	decayFilter  func(v *model.Variable) bool
	stateDType   dtypes.DType
	transforms   []Transform // of gradients
	after        []Transform // of directions
}

// check panics with [graph.Error] if a setting makes no sense.
func (c *common) check() {
	switch {
	case c.rule == nil && c.joint == nil:
		graph.Errorf("optimizer %q has no rule: make it with New, Adam or SGD", c.name)
	case c.name == "" || strings.Contains(c.name, "/"):
		graph.Errorf("optimizer %q: its name must not be empty or contain a slash, it is part of the paths of its state", c.name)
	case !(c.learningRate >= 0):
		graph.Errorf("%s: the learning rate is %g, want 0 or more", c.name, c.learningRate)
	case !(c.clipNorm >= 0) || !(c.clipValue >= 0):
		graph.Errorf("%s: gradients cannot be clipped at a negative limit", c.name)
	case !(c.decay >= 0):
		graph.Errorf("%s: the weight decay is %g, want 0 or more", c.name, c.decay)
	case c.stateDType != dtypes.Invalid && !c.stateDType.IsFloat():
		graph.Errorf("%s: the dtype of state is %s, want a float", c.name, c.stateDType)
	}
}

// UpdateGraphWithGradients adds the update of each variable to the graph. It panics with [graph.Error] if a setting
// makes no sense.
func (c *common) UpdateGraphWithGradients(scope *model.Scope, variables []*model.Variable, gradients []*graph.Node) {
	c.check()
	updates := c.begin(scope, variables, gradients)
	for _, u := range updates {
		if c.decay > 0 && (c.decayFilter == nil || c.decayFilter(u.Variable)) {
			u.decay = c.decay
		}
		if u.decay > 0 && c.coupled {
			u.Gradient, u.decay = graph.Add(u.Gradient, graph.MulScalar(u.Value, u.decay)), 0
		}
	}
	directions := c.transform(c.after, updates, c.directions(updates))
	for i, u := range updates {
		d := directions[i]
		if d == nil || !d.Shape().Equal(u.Value.Shape()) {
			graph.Errorf("%s: the rule returns %s for the variable %s, want a direction %s", c.name, shapeOf(d), u.Variable.Path(), u.Value.Shape())
		}
		if u.decay > 0 {
			d = graph.Add(d, graph.MulScalar(u.Value, u.decay))
		}
		if u.next == nil {
			u.next = graph.Sub(u.Value, graph.Mul(u.as(u.LearningRate), d))
		}
		u.set(u.next)
	}
}

// directions returns what the rule makes of the updates.
func (c *common) directions(updates []*Update) []*graph.Node {
	if c.joint != nil {
		return c.joint(updates)
	}
	out := make([]*graph.Node, len(updates))
	for i, u := range updates {
		out[i] = c.rule(u)
	}
	return out
}

// transform applies transforms, one after the other, to a node for each update.
func (c *common) transform(list []Transform, updates []*Update, xs []*graph.Node) []*graph.Node {
	for i, t := range list {
		if t == nil {
			graph.Errorf("%s: transform %d is nil", c.name, i)
		}
		before := xs
		xs = t(updates, slices.Clone(xs))
		if len(xs) != len(before) {
			graph.Errorf("%s: transform %d returns %d nodes for %d variables", c.name, i, len(xs), len(before))
		}
		for j, x := range xs {
			if x == nil || before[j] != nil && !x.Shape().Equal(before[j].Shape()) {
				graph.Errorf("%s: transform %d makes %s of %s for the variable %s: want the same shape", c.name, i, shapeOf(x), shapeOf(before[j]), updates[j].Variable.Path())
			}
		}
	}
	return xs
}

func shapeOf(x *graph.Node) string {
	if x == nil {
		return "nil"
	}
	return x.Shape().String()
}

// begin counts the steps, clips the gradients, and returns what there is to update.
func (c *common) begin(scope *model.Scope, variables []*model.Variable, gradients []*graph.Node) []*Update {
	if len(variables) == 0 || len(variables) != len(gradients) {
		graph.Errorf("%s: got %d variables and %d gradients, want one for each, and one at least", c.name, len(variables), len(gradients))
	}
	if slices.Contains(variables, nil) {
		graph.Errorf("%s: a variable is nil", c.name)
	}
	g := gradients[0].Graph()
	scope = c.stateScope(scope, variables, g)
	wideGradients := make([]*graph.Node, len(gradients))
	for i, v := range variables {
		wideGradients[i] = graph.ConvertDType(gradients[i], wide(v.DType()))
	}
	if len(c.transforms) == 0 {
		wideGradients = c.clip(wideGradients)
	}
	updates := make([]*Update, len(variables))
	var last *graph.Node // the largest number of a step
	for i, v := range variables {
		step := count(scope, v, g)
		if i == 0 {
			last = step
		} else if c.schedule != nil {
			last = graph.Max(last, step)
		}
		u := &Update{Variable: v, Gradient: wideGradients[i], raw: gradients[i], scope: scope, stateDType: c.stateDType, name: c.name}
		u.Value = u.value(g)
		u.Step = graph.ConvertDType(step, dtypes.Float32)
		updates[i] = u
	}
	rate := c.rate(scope, g, last)
	for _, u := range updates {
		u.LearningRate = rate
	}
	if len(c.transforms) > 0 { // they may want the updates, so what clips comes after them
		for i, x := range c.clip(c.transform(c.transforms, updates, wideGradients)) {
			updates[i].Gradient = x
		}
	}
	return updates
}

// rate returns the learning rate of the given step, counted from 1: a float32 scalar.
func (c *common) rate(scope *model.Scope, g *graph.Graph, step *graph.Node) *graph.Node {
	value := c.learningRate
	if p := model.GetParamOr(scope, ParamLearningRate, 0.0); p != 0 {
		value = p
	}
	rate := graph.Scalar(g, dtypes.Float32, value)
	if c.schedule != nil {
		factor := c.schedule.Graph(graph.ConvertDType(graph.AddScalar(step, -1), dtypes.Float32))
		if factor == nil || !factor.Shape().Equal(rate.Shape()) {
			graph.Errorf("%s: the schedule returns %s for a step, want a %s", c.name, shapeOf(factor), rate.Shape())
		}
		rate = graph.Mul(rate, factor)
	}
	factor, err := rateFactor(scope.Store())
	if err != nil {
		graph.Errorf("%s: %w", c.name, err)
	}
	if factor != nil {
		rate = graph.Mul(rate, factor.NodeValue(g))
	}
	return rate
}

// clip limits the gradients.
func (c *common) clip(gradients []*graph.Node) []*graph.Node {
	if c.clipValue > 0 {
		gradients = ClipValue(gradients, c.clipValue)
	}
	if c.clipNorm > 0 {
		gradients = ClipGlobalNorm(gradients, c.clipNorm)
	}
	return gradients
}

// stateScope returns the scope below scope that the optimizer keeps its state in: the first of adam, adam_2, …
// in which nothing that lies beside one of the variables belongs to somebody else in this graph, another optimizer
// of the same variables or the model.
func (c *common) stateScope(scope *model.Scope, variables []*model.Variable, g *graph.Graph) *model.Scope {
	paths := map[string]bool{}
	for _, v := range variables {
		paths[v.Path()] = true
	}
	for n := 1; ; n++ {
		own, taken := scope.Shared("%s", numbered(c.name, n)), false
		for other := range own.IterVariables() {
			_, path, nested := strings.Cut(strings.TrimPrefix(other.Path(), own.Path()+"/"), "/") // behind the name of the state
			taken = taken || nested && paths["/"+path] && (other.ChangedInGraph(g) || other.Trainable() && other.InUseByGraph(g))
		}
		if !taken {
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

// Clear deletes the state of all optimizers of this name below scope.
func (c *common) Clear(scope *model.Scope) error {
	for n := 1; ; n++ {
		path := model.JoinPath(scope.Path(), numbered(c.name, n))
		if n > 1 && scope.Store().Scope(path).NumVariables() == 0 {
			return nil
		}
		if err := scope.Store().DeleteVariablesInScope(path); err != nil {
			return fmt.Errorf("clearing %s: %w", c.name, err)
		}
	}
}
