package gocpu

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/backends/gocpu/internal/parallel"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/mapped"
)

// frame is the state of one run of a code: where each value lies.
type frame struct {
	code  *code
	vals  [][]byte
	arena *tensors.Storage
	args  kernels.Args
	steps Steps
	from  int                // the first step that runs: those before it have run for another turn of the loop, see once
	held  []*tensors.Storage // of inputs, see RunHost
	idle  bool               // it belongs to no run, see StepsOf
}

// keepArena is the size up to which a waiting frame keeps its arena. Larger ones go back to the pool of
// all tensors between runs, so that many compiled programs do not add up.
const keepArena = 1 << 20

// frame returns a frame for one run.
func (c *code) frame() (*frame, error) {
	f := c.spare.Swap(nil)
	if f == nil {
		f = c.waiting()
	}
	if f == nil {
		f = &frame{code: c, vals: make([][]byte, len(c.values))}
		f.steps.f = f
		f.args.Workers = c.workers
		f.args.In, f.args.Out = make([][]byte, c.arity), make([][]byte, c.arity)
		for id := range c.values {
			if of, at := c.memory(id); c.values[of].kind == constant {
				f.vals[id] = c.values[of].data[at : at+c.values[id].size]
			}
		}
	}
	if c.arena > 0 && f.arena == nil {
		s, err := tensors.NewStorage(c.arena)
		if err != nil {
			return nil, fmt.Errorf("the values within %q: %w", c.name, err)
		}
		f.arena = s
		b := s.Bytes()
		for id := range c.values {
			if of, at := c.memory(id); c.values[of].kind == temp {
				r := &c.values[of]
				from, to := r.offset+at, r.offset+min(r.size, at+c.values[id].size)
				f.vals[id] = b[from:to:to]
			}
		}
	}
	return f, nil
}

// waiting returns one of the other frames that wait, nil if there is none.
func (c *code) waiting() *frame {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.frames)
	if n == 0 {
		return nil
	}
	f := c.frames[n-1]
	c.frames = c.frames[:n-1]
	return f
}

// newArgs returns arguments for a step that runs beside others.
func (c *code) newArgs() *kernels.Args {
	return &kernels.Args{Workers: c.workers, In: make([][]byte, c.arity), Out: make([][]byte, c.arity)}
}

// release keeps f for the next run.
func (f *frame) release() {
	c := f.code
	f.steps.at, f.from = nil, 0
	for _, id := range c.inputs {
		f.vals[id] = nil
	}
	for _, id := range c.outputs {
		f.vals[id] = nil
	}
	for _, v := range c.views {
		f.vals[v.id] = nil
	}
	if c.arena > keepArena {
		f.arena.Release()
		f.arena = nil
	}
	if c.spare.CompareAndSwap(nil, f) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.frames) < runtime.GOMAXPROCS(0) {
		c.frames = append(c.frames, f)
	}
}

// exec runs the code on the memory of inputs and outputs.
func (c *code) exec(ctx context.Context, in, out [][]byte, at *site) error {
	f, err := c.frame()
	if err != nil {
		return err
	}
	if err = f.runOn(ctx, in, out, at); err == nil { // after a panic a worker's part may be anything: the frame is dropped
		f.release()
	}
	return err
}

// runOn is run on the memory of inputs and outputs.
func (f *frame) runOn(ctx context.Context, in, out [][]byte, at *site) error {
	for i, id := range f.code.inputs {
		f.vals[id] = in[i]
	}
	for i, id := range f.code.outputs {
		f.vals[id] = out[i]
	}
	return f.run(ctx, at)
}

// run runs the code of f, which knows the memory of inputs and outputs.
func (f *frame) run(ctx context.Context, at *site) error {
	c := f.code
	for _, v := range c.views {
		f.vals[v.id] = f.vals[v.of][v.at:v.end:v.end]
	}
	f.steps.at = at
	f.args.EndWith(ctx.Done())
	err := c.runner.Run(ctx, &f.steps)
	if err == nil {
		err = ctx.Err() // the last kernel may have ended early
	}
	runtime.KeepAlive(f.arena)
	return err
}

