package nbrun

import (
	"context"
	"errors"
	"fmt"
	"go/scanner"
	"go/token"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/backends/gocpu/tier"
	"github.com/quire-ml/quire/kernel-ext/internal/machine"
	"github.com/quire-ml/quire/kernel-ext/internal/notebook"
	"github.com/quire-ml/quire/kernel-ext/internal/source"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
)

// ErrLocked is wrapped by the error of a run that is to be as the last one was, and is not.
var ErrLocked = errors.New("not as it was recorded")

// madeWith returns with what a notebook is about to be executed.
func madeWith(ctx context.Context, ws *workspace.Workspace, nb *notebook.Notebook, env []string) notebook.Made {
	modules := ws.Requires(imports(nb))
	for _, pin := range pins(nb) {
		if path, version, ok := strings.Cut(pin, "@"); ok {
			modules[path] = version
		}
	}
	if len(modules) == 0 {
		modules = nil
	}
	return notebook.Made{
		Quire: ws.Version(ctx), Go: ws.GoVersion(), GoNB: ws.ToolVersion(workspace.Gonb), Modules: modules,
		Backend: backendOf(append(os.Environ(), env...)), Seeds: seeds(nb),
		Machine: notebook.Machine{CPU: machine.CPU(), Tier: tier.Name(), OS: runtime.GOOS + "/" + runtime.GOARCH},
	}
}

// backendOf returns the engine that an environment chooses for cells: go, if it names none.
func backendOf(env []string) string {
	name := "go"
	for _, kv := range env {
		if value, ok := strings.CutPrefix(kv, "QUIRE_BACKEND="); ok {
			name = value
		}
	}
	if name == "" {
		return "go"
	}
	return name
}

// compared says what is not as the notebook records it, and returns an error if it has to be.
func (r *runner) compared(now notebook.Made) error {
	then, recorded := r.nb.Made()
	if !recorded {
		if r.opts.Locked {
			return fmt.Errorf("notebook %s: %w: it records nothing: save it once by quire run -inplace, without -locked", r.opts.Notebook, ErrLocked)
		}
		return nil
	}
	var other []string
	for _, d := range then.Differences(now) {
		r.tell(Event{Kind: Note, Text: d.String()})
		if !d.Harmless {
			other = append(other, d.String())
		}
	}
	if r.opts.Locked && len(other) > 0 {
		return fmt.Errorf("notebook %s: %w: %s: run it where it was recorded, or without -locked", r.opts.Notebook, ErrLocked, strings.Join(other, "; "))
	}
	return nil
}

// pins returns what the cells of a notebook pin by %require, in order.
func pins(nb *notebook.Notebook) (list []string) {
	for _, c := range nb.Cells {
		if c.Kind != notebook.Code {
			continue
		}
		_, requires := source.Magics(c.Source, func(name string) bool { return name == "require" })
		for _, r := range requires {
			list = append(list, r.Args)
		}
	}
	return list
}

// seeds returns the numbers that cells set the seed of a store to, without repetitions.
func seeds(nb *notebook.Notebook) []int64 {
	found := map[int64]bool{}
	for _, c := range nb.Cells {
		if c.Kind == notebook.Code {
			for _, n := range arguments(goLines(c.Source), "SetRNGStateFromSeed") {
				found[n] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// arguments returns the numbers that calls of a function have for their only argument.
func arguments(source, function string) (list []int64) {
	set := token.NewFileSet()
	var s scanner.Scanner
	s.Init(set.AddFile("", -1, len(source)), []byte(source), func(token.Position, string) {}, 0)
	var last []string // the tokens before
	for {
		_, tok, lit := s.Scan()
		if tok == token.EOF {
			return list
		}
		if lit == "" || tok.IsOperator() {
			lit = tok.String()
		}
		if n := len(last); tok == token.RPAREN && n > 2 && last[n-2] == "(" && last[n-3] == function {
			if x, err := strconv.ParseInt(last[n-1], 0, 64); err == nil {
				list = append(list, x)
			}
		}
		if last = append(last, lit); len(last) > 4 {
			last = last[1:]
		}
	}
}
