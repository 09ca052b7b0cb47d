package gocpu

import (
	"context"
	"errors"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// meaning runs an op with regions that is not known here, such as one of a user's package: its reference meaning, on
// copies of what it gets, with compiled bodies.
type meaning struct {
	ref      func(attrs any, in []*tensors.Tensor, regions []ir.Run) []*tensors.Tensor
	attrs    any
	in, out  []shapes.Shape // in: of the operands, without what is captured
	branches []*code
}

// errBody carries an error of a body through the op's meaning.
type errBody struct{ error }

func (m *meaning) exec(ctx context.Context, a *kernels.Args, at *site) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case errBody:
			err = r.error
		default:
			panic(r) // as of every kernel
		}
	}()
	in := make([]*tensors.Tensor, len(m.in))
	for i, s := range m.in {
		in[i] = must(tensors.FromBytes(s, a.In[i]))
	}
	runs := make([]ir.Run, len(m.branches))
	for i, b := range m.branches {
		runs[i] = func(own ...*tensors.Tensor) []*tensors.Tensor {
			return run(ctx, b, own, a.In[len(m.in):], at.region(i))
		}
	}
	out := m.ref(m.attrs, in, runs)
	if len(out) != len(m.out) {
		return errors.New("its meaning returns another number of results than its shape rule says")
	}
	for i, t := range out {
		if !t.Shape().Equal(m.out[i]) {
			return errors.New("its meaning returns other shapes than its shape rule says")
		}
		if err := t.ConstBytes(func(data []byte) { copy(a.Out[i], data) }); err != nil {
			return err
		}
	}
	return nil
}

// run runs a body on its own inputs and what it captures.
func run(ctx context.Context, body *code, own []*tensors.Tensor, captured [][]byte, at *site) []*tensors.Tensor {
	if err := ctx.Err(); err != nil {
		panic(errBody{err})
	}
	if len(own)+len(captured) != len(body.inputs) {
		panic(errBody{errors.New("its meaning runs a function with another number of inputs than its shape rule says")})
	}
	in := make([][]byte, 0, len(body.inputs))
	for _, t := range own {
		data := aligned(t.ByteSize())
		if err := t.ConstBytes(func(from []byte) { copy(data, from) }); err != nil {
			panic(errBody{err})
		}
		in = append(in, data)
	}
	in = append(in, captured...)
	out := make([][]byte, len(body.results))
	for i, s := range body.results {
		out[i] = aligned(s.ByteSize())
	}
	if err := body.exec(ctx, in, out, at); err != nil {
		panic(errBody{err})
	}
	results := make([]*tensors.Tensor, len(out))
	for i, s := range body.results {
		results[i] = must(tensors.FromBytes(s, out[i]))
	}
	return results
}

func (m *meaning) bodies() []*code { return m.branches }
