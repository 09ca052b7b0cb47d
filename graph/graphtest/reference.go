package graphtest

import (
	"context"
	"fmt"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Reference returns a backend that runs each op's reference meaning, one after the other: slow, plain,
// and the truth that other backends are compared with. It expands what has no reference.
func Reference() graph.Backend { return reference{} }

type reference struct{}

func (reference) Name() string                                { return "reference" }
func (reference) Lowers(op *graph.Op) bool                    { return op.Ref != nil || op.Bodies > 0 }
func (reference) Close() error                                { return nil }
func (reference) Put(t *tensors.Tensor) (graph.Buffer, error) { return &refBuffer{t}, nil }

func (reference) Compile(_ context.Context, p *graph.Program) (graph.Executable, error) {
	return refExecutable{p}, p.Check()
}

type refBuffer struct{ t *tensors.Tensor }

func (b *refBuffer) Shape() shapes.Shape              { return b.t.Shape() }
func (b *refBuffer) ToHost() (*tensors.Tensor, error) { return b.t.Share(), nil }
func (b *refBuffer) Close() error                     { return nil }

type refExecutable struct{ p *graph.Program }

func (e refExecutable) Close() error { return nil }

// Run computes the program. Donation is ignored: nothing is computed in place.
func (e refExecutable) Run(ctx context.Context, inputs []graph.Buffer, _ []bool) (out []graph.Buffer, err error) {
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
func eval(ctx context.Context, p *graph.Program, in []*tensors.Tensor) []*tensors.Tensor {
	vals := make([]*tensors.Tensor, len(p.Values))
	for i, id := range p.Inputs {
		vals[id] = in[i]
	}
	pick := func(ids []graph.ValueID) []*tensors.Tensor {
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

func step(ctx context.Context, p *graph.Program, instr *graph.Instr, in []*tensors.Tensor) []*tensors.Tensor {
	switch instr.Op.Name {
	case "If":
		if tensors.ToScalar[bool](in[0]) {
			return eval(ctx, instr.Bodies[0], in[1:])
		}
		return eval(ctx, instr.Bodies[1], in[1:])
	case "While":
		n := instr.Attrs.(graph.WhileAttrs).NumState
		args := append([]*tensors.Tensor(nil), in...)
		for tensors.ToScalar[bool](eval(ctx, instr.Bodies[0], args)[0]) {
			copy(args[:n], eval(ctx, instr.Bodies[1], args))
		}
		return args[:n]
	case "Call":
		return eval(ctx, instr.Bodies[0], in)
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
