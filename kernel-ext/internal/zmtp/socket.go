package zmtp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Options of a socket; the zero value is usable.
type Options struct {
	Identity  string        // what a dialling Dealer or Router calls itself; at most 255 bytes
	Subscribe []string      // Sub: prefixes to receive; nil means everything
	Handshake time.Duration // how long a peer may take to introduce itself; 5 s
	Limits    Limits
	// Reply makes the answer of a Rep from a request without its envelope; nil echoes.
	Reply func(request [][]byte) [][]byte
}

// ErrNoPeer is returned by Send when nobody is there to receive: a Router's peer has gone, or a Dealer
// has none. A Pub without subscribers is no error.
var ErrNoPeer = errors.New("zmtp: no such peer")

// Socket is a listening or dialled socket. It may be used by several goroutines.
type Socket struct {
	role Role
	opts Options
	ln   net.Listener
	in   chan [][]byte

	ctx  context.Context
	stop context.CancelCauseFunc
	wg   sync.WaitGroup

	mu    sync.Mutex
	peers map[*peer]bool
	byTag map[string]*peer // by tag
	raw   int              // connections, shaken or not
}

func newSocket(ctx context.Context, role Role, opts Options) (*Socket, error) {
	if partners[role] == nil {
		return nil, fmt.Errorf("zmtp: unknown role %q", role)
	}
	if len(opts.Identity) > 255 {
		return nil, fmt.Errorf("zmtp: an identity of %d bytes: 255 is the most", len(opts.Identity))
	}
	if opts.Handshake <= 0 {
		opts.Handshake = 5 * time.Second
	}
	opts.Limits = opts.Limits.orDefaults()
	s := &Socket{role: role, opts: opts, in: make(chan [][]byte, 64), peers: map[*peer]bool{}, byTag: map[string]*peer{}}
	s.ctx, s.stop = context.WithCancelCause(ctx)
	return s, nil
}

// Listen opens a socket at a "unix" path, which only this user may connect to, or a "tcp" address and accepts peers until ctx ends or Close.
func Listen(ctx context.Context, network, addr string, role Role, opts Options) (*Socket, error) {
	s, err := newSocket(ctx, role, opts)
	if err != nil {
		return nil, err
	}
	config := net.ListenConfig{}
	if network == "unix" {
		config.Control = closed
	}
	s.ln, err = config.Listen(ctx, network, addr)
	if err == nil && network == "unix" { // where the system heeds no mode before
		if err = os.Chmod(addr, 0o600); err != nil {
			s.ln.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("zmtp: listening: %w", err)
	}
	context.AfterFunc(s.ctx, func() { s.ln.Close(); s.endAll() })
	s.wg.Go(s.accept)
	return s, nil
}

func (s *Socket) accept() {
	for {
		conn, err := s.ln.Accept()
		if s.ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return
		}
		if err != nil { // out of files, say: the socket goes on when there are some again
			time.Sleep(10 * time.Millisecond)
			continue
		}
		s.mu.Lock()
		full := s.raw >= s.opts.Limits.Peers
		if !full {
			s.raw++
		}
		s.mu.Unlock()
		if full {
			conn.Close()
			continue
		}
		s.wg.Go(func() {
			_ = s.serve(conn, nil) // one peer's fault is no matter for the others
			s.mu.Lock()
			s.raw--
			s.mu.Unlock()
		})
	}
}

