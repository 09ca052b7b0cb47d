package model

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
)

// wrapper is a function that changes what a model makes at the paths of a pattern, from outside.
type wrapper struct {
	pattern pattern
	by      string // the method that took it
	used    *atomic.Bool

	again    bool                                                               // gradients compute what is within a layer again
	result   func(scope *Scope, y *graph.Node) *graph.Node                      // of a layer's result
	variable func(scope *Scope, w *graph.Node) *graph.Node                      // of what a layer reads of a variable
	instead  func(scope *Scope, g *graph.Graph, shape shapes.Shape) *graph.Node // in the place of a variable
}

func (s *Store) addWrapper(w wrapper, missing bool) error {
	if err := checkPattern(w.by, string(w.pattern)); err != nil {
		return err
	}
	if missing {
		return fmt.Errorf("model.%s(%q): the function is nil", w.by, string(w.pattern))
	}
	w.used = new(atomic.Bool)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrappers = append(s.wrappers, w)
	s.generation++ // graphs built before are compiled again
	return nil
}

// wrappersOf returns the wrappers of a path, in the order in which they were added, and notes that they are used.
func (s *Store) wrappersOf(path string, kind func(w wrapper) bool) (list []wrapper) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.wrappers {
		if kind(w) && w.pattern.matches(path) {
			w.used.Store(true)
			list = append(list, w)
		}
	}
	return list
}

// checkWrappers returns an error if a wrapper matches nothing: it is mostly a typing mistake.
func (s *Store) checkWrappers() error {
	s.mu.Lock()
	wrappers := slices.Clone(s.wrappers)
	s.mu.Unlock()
	for _, w := range wrappers {
		if !w.used.Load() {
			return fmt.Errorf("model: %s(%q): the model has no layer or variable of this path%s", w.by, string(w.pattern), didYouMean(s, string(w.pattern)))
		}
	}
	return nil
}

// WrapResults changes what layers make, from outside of the model: wherever a layer whose scope has a path of the pattern tells
// its result y ([Scope.Result]), the model goes on with what wrap returns. Variables that wrap makes are in the layer's scope:
//
//	store.WrapResults("block?/attn", func(scope *model.Scope, y *graph.Node) *graph.Node {
//		return graph.Add(y, layers.Dense(scope.In("adapter"), y, true, y.Dim(-1)))
//	})
//
// The pattern is that of [Capture]. Several wrappers of one layer follow each other. Graphs built before are compiled again. It
// returns an error if the pattern is malformed; one that matches nothing is an error when a model is built. A store that is made of
// a [State] has no wrappers: functions cannot be saved.
func (s *Store) WrapResults(pathPattern string, wrap func(scope *Scope, y *graph.Node) *graph.Node) error {
	return s.addWrapper(wrapper{pattern: pattern(pathPattern), by: "WrapResults", result: wrap}, wrap == nil)
}

// RecomputeResults is gradient checkpointing by layer pattern: gradients of layers whose scope has a path of the pattern store what goes into the
// layer alone, and before they go back through it they compute again what is within. That takes less memory, for the time of another forward
// pass through these layers. Losses, gradients and what is learnt stay the same, with dropout and batch norms too; bit for bit on the engine go, up to
// how an engine such as XLA rounds what it fuses:
//
//	err := store.RecomputeResults("block*") // what is between entering the scope block0, block1, … and its [Scope.Result]
//
// A block of several layers tells its result for that, as in the example of [Scope.Result]; layers of package layers do. Where layers that are meant lie in each other, what
// is within the inner ones is computed again, and their results are stored. In models that
// an [Exec] builds it concerns results outside of loops (within, see [graph.ScanBuilder.Recompute]). train.DryRun tells what memory a step needs. See
// [Store.WrapResults] for patterns and errors, and [graph.Node.RecomputeSince].
//
// It is PyTorch's torch.utils.checkpoint, Lightning's and FSDP's activation checkpointing of modules.
func (s *Store) RecomputeResults(pathPattern string) error {
	return s.addWrapper(wrapper{pattern: pattern(pathPattern), by: "RecomputeResults", again: true}, false)
}

// recompute lets gradients compute again what a scope's result is made of, if a rule says so.
func (s *Scope) recompute(y *graph.Node) {
	if len(s.store.wrappersOf(s.path, func(w wrapper) bool { return w.again })) > 0 && s.vars != nil {
		y.RecomputeSince(s.since)
	}
}

// WrapVariables changes what layers read of variables, from outside of the model: where a layer asks for a variable whose path is
// one of the pattern, it gets what wrap makes of its value w, of the same shape and dtype. The variable itself stays what is trained, saved and
// counted. Variables that wrap makes lie below the variable's path; see [Store.WrapResults] for patterns and errors.
func (s *Store) WrapVariables(pathPattern string, wrap func(scope *Scope, w *graph.Node) *graph.Node) error {
	return s.addWrapper(wrapper{pattern: pattern(pathPattern), by: "WrapVariables", variable: wrap}, wrap == nil)
}

