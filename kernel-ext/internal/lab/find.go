package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/kernelspec"
)

// Version is the JupyterLab that is set up when there is none, Widgets the ipywidgets beside it, by which controls move, and minMajor
// the oldest JupyterLab that serves.
const (
	Version  = "4.6.6"
	Widgets  = "8.1.9"
	minMajor = 4
)

// Jupyter is a JupyterLab that can be started.
type Jupyter struct {
	Command []string // program and first arguments
	Version string
}

// HasWidgets reports whether its pages have ipywidgets, as far as the folders tell in which it looks for extensions: those of the
// environment that it is in, of the user, and of the machine.
func (j *Jupyter) HasWidgets() bool {
	var data []string
	if exe, err := filepath.EvalSymlinks(j.Command[0]); err == nil {
		data = append(data, filepath.Join(filepath.Dir(filepath.Dir(exe)), "share", "jupyter"))
	}
	data = append(data, filepath.Join(filepath.Dir(filepath.Dir(j.Command[0])), "share", "jupyter"), "/usr/local/share/jupyter", "/usr/share/jupyter")
	data = append(data, filepath.SplitList(os.Getenv("JUPYTER_PATH"))...)
	if user, err := kernelspec.UserData(); err == nil {
		data = append(data, user)
	}
	return slices.ContainsFunc(data, func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, "labextensions", "@jupyter-widgets", "jupyterlab-manager", "package.json"))
		return err == nil
	})
}

// Options of Find.
type Options struct {
	Cache    string       // where a virtual environment may be made
	Setup    bool         // make one if there is no JupyterLab
	Note     func(string) // told what takes long; may be nil
	Progress func(string) // told how far that is, about once a second; may be nil
	Python   string       // the command to make it with; "" tries python3 and python
}

// ErrNoPython says that JupyterLab cannot be set up.
var ErrNoPython = errors.New("there is no python3 in PATH, which JupyterLab needs: install Python 3.9 or newer (on Debian: apt install python3 python3-venv), or use quire run, which needs no Python")

// ErrNone says that there is no JupyterLab.
var ErrNone = errors.New("JupyterLab is not installed")

// Find returns a JupyterLab: $QUIRE_JUPYTER; jupyter-lab in PATH; the one that an earlier call set up; the module of
// python3; or, if opts.Setup, a new one.
//
// A JupyterLab that does not say its version in time is believed to be there. One of ours that fails is not taken for
// damaged: a new one is set up beside it, and only when that one works is the other removed.
func Find(ctx context.Context, opts Options) (*Jupyter, error) {
	if opts.Note == nil {
		opts.Note = func(string) {}
	}
	if opts.Progress == nil {
		opts.Progress = func(string) {}
	}
	if cmd := os.Getenv("QUIRE_JUPYTER"); cmd != "" {
		j, err := try(ctx, cmd)
		if err != nil && !errors.Is(err, errSlow) {
			return nil, fmt.Errorf("QUIRE_JUPYTER=%s: %w", cmd, err)
		}
		return j, nil
	}
	if j, err := try(ctx, "jupyter-lab"); err == nil || errors.Is(err, errSlow) {
		return j, nil
	}
	j, broken := environment(ctx, opts.Cache)
	if broken == nil && j != nil {
		if opts.Setup && !j.HasWidgets() { // one of an earlier version
			if err := addWidgets(ctx, filepath.Dir(filepath.Dir(j.Command[0])), opts); err != nil {
				return nil, err
			}
		}
		return j, nil
	}
	python, pythonErr := findPython(opts.Python)
	if pythonErr == nil {
		if j, err := try(ctx, python, "-m", "jupyterlab"); err == nil {
			return j, nil
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !opts.Setup {
		return nil, errors.Join(ErrNone, broken)
	}
	if broken != nil {
		opts.Note(broken.Error())
	}
	if pythonErr == nil {
		var made *Jupyter
		if made, pythonErr = setup(ctx, python, opts); pythonErr == nil {
			return made, nil
		}
	}
	if j != nil && ctx.Err() == nil { // it was complete once: better than none
		opts.Note(fmt.Sprintf("a new JupyterLab cannot be set up (%v): starting the old one nevertheless", pythonErr))
		return j, nil
	}
	return nil, pythonErr
}

func findPython(name string) (string, error) {
	names := []string{"python3", "python"}
	if name != "" {
		names = []string{name}
	}
	for _, n := range names {
		if path, err := exec.LookPath(n); err == nil {
			return path, nil
		}
	}
	return "", ErrNoPython
}

// probeTime bounds how long JupyterLab may take to say its version: 1 s on an idle machine.
var probeTime = 30 * time.Second

// errSlow says that a program is there but did not answer in time, as on a busy machine. It is no sign of damage.
var errSlow = errors.New("no answer in time")

// try asks a command for JupyterLab's version. With errSlow it returns the command too, without a version.
func try(ctx context.Context, command ...string) (*Jupyter, error) {
	path, err := exec.LookPath(command[0])
	if err != nil {
		return nil, err
	}
	j := &Jupyter{Command: append([]string{path}, command[1:]...)}
	within, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	cmd := exec.CommandContext(within, path, append(command[1:len(command):len(command)], "--version")...)
	cmd.WaitDelay = time.Second // a program that it started may hold its output
	out, err := cmd.Output()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case within.Err() != nil:
		return j, fmt.Errorf("%s --version: %w (%v)", strings.Join(command, " "), errSlow, probeTime)
	case err != nil:
		return nil, fmt.Errorf("%s --version: %w%s", strings.Join(command, " "), err, lastLine(err))
	}
	j.Version = strings.TrimSpace(string(out))
	major, err := strconv.Atoi(strings.SplitN(j.Version, ".", 2)[0])
	if err != nil || major < minMajor {
		return nil, fmt.Errorf("%s is JupyterLab %q: %d or newer is needed", strings.Join(command, " "), j.Version, minMajor)
	}
	return j, nil
}

// lastLine returns the last line that a failed program wrote to stderr, after ": ".
func lastLine(err error) string {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return ""
	}
	text := strings.TrimSpace(string(exit.Stderr))
	if text == "" {
		return ""
	}
	return ": " + text[strings.LastIndexByte(text, '\n')+1:]
}
