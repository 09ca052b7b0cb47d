package kernel

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quire-ml/quire/backends/session"
	"github.com/quire-ml/quire/kernel-ext/internal/cells"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
)

// Options of Start.
type Options struct {
	Workspace *workspace.Workspace
	Tools     workspace.Tools
	Dir       string   // where cells run; the notebook's directory
	Env       []string // further variables, "name=value"
	Key       string   // signs messages; "" means that they are not signed, which nobody notices on private sockets
	// ConnectionID is the kernel id that the front end gave, from the name of its connection file.
	ConnectionID string
	RawErrors    bool      // errors of the compiler as text rather than styled HTML
	Log          io.Writer // gets what gonb logs; may be nil
}

// Process is a running gonb.
type Process struct {
	*Child
	Connection jupyter.Connection // over Unix sockets in a private directory
	Guard      cells.Dir          // what is known of the cells

	workspace *workspace.Workspace
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
	p := &Process{Child: child, Guard: cells.Dir(filepath.Join(child.Dir, "g")), workspace: opts.Workspace}
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
	p.Connection = jupyter.Private(filepath.Join(p.Dir, "k"), opts.Key)
	file := filepath.Join(p.Dir, "kernel-"+id+".json") // gonb takes the kernel's id from this name
	if err := p.Connection.Write(file); err != nil {
		return err
	}
	args := []string{"--kernel", file, "-go_work=" + opts.Workspace.Module, "-logtostderr=true", cells.LogFlags}
	if opts.RawErrors {
		args = append(args, "-raw_error")
	}
	cmd := exec.Command(opts.Tools[workspace.Gonb], args...)
	cmd.Dir = opts.Dir
	cmd.Env = append(opts.Workspace.Env(opts.Tools), opts.Env...)
	cmd.Env = append(cmd.Env, session.EnvOwner+"="+p.Dir) // what cells hold in the worker of a session ends with this kernel
	log, err := p.guard(cmd, opts)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := p.Child.Start(cmd); err != nil {
		return err
	}
	if opts.Log != nil {
		go follow(log.Name(), opts.Log, p.done)
	}
	return nil
}

// guard puts the guard of cells between gonb and what it starts, and returns the file for gonb's log, which the guard
// reads.
func (p *Process) guard(cmd *exec.Cmd, opts Options) (*os.File, error) {
	if err := os.MkdirAll(p.Guard.Bin(), 0o700); err != nil {
		return nil, err
	}
	if exe := opts.Tools[workspace.Guard]; exe != "" {
		for _, name := range []string{"go", "shell", "shell-inside", "cellguard-script"} {
			if err := os.Symlink(exe, filepath.Join(p.Guard.Bin(), name)); err != nil {
				return nil, err
			}
		}
		cmd.Env = workspace.With(cmd.Env, map[string]string{
			cells.GuardDir: string(p.Guard),
			cells.GuardGo:  opts.Workspace.Go,
			"PATH":         p.Guard.Bin() + string(filepath.ListSeparator) + variable(cmd.Env, "PATH"),
		})
	}
	return os.OpenFile(p.Guard.Log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

// variable returns the value of the last setting of a variable in an environment.
func variable(env []string, name string) string {
	for _, kv := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value
		}
	}
	return ""
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
	if strings.HasPrefix(how, "signal: ") { // it had no time to say anything
		return fmt.Errorf("the kernel (gonb) ended: %s", how)
	}
	if last := lastError(p.Guard.Log()); last != "" {
		return fmt.Errorf("the kernel (gonb) ended: %s: %s", how, last)
	}
	return fmt.Errorf("the kernel (gonb) ended: %s", how)
}
