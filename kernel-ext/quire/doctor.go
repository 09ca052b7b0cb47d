package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/quire-ml/quire/internal/bytesize"
	"github.com/quire-ml/quire/kernel-ext/internal/kernelspec"
	"github.com/quire-ml/quire/kernel-ext/internal/lab"
	"github.com/quire-ml/quire/kernel-ext/internal/scratch"
	"github.com/quire-ml/quire/kernel-ext/internal/statusline"
	"github.com/quire-ml/quire/kernel-ext/internal/studio"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
)

var kernelDoctor = &command{
	name:  "kernel doctor",
	short: "check what notebooks need, with a remedy for each line that fails",
	long: `
Checks the go command, the module, the pinned tools (building what is missing), a cell from edit to output,
the kernelspec, JupyterLab, the caches, and what dead kernels left behind. The exit status is 1 if
something fails that notebooks need; what only JupyterLab needs is marked "optional".`,
	run: runDoctor,
}

// check is one line of the doctor's table.
type check struct {
	name   string
	state  string // "ok", "optional" or "FAILS"
	what   string
	remedy string // for a line that is not ok
}

func runDoctor(ctx context.Context, env *environment, args []string) error {
	if len(args) > 0 {
		return usageError{"kernel doctor takes no arguments"}
	}
	line := statusline.New(env.stderr)
	checks := examine(ctx, line)
	line.Close()
	w := tabwriter.NewWriter(env.stdout, 0, 8, 2, ' ', 0)
	failed := false
	for _, c := range checks {
		fmt.Fprintf(w, "%s\t%s\t%s\n", c.name, c.state, firstOf(c.what))
		if c.remedy != "" {
			fmt.Fprintf(w, "\t\t→ %s\n", c.remedy)
		}
		failed = failed || c.state == "FAILS"
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if failed {
		return exitError(1)
	}
	return nil
}

// examine makes the checks, in the order in which one needs the other.
func examine(ctx context.Context, line *statusline.Line) (list []check) {
	add := func(name, state, what, remedy string) { list = append(list, check{name, state, what, remedy}) }
	ws, err := openWorkspace(ctx, line)
	if err != nil {
		add("workspace", "FAILS", err.Error(), "what the line says; then try again")
		return list
	}
	add("go", "ok", ws.GoVersion()+" at "+ws.Go, "")
	add("module", "ok", ws.Module, "")
	healthy := true
	for _, t := range workspace.Interactive() {
		began := time.Now()
		tools, err := ws.Build(ctx, nil, t)
		switch {
		case err == nil:
			what := tools[t]
			if took := time.Since(began); took > time.Second {
				what += fmt.Sprintf(" (built in %s)", duration(took))
			}
			add(string(t), "ok", what, "")
		case t == workspace.Gopls:
			add(string(t), "optional", err.Error(), "without it there is no completion or hover; quire run does not use it")
		default:
			healthy = false
			add(string(t), "FAILS", err.Error(), "check that the module proxy can be reached (go env GOPROXY) and run quire kernel doctor again")
		}
	}
	if healthy {
		list = append(list, examineCell(ctx)...)
	}
	if specs := kernelspec.Find(); len(specs) > 0 {
		for _, dir := range specs {
			list = append(list, examineSpec(dir, ws.Module))
		}
	} else {
		add("kernelspec", "optional", "not installed", "quire lab needs none; for another Jupyter: quire kernel install")
	}
	switch j, err := lab.Find(ctx, lab.Options{Cache: ws.Cache}); {
	case err == nil:
		add("jupyter", "ok", named(j)+": "+strings.Join(j.Command, " "), "")
	default:
		add("jupyter", "optional", err.Error(), "quire lab sets it up if there is a python3; quire run does not need it")
	}
	build, modules := ws.GoCache()
	add("caches", "ok", fmt.Sprintf("quire %s in %s; go builds in %s, modules in %s", size(ws.Cache), ws.Cache, build, modules), "")
	if stale := scratch.Stale(); len(stale) > 0 {
		n := 0
		for _, l := range stale {
			n += l.Processes
		}
		studio.Sweep()
		add("leftovers", "ok", fmt.Sprintf("of %d dead kernels, with %d processes: removed", len(stale), n), "")
	} else {
		add("leftovers", "ok", "none", "")
	}
	return list
}

// examineSpec checks that an installed kernelspec leads to a program and to this module.
func examineSpec(dir, module string) check {
	spec, err := kernelspec.Read(dir)
	remedy := "quire kernel install writes it anew"
	switch {
	case err != nil:
		return check{"kernelspec", "optional", err.Error(), remedy}
	case len(spec.Argv) == 0 || !exists(spec.Argv[0]):
		return check{"kernelspec", "optional", dir + " names a program that is not there", remedy}
	case spec.Env["QUIRE_MODULE"] != module:
		return check{"kernelspec", "optional", dir + " belongs to " + spec.Env["QUIRE_MODULE"], "quire kernel install, if this checkout is meant"}
	}
	return check{"kernelspec", "ok", dir, ""}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// size returns the size of a directory tree, as "12 MB".
func size(dir string) string {
	var n int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // what cannot be read does not count
		}
		if info, err := d.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "of unknown size"
	}
	return bytesize.Text(n)
}

func firstOf(s string) string {
	line, rest, _ := strings.Cut(s, "\n")
	if rest != "" {
		line += " …"
	}
	return line
}
