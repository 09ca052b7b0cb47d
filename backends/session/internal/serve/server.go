package serve

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/quire-ml/quire/backends/session/internal/wire"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/internal/safefile"
)

// Options of Run.
type Options struct {
	Device string // what the engine is opened by, such as "xla:cpu"
	Dir    string // where the socket lies: a folder of this user alone
	Open   func(device string) (ir.Backend, error)
	Owner  string        // the folder of the notebook that it is started for; may be ""
	Idle   time.Duration // how long the worker waits for somebody who needs it
	Ready  func()        // called when it can be connected to; may be nil

	// Version is told to clients; the zero one stands for that of this program.
	Version wire.Version
}

// Server is a worker.
type Server struct {
	device   string
	dir      string
	backend  ir.Backend
	programs *programs
	version  wire.Version
	pid      int
	instance string // differs for each worker
	since    time.Time
	end      context.CancelCauseFunc

	mu      sync.Mutex
	clients map[*client]bool
	names   map[string]*held
	anchors []anchor
	owners  map[string]bool // folders whose lock says that a notebook lives
	orphan  bool            // the last notebook has ended
	used    time.Time       // when the last client left
	ending  bool

	instances map[string]bool // workers whose names this one knows

	taking sync.Mutex // held where values are taken up
}

// watch is how often the worker looks whether its notebooks live.
const watch = time.Second

// Run serves until nobody needs the worker any more, or ctx ends. It is an error if another worker serves the device, or
// the engine cannot be opened.
func Run(ctx context.Context, o Options) error {
	if err := safefile.MkdirPrivate(o.Dir); err != nil {
		return err
	}
	lock, err := lockDevice(ctx, wire.LockPath(o.Dir, o.Device))
	if err != nil {
		return err
	}
	defer lock.Unlock()
	path := wire.SocketPath(o.Dir, o.Device)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	b, err := o.Open(o.Device)
	if err != nil {
		return err
	}
	defer b.Close()
	l, err := wire.Listen(path)
	if err != nil {
		return err
	}
	defer os.Remove(path)
	defer l.Close()
	if o.Version == (wire.Version{}) {
		o.Version = wire.Current()
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	wire.SweepLeft(o.Dir, o.Device)
	s := &Server{device: o.Device, dir: o.Dir, backend: b, programs: newPrograms(b), version: o.Version, pid: os.Getpid(), instance: rand.Text(), since: time.Now(),
		end: end, clients: map[*client]bool{}, names: map[string]*held{}, owners: map[string]bool{}, instances: map[string]bool{}, used: time.Now()}
	s.instances[s.instance] = true
	if o.Owner != "" {
		s.owners[o.Owner] = true
	}
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	go s.watch(ctx, o.Idle)
	if o.Ready != nil {
		o.Ready()
	}
	return s.accept(ctx, l)
}

// ending is how long a worker may take to end: it may have to write out what it holds.
const ending = 2 * time.Minute

// lockDevice waits for the lock of a worker that is ending.
func lockDevice(ctx context.Context, path string) (*safefile.Lock, error) {
	for end := time.Now().Add(ending); ; {
		lock, err := safefile.TryLock(path, 0o600)
		var held *safefile.LockedError
		if err == nil || !errors.As(err, &held) || time.Now().After(end) {
			return lock, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// maxClients bounds the connections: each takes two descriptors of the process at most.
const maxClients = 4096

// accept welcomes clients until the worker ends, and ends their connections then.
func (s *Server) accept(ctx context.Context, l *wire.Listener) error {
	var serving sync.WaitGroup
	room := make(chan struct{}, maxClients)
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			break
		}
		if err != nil { // too many descriptors, say: it may be better soon
			time.Sleep(10 * time.Millisecond)
			continue
		}
		room <- struct{}{}
		serving.Go(func() {
			defer func() { <-room }()
			defer conn.Close()
			s.welcome(ctx, conn)
		})
	}
	for _, c := range s.listed() {
		c.cancel()
		c.link.Conn.Close()
	}
	serving.Wait()
	if err := s.writeOut(); err != nil {
		fmt.Fprintf(os.Stderr, "the values that notebooks hold are lost: they cannot be written out: %v\n", err)
	}
	s.mu.Lock()
	for _, a := range s.anchors {
		a.file.Close()
	}
	s.anchors = nil
	s.mu.Unlock()
	s.dropIf(func(*held) bool { return true })
	return s.programs.kept.Close()
}

// maxAnswers bounds the answers that wait to be sent.
const maxAnswers = 64

// greeting is how long a client may take to say who it is.
const greeting = 10 * time.Second

// welcome serves a connection. What is wrong before the client is known ends it in silence, or with a reason for people.
func (s *Server) welcome(ctx context.Context, conn *wire.Conn) {
	pid, err := conn.CheckPeer(os.Geteuid())
	if err != nil {
		return
	}
	conn.Within(greeting)
	f, err := conn.Receive()
	var hello wire.Hello
	if err != nil || f.Kind != wire.KindHello || wire.Unmarshal(f.Payload, &hello) != nil {
		f.Close()
		conn.Discard()
		return
	}
	f.Close()
	c := &client{Server: s, link: wire.NewLink(conn), hello: hello, pid: pid,
		values: map[uint64]*value{}, exes: map[uint64]*program{}, running: map[uint64]context.CancelFunc{}, idle: make(chan *run), answers: make(chan answer, maxAnswers)}
	c.ctx, c.cancel = context.WithCancel(ctx)
	why := hello.Differs(s.version)
	if why == "" && hello.Device != s.device && hello.Device != wire.AnyDevice {
		why = fmt.Sprintf("it holds %s", s.device)
	}
	if why == "" && !s.enter(c) {
		why = "it is ending"
	}
	if why != "" {
		s.refuse(c, why)
		return
	}
	defer s.leave(c)
	if s.greet(c, "") != nil {
		return
	}
	conn.Within(0)
	conn.Greeted()
	_ = c.serve() // an error is the connection's; the client was told
}

// greet sends the welcome, or why there is none.
func (s *Server) greet(c *client, why string) error {
	others, held := s.others(c)
	program, _ := os.Executable()
	return c.link.Send(wire.KindWelcome, 0, wire.Marshal(&wire.Welcome{Version: s.version, OK: why == "", Why: why, Device: s.device, PID: s.pid, Program: program,
		Instance: s.instance, Since: s.since, Clients: others, Held: held}))
}

// refuse tells a client why it is not served. One of another version may ask the worker to end, which it does if nobody needs it.
func (s *Server) refuse(c *client, why string) {
	defer c.link.End()
	if s.greet(c, why) != nil {
		return
	}
	if f, err := c.link.Receive(); err == nil && f.Kind == wire.KindRetire {
		s.retire()
	}
}

// retire ends the worker if it has no clients and holds nothing.
func (s *Server) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.clients)+len(s.names) == 0 {
		s.quitLocked("a program of another version needs the device")
	}
}

