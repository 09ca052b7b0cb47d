package flow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"sync"
)

// Exports reads what compiled packages declare from the go command's build cache. It may be shared by sessions, which
// then read a package once; it may be used by several goroutines.
type Exports struct {
	programs func() string // where the programs of cells are, "" if that is not known yet; may be nil
	dir, cmd string
	env      []string

	set *token.FileSet

	mu    sync.Mutex
	files map[string]string // import path to the file of its export data
	gc    types.Importer
	known map[string]*types.Package
	bad   map[string]error
	names map[string]bool // of the standard library
}

// NewExports returns one that asks the given go command, in a directory where cells' imports are found, with the
// environment in which cells are compiled: other flags would be another build.
func NewExports(dir, goCmd string, env []string) *Exports {
	e := &Exports{dir: dir, cmd: goCmd, env: env, set: token.NewFileSet(), files: map[string]string{}, known: map[string]*types.Package{}, bad: map[string]error{}}
	e.gc = importer.ForCompiler(e.set, "gc", e.open)
	return e
}

// Warm lists packages and all that they import, so that no cell waits for it.
func (e *Exports) Warm(ctx context.Context, patterns ...string) error {
	files, err := e.list(ctx, patterns...)
	e.mu.Lock()
	defer e.mu.Unlock()
	for p, f := range files {
		e.files[p] = f
	}
	return err
}

// Import implements types.Importer.
func (e *Exports) Import(path string) (*types.Package, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	if p := e.known[path]; p != nil {
		return p, nil
	}
	if err := e.bad[path]; err != nil {
		return nil, err
	}
	p, err := e.gc.Import(path)
	if err != nil {
		var said *listError
		if errors.As(err, &said) {
			err = said
		}
		e.bad[path] = err
		return nil, err
	}
	e.known[path] = p
	return p, nil
}

// In has packages looked for where the programs of cells are built, whose go.mod may require more than the workspace does.
// Call it before cells are prepared.
func (e *Exports) In(programs func() string) { e.programs = programs }

// Forget lets packages be asked for again that were not found: the cell before may have fetched them.
func (e *Exports) Forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.bad)
}

// open is called by Import, with the lock.
func (e *Exports) open(path string) (io.ReadCloser, error) {
	if e.files[path] == "" {
		files, err := e.list(context.Background(), path)
		for p, f := range files {
			e.files[p] = f
		}
		if e.files[path] == "" {
			if err == nil {
				err = &listError{"it has no Go files to compile"}
			}
			return nil, err
		}
	}
	return os.Open(e.files[path])
}

// listError is what the go command says of a package.
type listError struct{ said string }

func (e *listError) Error() string { return e.said }

// list asks the go command, which compiles what it has not.
func (e *Exports) list(ctx context.Context, patterns ...string) (map[string]string, error) {
	args := append([]string{"list", "-e", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}\t{{with .Error}}{{.Err}}{{end}}", "--"}, patterns...)
	cmd := exec.CommandContext(ctx, e.cmd, args...)
	cmd.Dir, cmd.Env = e.dir, e.env
	if e.programs != nil {
		if dir := e.programs(); dir != "" {
			cmd.Dir = dir
		}
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	files := map[string]string{}
	var said string
	for line := range strings.Lines(string(out)) {
		f := strings.SplitN(strings.TrimRight(line, "\n"), "\t", 3)
		switch {
		case len(f) < 3:
		case f[1] != "":
			files[f[0]] = f[1]
		case f[2] != "" && said == "":
			said = f[2]
		}
	}
	if said == "" && err != nil {
		said = strings.TrimSpace(stderr.String())
		if said == "" {
			said = fmt.Sprintf("%s list: %v", e.cmd, err)
		}
	}
	if said != "" {
		said, _, _ = strings.Cut(said, "\n")
		return files, &listError{said}
	}
	return files, nil
}

// candidates returns the paths of listed packages whose last part is name: those of the standard library first, shorter
// ones before longer ones.
func (e *Exports) candidates(name string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.names == nil {
		e.names = e.standard()
	}
	var list []string
	all := maps.Clone(e.names)
	for p := range e.files {
		all[p] = true
	}
	for p := range all {
		if path.Base(p) == name && !strings.Contains("/"+p+"/", "/internal/") && !strings.HasPrefix(p, "vendor/") && !strings.HasPrefix(p, "cmd/") {
			list = append(list, p)
		}
	}
	outside := func(p string) int {
		first, _, _ := strings.Cut(p, "/")
		if strings.Contains(first, ".") {
			return 1
		}
		return 0
	}
	slices.SortFunc(list, func(a, b string) int {
		if d := outside(a) - outside(b); d != 0 {
			return d
		}
		if d := preference(b) - preference(a); d != 0 {
			return d
		}
		if d := len(a) - len(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return list
}

// standard returns the paths of the standard library.
func (e *Exports) standard() map[string]bool {
	cmd := exec.Command(e.cmd, "list", "std")
	cmd.Dir, cmd.Env = e.dir, e.env
	out, _ := cmd.Output()
	names := map[string]bool{}
	for _, p := range strings.Fields(string(out)) {
		names[p] = true
	}
	return names
}

// preference decides between packages of the standard library of one name, as goimports does.
func preference(path string) int {
	switch path {
	case "math/rand", "text/template", "text/scanner":
		return 1
	}
	return 0
}
