package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/kernelspec"
	"github.com/quire-ml/quire/kernel-ext/internal/lab"
	"github.com/quire-ml/quire/kernel-ext/internal/statusline"
	"github.com/quire-ml/quire/kernel-ext/internal/studio"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
)

type labFlags struct {
	dir       string
	ip        string
	port      int
	noBrowser bool
	backend   string
}

var labCommand = &command{
	name:  "lab",
	args:  "[NOTEBOOK] [-- JUPYTER ARGUMENTS]",
	short: "open JupyterLab with the kernel and the tutorials",
	long: `
Opens JupyterLab with the kernel "Quire (Go)": on NOTEBOOK, on the folder of -dir, or on the tutorials of the checkout;
installed without one, on the current folder, into which quire tutorials copies them.
What the first cell needs is built and compiled before, so that it runs at once. Nothing is installed
into the home directory's Jupyter folders; the kernel is there as long as this command runs. Ctrl-C ends
everything.

JupyterLab is $QUIRE_JUPYTER, or jupyter-lab in PATH, or the module of python3; if there is none it is set
up once in a virtual environment in quire's cache directory, which needs python3 and a network.
Arguments after -- go to Jupyter, as in: quire lab -- --ServerApp.allow_remote_access=True. A token of your own is best
given by JUPYTER_TOKEN: everybody on the machine can read command lines.`,
	run: runLab,
	flags: func(f *flag.FlagSet, env *environment) {
		backendFlag(f, &env.lab.backend)
		f.StringVar(&env.lab.dir, "dir", "", "show `DIR` instead of the tutorials")
		f.StringVar(&env.lab.ip, "ip", "", "listen at `ADDRESS` instead of localhost")
		f.IntVar(&env.lab.port, "port", 0, "listen at `PORT` instead of the next free one from 8888")
		f.BoolVar(&env.lab.noBrowser, "no-browser", false, "do not open a browser, only print the address")
	},
}

func runLab(ctx context.Context, env *environment, args []string) error {
	if err := chooseBackend(env.lab.backend); err != nil {
		return err
	}
	server := lab.Server{IP: env.lab.ip, Port: env.lab.port, NoBrowser: env.lab.noBrowser}
	if i := slices.Index(args, "--"); i >= 0 {
		args, server.Args = args[:i], args[i+1:]
	}
	if len(args) > 1 {
		return usageError{"lab opens one notebook: see quire help lab"}
	}
	from, err := labRoot(&server, env.lab.dir, args)
	if err != nil {
		return err
	}
	studio.Sweep()
	line := statusline.New(env.stderr)
	defer line.Close()
	ws, err := openWorkspace(ctx, line, from...)
	if err != nil {
		return err
	}
	if server.Root == "" {
		if server.Root, err = tutorials(ws, line.Note); err != nil {
			return err
		}
	}
	server.Jupyter, err = lab.Find(ctx, lab.Options{Cache: ws.Cache, Setup: true, Note: line.Note, Progress: line.Show})
	if err != nil {
		return labError(ctx, err)
	}
	if own := strings.HasPrefix(server.Jupyter.Command[0], ws.Cache+string(filepath.Separator)); !own && !server.Jupyter.HasWidgets() {
		line.Note("this JupyterLab has no ipywidgets, so that controls (viz.Interact) do not move: pip install ipywidgets==" + lab.Widgets + " in its environment")
	}
	spec, err := prepare(ctx, ws, line.Note)
	if err != nil {
		return labError(ctx, err)
	}
	server.Spec = spec
	line.Note(fmt.Sprintf("%s opens %s; Ctrl-C ends it", named(server.Jupyter), server.Root))
	line.Close()
	child, err := lab.Start(server)
	if err != nil {
		return err
	}
	defer child.Close(10 * time.Second)                           // Jupyter ends its kernels, then itself
	if _, ready := ws.Built(workspace.Interactive()...); !ready { // the page does not wait for it
		background, stop := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() { defer close(done); buildGopls(background, ws, line.Note) }()
		defer func() { stop(); <-done }()
	}
	select {
	case <-ctx.Done():
		return nil
	case <-child.Done():
		if err := child.Exit(); err != nil {
			return fmt.Errorf("JupyterLab ended: %w", err)
		}
		return nil
	}
}

