package graph

import (
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
)

// ExecOneOutput is an [Exec] for a function with one result.
type ExecOneOutput struct{ *Exec }

// ExecTwoOutputs is an [Exec] for a function with two results.
type ExecTwoOutputs struct{ *Exec }

// ExecThreeOutputs is an [Exec] for a function with three results.
type ExecThreeOutputs struct{ *Exec }

// NewExec1 is [NewExec] for a function with one result, whose calls return just that.
func NewExec1[F ExecGraphFnOneOutput](backend Backend, graphFn F) (*ExecOneOutput, error) {
	e, err := newExec(backend, nil, graphFn)
	return &ExecOneOutput{e}, err
}

// NewExec2 is [NewExec] for a function with two results, whose calls return just these.
func NewExec2[F twoOutputs](backend Backend, graphFn F) (*ExecTwoOutputs, error) {
	e, err := newExec(backend, nil, graphFn)
	return &ExecTwoOutputs{e}, err
}

// NewExec3 is [NewExec] for a function with three results, whose calls return just these.
func NewExec3[F threeOutputs](backend Backend, graphFn F) (*ExecThreeOutputs, error) {
	e, err := newExec(backend, nil, graphFn)
	return &ExecThreeOutputs{e}, err
}

// MustNewExec1 is [NewExec1]; it panics on an error.
func MustNewExec1[F ExecGraphFnOneOutput](backend ir.Backend, graphFn F) *ExecOneOutput {
	return must(NewExec1(backend, graphFn))
}

// MustNewExec2 is [NewExec2]; it panics on an error.
func MustNewExec2[F twoOutputs](backend Backend, graphFn F) *ExecTwoOutputs {
	return must(NewExec2(backend, graphFn))
}

// MustNewExec3 is [NewExec3]; it panics on an error.
func MustNewExec3[F threeOutputs](backend Backend, graphFn F) *ExecThreeOutputs {
	return must(NewExec3(backend, graphFn))
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
