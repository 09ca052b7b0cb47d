package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/source"
)

// running is the cell that runs.
type running struct {
	cell      Cell
	written   string          // its source before commands became Go
	ctx       context.Context // ends with the cause errInterrupted when the cell is interrupted
	interrupt context.CancelCauseFunc
	prepared  bool // the hook took it
	q         request
	within    *running // the cell whose command runs this one again; nil for all others

	r       *Relay
	mu      sync.Mutex
	report  Report // nil: outputs go through as they are
	ended   bool
	failure *jupyter.Failure // gonb's error
}

// errInterrupted is why a cell ends that was interrupted.
var errInterrupted = errors.New("the cell was interrupted")

// grace is how long an interrupted cell may take to end. What gonb started for it is killed a second before.
const grace = 6 * time.Second

// work runs the cells, one after the other.
func (r *Relay) work() {
	for {
		q, ok := r.cells.next(r.ctx)
		if !ok {
			return
		}
		r.cell(q)
	}
}

// cell runs a cell from its turn to its end.
func (r *Relay) cell(q request) {
	n := r.begin(q)
	s := newShown(n)
	r.shown.Store(s)
	defer func() {
		r.shown.Store(nil)
		close(s.done)
	}()
	failure := r.execute(n, q)
	interrupted := errors.Is(context.Cause(n.ctx), errInterrupted)
	if r.ctx.Err() != nil {
		return
	}
	if failure != nil {
		r.Publish(q.head, jupyter.ErrorOutput, failure)
	}
	var aborted []request
	if interrupted || failure != nil && n.cell.StopOnError {
		aborted = r.cells.take() // those that came before anybody could know
	}
	r.reply(q, executeReply(n.cell.Count, failure))
	if n.prepared {
		_ = safely("the end of a cell", func() error { r.opts.Cells.Ended(n.cell, failure == nil); return nil })
	}
	r.over(n)
	for _, q := range aborted {
		r.answer(q, map[string]any{"status": "aborted"}) // without a count, as ipykernel: it did not run
	}
}

// begin makes a request the cell that runs. What its content does not say is as the protocol has it.
func (r *Relay) begin(q request) *running {
	content := struct {
		Code         string `json:"code"`
		Silent       bool   `json:"silent"`
		StoreHistory *bool  `json:"store_history"`
		StopOnError  *bool  `json:"stop_on_error"`
		AllowStdin   bool   `json:"allow_stdin"`
	}{}
	err := q.decode(&content)
	is := func(b *bool) bool { return b == nil || *b }
	n := &running{r: r, q: q, cell: Cell{
		Request: q.head, ID: cellID(q), Source: content.Code, Silent: content.Silent, AllowStdin: content.AllowStdin,
		StoreHistory: is(content.StoreHistory) && !content.Silent, StopOnError: is(content.StopOnError),
	}}
	n.ctx, n.interrupt = context.WithCancelCause(r.ctx)
	if err != nil {
		n.interrupt(err)
	}
	r.mu.Lock()
	n.cell.Count = r.count + 1
	if n.cell.StoreHistory {
		r.count++
	}
	r.now = n
	r.mu.Unlock()
	r.status(q.head, "busy")
	if !n.cell.Silent {
		r.Publish(q.head, jupyter.ExecuteInput, map[string]any{"code": content.Code, "execution_count": n.cell.Count})
	}
	if n.cell.StoreHistory {
		r.history.add(n.cell.Count, content.Code)
	}
	return n
}

// cellID returns the notebook's name of a cell, which JupyterLab and others send with it.
func cellID(q request) string {
	var m struct {
		ID string `json:"cellId"`
	}
	_ = json.Unmarshal(q.Metadata, &m) // who sends none says nothing
	return m.ID
}

// over ends a cell: nothing runs, and the kernel is idle.
func (r *Relay) over(n *running) {
	n.interrupt(nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = nil
	r.status(n.cell.Request, "idle")
}

func executeReply(count int, f *jupyter.Failure) any {
	if f == nil {
		return map[string]any{"status": "ok", "execution_count": count, "payload": []any{}, "user_expressions": map[string]any{}}
	}
	return map[string]any{"status": "error", "execution_count": count, "ename": f.EName, "evalue": f.EValue, "traceback": f.Traceback}
}

// mistake makes of what keeps a cell from running what a front end shows.
func (r *Relay) mistake(c Cell, err error) *jupyter.Failure {
	var f *jupyter.Failure
	if r.opts.Failures == nil || errors.Is(err, errInterrupted) || errors.As(err, &f) {
		return failed(err)
	}
	_ = safely("errors", func() error { f = r.opts.Failures.Mistake(c, err); return nil })
	if f == nil {
		return failed(err)
	}
	return f
}

// failed makes of an error what a front end shows.
func failed(err error) *jupyter.Failure {
	var f *jupyter.Failure
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errInterrupted):
		return failureOf("KeyboardInterrupt", err.Error())
	case errors.As(err, &f):
		if f.Traceback == nil {
			f.Traceback = []string{f.EValue}
		}
		return f
	}
	return failureOf("ERROR", err.Error())
}