// named returns JupyterLab with its version, if it has said it.
func named(j *lab.Jupyter) string { return strings.TrimSpace("JupyterLab " + j.Version) }

// buildGopls builds what completion and hover need, while people look at the page or run cells without.
func buildGopls(ctx context.Context, ws *workspace.Workspace, note func(string)) {
	if os.Getenv("QUIRE_GOPLS") == "off" {
		return
	}
	began := time.Now()
	_, err := ws.Quiet().Build(ctx, nil, workspace.Gopls)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		note("there will be no completion and no hover: " + err.Error())
	default:
		note(fmt.Sprintf("completion and hover (gopls) were built in %s: kernels that start from now on have them", duration(time.Since(began))))
	}
}

// labError says an interrupted preparation in one word.
func labError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return err
}

// labRoot settles what is opened, and where to look for the module from.
func labRoot(server *lab.Server, dir string, args []string) (from []string, err error) {
	if dir != "" {
		if server.Root, err = filepath.Abs(dir); err != nil {
			return nil, err
		}
	}
	if len(args) == 1 {
		path, err := filepath.Abs(args[0])
		if err != nil {
			return nil, err
		}
		if info, err := os.Stat(path); err != nil {
			return nil, missingNotebook(args[0])
		} else if info.IsDir() {
			return nil, fmt.Errorf("%s is a directory: use -dir %s", args[0], args[0])
		}
		if server.Root == "" {
			server.Root = filepath.Dir(path)
		}
		rel, err := filepath.Rel(server.Root, path)
		if err != nil || strings.HasPrefix(rel, "..") {
			return nil, fmt.Errorf("notebook %s is not below %s", args[0], server.Root)
		}
		server.Notebook = rel
	}
	if server.Root == "" {
		return nil, nil
	}
	if info, err := os.Stat(server.Root); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("-dir %s is not a directory", dir)
	}
	return []string{server.Root}, nil
}

// tutorials returns the folder of a checkout's tutorials, else the current one: what is in the module cache cannot be edited.
func tutorials(ws *workspace.Workspace, note func(string)) (string, error) {
	dir := filepath.Join(ws.Module, "tutorials")
	if info, err := os.Stat(dir); err == nil && info.IsDir() && !ws.Cached() {
		return dir, nil
	}
	if files, _ := filepath.Glob("tutorials/*.ipynb"); len(files) == 0 && ws.Cached() {
		note("quire tutorials copies the tutorials into a folder of yours")
	}
	return filepath.Abs(".")
}

// prepare builds what a kernel needs and the quire command, and fills the build cache so that the first cell is fast: the
// packages that cells use are compiled and a cell's program is linked once. gopls, which takes longest, is for later.
func prepare(ctx context.Context, ws *workspace.Workspace, note func(string)) (kernelspec.Spec, error) {
	usual := ws.Usual()
	if _, err := ws.Build(ctx, ws.Relative(usual), workspace.Headless()...); err != nil {
		return kernelspec.Spec{}, err
	}
	exe, err := ws.Self(ctx)
	if err != nil {
		return kernelspec.Spec{}, err
	}
	began := time.Now()
	if err := ws.Warm(ctx, slices.Concat(usual, ws.Beside(), []string{"github.com/janpfeifer/gonb/gonbui", "flag", "math", "os", "time"}), true); err != nil {
		if ctx.Err() != nil {
			return kernelspec.Spec{}, ctx.Err()
		}
		note("warming the build cache: " + err.Error() + " (cells may still work)")
	} else if took := time.Since(began); took > 3*time.Second {
		note("compiled what cells import in " + duration(took))
	}
	return kernelspec.New(exe, ws.Module), nil
}
