package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/zmtp"
)

// back is the connection to one gonb.
type back struct {
	engine engine
	r      *Relay

	shell, stdin, control, iopub *zmtp.Socket

	ctx    context.Context
	stop   context.CancelFunc
	wg     sync.WaitGroup
	over   chan struct{} // closed when gonb is gone and all that it said has been heard
	worked atomic.Bool   // a cell was answered
	told   bool          // a cell said that gonb ended; guarded by the relay's mu

	mu    sync.Mutex
	open  map[string]*exchange // by msg_id of the request
	count int                  // requests that gonb has counted; used by one goroutine at a time
}

// exchange is a request that gonb works at.
type exchange struct {
	cell  *running // nil: a request of our own, of which nobody hears
	reply chan jupyter.Message
	idle  chan struct{}
	once  sync.Once
}

func newExchange(cell *running) *exchange {
	return &exchange{cell: cell, reply: make(chan jupyter.Message, 1), idle: make(chan struct{})}
}

// errGone is returned for a request whose gonb has ended.
var errGone = errors.New("the kernel (gonb) ended")

// errUnsent is the errGone of a request that gonb never had.
var errUnsent = fmt.Errorf("%w before it had the request", errGone)

// dial connects to gonb's sockets.
func (r *Relay) dial(ctx context.Context, e engine) (*back, error) {
	b := &back{engine: e, r: r, over: make(chan struct{}), open: map[string]*exchange{}}
	b.ctx, b.stop = context.WithCancel(context.Background())
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // nobody waits for one that has ended
		select {
		case <-e.Done():
			cancel()
		case <-ctx.Done():
		}
	}()
	for _, s := range []struct {
		at   **zmtp.Socket
		ch   jupyter.Channel
		role zmtp.Role
		read func(frames [][]byte)
	}{
		{&b.iopub, jupyter.IOPub, zmtp.Sub, b.published},
		{&b.shell, jupyter.Shell, zmtp.Dealer, b.replied},
		{&b.control, jupyter.Control, zmtp.Dealer, b.replied},
		{&b.stdin, jupyter.Stdin, zmtp.Dealer, b.asked},
	} {
		network, addr := e.connection().Endpoint(s.ch)
		// Big displays are the user's own: only the machine's memory bounds them.
		sock, err := zmtp.Dial(ctx, network, addr, s.role, zmtp.Options{Identity: "relay", Limits: zmtp.Limits{Message: 1 << 30}})
		if err != nil {
			b.close()
			return nil, fmt.Errorf("connecting to gonb: %w", err)
		}
		*s.at = sock
		b.wg.Go(func() { b.read(sock, s.read) })
	}
	go func() {
		b.wg.Wait()
		close(b.over)
	}()
	return b, nil
}

// close ends the connection; b may be nil.
func (b *back) close() {
	if b == nil {
		return
	}
	b.stop()
	for _, s := range []*zmtp.Socket{b.shell, b.control, b.stdin, b.iopub} {
		if s != nil {
			s.Close()
		}
	}
	b.wg.Wait()
}

// read reads what gonb sends until it ends.
func (b *back) read(s *zmtp.Socket, handle func([][]byte)) {
	for {
		frames, err := s.Recv(b.ctx)
		if err != nil {
			return
		}
		handle(frames)
	}
}

// heard is what is looked at in a message of gonb. Its signature is not: nobody else reaches these sockets.
type heard struct {
	kind, parent string
	content      json.RawMessage
}

// hear tells the frames of a message of gonb apart; false means that it is none.
func hear(frames [][]byte) (h heard, ok bool) {
	i := slices.IndexFunc(frames, func(f []byte) bool { return string(f) == jupyter.Delimiter })
	if i < 0 || len(frames) < i+6 {
		return h, false
	}
	var head struct {
		Type string `json:"msg_type"`
	}
	var parent struct {
		ID string `json:"msg_id"`
	}
	if json.Unmarshal(frames[i+2], &head) != nil || json.Unmarshal(frames[i+3], &parent) != nil {
		return h, false
	}
	return heard{head.Type, parent.ID, frames[i+5]}, true
}

// exchangeOf returns the exchange of a request, nil if it is not open.
func (b *back) exchangeOf(id string) *exchange {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open[id]
}

