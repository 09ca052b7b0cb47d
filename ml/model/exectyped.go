package model

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
)

// ExecGraphFn lists the functions that build a graph with variables: from a scope and a graph alone, or up
// to six inputs or a slice of any number of them, to up to three results or a slice.
type ExecGraphFn interface {
	ExecGraphFnOneOutput | twoOutputs | threeOutputs | to[[]*graph.Node]
}

// ExecGraphFnOneOutput lists the functions that build a graph with one result.
type ExecGraphFnOneOutput interface{ to[*graph.Node] }

// to lists the functions whose results are an R.
type to[R any] interface {
	func(*Scope, *graph.Graph) R | func(*Scope, []*graph.Node) R |
		func(*Scope, *graph.Node) R | func(*Scope, *graph.Node, *graph.Node) R |
		func(*Scope, *graph.Node, *graph.Node, *graph.Node) R | func(*Scope, *graph.Node, *graph.Node, *graph.Node, *graph.Node) R |
		func(*Scope, *graph.Node, *graph.Node, *graph.Node, *graph.Node, *graph.Node) R | func(*Scope, *graph.Node, *graph.Node, *graph.Node, *graph.Node, *graph.Node, *graph.Node) R
}

// twoOutputs lists the functions with two results.
type twoOutputs interface {
	func(*Scope, *graph.Graph) (*graph.Node, *graph.Node) | func(*Scope, []*graph.Node) (*graph.Node, *graph.Node) |
		func(*Scope, *graph.Node) (*graph.Node, *graph.Node) | func(*Scope, *graph.Node, *graph.Node) (*graph.Node, *graph.Node) |
		func(*Scope, *graph.Node, *graph.Node, *graph.Node) (*graph.Node, *graph.Node) | func(*Scope, *graph.Node, *graph.Node, *graph.Node, *graph.Node) (*graph.Node, *graph.Node) |
		func(*Scope, *graph.Node, *graph.Node, *graph.Node, *graph.Node, *graph.Node) (*graph.Node, *graph.Node) | func(*Scope, *graph.Node, *graph.Node, *graph.Node, *graph.Node, *graph.Node, *graph.Node) (*graph.Node, *graph.Node)
}

// threeOutputs lists the functions with three results.
type threeOutputs interface {
	func(*Scope, *graph.Graph) (*graph.Node, *graph.Node, *graph.Node) | func(*Scope, []*graph.Node) (*graph.Node, *graph.Node, *graph.Node) |
		func(*Scope, *graph.Node) (*graph.Node, *graph.Node, *graph.Node) | func(*Scope, *graph.Node, *graph.Node) (*graph.Node, *graph.Node, *graph.Node) |
		func(*Scope, *graph.Node, *graph.Node, *graph.Node) (*graph.Node, *graph.Node, *graph.Node) | func(*Scope, *graph.Node, *graph.Node, *graph.Node, *graph.Node) (*graph.Node, *graph.Node, *graph.Node) |
		func(*Scope, *graph.Node, *graph.Node, *graph.Node, *graph.Node, *graph.Node) (*graph.Node, *graph.Node, *graph.Node) | func(*Scope, *graph.Node, *graph.Node, *graph.Node, *graph.Node, *graph.Node, *graph.Node) (*graph.Node, *graph.Node, *graph.Node)
}

// NewExec1 is [NewExec] for a function with one result, whose calls return just that. The result is a [graph.Exec]; what
// only an [Exec] has, such as a mesh, is for [NewExec], and its Call1.
func NewExec1[F ExecGraphFnOneOutput](backend graph.Backend, store *Store, graphFn F) (*graph.ExecOneOutput, error) {
	e, err := newExec(backend, store, graphFn)
	if err != nil {
		return nil, err
	}
	return &graph.ExecOneOutput{Exec: e.Exec}, nil
}

// MustNewExec1 is [NewExec1]; it panics on an error.
func MustNewExec1[F ExecGraphFnOneOutput](backend graph.Backend, store *Store, graphFn F) *graph.ExecOneOutput {
	return must(NewExec1(backend, store, graphFn))
}

// NewExec2 is [NewExec] for a function with two results, whose calls return just these.
func NewExec2[F twoOutputs](backend graph.Backend, store *Store, graphFn F) (*graph.ExecTwoOutputs, error) {
	e, err := newExec(backend, store, graphFn)
	if err != nil {
		return nil, err
	}
	return &graph.ExecTwoOutputs{Exec: e.Exec}, nil
}

// MustNewExec2 is [NewExec2]; it panics on an error.
func MustNewExec2[F twoOutputs](backend graph.Backend, store *Store, graphFn F) *graph.ExecTwoOutputs {
	return must(NewExec2(backend, store, graphFn))
}

// NewExec3 is [NewExec] for a function with three results, whose calls return just these.
func NewExec3[F threeOutputs](backend graph.Backend, store *Store, graphFn F) (*graph.ExecThreeOutputs, error) {
	e, err := newExec(backend, store, graphFn)
	if err != nil {
		return nil, err
	}
	return &graph.ExecThreeOutputs{Exec: e.Exec}, nil
}

// MustNewExec3 is [NewExec3]; it panics on an error.
func MustNewExec3[F threeOutputs](backend graph.Backend, store *Store, graphFn F) *graph.ExecThreeOutputs {
	return must(NewExec3(backend, store, graphFn))
}

// CallOnce builds, compiles and runs a function with one result on args, and keeps nothing but the
// variables. Hyperparameters that the function does not ask for are fine.
func CallOnce[F ExecGraphFnOneOutput](backend graph.Backend, store *Store, graphFn F, args ...any) (*tensors.Tensor, error) {
	e, err := newExec(backend, store, graphFn)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	return e.AllowUnknownParams().Call1(args...)
}

// CallOnceN is [CallOnce] for functions with any number of results.
func CallOnceN[F ExecGraphFn](backend graph.Backend, store *Store, graphFn F, args ...any) ([]*tensors.Tensor, error) {
	e, err := newExec(backend, store, graphFn)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	return e.AllowUnknownParams().Call(args...)
}

// MustCallOnce is [CallOnce]; it panics on an error.
func MustCallOnce[F ExecGraphFnOneOutput](backend graph.Backend, store *Store, graphFn F, args ...any) *tensors.Tensor {
	return must(CallOnce(backend, store, graphFn, args...))
}

// MustCallOnceN is [CallOnceN]; it panics on an error.
func MustCallOnceN[F ExecGraphFn](backend graph.Backend, store *Store, graphFn F, args ...any) []*tensors.Tensor {
	return must(CallOnceN(backend, store, graphFn, args...))
}
