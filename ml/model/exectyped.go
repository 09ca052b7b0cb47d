package model

import (
	"fmt"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
)

// ExecGraphFnOneOutput lists the functions that build a graph with one result.
type ExecGraphFnOneOutput interface {
	func(*Scope, *graph.Graph) *graph.Node | func(*Scope, []*graph.Node) *graph.Node |
		func(*Scope, *graph.Node) *graph.Node | func(*Scope, *graph.Node, *graph.Node) *graph.Node |
		func(*Scope, *graph.Node, *graph.Node, *graph.Node) *graph.Node | func(*Scope, *graph.Node, *graph.Node, *graph.Node, *graph.Node) *graph.Node |
		func(*Scope, *graph.Node, *graph.Node, *graph.Node, *graph.Node, *graph.Node) *graph.Node | func(*Scope, *graph.Node, *graph.Node, *graph.Node, *graph.Node, *graph.Node, *graph.Node) *graph.Node
}

// ExecGraphFnTwoOutputs lists the functions that build a graph with two results.
type ExecGraphFnTwoOutputs interface {
	func(*Scope, *graph.Graph) (*graph.Node, *graph.Node) | func(*Scope, []*graph.Node) (*graph.Node, *graph.Node) |
		func(*Scope, *graph.Node) (*graph.Node, *graph.Node) | func(*Scope, *graph.Node, *graph.Node) (*graph.Node, *graph.Node) |
		func(*Scope, *graph.Node, *graph.Node, *graph.Node) (*graph.Node, *graph.Node) | func(*Scope, *graph.Node, *graph.Node, *graph.Node, *graph.Node) (*graph.Node, *graph.Node) |
		func(*Scope, *graph.Node, *graph.Node, *graph.Node, *graph.Node, *graph.Node) (*graph.Node, *graph.Node) | func(*Scope, *graph.Node, *graph.Node, *graph.Node, *graph.Node, *graph.Node, *graph.Node) (*graph.Node, *graph.Node)
}

// ExecGraphFnThreeOutputs lists the functions that build a graph with three results.
type ExecGraphFnThreeOutputs interface {
	func(*Scope, *graph.Graph) (*graph.Node, *graph.Node, *graph.Node) | func(*Scope, []*graph.Node) (*graph.Node, *graph.Node, *graph.Node) |
		func(*Scope, *graph.Node) (*graph.Node, *graph.Node, *graph.Node) | func(*Scope, *graph.Node, *graph.Node) (*graph.Node, *graph.Node, *graph.Node) |
		func(*Scope, *graph.Node, *graph.Node, *graph.Node) (*graph.Node, *graph.Node, *graph.Node) | func(*Scope, *graph.Node, *graph.Node, *graph.Node, *graph.Node) (*graph.Node, *graph.Node, *graph.Node) |
		func(*Scope, *graph.Node, *graph.Node, *graph.Node, *graph.Node, *graph.Node) (*graph.Node, *graph.Node, *graph.Node) | func(*Scope, *graph.Node, *graph.Node, *graph.Node, *graph.Node, *graph.Node, *graph.Node) (*graph.Node, *graph.Node, *graph.Node)
}

// ExecGraphFnSlice lists the functions that build a graph with any number of results.
type ExecGraphFnSlice interface {
	func(*Scope, *graph.Graph) []*graph.Node | func(*Scope, []*graph.Node) []*graph.Node |
		func(*Scope, *graph.Node) []*graph.Node | func(*Scope, *graph.Node, *graph.Node) []*graph.Node |
		func(*Scope, *graph.Node, *graph.Node, *graph.Node) []*graph.Node | func(*Scope, *graph.Node, *graph.Node, *graph.Node, *graph.Node) []*graph.Node |
		func(*Scope, *graph.Node, *graph.Node, *graph.Node, *graph.Node, *graph.Node) []*graph.Node | func(*Scope, *graph.Node, *graph.Node, *graph.Node, *graph.Node, *graph.Node, *graph.Node) []*graph.Node
}

// ExecGraphFn lists the functions that build a graph with variables: from a scope and a graph alone, or up
// to six inputs or a slice of any number of them, to up to three results or a slice.
type ExecGraphFn interface {
	ExecGraphFnOneOutput | ExecGraphFnTwoOutputs | ExecGraphFnThreeOutputs | ExecGraphFnSlice
}

// ExecOneOutput is an [Exec] for a function with one result.
type ExecOneOutput struct{ *Exec }

// ExecTwoOutputs is an [Exec] for a function with two results.
type ExecTwoOutputs struct{ *Exec }

// ExecThreeOutputs is an [Exec] for a function with three results.
type ExecThreeOutputs struct{ *Exec }

// NewExec1 is [NewExec] for a function with one result, whose calls return just that.
func NewExec1[F ExecGraphFnOneOutput](backend graph.Backend, store *Store, graphFn F) (*ExecOneOutput, error) {
	e, err := newExec(backend, store, graphFn)
	return &ExecOneOutput{e}, err
}

// MustNewExec1 is [NewExec1]; it panics on an error.
func MustNewExec1[F ExecGraphFnOneOutput](backend graph.Backend, store *Store, graphFn F) *ExecOneOutput {
	return must(NewExec1(backend, store, graphFn))
}

// NewExec2 is [NewExec] for a function with two results, whose calls return just these.
func NewExec2[F ExecGraphFnTwoOutputs](backend graph.Backend, store *Store, graphFn F) (*ExecTwoOutputs, error) {
	e, err := newExec(backend, store, graphFn)
	return &ExecTwoOutputs{e}, err
}

