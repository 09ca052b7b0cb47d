package flow

import (
	"bytes"
	"context"
	"encoding/json"
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
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/stamp"
)

// Exports reads what compiled packages declare from the go command's build cache. It may be shared by sessions, which
// then read a package once; it may be used by several goroutines.
type Exports struct {
	programs func() string // where the programs of cells are, "" if that is not known yet; may be nil
	stamps   string        // the file for what sources there are; may be ""
	dir, cmd string
	env      []string

	mu      sync.Mutex
	set     *token.FileSet
	files   map[string]string // import path to the file of its export data
	sources stamp.Packages    // of what is listed
	gc      types.Importer
	known   map[string]*types.Package
	bad     map[string]error
	names   map[string]bool // of the standard library
}

// NewExports returns one that asks the given go command, in a directory where cells' imports are found, with the
// environment in which cells are compiled: other flags would be another build.
func NewExports(dir, goCmd string, env []string) *Exports {
	e := &Exports{dir: dir, cmd: goCmd, env: env, files: map[string]string{}, sources: stamp.Packages{}}
	e.restart()
	return e
}

// restart forgets what was read of packages.
func (e *Exports) restart() {
	e.set, e.known, e.bad = token.NewFileSet(), map[string]*types.Package{}, map[string]error{}
	e.gc = importer.ForCompiler(e.set, "gc", e.open)
}

// Warm lists packages and all that they import, so that no cell waits for it.
func (e *Exports) Warm(ctx context.Context, patterns ...string) error {
	list, err := e.list(ctx, patterns...)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.take(list)
	return err
}

// take notes what was listed. e.mu is held.
func (e *Exports) take(list []listed) {
	for _, p := range list {
		if p.Export != "" {
			e.files[p.ImportPath] = p.Export
		}
		e.sources[p.ImportPath] = p.stamps
	}
	if e.stamps != "" && len(list) > 0 {
		_ = e.sources.Write(e.stamps) // without it cells are built as always
	}
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

// Stamps has what is known of the sources of packages written into a file, see [stamp.Packages]. Call it before anything is listed.
func (e *Exports) Stamps(file string) { e.stamps = file }

// Refresh lets packages be asked for again that were not found, for the cell before may have fetched them, and reads all anew if the
// sources of one have changed.
func (e *Exports) Refresh(ctx context.Context) {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.bad)
	var open []string // to changes
	var sources [][]stamp.Stamp
	for path, list := range e.sources {
		if len(list) > 0 {
			open, sources = append(open, path), append(sources, list)
		}
	}
	if stamp.Same(sources...) {
		return
	}
	list, _ := e.list(ctx, open...) // what is wrong with one is said where it is imported
	if ctx.Err() != nil {
		return
	}
	for _, path := range open {
		delete(e.files, path)
		delete(e.sources, path)
	}
	e.restart()
	e.take(list)
}

// open is called by Import, with the lock.
func (e *Exports) open(path string) (io.ReadCloser, error) {
	if e.files[path] == "" {
		list, err := e.list(context.Background(), path)
		e.take(list)
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

// listed is what the go command says of a package.
type listed struct {
	ImportPath, Export, Dir string
	Standard                bool
	EmbedFiles              []string
	Module                  *struct {
		Version, GoMod string
		Replace        *struct{ Version string }
	}
	Error *struct{ Err string }

	stamps []stamp.Stamp
}

// fixed reports whether nobody changes its files: the standard library's, and those of a module in the module cache.
func (p *listed) fixed() bool {
	m := p.Module
	return p.Standard || m != nil && m.Version != "" && (m.Replace == nil || m.Replace.Version != "")
}

// stamp notes its sources, which the go command began to read at a time.
func (p *listed) stamp(read time.Time) {
	gomod := ""
	if p.Module != nil {
		gomod = p.Module.GoMod
	}
	if p.Dir != "" && !p.fixed() {
		p.stamps = stamp.Of(p.Dir, gomod, p.EmbedFiles, read)
	}
}

// list asks the go command, which compiles what it has not. Sources that change while it reads them are known for changed.
func (e *Exports) list(ctx context.Context, patterns ...string) (list []listed, err error) {
	began := time.Now()
	args := append([]string{"list", "-e", "-export", "-deps", "-json=ImportPath,Export,Dir,Standard,EmbedFiles,Module,Error", "--"}, patterns...)
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
	var said string
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if d.Decode(&p) != nil {
			break
		}
		p.stamp(began)
		list = append(list, p)
		if p.Error != nil && p.Export == "" && said == "" {
			said = p.Error.Err
		}
	}
	if said == "" && err != nil {
		said = strings.TrimSpace(stderr.String())
		if said == "" {
			said = fmt.Sprintf("%s list: %v", e.cmd, err)
		}
	}
	if said != "" {
		return list, &listError{firstLine(said)}
	}
	return list, nil
}

// firstLine returns the first line that says more than which package it is about.
func firstLine(text string) (first string) {
	for line := range strings.Lines(text) {
		if first = strings.TrimRight(line, "\r\n"); !strings.HasPrefix(first, "# ") {
			break
		}
	}
	return first
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
