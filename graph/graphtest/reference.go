package graphtest

import (
	"context"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Reference returns a backend that runs each op's reference meaning, one after the other: slow, plain,
// and the truth that other backends are compared with. It expands what has no reference.
func Reference() ir.Backend { return reference{} }

type reference struct{}

func (reference) Name() string          { return "reference" }
func (reference) Lowers(c ir.Call) bool { return c.Op.Ref != nil || c.Op.Regions != nil }
func (reference) Close() error          { return nil }

func (reference) Put(t *tensors.Tensor) (ir.Buffer, error) {
	if err := t.CheckValid(); err != nil {
		return nil, err
	}
	return &refBuffer{t.Share()}, nil
}

func (reference) Compile(_ context.Context, p *ir.Program) (ir.Executable, error) {
	return refExecutable{p}, p.Check()
}

type refBuffer struct{ t *tensors.Tensor }

func (b *refBuffer) Shape() shapes.Shape              { return b.t.Shape() }
func (b *refBuffer) ToHost() (*tensors.Tensor, error) { return b.t.Share(), nil }
func (b *refBuffer) Close() error                     { return nil }

type refExecutable struct{ p *ir.Program }

func (e refExecutable) Close() error { return nil }

// Run computes the program. Donation is ignored: nothing is computed in place.
func (e refExecutable) Run(ctx context.Context, inputs []ir.Buffer, _ []bool) (out []ir.Buffer, err error) {
	defer func() {
		if r := recover(); r != nil {
			out, err = nil, fmt.Errorf("reference: %v", r)
		}
	}()
	in := make([]*tensors.Tensor, len(inputs))
	for i, b := range inputs {
		in[i] = b.(*refBuffer).t
	}
	for _, t := range eval(ctx, e.p, in) {
		out = append(out, &refBuffer{t})
	}
	return out, nil
}

// eval runs p on in and panics with an error if that is not possible.
func eval(ctx context.Context, p *ir.Program, in []*tensors.Tensor) []*tensors.Tensor {
	vals := make([]*tensors.Tensor, len(p.Values))
	for i, id := range p.Inputs {
		vals[id] = in[i]
	}
	pick := func(ids []ir.Value) []*tensors.Tensor {
		ts := make([]*tensors.Tensor, len(ids))
		for i, id := range ids {
			ts[i] = vals[id]
		}
		return ts
	}
	for _, instr := range p.Instrs {
		if err := ctx.Err(); err != nil {
			panic(err)
		}
		for i, t := range step(ctx, p, &instr, pick(instr.In)) {
			vals[instr.Out[i]] = t
		}
	}
	return pick(p.Outputs)
}

func step(ctx context.Context, p *ir.Program, instr *ir.Instr, in []*tensors.Tensor) []*tensors.Tensor {
	if instr.Op.Regions != nil {
		own := len(in) - instr.Captured
		regions := make([]ir.Run, len(instr.Regions))
		for i, r := range instr.Regions {
			regions[i] = func(args ...*tensors.Tensor) []*tensors.Tensor {
				return eval(ctx, r, slices.Concat(args, in[own:]))
			}
		}
		return instr.Op.Regions.Ref(instr.Attrs, in[:own], regions)
	}
	out := make([]*tensors.Tensor, len(instr.Out))
	for i, id := range instr.Out {
		t, err := tensors.New(p.Values[id])
		if err != nil {
			panic(err)
		}
		out[i] = t
	}
	instr.Op.Ref(instr.Attrs, out, in)
	return out
}
