package lab

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/quire-ml/quire/internal/safefile"
	"github.com/quire-ml/quire/kernel-ext/internal/scratch"
)

// Virtual environments cannot be moved, so each is made at a path of its own, with this prefix, and is complete when it has
// the mark. The first one of earlier versions has no suffix, and no mark.
const (
	envPrefix = "jupyter-"
	mark      = "quire-complete" // holds the version of JupyterLab
)

// environments returns the complete environments in the cache, and the one without a mark that is taken for complete.
func environments(cache string) (dirs []string) {
	found, _ := filepath.Glob(filepath.Join(cache, envPrefix+Version+"*"))
	for _, dir := range found {
		if _, err := safefile.ReadOwn(filepath.Join(dir, mark), 100); err == nil || filepath.Base(dir) == envPrefix+Version {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

func labIn(dir string) string { return filepath.Join(dir, "bin", "jupyter-lab") }

// environment returns a JupyterLab that was set up before: one that works, or does not answer in time. If there is none
// but one that fails, also at the second time, it returns that one if it was complete, and the reason.
func environment(ctx context.Context, cache string) (j *Jupyter, broken error) {
	for _, dir := range environments(cache) {
		var err error
		for range 2 {
			var found *Jupyter
			found, err = try(ctx, labIn(dir))
			if err == nil {
				_ = writeMark(dir, found.Version)
				return found, nil
			}
			if errors.Is(err, errSlow) || ctx.Err() != nil {
				return found, ctx.Err()
			}
		}
		if version, e := safefile.ReadOwn(filepath.Join(dir, mark), 100); e == nil {
			j = &Jupyter{Command: []string{labIn(dir)}, Version: strings.TrimSpace(string(version))}
		}
		broken = fmt.Errorf("the JupyterLab in %s does not work: %w", dir, err)
	}
	return j, broken
}

// writeMark says that the environment in dir is complete.
func writeMark(dir, version string) error {
	path := filepath.Join(dir, mark)
	if old, err := safefile.ReadOwn(path, 100); err == nil && string(old) == version+"\n" {
		return nil
	}
	return os.WriteFile(path, []byte(version+"\n"), 0o644)
}

// setup makes a virtual environment with JupyterLab beside those that there are, and removes them when it works.
func setup(ctx context.Context, python string, opts Options) (*Jupyter, error) {
	unlock, err := scratch.Lock(ctx, filepath.Join(opts.Cache, ".jupyter.lock"), func() {
		opts.Note("another quire is setting up JupyterLab: waiting for it")
	})
	if err != nil {
		return nil, err
	}
	defer unlock()
	if j, broken := environment(ctx, opts.Cache); j != nil && broken == nil { // another one was faster
		return j, nil
	}
	old := environments(opts.Cache)
	if err := sweepUnfinished(opts.Cache); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(opts.Cache, envPrefix+Version+"-")
	if err != nil {
		return nil, err
	}
	j, err := install(ctx, python, dir, opts)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	for _, dir := range old {
		_ = os.RemoveAll(dir)
	}
	return j, nil
}

// sweepUnfinished removes environments that a killed setup left. The lock says that none is at work.
func sweepUnfinished(cache string) error {
	found, err := filepath.Glob(filepath.Join(cache, envPrefix+Version+"-*"))
	for _, dir := range found {
		if _, e := os.Lstat(filepath.Join(dir, mark)); errors.Is(e, os.ErrNotExist) {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}
	return err
}

// install makes a virtual environment in the empty directory dir, puts JupyterLab into it, sees that it answers, and marks
// it as complete.
func install(ctx context.Context, python, dir string, opts Options) (*Jupyter, error) {
	opts.Note(fmt.Sprintf("setting up JupyterLab %s in %s: once; half a minute on an idle machine", Version, dir))
	own, err := scratch.New() // pip's temporary files, and its end if this process is killed
	if err != nil {
		return nil, err
	}
	defer own.Close()
	began := time.Now()
	run := func(command ...string) error { return run(ctx, own, began, opts.Progress, command...) }
	if err := run(python, "-m", "venv", dir); err != nil {
		return nil, fmt.Errorf("making a virtual environment: %w (on Debian: apt install python3-venv)", err)
	}
	pip := pipInstall(dir)
	err = run(append(pip, "jupyterlab=="+Version, widgetsPin)...)
	if err != nil && ctx.Err() == nil { // an index that lacks one of these versions
		version := "jupyterlab==" + Version
		if !strings.Contains(err.Error(), "ipywidgets") {
			opts.Note("JupyterLab " + Version + " is not to be had: trying a version near it")
			version = "jupyterlab>=4.4,<5"
		}
		if err = run(append(pip, version)...); err == nil {
			if err := run(append(pip, "ipywidgets>=8,<9")...); err != nil && ctx.Err() == nil {
				opts.Note(stillControls(dir, err))
			}
		}
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("installing JupyterLab: %w", err)
	}
	j, err := try(ctx, labIn(dir))
	if errors.Is(err, errSlow) { // the first start compiles much
		j, err = try(ctx, labIn(dir))
	}
	if err != nil {
		return nil, fmt.Errorf("the JupyterLab that was installed does not work: %w", err)
	}
	return j, writeMark(dir, j.Version)
}

// widgetsPin is the package that brings controls to the page.
const widgetsPin = "ipywidgets==" + Widgets

// pipInstall begins a command that installs packages into an environment.
func pipInstall(dir string) []string {
	command := []string{filepath.Join(dir, "bin", "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"}
	return command[:len(command):len(command)]
}

// stillControls says that an environment has no ipywidgets, and what to do.
func stillControls(dir string, err error) string {
	return fmt.Sprintf("ipywidgets is not to be had, so that controls (viz.Interact) show their first values and do not move: when the package index can be reached, %s (%v)",
		strings.Join(append(pipInstall(dir)[:4], widgetsPin), " "), err)
}

// addWidgets puts ipywidgets into an environment that lacks it. Without a network JupyterLab starts all the same, and a note says what is missing.
func addWidgets(ctx context.Context, dir string, opts Options) error {
	unlock, err := scratch.Lock(ctx, filepath.Join(opts.Cache, ".jupyter.lock"), func() {
		opts.Note("another quire is setting up JupyterLab: waiting for it")
	})
	if err != nil {
		return err
	}
	defer unlock()
	own, err := scratch.New()
	if err != nil {
		return err
	}
	defer own.Close()
	// Who is offline is not to wait for pip's own patience, which is minutes.
	command := append(pipInstall(dir), "--retries", "0", "--timeout", "10", widgetsPin)
	if err := run(ctx, own, time.Now(), opts.Progress, command...); err != nil && ctx.Err() == nil {
		opts.Note(stillControls(dir, err))
	}
	return ctx.Err()
}

// run runs a command and tells how many packages it has collected; an error carries its last lines.
func run(ctx context.Context, own *scratch.Scratch, began time.Time, progress func(string), command ...string) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = own.Env(os.Environ())
	cmd.Cancel = func() error { own.Kill(cmd); return nil } // what it started too
	cmd.WaitDelay = time.Second
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := own.Start(cmd); err != nil {
		return err
	}
	var packages atomic.Int64
	var doing atomic.Value
	doing.Store("fetched")
	done := make(chan struct{})
	defer close(done)
	go tell(done, func() {
		line := "setting up JupyterLab: "
		if n := packages.Load(); n > 0 {
			line += fmt.Sprintf("%d packages %s, ", n, doing.Load())
		}
		progress(line + time.Since(began).Round(time.Second).String())
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if line := lines.Text(); strings.HasPrefix(line, "Collecting ") {
			packages.Add(1)
		} else if strings.HasPrefix(line, "Installing collected") {
			doing.Store("are being installed")
		}
	}
	if err := cmd.Wait(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		lines := strings.Split(strings.TrimSpace(said.String()), "\n")
		return fmt.Errorf("%w: %s", err, strings.Join(lines[max(0, len(lines)-3):], "\n"))
	}
	return nil
}

// tell calls say every second until done.
func tell(done <-chan struct{}, say func()) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			say()
		}
	}
}
