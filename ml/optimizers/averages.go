package optimizers

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/model"
)

// averageState is the name of the state in which an average of a variable's values is kept, whoever keeps it.
const averageState = "average"

// EMA lets inner update variables, and keeps beside each the exponential moving average of its values,
//
//	a ← decay · a + (1 - decay) · θ
//
// which begins with the first θ. [UseAverages] evaluates and saves the model with it. decay is in [0, 1): 0.999 remembers about a thousand
// steps.
//
// Source: Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992; in the form of PyTorch's AveragedModel.
func EMA(inner Interface, decay float64) Interface {
	return &wrapper{inner: inner, name: "ema", after: func(u *Update, x *graph.Node) *graph.Node {
		if !(decay >= 0 && decay < 1) {
			graph.Errorf("EMA: decay is %g, want 0 or more and less than 1", decay)
		}
		a := u.State(averageState)
		a.Set(graph.Where(u.first(), x, average(a.Value(), x, decay)))
		return nil
	}}
}

// SWA lets inner update variables, and keeps beside each the mean of the values that it has from step begin on, counted from 0, after every so
// many steps:
//
//	n ← n + 1,   a ← a + (θ - a) / n
//
// [UseAverages] evaluates and saves the model with it; before there is a mean, the average is the variable itself. Statistics of batch norms are not those of
// the averaged model: let it see some batches of training.
//
// Source: Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", 2018, arXiv:1803.05407, algorithm 1.
func SWA(inner Interface, begin, every int) Interface {
	return &wrapper{inner: inner, name: "swa", after: func(u *Update, x *graph.Node) *graph.Node {
		if begin < 0 || every < 1 {
			graph.Errorf("SWA: begin at step %d and every %d steps, want 0 or more and 1 or more", begin, every)
		}
		a, n := u.State(averageState), u.StateOf("count", Slot{Dims: []int{}, DType: dtypes.Float32})
		since := graph.AddScalar(u.Step, float32(-1-begin))
		due := graph.LogicalAnd(graph.IsNonNegative(since), graph.IsZero(graph.ModScalar(since, float32(every))))
		count := graph.Add(n.Value(), u.as(graph.ConvertDType(due, dtypes.Float32)))
		n.Set(count)
		mean := graph.Add(a.Value(), graph.Div(graph.Sub(x, a.Value()), graph.MaxScalar(count, 1)))
		mean = graph.Where(due, mean, a.Value())
		a.Set(graph.Where(graph.IsZero(count), x, mean))
		return nil
	}}
}

// Lookahead lets inner make so many steps, and goes then a part of the way that they went: every so many steps
//
//	φ ← φ + alpha · (θ - φ),   θ ← φ
//
// where φ is the value before the first step. every is 5 or 6, alpha 0.5 or 0.8.
//
// Source: Zhang et al., "Lookahead Optimizer: k steps forward, 1 step back", 2019, arXiv:1907.08610, algorithm 1.
func Lookahead(inner Interface, every int, alpha float64) Interface {
	return &wrapper{inner: inner, name: "lookahead", after: func(u *Update, x *graph.Node) *graph.Node {
		if every < 1 || !(alpha > 0 && alpha <= 1) {
			graph.Errorf("Lookahead: every %d steps by %g, want 1 or more and a part of 1", every, alpha)
		}
		slow := u.begun("slow")
		moved := graph.Add(slow.Value(), graph.MulScalar(graph.Sub(x, slow.Value()), alpha))
		due := graph.IsZero(graph.ModScalar(u.Step, float32(every)))
		slow.Set(graph.Where(due, moved, slow.Value()))
		return graph.Where(due, moved, x)
	}}
}

// wrapper does something after an optimizer's update of each variable: after gets the new value, and returns another one or nil. Of the update it has
// Value, what the variable was before the step, and state.
type wrapper struct {
	inner Interface
	name  string
	after func(u *Update, x *graph.Node) *graph.Node
}

// Trains reports whether the optimizer changes v.
func (w *wrapper) Trains(v *model.Variable) bool { return trains(w.inner, v) }

