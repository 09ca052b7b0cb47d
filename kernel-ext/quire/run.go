package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/quire-ml/quire/backends/xla/plugins"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
	"github.com/quire-ml/quire/kernel-ext/nbrun"
)

type runFlags struct {
	output  string
	html    string
	backend string
	noHTML  bool
	inPlace bool
	timeout time.Duration
	locked  bool
	online  bool
	quiet   bool
	log     bool
}

var runCommand = &command{
	name:  "run",
	args:  "NOTEBOOK",
	short: "execute a notebook without a browser and save it with its outputs",
	long: `
Executes the code cells of a Go notebook from the top in a fresh kernel, in the notebook's directory,
without a browser, Jupyter or Python. Beside NAME.ipynb it writes

  NAME.executed.ipynb   the notebook with its outputs
  NAME.html             the same as one page that needs nothing else: no script, no network

and never the notebook itself, unless -inplace asks for it. A run stops at the first cell that fails: its
error goes to stderr, what there was until then is written, and the exit status is 1. Ctrl-C interrupts
the running cell, writes what there is, and exits with 130; a second one ends at once.

Cells with the tag skip-execution are left out and keep their outputs, as do cells that a run did not reach; those tagged
raises-exception have to fail.

What is saved records versions of Quire, Go, GoNB and the modules that cells import, the engine, the seeds, and the
machine, in its metadata under "quire". A run of a notebook with such a record says in a line each what is different now;
-locked refuses, unless only the processor is another of the same kind.

The first run builds the pinned kernel (GoNB) and goimports, which takes half a minute on an idle machine, and the Go
module proxy; it tells how far it is. Later runs start in half a second and need no network.`,
	run: runRun,
	flags: func(f *flag.FlagSet, env *environment) {
		f.StringVar(&env.run.output, "o", "", "write the executed notebook to `FILE` (and the page beside it)")
		f.StringVar(&env.run.html, "html", "", "write the page to `FILE`")
		backendFlag(f, &env.run.backend)
		f.BoolVar(&env.run.noHTML, "no-html", false, "write no page")
		f.BoolVar(&env.run.inPlace, "inplace", false, "write the outputs into NOTEBOOK itself")
		f.DurationVar(&env.run.timeout, "timeout", 0, "interrupt a cell that runs longer than `DURATION` (as 90s or 10m; 0, the default: never)")
		f.BoolVar(&env.run.locked, "locked", false, "refuse to run with other versions, another engine or another system than NOTEBOOK records")
		f.BoolVar(&env.run.online, "online", false, "let cells fetch modules with \"go get\" (also QUIRE_ONLINE=1)")
		f.BoolVar(&env.run.quiet, "q", false, "no progress, only errors")
		f.BoolVar(&env.run.log, "log", false, "show what the kernel logs")
	},
}

// backendFlag lets a command choose the engine of cells.
func backendFlag(f *flag.FlagSet, backend *string) {
	f.StringVar(backend, "backend", "", "run cells on `ENGINE`, such as go, xla:cpu or xla:cuda (also QUIRE_BACKEND); xla in a session, see quire help session status")
}

// chooseBackend puts the engine where the kernel and its cells look for it. A plugin that is not installed or
// damaged is said now rather than by the first cell.
func chooseBackend(backend string) error {
	if backend == "" {
		return nil
	}
	if options, ok := strings.CutPrefix(backend, "xla:"); ok {
		plugin, _, _ := strings.Cut(options, ",")
		if !strings.Contains(plugin, "=") { // else there are only options
			p, err := plugins.Find(plugin)
			if err == nil {
				err = p.Check()
			}
			if err != nil {
				return fmt.Errorf("-backend %s: %w", backend, err)
			}
		}
	}
	return os.Setenv("QUIRE_BACKEND", workspace.Engine(backend))
}

func runRun(ctx context.Context, env *environment, args []string) error {
	if err := chooseBackend(env.run.backend); err != nil {
		return err
	}
	if len(args) != 1 {
		return usageError{"run needs one notebook: see quire help run"}
	}
	opts, err := runOptions(env.run, args[0])
	if err != nil {
		return err
	}
	if _, err := os.Stat(args[0]); errors.Is(err, os.ErrNotExist) {
		return missingNotebook(args[0])
	}
	if env.run.log {
		opts.Log = env.stderr
	}
	p := newProgress(env.stderr, env.run.quiet)
	opts.Progress = p.event
	result, err := nbrun.Run(ctx, opts)
	p.close()
	if result != nil && !env.run.quiet {
		fmt.Fprint(env.stderr, summary(opts, result, commandName()))
	}
	var failed *nbrun.CellError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &failed):
		for _, line := range failed.Details {
			fmt.Fprintln(env.stderr, "  "+line)
		}
	}
	if errors.Is(err, nbrun.ErrInterrupted) {
		fmt.Fprintln(env.stderr, "quire:", err)
		return exitError(130)
	}
	return err
}

// runOptions settles where the files go.
func runOptions(f runFlags, path string) (nbrun.Options, error) {
	opts := nbrun.Options{Notebook: path, Timeout: f.timeout, Locked: f.locked, Online: f.online}
	if f.inPlace && f.output != "" {
		return opts, usageError{"-inplace and -o are two answers to one question: give one"}
	}
	stem := strings.TrimSuffix(path, ".ipynb")
	switch {
	case f.inPlace:
		opts.Output = path
	case f.output != "":
		opts.Output = f.output
	default:
		opts.Output = stem + ".executed.ipynb"
	}
	if !f.inPlace && same(opts.Output, path) {
		return opts, usageError{fmt.Sprintf("-o %s is the notebook itself: use -inplace if that is meant", f.output)}
	}
	switch {
	case f.noHTML:
	case f.html != "":
		opts.HTML = f.html
	default:
		opts.HTML = strings.TrimSuffix(strings.TrimSuffix(opts.Output, ".ipynb"), ".executed") + ".html"
	}
	return opts, nil
}

// same reports whether two paths name one file.
func same(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// duration writes a time as people say it: 0.4 s, 12 s, 3 min 20 s.
func duration(d time.Duration) string {
	switch {
	case d < 9950*time.Millisecond:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
}
