package gopls

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/quire-ml/quire/internal/bytesize"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
)

// Options of Start.
type Options struct {
	Workspace *workspace.Workspace
	Tools     workspace.Tools // Gopls among them
	Env       []string        // further variables, "name=value"
	// Imports are the packages that cells will name: gopls reads them while nobody waits.
	Imports []string
	// Programs names the directory in which the programs of cells are built, "" while there is none: the modules that its go.mod
	// requires, beside those of the workspace, are known too. May be nil.
	Programs func() string
	Memory   int64     // bytes that gopls may take before it is started again; 0 means 1.5 GiB
	Log      io.Writer // gets what gopls says on stderr; may be nil

	exec          []string      // tests: a command in gopls' place
	silence, look time.Duration // tests: see the constants
}

const (
	// defaultMemory is three times what gopls takes with this module and its tests loaded.
	defaultMemory = 3 << 29
	// look is how often its memory is looked at.
	look = 5 * time.Second
	// again is how long a gopls must have lived to be started again more than once.
	again = 10 * time.Minute
	// A gopls hangs that leaves so many requests in a row without an answer, and says nothing at all for so long: on a busy
	// machine it may well be late.
	patience = 3
	silence  = 20 * time.Second
)

// Server is a gopls that is kept alive. It may be used by several goroutines.
type Server struct {
	opts Options
	head string // in the place of "package main"

	mu        sync.Mutex
	session   *session
	begun     time.Time // when the session was started
	restarted bool      // a session has ended before its time
	missed    int       // requests in a row that got no answer
	err       error     // why there will be no more
	closed    bool
	done      chan struct{} // closed by Close
	watch     sync.WaitGroup
}

// Start starts gopls. It returns when the process runs; the first requests wait until it has read its modules.
func Start(opts Options) (*Server, error) {
	if opts.exec == nil && opts.Tools[workspace.Gopls] == "" {
		return nil, errors.New("starting gopls: it was not built (QUIRE_GOPLS=off?)")
	}
	if opts.Memory <= 0 {
		opts.Memory = defaultMemory
	}
	if opts.silence <= 0 {
		opts.silence = silence
	}
	if opts.look <= 0 {
		opts.look = look
	}
	s := &Server{opts: opts, head: head(opts.Imports), done: make(chan struct{})}
	if err := s.begin(); err != nil {
		return nil, fmt.Errorf("starting gopls: %w", err)
	}
	return s, nil
}

// usual are packages of the standard library that cells import mostly.
var usual = []string{"context", "errors", "fmt", "math", "math/rand/v2", "os", "slices", "sort", "strconv", "strings", "time"}

// packageMain begins every program of cells.
const packageMain = "package main"

// head returns the first line of programs: it imports packages, so that gopls, which asks the go command whenever a document imports
// something new, rarely has a reason to.
func head(imports []string) string {
	var b strings.Builder
	b.WriteString(packageMain)
	for _, path := range slices.Concat(usual, imports) {
		fmt.Fprintf(&b, "; import _ %q", path)
	}
	return b.String()
}

// ops is the package that cells ask about most.
const ops = workspace.ModulePath + "/graph"

// warmProgram returns what is looked at while nobody waits. Its last name is asked about.
func warmProgram(head string, imports []string) string {
	text := head + "\n\n"
	if slices.Contains(imports, ops) {
		text += fmt.Sprintf("import %q\n\nvar _ = graph.MatMul", ops)
	}
	return text
}

// begin starts a session; the lock is held, or nobody has the server yet.
func (s *Server) begin() error {
	session, err := newSession(s.opts, warmProgram(s.head, s.opts.Imports))
	if err != nil {
		return err
	}
	s.session, s.begun, s.missed = session, time.Now(), 0
	s.watch.Go(func() { s.attend(session) })
	return nil
}

// attend waits for the end of a session, or makes it, and begins another.
func (s *Server) attend(session *session) {
	tick := time.NewTicker(s.opts.look)
	defer tick.Stop()
	why := ""
	for ended := false; !ended; {
		select {
		case <-s.done:
			session.end()
			return
		case <-session.conn.done:
			ended = true
			why = session.err().Error()
		case <-tick.C:
			if n := session.memory(); n > s.opts.Memory {
				ended = true
				why = fmt.Sprintf("gopls took %s, more than %s", bytesize.Text(n), bytesize.Text(s.opts.Memory))
			}
		}
	}
	session.end()
	s.replace(why)
}