// MustNewExec2 is [NewExec2]; it panics on an error.
func MustNewExec2[F ExecGraphFnTwoOutputs](backend graph.Backend, store *Store, graphFn F) *ExecTwoOutputs {
	return must(NewExec2(backend, store, graphFn))
}

// NewExec3 is [NewExec] for a function with three results, whose calls return just these.
func NewExec3[F ExecGraphFnThreeOutputs](backend graph.Backend, store *Store, graphFn F) (*ExecThreeOutputs, error) {
	e, err := newExec(backend, store, graphFn)
	return &ExecThreeOutputs{e}, err
}

// MustNewExec3 is [NewExec3]; it panics on an error.
func MustNewExec3[F ExecGraphFnThreeOutputs](backend graph.Backend, store *Store, graphFn F) *ExecThreeOutputs {
	return must(NewExec3(backend, store, graphFn))
}

// Call is [Exec.Call1].
func (e *ExecOneOutput) Call(args ...any) (*tensors.Tensor, error) { return e.Call1(args...) }

// MustCall is [Exec.MustCall1].
func (e *ExecOneOutput) MustCall(args ...any) *tensors.Tensor { return e.MustCall1(args...) }

// Call is [Exec.Call2].
func (e *ExecTwoOutputs) Call(args ...any) (*tensors.Tensor, *tensors.Tensor, error) {
	return e.Call2(args...)
}

// MustCall is [Exec.MustCall2].
func (e *ExecTwoOutputs) MustCall(args ...any) (*tensors.Tensor, *tensors.Tensor) {
	return e.MustCall2(args...)
}

// Call is [Exec.Call3].
func (e *ExecThreeOutputs) Call(args ...any) (*tensors.Tensor, *tensors.Tensor, *tensors.Tensor, error) {
	return e.Call3(args...)
}

// MustCall is [Exec.MustCall3].
func (e *ExecThreeOutputs) MustCall(args ...any) (*tensors.Tensor, *tensors.Tensor, *tensors.Tensor) {
	return e.MustCall3(args...)
}

func (e *Exec) callN(n int, args []any) ([]*tensors.Tensor, error) {
	out, err := e.Call(args...)
	if err == nil && len(out) != n {
		err = fmt.Errorf("%q has %d results, not %d", e.name, len(out), n)
	}
	if err != nil {
		return make([]*tensors.Tensor, n), err
	}
	return out, nil
}

// Call1 is [Exec.Call] for functions with one result.
func (e *Exec) Call1(args ...any) (*tensors.Tensor, error) {
	out, err := e.callN(1, args)
	return out[0], err
}

// Call2 is [Exec.Call] for functions with two results.
func (e *Exec) Call2(args ...any) (*tensors.Tensor, *tensors.Tensor, error) {
	out, err := e.callN(2, args)
	return out[0], out[1], err
}

// Call3 is [Exec.Call] for functions with three results.
func (e *Exec) Call3(args ...any) (*tensors.Tensor, *tensors.Tensor, *tensors.Tensor, error) {
	out, err := e.callN(3, args)
	return out[0], out[1], out[2], err
}

// Call4 is [Exec.Call] for functions with four results.
func (e *Exec) Call4(args ...any) (*tensors.Tensor, *tensors.Tensor, *tensors.Tensor, *tensors.Tensor, error) {
	out, err := e.callN(4, args)
	return out[0], out[1], out[2], out[3], err
}

// MustCall is [Exec.Call]; it panics on an error.
func (e *Exec) MustCall(args ...any) []*tensors.Tensor { return must(e.Call(args...)) }

// MustCallWithGraph is [Exec.CallWithGraph]; it panics on an error.
func (e *Exec) MustCallWithGraph(args ...any) ([]*tensors.Tensor, *graph.Graph) {
	out, g, err := e.CallWithGraph(args...)
	return must(out, err), g
}

// MustCall1 is [Exec.Call1]; it panics on an error.
func (e *Exec) MustCall1(args ...any) *tensors.Tensor { return must(e.Call1(args...)) }

// MustCall2 is [Exec.Call2]; it panics on an error.
func (e *Exec) MustCall2(args ...any) (*tensors.Tensor, *tensors.Tensor) {
	out := must(e.callN(2, args))
	return out[0], out[1]
}

// MustCall3 is [Exec.Call3]; it panics on an error.
func (e *Exec) MustCall3(args ...any) (*tensors.Tensor, *tensors.Tensor, *tensors.Tensor) {
	out := must(e.callN(3, args))
	return out[0], out[1], out[2]
}

// MustCall4 is [Exec.Call4]; it panics on an error.
func (e *Exec) MustCall4(args ...any) (*tensors.Tensor, *tensors.Tensor, *tensors.Tensor, *tensors.Tensor) {
	out := must(e.callN(4, args))
	return out[0], out[1], out[2], out[3]
}

// CallOnce builds, compiles and runs a function with one result on args, and keeps nothing but the
// variables. Hyperparameters that the function does not ask for are fine.
func CallOnce[F ExecGraphFnOneOutput](backend graph.Backend, store *Store, graphFn F, args ...any) (*tensors.Tensor, error) {
	e, err := newExec(backend, store, graphFn)
	if err != nil {
		return nil, err
	}
	defer e.Finalize()
	return e.AllowUnknownParams().Call1(args...)
}

// CallOnceN is [CallOnce] for functions with any number of results.
func CallOnceN[F ExecGraphFn](backend graph.Backend, store *Store, graphFn F, args ...any) ([]*tensors.Tensor, error) {
	e, err := newExec(backend, store, graphFn)
	if err != nil {
		return nil, err
	}
	defer e.Finalize()
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
