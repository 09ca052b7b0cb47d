package gocpu

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/capability"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/guard"
)

// Runner runs compiled programs, and the bodies of control instructions within them. It is used by several goroutines.
type Runner interface {
	// Run runs every step once with [Steps.Do], each after those of [Steps.After] have ended. It stops at the first
	// error and returns it. No step may be under way when it returns.
	Run(ctx context.Context, s *Steps) error
}

// Steps are the steps of one run of a program or body. Steps that do not depend on each other may run at once if the
// program was compiled for the order [Dataflow].
type Steps struct {
	f  *frame
	at *site
}

// Len returns the number of steps. They are numbered in an order in which they can run.
func (s *Steps) Len() int {
	if s.f == nil { // a zero value: no run has made it
		return 0
	}
	return len(s.f.code.steps)
}

// After returns the earlier steps that step i must follow: those that make its operands, and those that read an input
// whose memory it may write. The others that it must follow are behind these.
func (s *Steps) After(i int) []int {
	if i < 0 || i >= s.Len() {
		return nil
	}
	if s.f.code.after != nil {
		return s.f.code.after[i]
	}
	if i == 0 {
		return nil
	}
	return []int{i - 1}
}

// Instrs returns the instructions of the compiled program that step i runs, by index in its list: several if they were fused. A copy
// of result i that a program of n instructions may need counts as instruction n+i, as in [Step].
func (s *Steps) Instrs(i int) []int {
	if i < 0 || i >= s.Len() {
		return nil
	}
	c, step := s.f.code, &s.f.code.steps[i]
	if len(step.parts) == 0 {
		return []int{step.id}
	}
	list := make([]int, len(step.parts))
	for k, in := range step.parts {
		list[k] = c.index(in)
	}
	return list
}

// index returns the index of an instruction of the program that was compiled.
func (c *code) index(in *ir.Instr) int {
	c.indexed.Do(func() {
		c.indices = make(map[*ir.Instr]int, len(c.program.Instrs))
		for id := range c.program.Instrs {
			c.indices[&c.program.Instrs[id]] = id
		}
	})
	return c.indices[in]
}

// Results returns, per result of the program, the step after which it lies where [Steps.Result] shows it.
func (s *Steps) Results() []int {
	if s.f == nil {
		return nil
	}
	c := s.f.code
	writes := map[int]int{} // by value, the last step that writes into its memory
	for i := range c.steps {
		for _, out := range c.steps[i].out {
			writes[c.owner(out)] = i
		}
	}
	last := make([]int, len(c.outputs))
	for o, id := range c.outputs {
		last[o] = writes[id]
	}
	return last
}

// Result returns result o of the program in the memory of this run, false if there is none or the steps are those of no run. It is
// valid from the step on that [Steps.Results] tells until Run of the [Runner] returns.
func (s *Steps) Result(o int) (v View, ok bool) {
	if s.f == nil || o < 0 || o >= len(s.f.code.outputs) {
		return v, false
	}
	c := s.f.code
	v = View{c.results[o], s.f.vals[c.outputs[o]]}
	return v, v.Data != nil || c.values[c.outputs[o]].size == 0
}

// StepsOf returns the steps of a program that an engine of this package has compiled, to look at: Do runs none of them. ok is false
// for executables of others.
func StepsOf(e ir.Executable) (s *Steps, ok bool) {
	x, ok := e.(*executable)
	if !ok || x == nil {
		return nil, false
	}
	return &Steps{f: &frame{code: x.code, vals: make([][]byte, len(x.code.values)), idle: true}}, true
}

// Do runs step i. What breaks in it is a [StepError].
func (s *Steps) Do(ctx context.Context, i int) error { return s.DoOn(ctx, i, math.MaxInt) }

// DoOn is Do on at most that many goroutines, the caller's included, if the steps were compiled for the order [Dataflow]: a runner that runs
// steps at once divides the processors among them.
func (s *Steps) DoOn(ctx context.Context, i, workers int) error {
	if i < 0 || i >= s.Len() {
		return fmt.Errorf("there is no step %d: the run has %d, numbered from 0", i, s.Len())
	}
	if ctx == nil {
		return errors.New("the context is nil: give the one that Run was given")
	}
	if s.f.idle {
		return errors.New("these steps are of no run: a Runner gets those of one")
	}
	w := s.Worker(ctx)
	defer w.Close()
	return w.do(i, workers)
}

// Worker runs steps of a run for one goroutine, one after the other: what they share is made once, where DoOn makes it for each.
type Worker struct {
	s    *Steps
	ctx  context.Context
	args *kernels.Args // nil after a step that broke: a goroutine may still hold them
}

// Worker returns a worker of the run, for one goroutine of a runner. Close ends it.
func (s *Steps) Worker(ctx context.Context) *Worker { return &Worker{s: s, ctx: ctx} }