// published takes what gonb publishes. What belongs to no open request, such as a view that comes after its cell has
// ended, goes through as it is.
func (b *back) published(frames [][]byte) {
	h, ok := hear(frames)
	if !ok {
		return
	}
	x := b.exchangeOf(h.parent)
	switch {
	case x == nil:
	case h.kind == jupyter.StatusUpdate: // the relay says itself when a cell begins and ends
		var s jupyter.Status
		if json.Unmarshal(h.content, &s) == nil && s.State == "idle" {
			x.once.Do(func() { close(x.idle) })
		}
		return
	case x.cell == nil || h.kind == jupyter.ExecuteInput:
		return
	case x.cell.output(h):
		return
	}
	_ = b.r.iopub.Send(frames)
	b.r.echo(h.parent, h.kind, h.content)
}

// replied takes gonb's replies; those to requests that are not ours are front ends'.
func (b *back) replied(frames [][]byte) {
	h, ok := hear(frames)
	if !ok {
		return
	}
	x := b.exchangeOf(h.parent)
	if x == nil {
		_ = b.r.shell.Send(frames)
		return
	}
	select {
	case x.reply <- jupyter.Message{Header: jupyter.Header{Type: h.kind}, Content: h.content}:
	default: // a second reply
	}
}

// asked hands on a request for input.
func (b *back) asked(frames [][]byte) { _ = b.r.stdin.Send(frames) }

// request sends a request and returns its exchange, which forget closes.
func (b *back) request(m jupyter.Message, cell *running) (*exchange, error) {
	frames, err := b.r.signer.Encode(m)
	if err != nil {
		return nil, err
	}
	x := newExchange(cell)
	b.mu.Lock()
	b.open[m.Header.ID] = x
	b.mu.Unlock()
	if err := b.shell.Send(frames); errors.Is(err, zmtp.ErrNoPeer) { // its sockets are gone before its process is
		return x, errUnsent
	} else if err != nil {
		return x, err
	}
	return x, nil
}

func (b *back) forget(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, id)
}

// wait waits until gonb has replied and published all of it.
func (b *back) wait(ctx context.Context, x *exchange) (reply jupyter.Reply, err error) {
	select {
	case <-x.idle:
	case <-b.over:
	case <-ctx.Done():
		return reply, context.Cause(ctx)
	}
	select {
	case m := <-x.reply:
		return reply, m.Decode(&reply)
	default:
	}
	select {
	case m := <-x.reply:
		return reply, m.Decode(&reply)
	case <-b.over:
		return reply, errGone
	case <-ctx.Done():
		return reply, context.Cause(ctx)
	}
}

// run runs code of which nobody hears.
func (b *back) run(ctx context.Context, content jupyter.Execute) (jupyter.Reply, error) {
	x, id, err := b.own(jupyter.ExecuteRequest, content)
	if err != nil {
		return jupyter.Reply{}, err
	}
	defer b.forget(id)
	return b.wait(ctx, x)
}

// own sends a request of our own.
func (b *back) own(kind string, content any) (*exchange, string, error) {
	m, err := jupyter.NewMessage(b.r.session, kind, jupyter.Header{}, content)
	if err != nil {
		return nil, "", err
	}
	x, err := b.request(m, nil)
	return x, m.Header.ID, err
}

// greet asks for kernel_info until the publication of its end has come: a subscriber that came late misses the first
// messages, and a cell's must not be among them.
func (b *back) greet(ctx context.Context) error {
	for {
		x, id, err := b.own(jupyter.KernelInfoRequest, struct{}{})
		if err != nil {
			return err
		}
		soon, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		_, err = b.wait(soon, x)
		cancel()
		b.forget(id)
		if err == nil || errors.Is(err, errGone) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// together is how many empty cells gonb is given at once.
const together = 256

// catchUp makes gonb count to n: what it says of places in cells is then as the front end counts. Cells that it never
// saw are empty ones to it.
func (b *back) catchUp(ctx context.Context, n int) error {
	for b.count < n {
		var last *exchange
		for range min(n-b.count, together) {
			x, id, err := b.own(jupyter.ExecuteRequest, jupyter.Execute{Silent: true, StoreHistory: true, UserExpressions: map[string]any{}})
			if err != nil {
				return err
			}
			defer b.forget(id)
			b.count++
			last = x
		}
		if _, err := b.wait(ctx, last); err != nil {
			return err
		}
	}
	return nil
}
