package workspace

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/quire-ml/quire/internal/safefile"
	"github.com/quire-ml/quire/kernel-ext/internal/scratch"
)

// Tool is a program that the module pins in a tool line of its go.mod.
type Tool string

// The tools. The kernel needs the first three; gopls gives hover and completion. Guard is quire's own: it is built from
// the module's sources and no line pins it.
const (
	Gonb      Tool = "gonb"
	Goimports Tool = "goimports"
	Guard     Tool = "cellguard"
	Gopls     Tool = "gopls"
)

// packages are where the tools' main packages are.
var packages = map[Tool]string{
	Gonb:      "github.com/janpfeifer/gonb",
	Goimports: "golang.org/x/tools/cmd/goimports",
	Gopls:     "golang.org/x/tools/gopls",
	Guard:     ModulePath + "/kernel-ext/internal/cellguard",
}

// Headless returns the tools of a kernel that nobody types into.
func Headless() []Tool { return []Tool{Gonb, Goimports, Guard} }

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
// (as "./graph") that cells will import: if a tool is missing they are compiled in the same run of the go
// command, which on a cold cache is faster than one after the other, and than two at once, which would
// compile the standard library twice.
func (w *Workspace) Build(ctx context.Context, warm []string, tools ...Tool) (Tools, error) {
	versions, err := w.versions(ctx)
	if err != nil {
		return nil, err
	}
	got := Tools{}
	for _, t := range tools {
		version, ok := versions[t]
		if !ok && t == Guard {
			return nil, fmt.Errorf("%s lacks the sources in kernel-ext/internal/cellguard: is it the whole module?", w.Module)
		}
		if !ok {
			return nil, fmt.Errorf("%s pins no %s: its go.mod needs the line: tool %s", w.Module, t, packages[t])
		}
		got[t] = w.toolPath(t, version)
	}
	missing, err := absent(got, tools)
	if err != nil || len(missing) == 0 {
		return got, err
	}
	var named []string
	for _, t := range missing {
		version, _, _ := strings.Cut(versions[t], "=") // what replaces it is of no interest here
		if t != Guard {                                // it takes no time
			named = append(named, string(t)+" "+version)
		}
	}
	doing := "building " + strings.Join(append(named, string(Guard))[:max(1, len(named))], ", ")
	if len(named) > 0 {
		w.note(doing + ": once for this version; half a minute on an idle machine")
	}
	err = w.buildLocked(ctx, doing, missing, got, warm)
	if err != nil {
		return nil, fmt.Errorf("%s from %s: %w", doing, w.Module, err)
	}
	return got, nil
}

// Built returns the given tools if all of them are there already.
func (w *Workspace) Built(ctx context.Context, tools ...Tool) (Tools, bool) {
	versions, err := w.versions(ctx)
	if err != nil {
		return nil, false
	}
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
	exe := string(t)
	if runtime.GOOS == "windows" {
		exe += ".exe"
	}
	key := strings.NewReplacer("/", "_", " ", "_").Replace(version + "-" + w.env.GOVERSION)
	return filepath.Join(w.bin(), string(t)+"-"+key, exe)
}

// build compiles the tools into a temporary directory and renames each to its place.
func (w *Workspace) build(ctx context.Context, doing string, tools []Tool, at Tools, warm []string) error {
	tmp, err := os.MkdirTemp(w.bin(), buildPrefix(tools[0]))
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	args := []string{"build", "-o", tmp + string(filepath.Separator)}
	for _, t := range tools {
		args = append(args, packages[t])
	}
	if err := w.runGo(ctx, doing, w.Module, w.buildEnv("off"), append(args, warm...)...); err != nil {
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
	flags, cgo := buildFlags()
	return With(os.Environ(), map[string]string{
		"GOFLAGS": flags, "CGO_ENABLED": cgo, "GOTOOLCHAIN": "local", "GOWORK": gowork, "GO111MODULE": "",
	})
}

// versions reads the versions of the modules that hold the tools from the module's go.mod.
func (w *Workspace) versions(ctx context.Context) (map[Tool]string, error) {
	cmd := exec.CommandContext(ctx, w.Go, "mod", "edit", "-json")
	cmd.Dir, cmd.Env = w.Module, w.buildEnv("off")
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w%s", filepath.Join(w.Module, "go.mod"), err, stderrOf(err))
	}
	var mod struct {
		Require []struct{ Path, Version string }
		Replace []struct {
			Old, New struct{ Path, Version string }
		}
		Tool []struct{ Path string }
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Join(w.Module, "go.mod"), err)
	}
	found := map[Tool]string{}
	for t, pkg := range packages {
		if t == Guard {
			if version, err := w.sourceHash("cells", "cellguard"); err == nil {
				found[t] = version
			}
			continue
		}
		pinned, longest := false, ""
		for _, line := range mod.Tool {
			pinned = pinned || line.Path == pkg
		}
		for _, r := range mod.Require {
			if (r.Path == pkg || strings.HasPrefix(pkg, r.Path+"/")) && len(r.Path) > len(longest) && pinned {
				longest, found[t] = r.Path, r.Version
			}
		}
		for _, r := range mod.Replace {
			if r.Old.Path == longest && longest != "" {
				found[t] += "=" + r.New.Path + "@" + r.New.Version
			}
		}
	}
	return found, nil
}

// sourceHash returns a version for a program of the module that is made of packages below kernel-ext/internal and the
// standard library.
func (w *Workspace) sourceHash(names ...string) (string, error) {
	h := sha256.New()
	for _, name := range names {
		files, err := filepath.Glob(filepath.Join(w.Module, "kernel-ext", "internal", name, "*.go"))
		if err != nil || len(files) == 0 {
			return "", fmt.Errorf("%s has no sources of %s", w.Module, name)
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
