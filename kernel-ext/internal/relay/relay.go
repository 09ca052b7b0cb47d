package relay

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/kernel"
	"github.com/quire-ml/quire/kernel-ext/internal/zmtp"
)

// Options of Start.
type Options struct {
	Front   jupyter.Connection // where front ends connect
	Kernel  kernel.Options     // how gonb is started; its key is that of Front
	Version string             // of Quire, for those who ask what this is

	// What people add; each may be nil.
	Cells     Cells
	Inspector Inspector
	Magics    []Magic
	Comms     Comms
	Failures  Failures

	Note   func(string) // told what happens to gonb, for a log; may be nil
	Ending func()       // called before gonb and all that it started are ended for good; may be nil
	Ended  func()       // called when everything has ended; may be nil

	start func() (engine, error) // tests have another gonb
	grace time.Duration          // and less patience
}

// Relay is a kernel in the eyes of front ends. Its methods may be called by several goroutines.
type Relay struct {
	opts    Options
	session string // of what the relay says itself
	signer  *jupyter.Signer

	shell, control, stdin, iopub, heartbeat *zmtp.Socket

	cells   *queue[request] // that wait for their turn
	asks    *queue[request] // hover and completion
	history history
	shown   atomic.Pointer[shown] // by the cell that runs

	settings settings // that a gonb in the place of another one is given again

	ctx  context.Context
	stop context.CancelCauseFunc
	wg   sync.WaitGroup
	done chan struct{}

	mu      sync.Mutex
	back    *back         // nil while there is no gonb
	held    [][][]byte    // messages that are passed on when there is one
	changed chan struct{} // closed when there is one, or none again
	now     *running      // the cell that runs
	count   int           // cells that were counted
	notice  string        // what the next cell says first: gonb ended while none ran
}

// Start opens the sockets for front ends, starts gonb, and serves until ctx ends, a front end asks for the end, or Close
// is called. Cells that come before gonb is ready wait.
func Start(ctx context.Context, opts Options) (*Relay, error) {
	signer, err := jupyter.NewSigner(opts.Front.SignatureScheme, opts.Front.Key)
	if err != nil {
		return nil, err
	}
	if opts.Note == nil {
		opts.Note = func(string) {}
	}
	if opts.grace == 0 {
		opts.grace = grace
	}
	opts.Kernel.Key = opts.Front.Key
	if opts.start == nil {
		opts.start = func() (engine, error) { return startGonb(opts.Kernel) }
	}
	r := &Relay{
		opts: opts, session: rand.Text(), signer: signer,
		cells: newQueue[request](), asks: newQueue[request](),
		done: make(chan struct{}), changed: make(chan struct{}),
	}
	r.ctx, r.stop = context.WithCancelCause(ctx)
	if err := r.listen(); err != nil {
		r.closeSockets()
		return nil, err
	}
	first, err := opts.start()
	if err != nil {
		r.closeSockets()
		return nil, err
	}
	r.wg.Go(func() { r.keep(first) })
	r.wg.Go(r.work)
	for range inspectors {
		r.wg.Go(r.inspect)
	}
	r.wg.Go(func() { r.serve(r.shell, r.handle) })
	r.wg.Go(func() { r.serve(r.control, r.handle) })
	r.wg.Go(func() { r.serve(r.stdin, r.input) })
	go r.end()
	return r, nil
}

// inspectors is how many questions of hover and completion are worked at at a time.
const inspectors = 2

// listen opens the sockets for front ends. What a kernel left there that was killed goes.
func (r *Relay) listen() error {
	r.opts.Front.Clear()
	for _, s := range []struct {
		at   **zmtp.Socket
		ch   jupyter.Channel
		role zmtp.Role
	}{
		{&r.shell, jupyter.Shell, zmtp.Router},
		{&r.control, jupyter.Control, zmtp.Router},
		{&r.stdin, jupyter.Stdin, zmtp.Router},
		{&r.iopub, jupyter.IOPub, zmtp.Pub},
		{&r.heartbeat, jupyter.Heartbeat, zmtp.Rep},
	} {
		network, addr := r.opts.Front.Endpoint(s.ch)
		sock, err := zmtp.Listen(context.Background(), network, addr, s.role, zmtp.Options{}) // they end after the last words
		if err != nil {
			return fmt.Errorf("opening the kernel's sockets: %w", err)
		}
		*s.at = sock
	}
	return nil
}

func (r *Relay) closeSockets() {
	for _, s := range []*zmtp.Socket{r.shell, r.control, r.stdin, r.iopub, r.heartbeat} {
		if s != nil {
			s.Close()
		}
	}
}

// lastWords bounds how long the last messages may take to reach a front end.
const lastWords = time.Second

// end ends everything when the relay is stopped.
func (r *Relay) end() {
	<-r.ctx.Done()
	r.wg.Wait()
	last, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	for _, s := range []*zmtp.Socket{r.shell, r.control, r.iopub} {
		_ = s.Flush(last)
	}
	r.closeSockets()
	if r.opts.Ended != nil {
		r.opts.Ended()
	}
	close(r.done)
}

// Done is closed when the relay has ended and nothing of it is left.
func (r *Relay) Done() <-chan struct{} { return r.done }

// errEnded is why a relay ends that was asked to.
var errEnded = errors.New("the kernel was ended")

// Err says why the relay ended, nil if it was asked to or still serves.
func (r *Relay) Err() error {
	err := context.Cause(r.ctx)
	if err == nil || errors.Is(err, errEnded) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// Close ends the relay, gonb and all that it started.
func (r *Relay) Close() {
	r.stop(errEnded)
	<-r.done
}

// Connection returns where front ends connect.
func (r *Relay) Connection() jupyter.Connection { return r.opts.Front }

// Publish publishes a message to all front ends. It may be called by any goroutine at any time; content is encoded as
// JSON, and what cannot be encoded is not published.
func (r *Relay) Publish(parent jupyter.Header, kind string, content any) {
	m, err := jupyter.NewMessage(r.session, kind, parent, content)
	if err == nil {
		r.send(r.iopub, m, []byte(kind))
		r.echo(parent.ID, kind, m.Content)
	}
}

// Send publishes a message that is more than content, such as one with buffers. It becomes one of the relay's session, as
// all are that a kernel publishes: JupyterLab drops what is of another session than the message that came last.
func (r *Relay) Send(m jupyter.Message) {
	m.Header.Session = r.session
	r.send(r.iopub, m, []byte(m.Header.Type))
	r.echo(m.Parent.ID, m.Header.Type, m.Content)
}

func (r *Relay) send(s *zmtp.Socket, m jupyter.Message, to ...[]byte) {
	m.Identities = to
	if frames, err := r.signer.Encode(m); err == nil {
		_ = s.Send(frames) // the peer may have gone
	}
}

// Interrupt interrupts the running cell, and aborts those that wait. It does not wait.
func (r *Relay) Interrupt() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now != nil {
		r.now.interrupt(errInterrupted)
	}
}
