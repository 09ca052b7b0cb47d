package workspace

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/quire-ml/quire/internal/safefile"
	"github.com/quire-ml/quire/kernel-ext/internal/cells"
	"github.com/quire-ml/quire/kernel-ext/internal/scratch"
)

// Tool is a program that a kernel needs.
type Tool string

// The tools. The kernel needs the first three; gopls gives hover and completion. Guard is quire's own, built from the sources
// of this program; tools.mod pins the others.
const (
	Gonb      Tool = "gonb"
	Goimports Tool = "goimports"
	Guard     Tool = "cellguard"
	Gopls     Tool = "gopls"
	Worker    Tool = "session"     // holds an engine for cells, see [Engine]
	WorkerXLA Tool = "session-xla" // the same with cgo, for the engine xla
)

// packages are where the tools' main packages are.
var packages = map[Tool]string{
	Gonb:      "github.com/janpfeifer/gonb",
	Goimports: "golang.org/x/tools/cmd/goimports",
	Gopls:     "golang.org/x/tools/gopls",
	Guard:     ModulePath + "/kernel-ext/internal/cellguard",
	Worker:    ModulePath + "/backends/session/worker",
	WorkerXLA: ModulePath + "/backends/session/worker",
}

// ours are the tools that are built from sources of quire; tools.mod pins the others.
func (t Tool) ours() bool { return t == Guard || t == Worker || t == WorkerXLA }

// Headless returns the tools of a kernel that nobody types into; what the engine needs that QUIRE_BACKEND names is among them.
func Headless() []Tool { return append([]Tool{Gonb, Goimports, Guard}, workers()...) }

// Interactive returns the tools of a kernel that people work with: gopls among them, unless QUIRE_GOPLS
// is "off", for machines that have no half gigabyte for each open notebook.
func Interactive() []Tool {
	if os.Getenv("QUIRE_GOPLS") == "off" {
		return Headless()
	}
	return append(Headless(), Gopls)
}

// Tools is the path of each tool that was built.
type Tools map[Tool]string

// Build returns the given tools, building those that are missing. warm names packages of the module
// (as "./graph") that cells will import: if a tool is missing they are compiled right after it. Two runs of the go command
// at once would compile the standard library twice.
func (w *Workspace) Build(ctx context.Context, warm []string, tools ...Tool) (Tools, error) {
	versions := w.versions(tools...)
	got := Tools{}
	for _, t := range tools {
		version, ok := versions[t]
		if !ok && t.ours() {
			return nil, fmt.Errorf("%s lacks the sources of %s: is it the whole module, and not older than this program?", w.sourceOf(t), packages[t])
		}
		if !ok {
			return nil, fmt.Errorf("tools.mod pins no %s: it needs the line: tool %s", t, packages[t])
		}
		got[t] = w.toolPath(t, version)
	}
	missing, err := absent(got, tools)
	if err != nil || len(missing) == 0 {
		return got, err
	}
	var named []string
	for _, t := range missing {
		switch {
		case t == Worker || t == WorkerXLA:
			named = append(named, "the worker of sessions")
		case t != Guard: // it takes no time
			named = append(named, string(t)+" "+versions[t])
		}
	}
	doing := "building " + strings.Join(append(named, string(Guard))[:max(1, len(named))], ", ")
	if len(named) > 0 {
		w.note(doing + ": once for this version; half a minute on an idle machine")
	}
	err = w.buildLocked(ctx, doing, missing, got, warm)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	return got, nil
}

// Built returns the given tools if all of them are there already.
func (w *Workspace) Built(tools ...Tool) (Tools, bool) {
	versions := w.versions(tools...)
	got := Tools{}
	for _, t := range tools {
		got[t] = w.toolPath(t, versions[t])
	}
	missing, err := absent(got, tools)
	return got, err == nil && len(missing) == 0
}

// absent returns the tools that are not there. One that others can change is an error: it would be run.
func absent(at Tools, tools []Tool) (missing []Tool, err error) {
	for _, t := range tools {
		switch err := safefile.CheckProgram(at[t]); {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, t)
		case err != nil:
			return nil, fmt.Errorf("%s: %w: remove it, or set QUIRE_CACHE to a directory of your own", t, err)
		}
	}
	return missing, nil
}

