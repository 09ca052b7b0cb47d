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
	"strconv"
	"strings"
	"time"
)

// Version is the JupyterLab that is set up when there is none, and minMajor the oldest one that serves.
const (
	Version  = "4.6.6"
	minMajor = 4
)

// Jupyter is a JupyterLab that can be started.
type Jupyter struct {
	Command []string // program and first arguments
	Version string
}

// Options of Find.
type Options struct {
	Cache  string       // where a virtual environment may be made
	Setup  bool         // make one if there is no JupyterLab
	Note   func(string) // told what takes long
	Python string       // the command to make it with; "" tries python3 and python
}

// ErrNoPython says that JupyterLab cannot be set up.
var ErrNoPython = errors.New("there is no python3 in PATH, which JupyterLab needs: install Python 3.9 or newer (on Debian: apt install python3 python3-venv), or use quire run, which needs no Python")

// ErrNone says that there is no JupyterLab.
var ErrNone = errors.New("JupyterLab is not installed")

// Find returns a JupyterLab: $QUIRE_JUPYTER; jupyter-lab in PATH; the module of python3; the one that an
// earlier call set up; or, if opts.Setup, a new one.
func Find(ctx context.Context, opts Options) (*Jupyter, error) {
	if cmd := os.Getenv("QUIRE_JUPYTER"); cmd != "" {
		j, err := try(ctx, cmd)
		if err != nil {
			return nil, fmt.Errorf("QUIRE_JUPYTER=%s: %w", cmd, err)
		}
		return j, nil
	}
	venv := filepath.Join(opts.Cache, "jupyter-"+Version)
	python, pythonErr := findPython(opts.Python)
	candidates := [][]string{{"jupyter-lab"}, {filepath.Join(venv, "bin", "jupyter-lab")}}
	if pythonErr == nil {
		candidates = append(candidates, []string{python, "-m", "jupyterlab"})
	}
	for _, c := range candidates {
		if j, err := try(ctx, c...); err == nil {
			return j, nil
		}
	}
	if !opts.Setup {
		return nil, ErrNone
	}
	if pythonErr != nil {
		return nil, pythonErr
	}
	if err := setup(ctx, python, venv, opts.Note); err != nil {
		return nil, err
	}
	return try(ctx, filepath.Join(venv, "bin", "jupyter-lab"))
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

// try asks a command for JupyterLab's version.
func try(ctx context.Context, command ...string) (*Jupyter, error) {
	path, err := exec.LookPath(command[0])
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	args := append(command[1:len(command):len(command)], "--version")
	out, err := exec.CommandContext(ctx, path, args...).Output()
	if err != nil {
		return nil, fmt.Errorf("%s --version: %w", strings.Join(command, " "), err)
	}
	version := strings.TrimSpace(string(out))
	major, err := strconv.Atoi(strings.SplitN(version, ".", 2)[0])
	if err != nil || major < minMajor {
		return nil, fmt.Errorf("%s is JupyterLab %q: %d or newer is needed", strings.Join(command, " "), version, minMajor)
	}
	return &Jupyter{Command: append([]string{path}, command[1:]...), Version: version}, nil
}

// setup makes a virtual environment with JupyterLab. It is made at its final place, since such
// environments cannot be moved; a file marks that it is complete.
func setup(ctx context.Context, python, venv string, note func(string)) error {
	note(fmt.Sprintf("setting up JupyterLab %s in %s: once, about half a minute with a network", Version, venv))
	if err := os.RemoveAll(venv); err != nil {
		return err
	}
	if err := run(ctx, note, python, "-m", "venv", venv); err != nil {
		return fmt.Errorf("making a virtual environment: %w (on Debian: apt install python3-venv)", err)
	}
	pip := []string{filepath.Join(venv, "bin", "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"}
	err := run(ctx, note, append(pip, "jupyterlab=="+Version)...)
	if err != nil && ctx.Err() == nil { // an index that lacks this version
		note("JupyterLab " + Version + " is not to be had: trying a version near it")
		err = run(ctx, note, append(pip, "jupyterlab>=4.4,<5")...)
	}
	if err != nil {
		_ = os.RemoveAll(venv)
		return fmt.Errorf("installing JupyterLab: %w", err)
	}
	return nil
}

// run runs a command; what it collects and downloads is passed on as notes, an error carries its last
// lines.
func run(ctx context.Context, note func(string), command ...string) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	packages := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if line := lines.Text(); strings.HasPrefix(line, "Collecting ") {
			if packages++; packages%20 == 0 {
				note(fmt.Sprintf("  %d packages …", packages))
			}
		} else if strings.HasPrefix(line, "Installing collected") {
			note(fmt.Sprintf("  %d packages fetched, installing", packages))
		}
	}
	if err := cmd.Wait(); err != nil {
		lines := strings.Split(strings.TrimSpace(said.String()), "\n")
		return fmt.Errorf("%w: %s", err, strings.Join(lines[max(0, len(lines)-3):], "\n"))
	}
	return nil
}
