package train

import (
	"reflect"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/model"
)

// ModelFn lists the functions that can be a model: from a scope and one input, several inputs, or a
// batch's spec and its inputs, to one prediction or several.
type ModelFn interface {
	func(scope *model.Scope, input *graph.Node) *graph.Node |
		func(scope *model.Scope, input *graph.Node) []*graph.Node |
		func(scope *model.Scope, inputs []*graph.Node) *graph.Node |
		func(scope *model.Scope, inputs []*graph.Node) []*graph.Node |
		func(scope *model.Scope, spec any, inputs []*graph.Node) *graph.Node |
		func(scope *model.Scope, spec any, inputs []*graph.Node) []*graph.Node
}

// canonicalModel is the most general of the forms of ModelFn.
type canonicalModel func(scope *model.Scope, spec any, inputs []*graph.Node) []*graph.Node

// canonical brings a ModelFn into that form; nil becomes nil.
func canonical(fn any) canonicalModel {
	if reflect.ValueOf(fn).IsNil() {
		return nil
	}
	one := func(inputs []*graph.Node) *graph.Node {
		if len(inputs) != 1 {
			graph.Errorf("the model takes one input, the batch has %d", len(inputs))
		}
		return inputs[0]
	}
	switch fn := fn.(type) {
	case func(*model.Scope, *graph.Node) *graph.Node:
		return func(s *model.Scope, _ any, in []*graph.Node) []*graph.Node { return []*graph.Node{fn(s, one(in))} }
	case func(*model.Scope, *graph.Node) []*graph.Node:
		return func(s *model.Scope, _ any, in []*graph.Node) []*graph.Node { return fn(s, one(in)) }
	case func(*model.Scope, []*graph.Node) *graph.Node:
		return func(s *model.Scope, _ any, in []*graph.Node) []*graph.Node { return []*graph.Node{fn(s, in)} }
	case func(*model.Scope, []*graph.Node) []*graph.Node:
		return func(s *model.Scope, _ any, in []*graph.Node) []*graph.Node { return fn(s, in) }
	case func(*model.Scope, any, []*graph.Node) *graph.Node:
		return func(s *model.Scope, spec any, in []*graph.Node) []*graph.Node {
			return []*graph.Node{fn(s, spec, in)}
		}
	default:
		return fn.(func(*model.Scope, any, []*graph.Node) []*graph.Node)
	}
}