// buildLocked builds what another process has not built meanwhile.
func (w *Workspace) buildLocked(ctx context.Context, doing string, tools []Tool, at Tools, warm []string) error {
	if err := safefile.MkdirTrusted(w.bin()); err != nil {
		return err
	}
	unlock, err := scratch.Lock(ctx, w.lockPath(tools[0]), func() { w.note("another quire is building them: waiting for it") })
	if err != nil {
		return err
	}
	defer unlock()
	w.sweepBuilds(tools[0])
	if tools, err = absent(at, tools); err != nil || len(tools) == 0 {
		return err
	}
	err = w.build(ctx, doing, tools, at, warm)
	if err != nil && len(warm) > 0 && ctx.Err() == nil { // a package that does not compile is the cell's matter
		err = w.build(ctx, doing, tools, at, nil)
	}
	return err
}

func (w *Workspace) bin() string { return filepath.Join(w.Cache, "bin") }

// lockPath is the file whose lock the builder of a tool holds.
func (w *Workspace) lockPath(t Tool) string { return filepath.Join(w.bin(), "."+string(t)+".lock") }

// buildPrefix begins the names of the directories in which a tool is built.
func buildPrefix(t Tool) string { return ".build-" + string(t) + "-" }

// sweep removes what builders left that were killed.
func (w *Workspace) sweep() {
	for t := range packages {
		if left, _ := filepath.Glob(filepath.Join(w.bin(), buildPrefix(t)+"*")); len(left) == 0 {
			continue
		}
		if lock, err := safefile.TryLock(w.lockPath(t), 0o644); err == nil { // else one is at work
			w.sweepBuilds(t)
			lock.Unlock()
		}
	}
}

// sweepBuilds removes the directories in which a tool was built. The lock says that nobody is at work.
func (w *Workspace) sweepBuilds(t Tool) {
	left, _ := filepath.Glob(filepath.Join(w.bin(), buildPrefix(t)+"*"))
	for _, dir := range left {
		_ = os.RemoveAll(dir)
	}
}

// toolPath is where a tool is kept; each in a directory of its own, so that PATH can name them one by one.
func (w *Workspace) toolPath(t Tool, version string) string {
	key := strings.NewReplacer("/", "_", " ", "_").Replace(version + "-" + w.env.GOVERSION)
	return filepath.Join(w.bin(), string(t)+"-"+key, exeName(t))
}

func exeName(t Tool) string {
	if runtime.GOOS == "windows" {
		return string(t) + ".exe"
	}
	return string(t)
}

// sourceOf returns the directory of the sources of a tool of ours.
func (w *Workspace) sourceOf(t Tool) string {
	if t == Guard {
		return w.Source
	}
	return w.Module
}

// build compiles the tools into a temporary directory and renames each to its place.
func (w *Workspace) build(ctx context.Context, doing string, tools []Tool, at Tools, warm []string) error {
	tmp, err := os.MkdirTemp(w.bin(), buildPrefix(tools[0]))
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	var pinned []string
	for _, t := range tools {
		if !t.ours() {
			pinned = append(pinned, packages[t])
		}
	}
	out := tmp + string(filepath.Separator)
	if len(pinned) > 0 {
		err = w.inTools(func(dir string) error {
			return w.runGo(ctx, doing, dir, w.buildEnv("off"), append([]string{"build", "-o", out}, pinned...)...)
		})
		if err != nil && offline(err.Error()) {
			err = fmt.Errorf("%w\nthe kernel is built once, from modules of others: do that where a module proxy can be reached (go env GOPROXY)", err)
		}
	}
	if err == nil && slices.Contains(tools, Guard) {
		err = w.runGo(ctx, doing, w.Source, w.buildEnv("off"), "build", "-o", out, packages[Guard])
	}
	for _, t := range tools {
		if err == nil && (t == Worker || t == WorkerXLA) {
			err = w.buildWorker(ctx, doing, t, tmp)
		}
	}
	if err == nil && len(warm) > 0 {
		err = w.runGo(ctx, doing, w.Module, w.buildEnv("off"), append([]string{"build"}, warm...)...)
	}
	if err != nil {
		return err
	}
	for _, t := range tools {
		if err := safefile.MkdirTrusted(filepath.Dir(at[t])); err != nil {
			return err
		}
		if err := place(filepath.Join(tmp, filepath.Base(at[t])), at[t]); err != nil {
			return err
		}
	}
	return nil
}

// offline reports whether the go command says that it reached no module proxy.
func offline(said string) bool {
	return slices.ContainsFunc([]string{"module lookup disabled", "dial tcp", "no such host", "connection refused"}, func(sign string) bool {
		return strings.Contains(said, sign)
	})
}

