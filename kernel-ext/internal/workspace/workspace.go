package workspace

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/quire-ml/quire/internal/safefile"
	"github.com/quire-ml/quire/kernel-ext/internal/cells"
)

// Workspace is where cells are compiled. It may be used by several goroutines.
type Workspace struct {
	Module string // directory of the quire module that cells import
	Source string // directory of the sources of this program, of which its helpers are built; mostly the same
	Cache  string // directory for built tools and the Jupyter environment; exists
	Go     string // path of the go command
	Online bool   // cells may fetch modules

	env      goEnv
	note     func(string)
	progress func(Progress)
}

// goEnv is what is used of "go env -json".
type goEnv struct {
	GOVERSION, GOROOT, GOMODCACHE, GOCACHE, GOOS, GOARCH string
}

// Options of Open.
type Options struct {
	From   []string     // directories to search for the module from; the current one is always added
	Online bool         // cells may fetch modules; also by QUIRE_ONLINE=1
	Note   func(string) // told what takes long, in a sentence; may be nil
	// Progress is told how far a build is, about once a second, from one goroutine per build; may be nil.
	Progress func(Progress)
}

// Open finds the module and the go command.
func Open(ctx context.Context, opts Options) (*Workspace, error) {
	goCmd, err := exec.LookPath("go")
	if err != nil {
		return nil, errors.New("there is no go command in PATH: cells are Go programs: install Go 1.26 or newer from https://go.dev/dl")
	}
	module, err := Find(ctx, append(opts.From, ".")...)
	if err != nil {
		return nil, err
	}
	cache, err := CacheDir()
	if err != nil {
		return nil, err
	}
	src, err := source(ctx, module)
	if err != nil {
		return nil, err
	}
	w := &Workspace{Module: module, Source: src, Cache: cache, Go: goCmd, note: opts.Note, progress: opts.Progress}
	w.Online = opts.Online || truthy(os.Getenv("QUIRE_ONLINE"))
	if w.note == nil {
		w.note = func(string) {}
	}
	if w.progress == nil {
		w.progress = func(Progress) {}
	}
	if err := w.readGoEnv(ctx); err != nil {
		return nil, err
	}
	w.sweep()
	return w, nil
}

// Quiet returns the workspace without its reports of progress, for what is built in the background.
func (w *Workspace) Quiet() *Workspace {
	quiet := *w
	quiet.progress = func(Progress) {}
	return &quiet
}

// CacheDir returns the directory that quire keeps between runs, making it: $QUIRE_CACHE, or quire in the
// user's cache directory, or one in the temporary directory for a user without a home. Programs lie there that are run:
// it is an error if others can change what is in it.
func CacheDir() (string, error) {
	dir := os.Getenv("QUIRE_CACHE")
	if dir == "" {
		if base, err := os.UserCacheDir(); err == nil {
			dir = filepath.Join(base, "quire")
		} else {
			dir = filepath.Join(os.TempDir(), fmt.Sprintf("quire-cache-%d", os.Getuid()))
		}
	}
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = safefile.MkdirTrusted(dir)
	}
	if err != nil {
		return "", fmt.Errorf("the cache directory: %w: set QUIRE_CACHE to a directory of your own", err)
	}
	return dir, nil
}

// readGoEnv asks the go command about itself, from inside the module: if that needs a newer toolchain
// and the user allows it, the answer is about that one.
func (w *Workspace) readGoEnv(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, w.Go, "env", "-json", "GOVERSION", "GOROOT", "GOMODCACHE", "GOCACHE", "GOOS", "GOARCH")
	cmd.Dir = w.Module
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &w.env)
	}
	if err != nil {
		return fmt.Errorf("asking %s about its environment: %w%s", w.Go, err, stderrOf(err))
	}
	exe := filepath.Join(w.env.GOROOT, "bin", "go")
	if runtime.GOOS == "windows" {
		exe += ".exe"
	}
	if _, err := os.Stat(exe); err == nil {
		w.Go = exe
	}
	return nil
}

// Cached reports whether the module is in the go command's module cache: a released version, whose files cannot be changed.
func (w *Workspace) Cached() bool {
	rel, err := filepath.Rel(w.env.GOMODCACHE, w.Module)
	return err == nil && filepath.IsLocal(rel)
}

// GoVersion returns the version of the go command, as "go1.26.1".
func (w *Workspace) GoVersion() string { return w.env.GOVERSION }

// GoCache returns the directories of the go command's build cache and module cache.
func (w *Workspace) GoCache() (build, modules string) { return w.env.GOCACHE, w.env.GOMODCACHE }

func stderrOf(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return ": " + strings.TrimSpace(string(exit.Stderr))
	}
	return ""
}

func truthy(s string) bool { return s != "" && s != "0" && s != "false" && s != "no" }

// cgo returns the CGO_ENABLED with which cells, and what is made for them, are built.
func cgo() string {
	if set := os.Getenv("CGO_ENABLED"); set != "" {
		return set
	}
	return "0"
}

// Env returns the environment of a kernel whose tools are the given ones, as os.Environ does. Without
// gopls among them no gopls is found: a headless run has no use for its half gigabyte.
func (w *Workspace) Env(tools Tools) []string {
	set := map[string]string{
		"PATH":        w.path(tools),
		"GOFLAGS":     cells.BuildFlags,
		"CGO_ENABLED": cgo(),
		"GOTOOLCHAIN": "local",
		"GOWORK":      "",
		"GO111MODULE": "",
	}
	if !w.Online {
		set["GOPROXY"] = "off"
	}
	if data := os.Getenv("QUIRE_DATA"); data != "" { // cells run elsewhere: a relative path would be lost
		if abs, err := filepath.Abs(data); err == nil {
			set["QUIRE_DATA"] = abs
		}
	}
	maps.Copy(set, w.EngineEnv(os.Getenv(backendEnv)))
	return With(os.Environ(), set)
}

// path returns PATH with the tools and go first.
func (w *Workspace) path(tools Tools) string {
	var list []string
	for _, t := range []Tool{Goimports, Gopls} {
		if exe := tools[t]; exe != "" {
			list = append(list, filepath.Dir(exe))
		}
	}
	list = append(list, filepath.Dir(w.Go))
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if tools[Gopls] == "" && holds(dir, "gopls") && !holds(dir, "go") && !holds(dir, "sh") {
			continue
		}
		if !slices.Contains(list, dir) {
			list = append(list, dir)
		}
	}
	return strings.Join(list, string(filepath.ListSeparator))
}

func holds(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

// With returns env with some variables set, and those set to "" removed.
func With(env []string, set map[string]string) []string {
	out := slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		_, ours := set[name]
		return ours
	})
	names := make([]string, 0, len(set))
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if set[name] != "" {
			out = append(out, name+"="+set[name])
		}
	}
	return out
}