// replace begins another session, unless they end too often.
func (s *Server) replace(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return
	case s.restarted && time.Since(s.begun) < again:
		s.err = fmt.Errorf("%s, twice in a short time: restart the kernel to have hover and completion again", why)
		return
	}
	s.restarted = true
	if err := s.begin(); err != nil {
		s.err = fmt.Errorf("starting gopls again: %w", err)
	}
}

// Hover tells what is at a byte of a program's text; found is false if that is nothing that Go knows.
func (s *Server) Hover(ctx context.Context, text string, offset int) (h Hover, found bool, err error) {
	var r hoverResult
	if err := s.ask(ctx, "textDocument/hover", text, offset, nil, &r); err != nil {
		return h, false, err
	}
	return Hover{r.Contents.Value, r.Range}, r.Contents.Value != "", nil
}

// Complete lists what can stand at a byte of a program's text, the best first.
func (s *Server) Complete(ctx context.Context, text string, offset int) ([]Item, error) {
	var r completionResult
	err := s.ask(ctx, "textDocument/completion", text, offset, map[string]any{"context": map[string]int{"triggerKind": 1}}, &r)
	return r.items(PositionAt(text, offset)), err
}

// Signature tells what the call takes around a byte of a program's text; found is false if there is none.
func (s *Server) Signature(ctx context.Context, text string, offset int) (sig Signature, found bool, err error) {
	var r signatureResult
	if err := s.ask(ctx, "textDocument/signatureHelp", text, offset, nil, &r); err != nil {
		return sig, false, err
	}
	sig, found = r.signature()
	return sig, found, nil
}

// ask asks the session of the moment, and once more the one after it.
func (s *Server) ask(ctx context.Context, method, text string, offset int, more map[string]any, result any) error {
	at := PositionAt(text, offset)
	if rest, ok := strings.CutPrefix(text, packageMain); ok && at.Line > 0 {
		text = s.head + rest
	}
	for retried := false; ; retried = true {
		session, err := s.current()
		if err != nil {
			return err
		}
		err = session.ask(ctx, method, text, at, more, result)
		if s.heard(session, err); err == nil || ctx.Err() != nil {
			return err
		}
		var said *RPCError
		if errors.As(err, &said) || retried {
			return err
		}
		if err := s.after(ctx, session); err != nil {
			return err
		}
	}
}

func (s *Server) current() (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.New("gopls was closed")
	}
	return s.session, s.err
}

// heard notes whether a session has answered, and ends one that hangs.
func (s *Server) heard(session *session, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session != session {
		return
	}
	if !errors.Is(err, context.DeadlineExceeded) || !isClosed(session.ready) {
		s.missed = 0
		return
	}
	if s.missed++; s.missed >= patience && session.conn.silent() > s.opts.silence {
		session.conn.fail(fmt.Errorf("gopls has left %d requests in a row without an answer", s.missed))
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// after waits until another session has taken the place of one that ended.
func (s *Server) after(ctx context.Context, ended *session) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if now, err := s.current(); now != ended || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// Ready is for those who want to wait until gopls has read its modules: it returns when that is so.
func (s *Server) Ready(ctx context.Context) error {
	session, err := s.current()
	if err != nil {
		return err
	}
	select {
	case <-session.ready:
		return session.failed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close ends gopls with all its processes and removes its files. Requests that wait end with an error.
func (s *Server) Close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	s.mu.Unlock()
	s.watch.Wait()
}

// module is the directory of the module that cells import.
func (o Options) module() string { return o.Workspace.Module }

// goVersion returns the version that go.mod names, as "1.26.1".
func (o Options) goVersion() string {
	version, _, _ := strings.Cut(strings.TrimPrefix(o.Workspace.GoVersion(), "go"), " ") // "go1.26.1 X:experiment"
	return version
}

// environment is that of the cells, without what gopls would start or keep elsewhere.
func (o Options) environment() []string {
	env := append(o.Workspace.Env(o.Tools), o.Env...)
	return workspace.With(env, map[string]string{
		"GO_TELEMETRY_CHILD": "2", // "a child of the child": it neither counts nor starts another process
		"GOPLSCACHE":         filepath.Join(o.Workspace.Cache, "gopls"),
		"GOMEMLIMIT":         fmt.Sprintf("%dMiB", o.Memory>>20*3/4), // it collects harder before it is stopped
	})
}
