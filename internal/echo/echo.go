// Package echo is the engine that docs/backend.md writes: the smallest one that keeps its contract. It runs the reference
// meaning of each op, one after the other, and is slow; it is there to be read and copied.
package echo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// New returns the engine.
func New() ir.Backend { return &backend{} }

type backend struct{ closed atomic.Bool }

var errClosed = errors.New("the echo backend is closed")

func (b *backend) Name() string { return "echo" }

// Lowers takes what has a reference meaning, and what runs functions.
func (b *backend) Lowers(c ir.Call) bool { return c.Op.Ref != nil || c.Op.Regions != nil }

func (b *backend) Compile(ctx context.Context, p *ir.Program) (ir.Executable, error) {
	if b.closed.Load() {
		return nil, errClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if p == nil {
		return nil, errors.New("the program is nil")
	}
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("program %q: %w", p.Name, err)
	}
	return &executable{backend: b, program: p}, nil
}

func (b *backend) Put(t *tensors.Tensor) (ir.Buffer, error) {
	if b.closed.Load() {
		return nil, errClosed
	}
	if err := t.CheckValid(); err != nil {
		return nil, err
	}
	return &buffer{backend: b, shape: t.Shape(), tensor: t.Share()}, nil
}

func (b *backend) Close() error {
	b.closed.Store(true)
	return nil
}

// buffer is a value: a tensor on memory that others may share, and that nobody writes.
type buffer struct {
	backend *backend
	shape   shapes.Shape
	mu      sync.Mutex
	tensor  *tensors.Tensor // nil when closed
}

func (b *buffer) Shape() shapes.Shape { return b.shape }

// ToHost returns a tensor of its own on the same memory, which stays when the buffer is closed.
func (b *buffer) ToHost() (*tensors.Tensor, error) {
	if b.backend.closed.Load() {
		return nil, errClosed
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tensor == nil {
		return nil, fmt.Errorf("the buffer %s is closed or was donated", b.shape)
	}
	return b.tensor.Share(), nil
}

func (b *buffer) Close() error {
	if b == nil { // a donated input that is a nil buffer: Run says so
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.tensor
	b.tensor = nil
	return t.Close()
}

type executable struct {
	backend *backend
	program *ir.Program
	closed  atomic.Bool
}

func (e *executable) Close() error {
	e.closed.Store(true)
	return nil
}

func (e *executable) Run(ctx context.Context, inputs []ir.Buffer, donate []bool) ([]ir.Buffer, error) {
	defer func() { // whatever becomes of the run
		for i, in := range inputs {
			if i < len(donate) && donate[i] && in != nil {
				in.Close()
			}
		}
	}()
	if e.backend.closed.Load() {
		return nil, errClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	in, err := e.read(inputs, donate)
	if err != nil {
		return nil, fmt.Errorf("program %q: %w", e.program.Name, err)
	}
	out, err := eval(ctx, e.program, in)
	if err != nil {
		return nil, err
	}
	return e.buffers(in, out)
}

// read returns the values of the inputs, or what does not fit.
func (e *executable) read(inputs []ir.Buffer, donate []bool) ([]*tensors.Tensor, error) {
	p := e.program
	switch {
	case e.closed.Load():
		return nil, errors.New("the executable is closed")
	case len(inputs) != len(p.Inputs):
		return nil, fmt.Errorf("it takes %d inputs, got %d", len(p.Inputs), len(inputs))
	case donate != nil && len(donate) != len(inputs):
		return nil, fmt.Errorf("%d inputs, but %d marks of donation", len(inputs), len(donate))
	}
	values := make([]*tensors.Tensor, len(inputs))
	for i, in := range inputs {
		b, ok := in.(*buffer)
		want := p.Values[p.Inputs[i]]
		switch {
		case in == nil || ok && b == nil:
			return nil, fmt.Errorf("input %d is nil", i)
		case !ok:
			return nil, fmt.Errorf("input %d is a buffer of another backend: Put its tensor", i)
		case !b.shape.Equal(want):
			return nil, fmt.Errorf("input %d is %s, want %s", i, b.shape, want)
		}
		t, err := b.ToHost()
		if err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
		values[i] = t
	}
	return values, nil
}

// buffers makes each output a value of its own: one that is an input, or was returned before, is copied.
func (e *executable) buffers(in, out []*tensors.Tensor) ([]ir.Buffer, error) {
	taken := map[*tensors.Tensor]bool{}
	for _, t := range in {
		taken[t] = true
	}
	results := make([]ir.Buffer, len(out))
	for i, t := range out {
		if taken[t] {
			c, err := t.Clone()
			if err != nil {
				return nil, err
			}
			t = c
		}
		taken[t] = true
		results[i] = &buffer{backend: e.backend, shape: t.Shape(), tensor: t}
	}
	return results, nil
}

// eval computes a program, or a body of an instruction.
func eval(ctx context.Context, p *ir.Program, in []*tensors.Tensor) ([]*tensors.Tensor, error) {
	values := make([]*tensors.Tensor, len(p.Values))
	for i, id := range p.Inputs {
		values[id] = in[i]
	}
	pick := func(ids []ir.Value) []*tensors.Tensor {
		list := make([]*tensors.Tensor, len(ids))
		for i, id := range ids {
			list[i] = values[id]
		}
		return list
	}
	for i := range p.Instrs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out, err := step(ctx, p, &p.Instrs[i], pick(p.Instrs[i].In))
		if err != nil {
			return nil, err
		}
		for k, t := range out {
			values[p.Instrs[i].Out[k]] = t
		}
	}
	return pick(p.Outputs), nil
}

// step runs one instruction. What has no answer, such as an integer division by zero, panics in the op's reference meaning
// and becomes an error that names op and place.
func step(ctx context.Context, p *ir.Program, instr *ir.Instr, in []*tensors.Tensor) (out []*tensors.Tensor, err error) {
	defer func() {
		if r := recover(); r != nil {
			if inside, ok := r.(failed); ok { // of a region, which has said where
				out, err = nil, inside.error
				return
			}
			out, err = nil, fmt.Errorf("%s: %s: %v", instr.Place, instr.Op.Name, r)
		}
	}()
	if instr.Op.Regions != nil {
		return control(ctx, instr, in), nil
	}
	for _, id := range instr.Out {
		t, err := tensors.New(p.Values[id])
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", instr.Place, instr.Op.Name, err)
		}
		out = append(out, t)
	}
	instr.Op.Ref(instr.Attrs, out, in)
	return out, nil
}

// failed carries the error of a region through the reference meaning of the op that runs it.
type failed struct{ error }

// control runs an instruction with regions: each gets its own inputs, and behind them the values that all of them capture.
func control(ctx context.Context, instr *ir.Instr, in []*tensors.Tensor) []*tensors.Tensor {
	own := len(in) - instr.Captured
	regions := make([]ir.Run, len(instr.Regions))
	for i, r := range instr.Regions {
		regions[i] = func(args ...*tensors.Tensor) []*tensors.Tensor {
			out, err := eval(ctx, r, slices.Concat(args, in[own:]))
			if err != nil {
				panic(failed{err})
			}
			return out
		}
	}
	return instr.Op.Regions.Ref(instr.Attrs, in[:own], regions)
}
