package kernel

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
)

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
	*Child
	Connection jupyter.Connection

	tail *tailWriter
}

// Start starts gonb; it is ready when a Client has connected.
func Start(opts Options) (*Process, error) {
	if opts.Tools[workspace.Gonb] == "" {
		return nil, errors.New("starting the kernel: no gonb was built")
	}
	child, err := NewChild()
	if err != nil {
		return nil, fmt.Errorf("starting the kernel: %w", err)
	}
	p := &Process{Child: child, tail: &tailWriter{also: opts.Log}}
	if err := p.start(opts); err != nil {
		p.Close(0)
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
		p.Connection = jupyter.Private(filepath.Join(p.Dir, "k"), rand.Text())
	}
	file := filepath.Join(p.Dir, "kernel-"+id+".json") // gonb takes the kernel's id from this name
	if err := p.Connection.Write(file); err != nil {
		return err
	}
	args := []string{"--kernel", file, "-go_work=" + opts.Workspace.Module, "-logtostderr=true"}
	if opts.RawErrors {
		args = append(args, "-raw_error")
	}
	cmd := exec.Command(opts.Tools[workspace.Gonb], args...)
	cmd.Dir = opts.Dir
	cmd.Env = append(opts.Workspace.Env(opts.Tools), opts.Env...)
	cmd.Stdout, cmd.Stderr = p.tail, p.tail
	cmd.WaitDelay = time.Second // a cell that survives gonb may hold its stderr
	return p.Child.Start(cmd)
}

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