// do runs step i with a, unless the run is cancelled.
func (f *frame) do(ctx context.Context, i int, a *kernels.Args, at *site) error {
	if done := ctx.Done(); done != nil {
		select {
		case <-done:
			return ctx.Err()
		default:
		}
	}
	if f.code.observer != nil || at != nil {
		return f.observed(ctx, i, a, at)
	}
	return f.call(ctx, i, a, nil)
}

// runAll runs the steps in the program's order. It recovers once and not in each step: which would show in small ones.
func (f *frame) runAll(ctx context.Context) (err error) {
	i := f.from
	old := debug.SetPanicOnFault(true) // operands may lie in mapped files, which somebody may cut
	defer func() {
		debug.SetPanicOnFault(old)
		if r := recover(); r != nil {
			err = f.broken(ctx, i, r)
		}
	}()
	for done := ctx.Done(); i < len(f.code.steps); i++ {
		if done != nil {
			select {
			case <-done:
				return ctx.Err()
			default:
			}
		}
		if err := f.kernel(ctx, &f.code.steps[i], &f.args, nil); err != nil {
			return err
		}
	}
	return nil
}

// call runs step i. A panic becomes an error that names the step.
func (f *frame) call(ctx context.Context, i int, a *kernels.Args, at *site) (err error) {
	old := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(old)
		if r := recover(); r != nil {
			err = f.broken(ctx, i, r)
		}
	}()
	return f.kernel(ctx, &f.code.steps[i], a, at)
}

// broken returns the error for the panic r of step i. What ended early may break on what is not there.
func (f *frame) broken(ctx context.Context, i int, r any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.code.steps[i].fault(f.code, r)
}

// kernel calls what step s runs.
func (f *frame) kernel(ctx context.Context, s *step, a *kernels.Args, at *site) error {
	a.In, a.Out, a.Scratch, a.Context = a.In[:len(s.in)], a.Out[:len(s.out)], nil, ctx
	for k, id := range s.in {
		a.In[k] = f.vals[id]
	}
	for k, id := range s.out {
		a.Out[k] = f.vals[id]
	}
	if s.scratch >= 0 {
		a.Scratch = f.vals[s.scratch]
	}
	if s.control != nil {
		return s.control.exec(ctx, a, at)
	}
	if s.slide != nil {
		f.slide(s, a)
		return nil
	}
	s.run(a)
	return nil
}

// where names s in errors: its line and op.
func (s *step) where() string {
	if at := s.place.String(); at != "" {
		return at + ": " + s.op.Name
	}
	return s.op.Name
}

// StepError is what broke in a step.
type StepError struct {
	Op    *ir.Op
	Place ir.Place // in the user's code
	In    []shapes.Shape
	Err   error  // what the kernel said; nil if it broke
	Broke any    // what the kernel panicked with, if it was no error that it wanted to say
	Stack string // where it panicked, then

	text string
}

// Error says which step broke, where it stands and of what.
func (e *StepError) Error() string { return e.text }

// Unwrap returns what the kernel said.
func (e *StepError) Unwrap() error { return e.Err }

// fault returns the error for what step s panicked with.
func (s *step) fault(c *code, r any) error {
	e := &StepError{Op: s.op, Place: s.place.Place()}
	for _, id := range s.in {
		e.In = append(e.In, c.values[id].shape)
	}
	if p, ok := r.(*parallel.Panic); ok {
		r, e.Stack = p.Value, p.Stack
	}
	if err := mapped.Error(r); err != nil {
		r = err
	}
	if err, ok := r.(error); ok {
		if _, internal := r.(runtime.Error); !internal {
			e.Err, e.Stack, e.text = err, "", fmt.Sprintf("%s: %v", s.where(), err)
			return e
		}
	}
	if e.Broke = r; e.Stack == "" {
		e.Stack = string(debug.Stack())
	}
	e.text = fmt.Sprintf("%s %s: the kernel broke: %v", s.where(), shapeList(e.In), r)
	return e
}

// shapeList writes operands as errors show them: float32[2 3] · float32[3].
func shapeList(in []shapes.Shape) string {
	var parts []string
	for _, s := range in {
		parts = append(parts, s.String())
	}
	return strings.Join(parts, " · ")
}