// Dial connects to a listening socket, trying until ctx ends while nobody listens there yet; ctx bounds
// the connecting only, and the socket lives until Close. After the peer has gone Recv returns io.EOF.
func Dial(ctx context.Context, network, addr string, role Role, opts Options) (*Socket, error) {
	s, err := newSocket(context.WithoutCancel(ctx), role, opts)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(s.ctx, s.endAll)
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, network, addr)
		if err == nil {
			up := make(chan struct{})
			failed := make(chan error, 1)
			s.wg.Go(func() {
				err := s.serve(conn, up)
				failed <- err
				s.stop(err)
			})
			select {
			case <-up:
				return s, nil
			case err := <-failed:
				s.stop(err)
				return nil, fmt.Errorf("zmtp: %s: %w", addr, err)
			case <-ctx.Done():
				s.stop(nil)
				return nil, fmt.Errorf("zmtp: %s: the peer does not introduce itself: %w", addr, ctx.Err())
			}
		}
		select {
		case <-ctx.Done():
			s.stop(nil)
			return nil, fmt.Errorf("zmtp: nobody listens at %s: %w", addr, err)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// serve runs one connection to its end; up, if not nil, is closed once the handshake is done.
func (s *Socket) serve(conn net.Conn, up chan<- struct{}) error {
	defer conn.Close()
	unhook := context.AfterFunc(s.ctx, func() { conn.Close() }) // also during the handshake
	defer unhook()
	p := newPeer(conn, s.opts.Limits)
	if err := p.shake(s.role, s.opts.Identity, s.opts.Handshake); err != nil {
		return err
	}
	s.add(p)
	defer s.remove(p)
	s.wg.Go(p.write)
	if s.role == Sub {
		s.subscribeTo(p)
	}
	if up != nil {
		close(up)
	}
	for {
		frames, command, err := readMessage(p.r, s.opts.Limits)
		if err != nil {
			return err
		}
		if command {
			p.handle(frames[0])
			continue
		}
		if !s.receive(p, frames) {
			return io.EOF
		}
	}
}

// receive does with a message what the role asks for; false means that the socket has ended.
func (s *Socket) receive(p *peer, m [][]byte) bool {
	switch s.role {
	case Pub: // a subscription as ZMTP 3.0 sends it: a message of 1 or 0 and the prefix
		if len(m) == 1 && len(m[0]) > 0 && m[0][0] <= 1 {
			p.subscribe(m[0][0] == 1, string(m[0][1:]))
		}
		return true
	case Rep:
		p.push(outgoing{frames: s.answer(m)})
		return true
	case Router:
		m = append([][]byte{[]byte(p.tag)}, m...)
	}
	select {
	case s.in <- m:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// answer keeps the envelope of a request, which ends with an empty frame, and replaces the rest.
func (s *Socket) answer(m [][]byte) [][]byte {
	if s.opts.Reply == nil {
		return m
	}
	for i, f := range m {
		if len(f) == 0 {
			return append(m[:i+1:i+1], s.opts.Reply(m[i+1:])...)
		}
	}
	return s.opts.Reply(m)
}

func (s *Socket) subscribeTo(p *peer) {
	topics := s.opts.Subscribe
	if topics == nil {
		topics = []string{""}
	}
	for _, t := range topics {
		p.push(outgoing{frames: [][]byte{append([]byte{1}, t...)}})
	}
}

func (s *Socket) add(p *peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peers[p] = true
	s.byTag[p.tag] = p
}

func (s *Socket) remove(p *peer) {
	p.end()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.peers, p)
	delete(s.byTag, p.tag)
}

// Recv returns the next message; a Router's starts with the peer's tag. It returns io.EOF when the
// socket has ended, and ctx's error when ctx ends first.
func (s *Socket) Recv(ctx context.Context) ([][]byte, error) {
	select {
	case m := <-s.in:
		return m, nil
	default:
	}
	select {
	case m := <-s.in:
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.ctx.Done():
		select {
		case m := <-s.in: // what came before the end
			return m, nil
		default:
			return nil, io.EOF
		}
	}
}

// Send queues m and returns at once. A Router's m[0] is the tag of the peer, or its identity; a tag of
// another socket of the same peer finds it by identity, as Jupyter's stdin needs. All peers of an identity get
// it: nobody knows which of them belongs to the other socket. A Pub sends to those who subscribed to a prefix of m[0], a Dealer to every
// peer. m must not be changed afterwards.
func (s *Socket) Send(m [][]byte) error {
	if len(m) == 0 {
		return errors.New("zmtp: a message without frames")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.role {
	case Router:
		peers := s.named(string(m[0]))
		if len(peers) == 0 {
			return ErrNoPeer
		}
		if len(m) == 1 {
			return errors.New("zmtp: a message without frames after the peer's name")
		}
		for _, p := range peers {
			p.push(outgoing{frames: m[1:]})
		}
	case Pub:
		for p := range s.peers {
			if p.wants(m[0]) {
				p.push(outgoing{frames: m})
			}
		}
	case Dealer:
		if len(s.peers) == 0 {
			return ErrNoPeer
		}
		for p := range s.peers {
			p.push(outgoing{frames: m})
		}
	default:
		return fmt.Errorf("zmtp: a %s does not send", s.role)
	}
	return nil
}

// named returns the peers that a tag names, or an identity; mu is held.
func (s *Socket) named(tag string) (list []*peer) {
	if p := s.byTag[tag]; p != nil {
		return []*peer{p}
	}
	id := base(tag)
	for p := range s.peers {
		if p.id == id || p.id == tag {
			list = append(list, p)
		}
	}
	return list
}

// Flush waits until everything that was sent is with the operating system, or ctx ends.
func (s *Socket) Flush(ctx context.Context) error {
	for {
		var n int64
		s.mu.Lock()
		for p := range s.peers {
			n += p.pending()
		}
		s.mu.Unlock()
		if n == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}

// Addr returns where a listening socket listens, and nil for a dialled one.
func (s *Socket) Addr() net.Addr {
	if s.ln == nil {
		return nil
	}
	return s.ln.Addr()
}

// Peers returns the number of peers that have introduced themselves.
func (s *Socket) Peers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.peers)
}

// Close ends the socket and waits for its goroutines. Messages still queued are dropped; see Flush.
func (s *Socket) Close() error {
	s.stop(io.EOF)
	if s.ln != nil {
		s.ln.Close()
	}
	s.endAll()
	s.wg.Wait()
	return nil
}

func (s *Socket) endAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.peers {
		p.end()
	}
}