func failureOf(name, text string) *jupyter.Failure {
	return &jupyter.Failure{EName: name, EValue: text, Traceback: []string{text}}
}

// execute does what a cell asks for, and returns how it failed.
func (r *Relay) execute(n *running, q request) *jupyter.Failure {
	sent, err := r.prepare(n)
	if err != nil {
		if cause := context.Cause(n.ctx); cause != nil { // what else went wrong came of it
			err = cause
		}
		return r.mistake(n.cell, err)
	}
	if source.Blank(sent.Code) {
		return nil
	}
	for {
		b, err := r.ready(n.ctx)
		if err != nil {
			return failed(err)
		}
		if text := r.takeNotice(); text != "" {
			r.Publish(q.head, jupyter.StreamOutput, jupyter.Stream{Name: "stderr", Text: text})
		}
		b.engine.Resume()
		if failure, ran := r.commands(n, b, sent.shell); ran {
			return failure
		}
		failure, unsent := r.give(n, q, b, sent)
		if !unsent {
			return failure
		}
		b.engine.Kill() // one without sockets is of no use, if it is still there
		r.without(n.ctx, b)
	}
}

// give gives gonb the cell, and returns how it failed. If gonb has gone and never saw the cell, the next one is to have it.
func (r *Relay) give(n *running, q request, b *back, sent Sent) (failure *jupyter.Failure, unsent bool) {
	err := b.catchUp(n.ctx, n.cell.Count-1)
	if err == nil && len(sent.Forget) > 0 {
		_, err = b.run(n.ctx, jupyter.Execute{Code: "%rm " + strings.Join(sent.Forget, " "), Silent: true})
	}
	if err != nil {
		return failed(err), errors.Is(err, errGone)
	}
	return r.gonb(n, q, b, sent.Code)
}

// prepare returns what gonb is sent of a cell; no code if that is nothing.
func (r *Relay) prepare(n *running) (sent Sent, err error) {
	if err := context.Cause(n.ctx); err != nil {
		return Sent{}, err
	}
	c := n.cell
	n.written = c.Source
	if c.Source, err = r.takeMagics(n, c); err != nil || source.Blank(c.Source) {
		return Sent{}, err
	}
	c.Count = n.cell.Count // a command may have run others
	sent = Sent{Code: c.Source}
	if r.opts.Cells != nil {
		err := safely("preparing the cell", func() (err error) { sent, err = r.opts.Cells.Prepare(n.ctx, c); return err })
		if err == nil {
			n.prepared, n.cell.Source = true, c.Source
			err = context.Cause(n.ctx)
		}
		if err != nil {
			return Sent{}, err
		}
	}
	r.publishAll(c.Request, sent.Outputs)
	if sent.Done {
		sent.Code = ""
		return sent, nil
	}
	sent.shell = source.Shell(sent.Code)
	sent.Code, err = source.Sent(sent.Code, c.Count)
	return sent, err
}

func (r *Relay) publishAll(parent jupyter.Header, list []Output) {
	for _, o := range list {
		r.Publish(parent, o.Kind, o.Content)
	}
}

// gonb gives gonb the code of a cell, and waits for its end.
func (r *Relay) gonb(n *running, q request, b *back, code string) (failure *jupyter.Failure, unsent bool) {
	n.begin()
	m, err := jupyter.NewMessage(r.session, jupyter.ExecuteRequest, jupyter.Header{}, jupyter.Execute{
		Code: code, Silent: true, StoreHistory: n.cell.StoreHistory, AllowStdin: n.cell.AllowStdin,
		StopOnError: n.cell.StopOnError, UserExpressions: map[string]any{},
	})
	if err != nil {
		return failed(err), false
	}
	m.Header, m.Identities = q.head, q.Identities // gonb's messages go to who sent the cell
	x, err := b.request(m, n)
	defer b.forget(q.head.ID)
	if errors.Is(err, errUnsent) {
		return nil, true
	}
	r.settings.note(code)
	defer b.unsettle(code)
	if n.cell.StoreHistory {
		b.count++
	}
	var reply jupyter.Reply
	if err == nil {
		reply, err = b.wait(n.ctx, x)
	}
	if errors.Is(err, errInterrupted) {
		reply, err = r.cut(n, b, x)
	}
	if err == nil {
		b.worked.Store(true)
	}
	return n.end(reply, r.dead(b, err)), false
}

