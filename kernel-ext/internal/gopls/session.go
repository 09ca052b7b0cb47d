package gopls

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/kernel"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
)

// startTimeout bounds how long gopls may take until it has read the workspace.
const startTimeout = time.Minute

// session is one running gopls with one document open.
type session struct {
	child *kernel.Child
	conn  *conn
	said  *tail
	dir   string // with the document
	uri   string // of it
	pid   int
	ready chan struct{} // closed when it has answered, or will not

	turn    chan struct{} // holds one token: who has it may change the document
	text    string        // of the document
	version int
	module  string          // directory of quire's module
	kept    map[string]bool // packages of it of which a file is open
	pins    func() string   // see Options.Programs
	pinned  required        // what was taken from there
	failed  error           // of initialising; valid after ready

	close sync.Once
}

// newSession starts gopls, and lets it read the document in the background. A request waits for that.
func newSession(opts Options, text string) (*session, error) {
	child, err := kernel.NewChild()
	if err != nil {
		return nil, err
	}
	s := &session{child: child, said: &tail{to: opts.Log}, ready: make(chan struct{}), turn: make(chan struct{}, 1), text: text}
	if err := s.start(opts); err != nil {
		child.Close(0)
		return nil, err
	}
	go s.initialize()
	return s, nil
}

func (s *session) start(opts Options) error {
	dir := filepath.Join(s.child.Dir, "w")
	if err := writeModule(dir, opts, s.text); err != nil {
		return err
	}
	s.dir, s.uri, s.module, s.pins = dir, fileURI(dir), opts.module(), opts.Programs
	cmd := opts.command(dir)
	in, toIn, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	fromOut, out, err := os.Pipe()
	if err != nil {
		toIn.Close()
		return err
	}
	defer out.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, s.said
	cmd.WaitDelay = time.Second // a child of its own may hold stderr
	if err := s.child.Start(cmd); err != nil {
		toIn.Close()
		fromOut.Close()
		return err
	}
	s.pid = cmd.Process.Pid
	s.conn = newConn(fromOut, toIn, reply)
	return nil
}

// initialize shakes hands, opens the document and asks one question about it, so that packages are read before somebody waits.
func (s *session) initialize() {
	defer close(s.ready)
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	s.failed = s.conn.call(ctx, "initialize", initialize(s.uri), nil)
	if s.failed == nil {
		s.failed = s.conn.notify(ctx, "initialized", struct{}{})
	}
	if s.failed == nil {
		s.version = 1
		s.failed = s.conn.notify(ctx, "textDocument/didOpen", map[string]any{
			"textDocument": map[string]any{"uri": s.document(), "languageId": "go", "version": s.version, "text": s.text},
		})
	}
	if s.failed != nil {
		s.conn.fail(s.failed)
		return
	}
	s.keep(ctx, s.text)
	_ = s.conn.call(ctx, "textDocument/hover", s.place(PositionAt(s.text, len(s.text))), nil) // what it answers does not matter
	s.turn <- struct{}{}
}

func (s *session) document() string { return s.uri + "/main.go" }

// place names a position in the document.
func (s *session) place(at Position) map[string]any {
	return map[string]any{"textDocument": map[string]string{"uri": s.document()}, "position": at}
}

// ask calls a method at a place in text, which becomes the document's text.
func (s *session) ask(ctx context.Context, method, text string, at Position, more map[string]any, result any) error {
	select {
	case <-s.turn:
	case <-s.conn.done:
		return s.err()
	case <-ctx.Done():
		return fmt.Errorf("gopls: %s: %w", method, context.Cause(ctx))
	}
	defer func() { s.turn <- struct{}{} }()
	if err := s.require(ctx); err != nil {
		return err
	}
	if text != s.text {
		s.version++
		if err := s.conn.notify(ctx, "textDocument/didChange", map[string]any{
			"textDocument":   map[string]any{"uri": s.document(), "version": s.version},
			"contentChanges": []map[string]string{{"text": text}},
		}); err != nil {
			return err
		}
		s.text = text
		s.keep(ctx, text)
	}
	params := s.place(at)
	for k, v := range more {
		params[k] = v
	}
	err := s.conn.call(ctx, method, params, result)
	if err != nil && isClosed(s.conn.done) {
		err = s.err()
	}
	return err
}

// farewell is how long the end of a process is awaited whose output has ended.
const farewell = time.Second

// err says how it ended.
func (s *session) err() error {
	err := s.conn.failure()
	if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.EPIPE) {
		return err
	}
	select {
	case <-s.child.Done():
	case <-time.After(farewell):
		return err
	}
	if last := s.said.last(); last != "" {
		return fmt.Errorf("gopls has ended: %s", last)
	}
	return fmt.Errorf("gopls has ended: %v", s.child.Exit())
}

// end ends gopls and what it started, and removes its files.
func (s *session) end() {
	s.close.Do(func() {
		s.conn.fail(errors.New("gopls was closed"))
		s.child.Close(0)
	})
}

// writeModule writes the module that cells are: a main.go beside quire's module.
func writeModule(dir string, opts Options, text string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	version := opts.goVersion()
	for name, content := range map[string]string{
		"go.work": fmt.Sprintf("go %s\n\nuse (\n\t.\n\t%q\n)\n", version, opts.module()),
		"go.mod":  fmt.Sprintf("module gonb_cells\n\ngo %s\n", version),
		"main.go": text,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// required is what the programs of cells require beside the workspace, and when that was written.
type required struct {
	at       time.Time
	mod, sum string
}

// require takes over what cells have pinned since the last time. Whoever asks has the turn.
func (s *session) require(ctx context.Context) error {
	if s.pins == nil {
		return nil
	}
	from := s.pins()
	info, err := os.Stat(filepath.Join(from, "go.mod"))
	if from == "" || err != nil || info.ModTime().Equal(s.pinned.at) {
		return nil // there is no kernel at the moment: what was pinned stays
	}
	mod, err := os.ReadFile(filepath.Join(from, "go.mod"))
	if err != nil {
		return nil
	}
	sum, _ := os.ReadFile(filepath.Join(from, "go.sum")) // the workspace's own modules need none
	now := required{info.ModTime(), string(mod), string(sum)}
	before := s.pinned
	s.pinned = now
	if now.mod == before.mod && now.sum == before.sum || before.mod == "" && !strings.Contains(now.mod, "require") {
		return nil
	}
	var changes []map[string]any
	for name, text := range map[string]string{"go.mod": now.mod, "go.sum": now.sum} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("gopls: %w", err)
		}
		changes = append(changes, map[string]any{"uri": s.uri + "/" + name, "type": 2}) // changed
	}
	return s.conn.notify(ctx, "workspace/didChangeWatchedFiles", map[string]any{"changes": changes})
}

// command returns the command that starts gopls in a directory.
func (o Options) command(dir string) *exec.Cmd {
	args := o.exec
	if args == nil {
		args = []string{o.Tools[workspace.Gopls], "serve"}
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = o.environment()
	return cmd
}