// Do is [Steps.DoOn] with the worker's context.
func (w *Worker) Do(i, workers int) error {
	switch {
	case w == nil || w.s == nil || w.s.f == nil || w.s.f.idle || w.ctx == nil:
		return errors.New("there is no worker of a run: Steps.Worker makes one, of the steps and the context that a Runner gets")
	case i < 0 || i >= w.s.Len():
		return fmt.Errorf("there is no step %d: the run has %d, numbered from 0", i, w.s.Len())
	}
	return w.do(i, workers)
}

func (w *Worker) do(i, workers int) error {
	f := w.s.f
	if i < f.from {
		return nil
	}
	if f.code.after == nil {
		return f.do(w.ctx, i, &f.args, w.s.at)
	}
	a := w.args
	if w.args = nil; a == nil {
		if a, _ = f.code.args.Get().(*kernels.Args); a == nil {
			a = f.code.newArgs()
		}
		a.EndWith(w.ctx.Done())
	}
	a.Workers = max(1, min(workers, f.code.workers))
	err := f.do(w.ctx, i, a, w.s.at)
	if err == nil {
		w.args = a
	}
	return err
}

// Close gives back what the worker shared. It runs no step afterwards. It returns nil.
func (w *Worker) Close() error {
	if w == nil || w.s == nil {
		return nil
	}
	if w.args != nil {
		w.s.f.code.args.Put(w.args)
	}
	w.s, w.args = nil, nil
	return nil
}

// sequential runs the steps in the order of the program.
type sequential struct{}

func (sequential) Run(ctx context.Context, s *Steps) error {
	if s.f.code.observer == nil && s.at == nil {
		return s.f.runAll(ctx)
	}
	i, returned := 0, false
	err := guard.Apart(func() (err error) { // what observers do to their goroutine is not done to the caller's
		for ; i < len(s.f.code.steps) && err == nil; i++ {
			err = s.Do(ctx, i)
		}
		returned = true
		return err
	})
	if !returned && errors.Is(err, guard.ErrGoexit) {
		return fmt.Errorf("%s: the observer broke: %w", s.f.code.steps[i].where(), err)
	}
	return err
}

// Observer is told about every step that runs, on a goroutine of the run: one that panics or ends it breaks the run. A runner that runs steps at
// once calls it from several.
type Observer interface {
	Before(s *Step)
	After(s *Step, err error) // once for each Before; err if the step broke or the run was cancelled in it
}

// Step is a step as an [Observer] sees it. Elementwise instructions that were fused are one step: op, place and ID are those of
// the last of them, operands and results those of all.
type Step struct {
	// ID is the index of the step's instruction in the program that was compiled. Within bodies, the instruction and
	// which of its regions it is stand before it, from the outside in. The copy of result i that a program of n
	// instructions may need counts as instruction n+i.
	ID    []int
	Op    *ir.Op
	Place ir.Place // in the user's code

	// In and Out are operands and results. They are valid during the call; a result may lie on an operand, which is
	// then overwritten when After is called.
	In, Out []View

	calls   []capability.StepCall
	touched int // bytes read and written
}

// View is a value in memory.
type View struct {
	Shape shapes.Shape
	Data  []byte
}

// site is where a code runs: in a region of a step of the code around it, or by itself. It is nil without an observer.
type site struct {
	id       []int    // of the instruction, and the region
	observer Observer // of this run; nil for that of the code
}

// region returns the site of the n-th region of the instruction at s.
func (s *site) region(n int) *site {
	if s == nil {
		return nil
	}
	return &site{append(s.id[:len(s.id):len(s.id)], n), s.observer}
}

// observed is do for a code that is observed.
func (f *frame) observed(ctx context.Context, i int, a *kernels.Args, at *site) (err error) {
	s, observer := &f.code.steps[i], f.code.observer
	if at != nil && at.observer != nil {
		observer = at.observer
	}
	step := &Step{calls: f.code.calls(s), touched: f.code.traffic(s), Op: s.op, Place: s.place.Place(), In: f.look(s.in), Out: f.look(s.out)}
	if at != nil {
		step.ID = append(step.ID, at.id...)
	}
	step.ID = append(step.ID, s.id)
	defer func() {
		if r := recover(); r != nil { // kernels' panics are errors already
			err = fmt.Errorf("%s: the observer broke: %v", s.where(), r)
		}
	}()
	observer.Before(step)
	defer func() { observer.After(step, err) }()
	inside := &site{id: step.ID}
	if at != nil {
		inside.observer = at.observer
	}
	if err = f.call(ctx, i, a, inside); err == nil {
		err = ctx.Err() // a kernel ends early without a word
	}
	return err
}

func (f *frame) look(ids []int) []View {
	views := make([]View, len(ids))
	for i, id := range ids {
		views[i] = View{f.code.values[id].shape, f.vals[id]}
	}
	return views
}