// begin begins the report of a cell.
func (n *running) begin() {
	if n.r.opts.Failures != nil {
		c := n.cell
		c.Source = n.written // people know the lines that they wrote
		_ = safely("errors", func() error { n.report = n.r.opts.Failures.Begin(c); return nil })
	}
}

// cut interrupts gonb's work at a cell. What takes no notice ends with gonb itself.
func (r *Relay) cut(n *running, b *back, x *exchange) (jupyter.Reply, error) {
	b.engine.Interrupt()
	last, cancel := context.WithTimeoutCause(r.ctx, r.opts.grace, errTimeout)
	defer cancel()
	reply, err := b.wait(last, x)
	if errors.Is(err, errTimeout) {
		b.engine.Kill()
		<-b.over
		r.told(b)
		return reply, fmt.Errorf("%w; it took no notice for %v and was killed together with gonb%s", errInterrupted, r.opts.grace, again)
	}
	if err == nil && reply.Status == "ok" && !b.engine.CutShort() {
		return reply, nil // it took notice and came to an end of its own
	}
	return reply, errInterrupted
}

var errTimeout = errors.New("too late")

// again ends the sentence about a gonb that has ended.
const again = ": another one has its place, with the declarations of earlier cells and what %env and %cd have set"

// dead makes of errGone a sentence that says how gonb ended.
func (r *Relay) dead(b *back, err error) error {
	if !errors.Is(err, errGone) || r.ctx.Err() != nil {
		return err
	}
	r.told(b)
	<-b.engine.Done()
	why := b.engine.Err()
	if why == nil {
		why = errGone
	}
	return &jupyter.Failure{EName: "KernelEnded", EValue: why.Error() + again}
}

// output takes what gonb publishes for the cell; false means that it goes through as it is.
func (n *running) output(h heard) (taken bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if h.kind == jupyter.ErrorOutput { // published when the cell has ended
		var f jupyter.Failure
		if json.Unmarshal(h.content, &f) == nil && n.failure == nil {
			n.failure = &f
		}
		return true
	}
	if h.kind == jupyter.DisplayData && n.result(h.content) {
		return true
	}
	if n.report == nil || n.ended {
		return false
	}
	var instead []Output
	err := safely("errors", func() error { instead, taken = n.report.Output(h.kind, h.content); return nil })
	if err != nil {
		return false
	}
	if taken {
		n.r.publishAll(n.cell.Request, instead)
	}
	return taken
}

// ResultMark is the metadata of a view that is the value of the cell's last expression: it is published as the cell's
// result, which front ends number as they number the cell.
const ResultMark = "quire.result"

// result publishes a view that is the cell's result; false means that it is none.
func (n *running) result(content json.RawMessage) bool {
	if !bytes.Contains(content, []byte(ResultMark)) {
		return false
	}
	var d jupyter.Display
	if json.Unmarshal(content, &d) != nil || d.Metadata[ResultMark] == nil {
		return false
	}
	delete(d.Metadata, ResultMark)
	n.r.Publish(n.cell.Request, jupyter.ExecuteResult, map[string]any{"data": d.Data, "metadata": d.Metadata, "execution_count": n.cell.Count})
	return true
}

// end returns how a cell failed in gonb: by its reply, or by err.
func (n *running) end(reply jupyter.Reply, err error) *jupyter.Failure {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ended = true
	f := failed(err)
	switch {
	case f != nil:
	case reply.Status != "ok" && n.failure != nil:
		f = n.failure
	case reply.Status != "ok":
		f = &jupyter.Failure{EName: reply.EName, EValue: reply.EValue, Traceback: reply.Traceback}
	}
	if n.report != nil {
		_ = safely("errors", func() error { n.r.publishAll(n.cell.Request, n.report.End(f)); return nil })
	}
	if f != nil {
		if f.EValue = strings.TrimRight(f.EValue, "\n"); f.Traceback == nil {
			f.Traceback = []string{f.EValue}
		}
	}
	return f
}
