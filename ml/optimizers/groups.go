package optimizers

import (
	"errors"
	"fmt"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/model"
)

// Group says which variables an optimizer updates, see [Groups].
type Group struct {
	// Pattern is that of a variable's path, or of a scope around it, as [model.Matches] takes it: "/encoder", "block?/attention", "biases".
	// The empty pattern is that of all variables.
	Pattern string

	// Optimizer updates them; nil for none: they are frozen.
	Optimizer Interface
}

// Groups returns an optimizer of several: each variable is updated by that of the first group whose pattern it matches. So layers have rates of
// their own, or optimizers, and others stay as they are:
//
//	optimizers.Groups(
//		optimizers.Group{Pattern: "/backbone/stem"}, // frozen
//		optimizers.Group{Pattern: "/backbone", Optimizer: optimizers.AdamW().LearningRate(1e-5).Done()},
//		optimizers.Group{Optimizer: optimizers.AdamW().LearningRate(1e-3).Done()})
//
// No gradients are computed for what is frozen, here or by [model.Store.FreezeVariables]. It panics with [graph.Error] if a variable is in no group, or if
// the model has none of a group: that is mostly a typing mistake. What is limited together, such as a global norm, is limited within a group.
func Groups(groups ...Group) Interface { return &grouped{groups: groups} }

// Frozen returns an optimizer that leaves variables as they are that match one of the patterns, see [Group], and lets inner update the others.
func Frozen(inner Interface, patterns ...string) Interface {
	var groups []Group
	for _, p := range patterns {
		groups = append(groups, Group{Pattern: p})
	}
	return Groups(append(groups, Group{Optimizer: inner})...)
}

type grouped struct{ groups []Group }

// groupOf returns the number of v's group, -1 if it is in none.
func (o *grouped) groupOf(v *model.Variable) int {
	for i, g := range o.groups {
		if g.Pattern == "" || model.Matches(g.Pattern, v.Path()) {
			return i
		}
	}
	return -1
}

// Trains reports whether the optimizer changes v, see [Selective].
func (o *grouped) Trains(v *model.Variable) bool {
	i := o.groupOf(v)
	return i < 0 || o.groups[i].Optimizer != nil && trains(o.groups[i].Optimizer, v)
}

// UpdateGraphWithGradients lets each group's optimizer update its variables.
func (o *grouped) UpdateGraphWithGradients(scope *model.Scope, variables []*model.Variable, gradients []*graph.Node) {
	if len(variables) != len(gradients) {
		graph.Errorf("Groups: got %d variables and %d gradients, want one for each", len(variables), len(gradients))
	}
	variablesOf, gradientsOf := make([][]*model.Variable, len(o.groups)), make([][]*graph.Node, len(o.groups))
	for i, v := range variables {
		if v == nil {
			graph.Errorf("Groups: a variable is nil")
		}
		k := o.groupOf(v)
		if k < 0 {
			graph.Errorf("Groups: the variable %s is in no group: give the last group an empty pattern, for all others", v.Path())
		}
		variablesOf[k], gradientsOf[k] = append(variablesOf[k], v), append(gradientsOf[k], gradients[i])
	}
	for k, g := range o.groups {
		switch {
		case len(variablesOf[k]) == 0 && g.Pattern != "" && !o.matchesAny(scope.Store(), k):
			hint := ""
			if near := scope.Store().Near(g.Pattern); near != "" {
				hint = fmt.Sprintf(": do you mean %q?", near)
			}
			graph.Errorf("Groups: the model has no variable of the pattern %q of group %d%s", g.Pattern, k, hint)
		case g.Optimizer != nil && len(variablesOf[k]) > 0:
			g.Optimizer.UpdateGraphWithGradients(scope, variablesOf[k], gradientsOf[k])
		}
	}
}

// matchesAny reports whether a variable of the store is in group k.
func (o *grouped) matchesAny(store *model.Store, k int) bool {
	for v := range store.IterVariables() {
		if o.groupOf(v) == k {
			return true
		}
	}
	return false
}

// Clear deletes the state of all.
func (o *grouped) Clear(scope *model.Scope) (err error) {
	for k, g := range o.groups {
		if g.Optimizer == nil {
			continue
		}
		if e := g.Optimizer.Clear(scope); e != nil {
			err = errors.Join(err, fmt.Errorf("group %d: %w", k, e))
		}
	}
	return err
}

// Selective is an optimizer that does not change all trainable variables: those of which it says so get no gradients, see [Minimize].
type Selective interface {
	Interface
	Trains(v *model.Variable) bool
}

// trains reports whether an optimizer changes v.
func trains(o Interface, v *model.Variable) bool {
	t, ok := o.(Selective)
	return !ok || t.Trains(v)
}