// ReplaceVariables makes variables needless: a layer that asks for one whose path is of the pattern gets what value returns, of the
// shape that it asks for, and no variable is made. See [Store.WrapResults] for patterns and errors.
func (s *Store) ReplaceVariables(pathPattern string, value func(scope *Scope, g *graph.Graph, shape shapes.Shape) *graph.Node) error {
	return s.addWrapper(wrapper{pattern: pattern(pathPattern), by: "ReplaceVariables", instead: value}, value == nil)
}

// TieVariables makes layers that ask for a variable whose path is of the pattern use the one at another path, transposed if it has the transposed
// shape: the same numbers are trained by both. So the readout of a language model can be that of its embedding:
//
//	store.TieVariables("readout/weights", "/embed/embeddings") // [C, V] and [V, C]
//
// The other variable must have been made before it is used; see [Store.WrapResults] for patterns and errors.
func (s *Store) TieVariables(pathPattern, to string) error {
	to = JoinPath(to)
	return s.addWrapper(wrapper{pattern: pattern(pathPattern), by: "TieVariables", instead: func(scope *Scope, g *graph.Graph, shape shapes.Shape) *graph.Node {
		v := s.GetVariable(to)
		if v == nil {
			graph.Errorf("variable %q is tied to %q, which has not been made: the layer that makes it must come first", scope.path, to)
		}
		w := v.NodeValue(g)
		if scope.precision.kept(shape).DType == w.DType() { // a layer computes in another dtype than variables are kept in
			w = graph.ConvertDType(w, shape.DType)
		}
		dims := w.Shape().Dimensions
		if !w.Shape().Equal(shape) && len(dims) == 2 && shape.Rank() == 2 && dims[0] == shape.Dimensions[1] && dims[1] == shape.Dimensions[0] {
			return graph.Transpose(w, 0, 1)
		}
		return w
	}}, false)
}

// wrapResult applies the wrappers of a scope's result.
func (s *Store) wrapResult(scope *Scope, y *graph.Node) *graph.Node {
	for _, w := range s.wrappersOf(scope.path, func(w wrapper) bool { return w.result != nil }) {
		inner := *scope
		inner.wrapped = true
		if y = w.result(&inner, y); y == nil {
			graph.Errorf("WrapResults(%q): the wrapper of %q returns nil", string(w.pattern), scope.path)
		}
	}
	return y
}

// below returns the scope of what wrappers of a variable make.
func (s *Scope) below(path string) *Scope {
	inner := *s
	inner.path, inner.visits, inner.wrapped, inner.layer = path, map[string]place{}, true, ""
	return &inner
}

// replaced returns a variable that is made of others, nil if there is no rule for one.
func (s *Scope) replaced(path string, shape shapes.Shape, place place) *Variable {
	list := s.store.wrappersOf(path, func(w wrapper) bool { return w.instead != nil })
	if len(list) == 0 || s.wrapped {
		return nil
	}
	w := list[len(list)-1]
	v := &Variable{store: s.store, path: path, shape: shape.Clone(), madeAt: place, gone: fmt.Errorf("model: the variable %q is made of others, by %s(%q): it has no value of its own", path, w.by, string(w.pattern))}
	v.made = func(g *graph.Graph) *graph.Node { return w.instead(s.below(path), g, shape) }
	return v
}

// wrap returns v, or a view of it for layers, whose value in graphs is what wrappers make of v's.
func (s *Scope) wrap(v *Variable) *Variable {
	if s.wrapped {
		return v
	}
	list := s.store.wrappersOf(v.path, func(w wrapper) bool { return w.variable != nil })
	if len(list) == 0 {
		return v
	}
	return &Variable{store: v.store, path: v.path, shape: v.shape, madeAt: v.madeAt, of: v, made: func(g *graph.Graph) *graph.Node {
		value, scope := v.NodeValue(g), s.below(v.path)
		for _, w := range list {
			value = w.variable(scope, value)
		}
		return value
	}}
}

// madeIn returns what a variable that is made of others, or a view, is in a graph.
func (v *Variable) madeIn(g *graph.Graph) (value *graph.Node) {
	g.Outside(func() { value = v.made(g) })
	want := v.shape
	if compute, ok := v.own().viewed(g); ok {
		want = want.WithDType(compute)
	}
	if value == nil || !value.Shape().Equal(want) {
		got := "nil"
		if value != nil {
			got = value.Shape().String()
		}
		graph.Errorf("variable %q is %s: what replaces it is %s", v.path, want, got)
	}
	return value
}
