package live

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/internal/cache"
	"github.com/quire-ml/quire/internal/guard"
)

// Eval computes arrays, all at once: their values, and those of arrays that were kept ([Keep]) and are on the way, are at hand afterwards; nothing
// else is. What was recorded is compiled as one program, which later Evals of the same structure use again, whatever the numbers are. An
// array that is at hand already costs nothing. The error names the line that recorded what is wrong.
//
// An evaluated array forgets what it was made of.
func Eval(ctx context.Context, arrays ...*Array) error {
	if ctx == nil {
		return errNoContext
	}
	for _, list := range bySession(arrays) {
		r, err := begin(list, "")
		if err == nil {
			err = finish(ctx, list, r, func() {})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// finish runs r, if it is not nil, and waits for arrays of list that others compute. What they could not is computed here, out of the order of
// the stream, which leave leaves: what is begun anew may need what was begun meanwhile.
func finish(ctx context.Context, list []*Array, r *run, leave func()) (err error) {
	for {
		again := false
		if r != nil {
			if again, err = r.run(ctx); err != nil {
				return err
			}
		}
		if !again {
			if again, err = settle(ctx, list); err != nil || !again {
				return err
			}
		}
		leave()
		stream := ""
		if r != nil {
			stream = r.stream
		}
		if r, err = begin(list, stream); err != nil {
			return err
		}
	}
}

var errNoContext = errors.New("the context is nil: give context.Background()")

// AsyncEval is [Eval] that does not wait: the arrays are computed while the caller goes on. What is recorded of them meanwhile waits for them
// when it is evaluated.
func AsyncEval(ctx context.Context, arrays ...*Array) *Pending {
	p := &Pending{done: make(chan struct{})}
	if ctx == nil {
		p.err = errNoContext
		close(p.done)
		return p
	}
	lists := bySession(arrays)
	runs := make([]*run, len(lists))
	for i, list := range lists {
		if runs[i], p.err = begin(list, ""); p.err != nil { // at once: what follows finds the arrays under way
			lists = lists[:i]
			break
		}
	}
	go func() {
		defer close(p.done)
		for i, list := range lists {
			if err := guard.Apart(func() error { return finish(ctx, list, runs[i], func() {}) }); p.err == nil {
				p.err = err
			}
		}
	}()
	return p
}

// Pending is an evaluation under way.
type Pending struct {
	done chan struct{}
	err  error
}

// Wait waits for the evaluation and returns its error; or that of ctx, which ends the waiting alone.
func (p *Pending) Wait(ctx context.Context) error {
	switch {
	case p == nil || p.done == nil:
		return errors.New("nothing is under way: AsyncEval begins an evaluation")
	case ctx == nil:
		return errNoContext
	}
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Done reports whether the evaluation has ended.
func (p *Pending) Done() bool {
	if p == nil || p.done == nil {
		return true
	}
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// bySession returns the arrays of each session by themselves.
func bySession(arrays []*Array) (lists [][]*Array) {
	for _, a := range arrays {
		a = a.check()
		i := slices.IndexFunc(lists, func(l []*Array) bool { return l[0].session == a.session })
		if i < 0 {
			lists, i = append(lists, nil), len(lists)
		}
		lists[i] = append(lists[i], a)
	}
	return lists
}

// settle waits for arrays that others compute. again is true if one of them was not.
func settle(ctx context.Context, arrays []*Array) (again bool, err error) {
	for _, a := range arrays {
		st := a.state.Load()
		switch {
		case st.released != "":
			return false, a.releasedError(st)
		case st.value == nil:
			again = true
		case st.value.pending != nil:
			select {
			case <-st.value.pending:
				again = again || st.value.failure() != nil
			case <-ctx.Done():
				return false, ctx.Err()
			}
		}
	}
	return again, nil
}

// releasedError says that a was released.
func (a *Array) releasedError(st *state) error {
	return fmt.Errorf("%s: %w at %s: compute it again from what it was made of, or release it later", a.describe(), ErrReleased, st.released)
}

// describe says what a is: where it was recorded, the function and the shape.
func (a *Array) describe() string {
	text := a.shape.String()
	if st := a.state.Load(); st != nil && st.call != nil {
		text = st.call.op.name + " " + text
	}
	if p := a.Position(); p.File != "" {
		text = p.String() + ": " + text
	}
	return text
}

// run is one evaluation: what is computed, of what, and where it goes.
type run struct {
	session *Session
	stream  string   // "" for none
	fences  []string // other streams that it waits for
	site    ir.Site  // of the Eval
	calls   []*call  // each after those that it reads
	refs    []ref    // the operands of all calls, one after the other
	inputs  []input
	outputs []output
	key     []byte // what tells its program from others
}

// ref names a value of a run: result index of the call at, or if at is negative input -1-at.
type ref struct{ at, index int32 }

// input is a value that is at hand or under way. The array is held so that nobody gives the value back.
type input struct {
	array *Array
	value *value
}

// output is an array that gets a value.
type output struct {
	ref
	array   *Array
	before  *state
	claimed *state
}

// walker makes a run.
type walker struct {
	*run
	walk  uint64
	stack []frame
	seen  map[*value]int32
	given map[*Array]int32 // what counts as at hand, whatever it is: the number of the input
}

// frame is a call whose operands are looked at.
type frame struct {
	call *call
	next int
}

// begin returns a run of a stream that computes arrays of one session, which count as under way from now on; nil if nothing is to be done.
func begin(arrays []*Array, stream string) (*run, error) {
	s := arrays[0].session
	for _, a := range arrays {
		if a.err != nil {
			return nil, a.err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.walks++
	w := walker{run: &run{session: s, stream: stream}, walk: s.walks}
	for _, a := range arrays {
		if st := a.state.Load(); st.value != nil {
			w.fence(st.value)
		}
		if err := w.target(a); err != nil {
			return nil, err
		}
	}
	w.site = s.sites.Here()
	if len(w.outputs) == 0 {
		w.tellFences()
		return nil, nil
	}
	w.claim()
	return w.run, nil
}

// target adds what a needs.
func (w *walker) target(a *Array) error {
	st := a.state.Load()
	if st.value == nil && st.released == "" {
		w.result(a, st)
	}
	c, err := w.visit(a)
	for c != nil && err == nil {
		w.stack = append(w.stack, frame{call: c})
		c, err = w.descend()
	}
	w.stack = w.stack[:0]
	return err
}

// descend goes on at the top of the stack until it meets a call that is new, which it returns, or the stack is empty.
func (w *walker) descend() (*call, error) {
	for len(w.stack) > 0 {
		f := &w.stack[len(w.stack)-1]
		for f.next < len(f.call.in) {
			f.next++
			if c, err := w.visit(f.call.in[f.next-1]); c != nil || err != nil {
				return c, err
			}
		}
		f.call.at = len(w.calls)
		w.calls = append(w.calls, f.call)
		w.stack = w.stack[:len(w.stack)-1]
	}
	return nil, nil
}

// visit returns the call that computes a, nil if it was met before or the value of a is there.
func (w *walker) visit(a *Array) (*call, error) {
	st := a.state.Load()
	if _, given := w.given[a]; given {
		return nil, nil
	}
	switch {
	case st.released != "":
		return nil, a.releasedError(st)
	case st.value != nil:
		return nil, nil
	}
	if a.kept.Load() {
		w.result(a, st)
	}
	if st.call.walk == w.walk {
		return nil, nil
	}
	st.call.walk = w.walk
	return st.call, nil
}

// result makes a one of the results.
func (w *walker) result(a *Array, st *state) {
	if a.mark != w.walk {
		a.mark = w.walk
		w.outputs = append(w.outputs, output{array: a, before: st})
	}
}

// claim marks the results as under way, and numbers what is read.
func (w *walker) claim() {
	for i := range w.outputs {
		o := &w.outputs[i]
		v := &value{session: w.session, shape: o.array.shape, site: o.array.site, stream: w.stream, pending: make(chan struct{}), kept: o.array.kept.Load()}
		o.claimed = &state{call: o.before.call, index: o.before.index, value: v}
		o.ref = ref{int32(o.before.call.at), int32(o.before.index)}
	}
	key := make([]byte, 0, 64)
	for _, c := range w.calls {
		key = binary.AppendUvarint(key, c.op.number)
		for _, a := range c.in {
			r := w.operand(a)
			w.refs = append(w.refs, r)
			key = binary.AppendVarint(key, int64(r.at))
			key = binary.AppendUvarint(key, uint64(r.index))
		}
		c.computed.Add(1)
	}
	for _, o := range w.outputs {
		key = binary.AppendVarint(key, int64(o.at))
		key = binary.AppendUvarint(key, uint64(o.index))
		o.before.call.computed.Add(-1)
		if !o.array.state.CompareAndSwap(o.before, o.claimed) {
			continue // released meanwhile: its value will find nobody
		}
	}
	w.key = key
}

// operand returns what names a in the run.
func (w *walker) operand(a *Array) ref {
	if i, given := w.given[a]; given {
		return ref{at: -1 - i}
	}
	st := a.state.Load()
	if st.call != nil && st.call.walk == w.walk { // also if its value arrived since the walk
		return ref{int32(st.call.at), int32(st.index)}
	}
	switch {
	case st.value != nil:
	case st.released != "": // since the walk: what computes it is part of the run, but not known any more
		st = &state{value: &value{session: w.session, shape: a.shape, freed: true, released: st.released}}
	default: // it was under way when the walk came by, and whoever computed it has failed since: begin again
		st = &state{value: &value{session: w.session, shape: a.shape, pending: closed, err: errAgain}}
	}
	at, known := w.seen[st.value]
	if !known {
		at = -1 - int32(len(w.inputs))
		if w.seen == nil {
			w.seen = map[*value]int32{}
		}
		w.seen[st.value] = at
		w.fence(st.value)
		w.inputs = append(w.inputs, input{a, st.value})
	}
	return ref{at: at}
}

// fence notes that the run waits for a value, if another stream computes it.
func (r *run) fence(v *value) {
	if v.pending != nil && !v.ended() && v.stream != r.stream && !slices.Contains(r.fences, v.stream) {
		r.fences = append(r.fences, v.stream)
	}
}

func (r *run) tellFences() {
	for _, of := range r.fences {
		r.session.report.fenced(r.stream, of, r.site)
	}
}

// run runs r and gives the arrays their values. again is true if what it reads could not be computed by whoever had begun to: then it computed
// nothing.
func (r *run) run(ctx context.Context) (again bool, err error) {
	r.tellFences()
	var bufs []ir.Buffer
	err = guard.ErrGoexit
	defer func() { r.land(bufs, again, err) }() // also if a function of the user's ends the goroutine: others wait for the arrays
	err = guard.Call(func() (err error) {
		bufs, again, err = r.compute(ctx)
		return err
	})
	return again, err
}

// compute returns the buffers of the results.
func (r *run) compute(ctx context.Context) (bufs []ir.Buffer, again bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	s := r.session
	c, err := s.compiled(ctx, r)
	if err != nil {
		return nil, false, err
	}
	defer s.programs.Release(c)
	in := make([]ir.Buffer, 0, len(r.inputs))
	leases := make([]lease, 0, len(r.inputs))
	defer func() {
		for _, l := range leases {
			l.end()
		}
	}()
	for _, x := range r.inputs {
		l, err := x.value.lease(ctx)
		if err != nil {
			if x.value.pending != nil && x.value.ended() && x.value.failure() != nil {
				return nil, true, nil
			}
			if ctx.Err() == nil {
				err = fmt.Errorf("%s: %w", x.array.describe(), err)
			}
			return nil, false, err
		}
		leases, in = append(leases, l), append(in, l.buffer)
	}
	bytes := int64(0)
	for _, o := range r.outputs {
		bytes += int64(o.array.shape.ByteSize())
	}
	if err := s.memory.room(bytes); err != nil {
		return nil, false, fmt.Errorf("%s: %w", r.outputs[0].array.describe(), err)
	}
	bufs, err = c.executable.Run(ctx, in, nil)
	return bufs, false, err
}

// land gives the arrays their values, or if there are none takes back that they are under way.
func (r *run) land(bufs []ir.Buffer, again bool, err error) {
	if r == nil {
		return
	}
	if again && err == nil {
		err = errAgain
	}
	for i, o := range r.outputs {
		v := o.claimed.value
		if err != nil {
			v.mu.Lock()
			v.err = err
			v.mu.Unlock()
			o.array.state.CompareAndSwap(o.claimed, o.before)
			close(v.pending)
			continue
		}
		v.mu.Lock()
		v.buffer = bufs[i]
		v.mu.Unlock()
		r.session.memory.add(o.array, v)
		if !o.array.state.CompareAndSwap(o.claimed, &state{value: v}) {
			v.free("")
		}
		close(v.pending)
	}
	r.session.report.ended(r, err)
}

var errAgain = errors.New("what it reads was not computed")

// closed is what a run that has ended is known by.
var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// ended reports whether the run that computes v has ended.
func (v *value) ended() bool {
	select {
	case <-v.pending:
		return true
	default:
		return false
	}
}

// compiled is a program that is ready to run.
type compiled struct {
	executable ir.Executable
	uses       cache.Uses
}

// Hold begins a use, see [cache.Value].
func (c *compiled) Hold() bool { return c.uses.Begin() }

// Release ends a use.
func (c *compiled) Release() error {
	if c.uses.End() {
		return c.executable.Close()
	}
	return nil
}

// Drop closes it as soon as nobody uses it.
func (c *compiled) Drop() error { return c.Close() }

// Close is Drop.
func (c *compiled) Close() error {
	if c.uses.Close() {
		return c.executable.Close()
	}
	return nil
}

// compiled returns the program of r, held for the caller.
func (s *Session) compiled(ctx context.Context, r *run) (*compiled, error) {
	key := string(r.key)
	if c, ok := s.programs.Find(key); ok {
		s.report.hit()
		return c, nil
	}
	backend, err := s.backend()
	if err != nil {
		return nil, err
	}
	return s.programs.Get(ctx, key, func() error { return nil }, func() (*compiled, error) {
		began := time.Now()
		p, err := r.program()
		if err != nil {
			return nil, err
		}
		_, exe, err := ir.Compile(ctx, backend, p)
		if err != nil {
			return nil, err
		}
		s.report.compiled(r, time.Since(began))
		return &compiled{executable: exe}, nil
	})
}

// program writes r down.
func (r *run) program() (*ir.Program, error) {
	b := ir.NewBuilder("live")
	in := make([]ir.Value, len(r.inputs))
	for i, x := range r.inputs {
		v, err := b.Input(fmt.Sprintf("x%d", i), x.array.shape)
		if err != nil {
			return nil, err
		}
		in[i] = v
	}
	results := make([][]ir.Value, len(r.calls))
	of := func(f ref) ir.Value {
		if f.at < 0 {
			return in[-1-f.at]
		}
		return results[f.at][f.index]
	}
	refs := r.refs
	for i, c := range r.calls {
		args := make([]ir.Value, len(c.in))
		for k := range args {
			args[k] = of(refs[k])
		}
		refs = refs[len(args):]
		b.At(c.site)
		out, err := b.Inline(c.op.program, args...)
		if err != nil {
			return nil, err
		}
		results[i] = out
	}
	outs := make([]ir.Value, len(r.outputs))
	for i, o := range r.outputs {
		outs[i] = of(o.ref)
	}
	return b.Program(outs...)
}

// Program returns what [Eval] would run to compute arrays that are not at hand, all of one session; it runs nothing.
func Program(arrays ...*Array) (*ir.Program, error) {
	lists := bySession(arrays)
	switch {
	case len(lists) == 0:
		return nil, errNoArrays
	case len(lists) > 1:
		return nil, errors.New("the arrays belong to several sessions")
	}
	r, err := begin(lists[0], "")
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, errors.New("the arrays are at hand already: nothing is left to run")
	}
	p, err := r.program()
	r.land(nil, true, nil)
	return p, err
}
