package kernel

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
)

// marker is the environment variable that all processes of a kernel carry.
const marker = "QUIRE_KERNEL"

// Options of Start.
type Options struct {
	Workspace *workspace.Workspace
	Tools     workspace.Tools
	Dir       string   // where cells run; the notebook's directory
	Env       []string // further variables, "name=value"
	// Connection is the connection file of a front end that waits for the kernel; nil means private
	// Unix sockets.
	Connection *jupyter.Connection
	// ConnectionID is the kernel id that the front end gave, from the name of its connection file.
	ConnectionID string
	RawErrors    bool      // errors of the compiler as text rather than styled HTML
	Log          io.Writer // gets what gonb logs; may be nil
}

// Process is a running gonb.
type Process struct {
	Connection jupyter.Connection
	ID         string // names the kernel's processes, for Sweep and doctor

	dir   string // private: sockets, connection file, temporary files of gonb and of cells
	lock  *os.File
	cmd   *exec.Cmd
	guard *watchdog
	tail  *tailWriter
	done  chan struct{}
	exit  error // after done

	close sync.Once
}

// Start starts gonb; it is ready when a Client has connected. ctx only bounds the start.
func Start(ctx context.Context, opts Options) (*Process, error) {
	if opts.Tools[workspace.Gonb] == "" {
		return nil, errors.New("starting the kernel: no gonb was built")
	}
	if !reapable {
		return nil, errors.New("starting the kernel: gonb runs on Linux and macOS only (on Windows: in WSL or Docker)")
	}
	dir, lock, err := privateDir()
	if err != nil {
		return nil, fmt.Errorf("starting the kernel: %w", err)
	}
	p := &Process{ID: rand.Text(), dir: dir, lock: lock, done: make(chan struct{}), tail: &tailWriter{also: opts.Log}}
	if err := p.start(opts); err != nil {
		p.discard()
		return nil, fmt.Errorf("starting the kernel: %w", err)
	}
	return p, nil
}

func (p *Process) start(opts Options) error {
	id := opts.ConnectionID
	if id == "" {
		id = uuid()
	}
	if opts.Connection != nil {
		p.Connection = *opts.Connection
	} else {
		p.Connection = jupyter.Private(filepath.Join(p.dir, "k"), rand.Text())
	}
	file := filepath.Join(p.dir, "kernel-"+id+".json") // gonb takes the kernel's id from this name
	if err := p.Connection.Write(file); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(p.dir, "id"), []byte(p.ID), 0o600); err != nil { // for Sweep
		return err
	}
	tmp := filepath.Join(p.dir, "t")
	if err := os.Mkdir(tmp, 0o700); err != nil {
		return err
	}
	args := []string{"--kernel", file, "-go_work=" + opts.Workspace.Module, "-logtostderr=true"}
	if opts.RawErrors {
		args = append(args, "-raw_error")
	}
	p.cmd = exec.Command(opts.Tools[workspace.Gonb], args...)
	p.cmd.Dir = opts.Dir
	p.cmd.Env = append(opts.Workspace.Env(opts.Tools), "TMPDIR="+tmp, marker+"="+p.ID)
	p.cmd.Env = append(p.cmd.Env, opts.Env...)
	p.cmd.Stdout, p.cmd.Stderr = p.tail, p.tail
	p.cmd.WaitDelay = time.Second // a cell that survives gonb may hold its stderr
	ownGroup(p.cmd)
	var err error
	if p.guard, err = watch(p.ID, p.dir); err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.guard.group(p.cmd.Process.Pid)
	go func() {
		p.exit = p.cmd.Wait()
		close(p.done)
	}()
	return nil
}

// Done is closed when gonb has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how gonb ended and what it said last. It is meant for a kernel that was expected to live.
func (p *Process) Err() error {
	select {
	case <-p.done:
	default:
		return nil
	}
	how := "exit status 0"
	if p.exit != nil {
		how = p.exit.Error()
	}
	if last := p.tail.lastError(); last != "" {
		return fmt.Errorf("the kernel (gonb) ended: %s: %s", how, last)
	}
	return fmt.Errorf("the kernel (gonb) ended: %s", how)
}

// Dir returns the kernel's private directory.
func (p *Process) Dir() string { return p.dir }

// Close ends the kernel and everything it started, and removes its files. Wait bounds how long gonb may
// take to end by itself after it was asked to; it may be zero.
func (p *Process) Close(wait time.Duration) {
	p.close.Do(func() {
		if wait > 0 {
			p.terminate()
			select {
			case <-p.done:
			case <-time.After(wait):
			}
		}
		p.discard()
	})
}

// terminate asks gonb to end; it then stops gopls and removes its files.
func (p *Process) terminate() {
	select {
	case <-p.done:
	default:
		_ = terminate(p.cmd.Process)
	}
}

// Kill ends the kernel and all its processes at once; Close must still be called.
func (p *Process) Kill() {
	if p.cmd != nil && p.cmd.Process != nil {
		killGroup(p.cmd.Process.Pid)
	}
	killMarked(p.ID)
}

// discard kills what is left and removes the files.
func (p *Process) discard() {
	if p.cmd != nil && p.cmd.Process != nil {
		p.Kill()
		<-p.done
	}
	_ = os.RemoveAll(p.dir)
	if p.guard != nil {
		p.guard.stand()
	}
	p.lock.Close()
}

// uuid returns a random UUID, the form of id that gonb looks for.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// tailWriter keeps the last of what gonb logs.
type tailWriter struct {
	mu   sync.Mutex
	last []byte
	also io.Writer
}

// keepLog is how much of gonb's log is kept for an error's text.
const keepLog = 16 << 10

// Write implements io.Writer.
func (t *tailWriter) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, b...)
	if n := len(t.last) - keepLog; n > 0 {
		t.last = append([]byte(nil), t.last[n:]...)
	}
	if t.also != nil {
		_, _ = t.also.Write(b)
	}
	return len(b), nil
}

// lastError returns the last line that klog marked as error or fatal, without its stamp, or the last line.
func (t *tailWriter) lastError() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := bytes.Split(bytes.TrimSpace(t.last), []byte("\n"))
	for i := len(lines) - 1; i >= 0; i-- {
		line := string(lines[i])
		if len(line) > 5 && (line[0] == 'E' || line[0] == 'F') && line[1] >= '0' && line[1] <= '9' {
			if _, text, ok := strings.Cut(line, "] "); ok {
				return strings.TrimSpace(text)
			}
		}
	}
	return strings.TrimSpace(string(lines[len(lines)-1]))
}
