package kernel

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/zmtp"
)

// Client is a front end of a kernel: it sends requests and hears what the kernel publishes. Its methods
// may be used by several goroutines.
type Client struct {
	// Info is what the kernel said about itself.
	Info jupyter.KernelInfo

	session string
	signer  *jupyter.Signer
	onIOPub func(jupyter.Message)
	onInput func(jupyter.Input) // an input_request, which has to be answered by Input

	shell, control, stdin, iopub *zmtp.Socket

	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu      sync.Mutex
	waiting map[string]*request // by msg_id
}

// request is one that waits for its reply and for the kernel to be idle again.
type request struct {
	reply chan jupyter.Message
	idle  chan struct{}
	once  sync.Once
}

// Handlers of a client; each may be nil. IOPub is called for every published message in its order, by one
// goroutine.
type Handlers struct {
	IOPub func(jupyter.Message)
	Input func(jupyter.Input)
}

// Connect connects to the kernel of conn and waits until it answers and its publications arrive. It
// returns early if gone, which may be nil, is closed.
func Connect(ctx context.Context, conn jupyter.Connection, gone <-chan struct{}, h Handlers) (*Client, error) {
	signer, err := jupyter.NewSigner(conn.SignatureScheme, conn.Key)
	if err != nil {
		return nil, err
	}
	c := &Client{session: rand.Text(), signer: signer, onIOPub: h.IOPub, onInput: h.Input, waiting: map[string]*request{}}
	c.ctx, c.stop = context.WithCancel(context.Background())
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if gone != nil {
		go func() {
			select {
			case <-gone:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	if err = c.dial(ctx, conn); err == nil {
		err = c.greet(ctx)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Client) dial(ctx context.Context, conn jupyter.Connection) error {
	for _, s := range []struct {
		at   **zmtp.Socket
		ch   jupyter.Channel
		role zmtp.Role
		read func(jupyter.Message)
	}{
		{&c.iopub, jupyter.IOPub, zmtp.Sub, c.published},
		{&c.shell, jupyter.Shell, zmtp.Dealer, c.replied},
		{&c.control, jupyter.Control, zmtp.Dealer, c.replied},
		{&c.stdin, jupyter.Stdin, zmtp.Dealer, c.asked},
	} {
		network, addr := conn.Endpoint(s.ch)
		// Big displays are the user's own: only the machine's memory bounds them.
		sock, err := zmtp.Dial(ctx, network, addr, s.role, zmtp.Options{Identity: c.session, Limits: zmtp.Limits{Message: 1 << 30}})
		if err != nil {
			return fmt.Errorf("connecting to the kernel: %w", err)
		}
		*s.at = sock
		c.wg.Go(func() {
			c.pump(sock, s.read)
			if s.ch == jupyter.Shell {
				c.stop() // nobody will answer any more
			}
		})
	}
	return nil
}

// pump reads messages of one socket until its end; what is not signed with our key is dropped.
func (c *Client) pump(s *zmtp.Socket, handle func(jupyter.Message)) {
	for {
		frames, err := s.Recv(c.ctx)
		if err != nil {
			return
		}
		if m, err := c.signer.Decode(frames); err == nil {
			handle(m)
		}
	}
}

func (c *Client) published(m jupyter.Message) {
	if c.onIOPub != nil {
		c.onIOPub(m)
	}
	if m.Header.Type != jupyter.StatusUpdate {
		return
	}
	var s jupyter.Status
	if m.Decode(&s) == nil && s.State == "idle" {
		if r := c.request(m.Parent.ID); r != nil {
			r.once.Do(func() { close(r.idle) })
		}
	}
}

func (c *Client) replied(m jupyter.Message) {
	if r := c.request(m.Parent.ID); r != nil {
		select {
		case r.reply <- m:
		default: // a second reply
		}
	}
}

func (c *Client) asked(m jupyter.Message) {
	var in jupyter.Input
	if m.Header.Type == jupyter.InputRequest && m.Decode(&in) == nil && c.onInput != nil {
		c.onInput(in)
	}
}

func (c *Client) request(id string) *request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting[id]
}

// send sends a request and returns its message id and what will be known about it; before is told
// the id first.
func (c *Client) send(s *zmtp.Socket, kind string, content any, before ...func(id string)) (string, *request, error) {
	m, err := jupyter.NewMessage(c.session, kind, jupyter.Header{}, content)
	if err != nil {
		return "", nil, err
	}
	frames, err := c.signer.Encode(m)
	if err != nil {
		return "", nil, err
	}
	r := &request{reply: make(chan jupyter.Message, 1), idle: make(chan struct{})}
	c.mu.Lock()
	c.waiting[m.Header.ID] = r
	c.mu.Unlock()
	for _, tell := range before {
		tell(m.Header.ID)
	}
	err = s.Send(frames)
	if errors.Is(err, zmtp.ErrNoPeer) {
		err = ErrGone
	}
	return m.Header.ID, r, err
}

func (c *Client) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

// greet asks for kernel_info until both the reply and the publication of its end have come: a
// subscriber that came late misses the first messages, and a cell's must not be among them.
func (c *Client) greet(ctx context.Context) error {
	heard := make(chan struct{})
	var once sync.Once
	answered := false
	for {
		id, r, err := c.send(c.shell, jupyter.KernelInfoRequest, struct{}{})
		if err != nil {
			return err
		}
		defer c.forget(id)
		c.wg.Go(func() {
			select {
			case <-r.idle:
				once.Do(func() { close(heard) })
			case <-c.ctx.Done():
			}
		})
		if !answered {
			select {
			case m := <-r.reply:
				if err := m.Decode(&c.Info); err != nil {
					return err
				}
				answered = true
			case <-ctx.Done():
				return fmt.Errorf("connecting to the kernel: no answer: %w", ctx.Err())
			}
		}
		select {
		case <-heard:
			return nil
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("connecting to the kernel: it publishes nothing: %w", ctx.Err())
		}
	}
}

// ErrGone is returned when the kernel's sockets have ended.
var ErrGone = errors.New("the kernel is gone")

// Execution is a cell that was sent.
type Execution struct {
	ID string // the msg_id that is the parent of what the cell publishes

	c *Client
	r *request
}

// Execute sends a cell. What it publishes goes to the IOPub handler; before learns the
// parent id of those messages before the first can come.
func (c *Client) Execute(content jupyter.Execute, before ...func(id string)) (*Execution, error) {
	if content.UserExpressions == nil {
		content.UserExpressions = map[string]any{}
	}
	id, r, err := c.send(c.shell, jupyter.ExecuteRequest, content, before...)
	if err != nil {
		c.forget(id)
		return nil, err
	}
	return &Execution{id, c, r}, nil
}

// Wait returns the reply of the cell once all that it published has been handled. After ctx's end it may
// be called again.
func (e *Execution) Wait(ctx context.Context) (jupyter.Reply, error) {
	var reply jupyter.Reply
	select {
	case m := <-e.r.reply:
		e.r.reply <- m // for another Wait
		if err := m.Decode(&reply); err != nil {
			return reply, err
		}
	case <-ctx.Done():
		return reply, ctx.Err()
	case <-e.c.ctx.Done():
		return reply, ErrGone
	}
	select {
	case <-e.r.idle:
		e.c.forget(e.ID)
		return reply, nil
	case <-ctx.Done():
		return reply, ctx.Err()
	case <-e.c.ctx.Done():
		return reply, ErrGone
	}
}

// Run is Execute and Wait.
func (c *Client) Run(ctx context.Context, content jupyter.Execute) (jupyter.Reply, error) {
	e, err := c.Execute(content)
	if err != nil {
		return jupyter.Reply{}, err
	}
	return e.Wait(ctx)
}

// Ask sends a request that runs nothing, and returns the reply once all that the kernel published for it has been
// handled.
func (c *Client) Ask(ctx context.Context, kind string, content any) (jupyter.Message, error) {
	id, r, err := c.send(c.shell, kind, content)
	defer c.forget(id)
	if err != nil {
		return jupyter.Message{}, err
	}
	var m jupyter.Message
	select {
	case m = <-r.reply:
	case <-ctx.Done():
		return m, ctx.Err()
	case <-c.ctx.Done():
		return m, ErrGone
	}
	select {
	case <-r.idle:
		return m, nil
	case <-ctx.Done():
		return m, ctx.Err()
	case <-c.ctx.Done():
		return m, ErrGone
	}
}

// Interrupt asks the kernel to interrupt the running cell; it does not wait.
func (c *Client) Interrupt() error {
	id, _, err := c.send(c.control, jupyter.InterruptRequest, struct{}{})
	c.forget(id)
	return err
}

// Shutdown asks the kernel to end; it does not wait.
func (c *Client) Shutdown() error {
	id, _, err := c.send(c.control, jupyter.ShutdownRequest, jupyter.Shutdown{})
	c.forget(id)
	return err
}

// Close ends the connection; the kernel goes on.
func (c *Client) Close() {
	c.stop()
	for _, s := range []*zmtp.Socket{c.shell, c.control, c.stdin, c.iopub} {
		if s != nil {
			s.Close()
		}
	}
	c.wg.Wait()
}