// UpdateGraphWithGradients adds the update.
func (w *wrapper) UpdateGraphWithGradients(scope *model.Scope, variables []*model.Variable, gradients []*graph.Node) {
	if w.inner == nil {
		graph.Errorf("%s: the optimizer within is nil", w.name)
	}
	if len(variables) == 0 || len(variables) != len(gradients) || slices.Contains(variables, nil) {
		w.inner.UpdateGraphWithGradients(scope, variables, gradients) // which says what is wrong
		return
	}
	g := gradients[0].Graph()
	before := make([]*graph.Node, len(variables))
	for i, v := range variables {
		before[i] = v.NodeValue(g)
	}
	old := nodesOf(mastersIn(scope), g)
	w.inner.UpdateGraphWithGradients(scope, variables, gradients)
	now := mastersIn(scope)
	c := &common{name: w.name}
	own := c.stateScope(scope, variables, g)
	for i, v := range variables {
		u := &Update{Variable: v, Gradient: gradients[i], scope: own, name: w.name}
		u.Step = graph.ConvertDType(count(own, v, g), dtypes.Float32)
		u.Value = graph.ConvertDType(before[i], wide(v.DType()))
		value := graph.ConvertDType(v.NodeValue(g), u.Value.DType())
		master := changedMaster(now, old, v, g)
		if master != nil { // the variable is what rounding leaves of it
			was := old[master]
			if was == nil {
				was = master.NodeBefore(g)
			}
			u.Value, value = masterOr(was, before[i]), master.NodeValue(g)
		}
		x := w.after(u, value)
		if x == nil {
			continue
		}
		v.SetNodeValue(graph.StopGradient(graph.ConvertDType(x, v.DType()))) // as Update.set does
		if master != nil {
			master.SetNodeValue(x)
		}
	}
}

// mastersIn returns the master copies of narrow variables that optimizers keep below a scope.
func mastersIn(scope *model.Scope) (all []*model.Variable) {
	for v := range scope.IterVariables() {
		if strings.Contains(strings.TrimPrefix(v.Path(), scope.Path()), "/"+masterState+"/") {
			all = append(all, v)
		}
	}
	return all
}

// nodesOf returns the values in a graph of the variables that it uses.
func nodesOf(variables []*model.Variable, g *graph.Graph) map[*model.Variable]*graph.Node {
	nodes := map[*model.Variable]*graph.Node{}
	for _, v := range variables {
		if v.InUseByGraph(g) {
			nodes[v] = v.NodeValue(g)
		}
	}
	return nodes
}

// changedMaster returns v's master copy that a graph has given another value than it had before, nil if there is none.
func changedMaster(masters []*model.Variable, before map[*model.Variable]*graph.Node, v *model.Variable, g *graph.Graph) (changed *model.Variable) {
	for _, m := range masters {
		if strings.HasSuffix(m.Path(), "/"+masterState+v.Path()) && m.ChangedInGraph(g) && m.NodeValue(g) != before[m] {
			changed = m
		}
	}
	return changed
}

// Clear deletes the state of both.
func (w *wrapper) Clear(scope *model.Scope) error {
	if w.inner == nil {
		return fmt.Errorf("%s: the optimizer within is nil", w.name)
	}
	return errors.Join((&common{name: w.name}).Clear(scope), w.inner.Clear(scope))
}

// UseAverages gives the variables of a store the averages of their values that [EMA], [SWA] or [ScheduleFree] keep, to evaluate the model with them, to
// predict, or to save it. restore gives them back what they had: call it before training goes on, or the averages are what is trained from there. Variables
// without an average, such as statistics of batch norms, stay as they are.
//
//	restore, err := optimizers.UseAverages(store)
//	…
//	results, err := trainer.Eval(test)
//	…
//	err = restore()
//
// It returns an error if the store has no averages, or two of one variable. No step may run meanwhile.
func UseAverages(store *model.Store) (restore func() error, err error) {
	if store == nil {
		return nil, errors.New("optimizers.UseAverages: the store is nil")
	}
	averages := map[*model.Variable]*model.Variable{}
	var order []*model.Variable
	for a := range store.Scope(StatePath).IterVariables() {
		_, path, ok := strings.Cut(a.Path(), "/"+averageState+"/")
		if !ok {
			continue
		}
		v := store.GetVariable("/" + path)
		if v == nil || !slices.Equal(v.Shape().Dimensions, a.Shape().Dimensions) {
			continue
		}
		if other := averages[v]; other != nil {
			return nil, fmt.Errorf("optimizers.UseAverages: the variable %q has two averages, %q and %q: delete one with DeleteVariable", v.Path(), other.Path(), a.Path())
		}
		averages[v], order = a, append(order, v)
	}
	if len(order) == 0 {
		return nil, errors.New("optimizers.UseAverages: the store has no averages: train with EMA, SWA or ScheduleFree before")
	}
	old := make([]*tensors.Tensor, len(order))
	for i, v := range order {
		if old[i], err = v.Value(); err != nil {
			return nil, err
		}
	}
	restore = func() error {
		var err error
		for i, v := range order {
			err = errors.Join(err, v.SetValue(old[i]))
		}
		return err
	}
	for _, v := range order {
		x, err := averages[v].Value()
		if err == nil {
			x, err = x.ConvertDType(v.DType())
		}
		if err == nil {
			err = v.SetValue(x)
		}
		if err != nil {
			return nil, errors.Join(err, restore())
		}
	}
	return restore, nil
}