// enter adds a client, unless the worker is ending.
func (s *Server) enter(c *client) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		return false
	}
	s.clients[c] = true
	if o := c.hello.Owner; o != "" && wire.Lives(o) {
		s.owners[o] = true
	}
	return true
}

func (s *Server) leave(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.clients, c)
	s.used = time.Now()
}

// quit ends the worker.
func (s *Server) quit(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quitLocked(why)
}

func (s *Server) quitLocked(why string) {
	s.ending = true
	s.end(errors.New(why))
}

// watch ends the worker when it is not needed.
func (s *Server) watch(ctx context.Context, idle time.Duration) {
	tick := time.NewTicker(watch)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.sweep(idle)
		}
	}
}

// sweep forgets notebooks that have ended, with what they held. The worker ends with the last of them, or when the programs have left that
// use it then; where there was none it ends after a while in which nobody used it. Who only asks what it does is no user.
func (s *Server) sweep(idle time.Duration) {
	s.mu.Lock()
	var gone []string
	for o := range s.owners {
		if !wire.Lives(o) {
			gone = append(gone, o)
			delete(s.owners, o)
		}
	}
	s.orphan = len(s.owners) == 0 && (s.orphan || len(gone) > 0)
	if s.users(nil) == 0 && len(s.owners) == 0 && (s.orphan || time.Since(s.used) > idle) {
		s.quitLocked("nobody needs it")
	}
	s.mu.Unlock()
	s.weigh(gone)
	if len(gone) > 0 {
		s.dropIf(func(h *held) bool { return slices.Contains(gone, h.owner) })
	}
}