// toolsMod and toolsSum are go.mod and go.sum of the module that pins the tools. The program has them in itself: it may have
// been installed without a checkout, and its tools are those that it was tested with, whatever module cells import.
var (
	//go:embed tools.mod
	toolsMod []byte
	//go:embed tools.sum
	toolsSum []byte
)

// inTools calls fn with a private directory that is the module of the tools.
func (w *Workspace) inTools(fn func(dir string) error) error {
	own, err := scratch.New()
	if err != nil {
		return err
	}
	defer own.Close()
	dir := filepath.Join(own.Dir, "tools")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for name, text := range map[string][]byte{"go.mod": toolsMod, "go.sum": toolsSum} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return err
		}
	}
	return fn(dir)
}

// place puts a program that was built where it stays: whole, on the disk, and closed to others' changes.
func place(built, exe string) error {
	f, err := os.Open(built)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Chmod(0o755), f.Sync(), f.Close()); err != nil && runtime.GOOS != "windows" {
		return err
	}
	return os.Rename(built, exe)
}

// buildEnv is the environment for building in the module, or in a workspace around it: the flags of
// cells, so that what is compiled is shared with them, but with the user's network.
func (w *Workspace) buildEnv(gowork string) []string {
	return With(os.Environ(), map[string]string{
		"GOFLAGS": cells.BuildFlags, "CGO_ENABLED": cgo(), "GOTOOLCHAIN": "local", "GOWORK": gowork, "GO111MODULE": "",
	})
}

// versions returns the versions of tools; of the workers of sessions only if they are among the given ones, since all of the module
// is read for that.
func (w *Workspace) versions(tools ...Tool) map[Tool]string {
	required := requirements(string(toolsMod))
	found := map[Tool]string{}
	for t, pkg := range packages {
		longest := ""
		for path, version := range required {
			if (path == pkg || strings.HasPrefix(pkg, path+"/")) && len(path) > len(longest) {
				longest, found[t] = path, version
			}
		}
	}
	if version, err := w.sourceHash(guardParts...); err == nil {
		found[Guard] = version
	}
	if slices.Contains(tools, Worker) || slices.Contains(tools, WorkerXLA) {
		if version, err := treeHash(w.Module, workerParts...); err == nil {
			found[Worker], found[WorkerXLA] = version, version
		}
	}
	return found
}

// requirements returns the versions that a go.mod requires, by the path of the module.
func requirements(mod string) map[string]string {
	required := map[string]string{}
	within := false
	for line := range strings.Lines(mod) {
		line, _, _ = strings.Cut(line, "//")
		line = strings.TrimSpace(line)
		switch {
		case line == "require (":
			within = true
		case line == ")":
			within = false
		default:
			rest, single := strings.CutPrefix(line, "require ")
			if fields := strings.Fields(rest); (within || single) && len(fields) == 2 {
				required[fields[0]] = fields[1]
			}
		}
	}
	return required
}

// guardParts are the folders of the packages that the guard of cells is made of.
var guardParts = []string{"kernel-ext/internal/cellguard", "kernel-ext/internal/cells", "kernel-ext/internal/recipe", "kernel-ext/internal/stamp", "internal/cellwire", "internal/interrupts"}

// sourceHash returns a version for a program of the module that is made of packages in these folders and the standard library.
func (w *Workspace) sourceHash(names ...string) (string, error) {
	h := sha256.New()
	for _, name := range names {
		files, err := filepath.Glob(filepath.Join(w.Source, filepath.FromSlash(name), "*.go"))
		if err != nil || len(files) == 0 {
			return "", fmt.Errorf("%s has no sources of %s", w.Source, name)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(h, "%s %d\n%s", filepath.Base(file), len(text), text)
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8]), nil
}

// workerParts are the folders whose packages the worker of sessions is made of.
var workerParts = []string{"backends", "graph", "internal"}

// treeHash returns a version for what is made of all packages below folders of a module, with the versions of others' modules.
func treeHash(module string, folders ...string) (string, error) {
	h := sha256.New()
	add := func(path string) error {
		text, err := os.ReadFile(path)
		if err == nil {
			rel, _ := filepath.Rel(module, path) // both are absolute
			fmt.Fprintf(h, "%s %d\n%s", rel, len(text), text)
		}
		return err
	}
	if err := add(filepath.Join(module, "go.mod")); err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(module, "backends", "session", "worker")); err != nil {
		return "", err
	}
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(module, folder), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && d.Name() == "testdata":
				return fs.SkipDir
			case d.IsDir() || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			return add(path)
		})
		if err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8]), nil
}
