package relay

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/source"
	"github.com/quire-ml/quire/kernel-ext/internal/zmtp"
)

// request is a message of a front end, whose signature is right.
type request struct {
	jupyter.Envelope
	head   jupyter.Header
	frames [][]byte // as they came
	from   *zmtp.Socket
}

// decode reads the content; what is missing stays as it is in v.
func (q request) decode(v any) error {
	if err := json.Unmarshal(q.Content, v); err != nil {
		return fmt.Errorf("content of %s: %w", q.head.Type, err)
	}
	return nil
}

// serve reads what front ends send until the relay ends. What is not signed with the kernel's key is dropped.
func (r *Relay) serve(s *zmtp.Socket, handle func(request)) {
	for {
		frames, err := s.Recv(r.ctx)
		if err != nil {
			return
		}
		if q, ok := r.open(frames); ok {
			q.from = s
			handle(q)
		}
	}
}

// open reads the frames of a message; false means that it is a stranger's, or none.
func (r *Relay) open(frames [][]byte) (q request, ok bool) {
	e, err := r.signer.Open(frames)
	if err != nil {
		return q, false
	}
	q = request{Envelope: e, frames: frames}
	return q, json.Unmarshal(e.Header, &q.head) == nil && q.head.Type != ""
}

// handle does what a front end asks for, on shell or control. It does not wait for anything.
func (r *Relay) handle(q request) {
	switch q.head.Type {
	case jupyter.ExecuteRequest:
		if s := r.shown.Load(); s != nil && r.attaches(q) {
			r.wg.Go(func() { r.attach(q, s) })
			return
		}
		r.cells.push(q)
	case jupyter.InspectRequest, jupyter.CompleteRequest:
		r.asks.push(q)
	case jupyter.KernelInfoRequest:
		r.answer(q, r.info())
	case jupyter.IsCompleteRequest:
		r.answer(q, isComplete(q))
	case jupyter.HistoryRequest:
		r.answer(q, r.history.reply(q))
	case jupyter.CommInfoRequest:
		r.answer(q, r.commInfo(q))
	case jupyter.InterruptRequest:
		r.Interrupt()
		r.answer(q, map[string]any{"status": "ok"})
	case jupyter.ShutdownRequest:
		r.shutdown(q)
	case jupyter.CommOpen, jupyter.CommMsg, jupyter.CommClose:
		r.comm(q)
	default:
		r.pass(q)
	}
}

// maxHeld bounds how many messages wait for a gonb.
const maxHeld = 1000

// pass hands a message on to gonb as it is; while there is none, it waits for one.
func (r *Relay) pass(q request) {
	if !q.whole() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.back != nil && r.back.shell.Send(q.frames) == nil {
		return
	}
	if len(r.held) < maxHeld {
		r.held = append(r.held, q.frames)
	}
}

// whole reports whether a message is one whose parts gonb can read: it would end of another.
func (q request) whole() bool {
	var parent jupyter.Header
	var metadata, content map[string]any
	return json.Unmarshal(q.Parent, &parent) == nil && json.Unmarshal(q.Metadata, &metadata) == nil &&
		json.Unmarshal(q.Content, &content) == nil && content != nil
}

// input hands on to gonb what somebody typed.
func (r *Relay) input(q request) {
	var typed struct {
		Value *string `json:"value"`
	}
	if b := r.current(); b != nil && q.whole() && q.decode(&typed) == nil && typed.Value != nil {
		_ = b.stdin.Send(q.frames)
	}
}

// answer replies to a request between busy and idle.
func (r *Relay) answer(q request, content any) {
	r.status(q.head, "busy")
	r.reply(q, content)
	r.idle(q.head)
}

// reply replies to a request, where it came from; the type of the reply follows from its own.
func (r *Relay) reply(q request, content any) {
	kind := q.head.Type
	if n := len(kind) - len("_request"); n > 0 && kind[n:] == "_request" {
		kind = kind[:n] + "_reply"
	}
	if m, err := jupyter.NewMessage(r.session, kind, q.head, content); err == nil {
		r.send(q.from, m, q.Identities...)
	}
}

func (r *Relay) status(parent jupyter.Header, state string) {
	r.Publish(parent, jupyter.StatusUpdate, jupyter.Status{State: state})
}

// idle says that a request is done. Front ends take it for the kernel's state, whoever asked: while a cell runs, they
// are told at once that it does.
func (r *Relay) idle(parent jupyter.Header) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status(parent, "idle")
	if r.now != nil {
		r.status(r.now.cell.Request, "busy")
	}
}

// shutdown ends the relay. For a restart the front end starts another process.
func (r *Relay) shutdown(q request) {
	var asked jupyter.Shutdown
	_ = q.decode(&asked)
	content := map[string]any{"status": "ok", "restart": asked.Restart}
	r.status(q.head, "busy")
	r.reply(q, content)
	r.Publish(q.head, jupyter.ShutdownReply, content)
	r.status(q.head, "idle")
	r.stop(errEnded)
}

// comm offers a comm message to the hook, else it is gonb's. Widgets of front ends wait for idle before they send more.
func (r *Relay) comm(q request) {
	r.status(q.head, "busy")
	defer r.idle(q.head)
	if r.opts.Comms != nil {
		m, err := q.Message()
		taken := false
		err = errors.Join(err, safely("a comm message", func() error { taken = err == nil && r.opts.Comms.Comm(m); return nil }))
		if taken || err != nil {
			return
		}
	}
	r.pass(q)
}

// isComplete says whether what somebody types in a terminal is a whole cell.
func isComplete(q request) any {
	var asked struct {
		Code string `json:"code"`
	}
	if q.decode(&asked) != nil {
		return map[string]any{"status": "unknown"}
	}
	status, indent := source.Status(asked.Code)
	if status != source.Incomplete {
		return map[string]any{"status": status}
	}
	return map[string]any{"status": status, "indent": indent}
}

// safely calls a hook; if it panics, that is an error of the hook, not the end of the kernel.
func safely(what string, hook func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: the kernel's own code broke: %v", what, p)
		}
	}()
	return hook()
}
