package workspace

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
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
	var missing []Tool
	var named []string
	for _, t := range tools {
		version, ok := versions[t]
		if !ok && t == Guard {
			return nil, fmt.Errorf("%s lacks the sources in kernel-ext/internal/cellguard: is it the whole module?", w.Module)
		}
		if !ok {
			return nil, fmt.Errorf("%s pins no %s: its go.mod needs the line: tool %s", w.Module, t, packages[t])
		}
		exe := w.toolPath(t, version)
		got[t] = exe
		if _, err := os.Stat(exe); err != nil {
			missing = append(missing, t)
			if t != Guard { // it takes no time
				named = append(named, string(t)+" "+version)
			}
		}
	}
	if len(missing) == 0 {
		return got, nil
	}
	if len(named) > 0 {
		w.note("building " + strings.Join(named, ", ") + ": once for this version, about half a minute on a cold cache")
	} else {
		named = append(named, string(Guard))
	}
	err = w.build(ctx, missing, got, warm)
	if err != nil && len(warm) > 0 && ctx.Err() == nil { // a package that does not compile is the cell's matter
		err = w.build(ctx, missing, got, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("building %s from %s: %w", strings.Join(named, ", "), w.Module, err)
	}
	return got, nil
}

// toolPath is where a tool is kept; each in a directory of its own, so that PATH can name them one by one.
func (w *Workspace) toolPath(t Tool, version string) string {
	exe := string(t)
	if runtime.GOOS == "windows" {
		exe += ".exe"
	}
	key := strings.NewReplacer("/", "_", " ", "_").Replace(version + "-" + w.env.GOVERSION)
	return filepath.Join(w.Cache, "bin", string(t)+"-"+key, exe)
}

// build compiles the tools into a temporary directory and renames each to its place, so that two
// processes doing so at once do no harm.
func (w *Workspace) build(ctx context.Context, tools []Tool, at Tools, warm []string) error {
	bin := filepath.Join(w.Cache, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(bin, ".build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	args := []string{"build", "-o", tmp + string(filepath.Separator)}
	for _, t := range tools {
		args = append(args, packages[t])
	}
	if err := w.runGo(ctx, w.Module, w.buildEnv("off"), append(args, warm...)...); err != nil {
		return err
	}
	for _, t := range tools {
		if err := os.MkdirAll(filepath.Dir(at[t]), 0o755); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(tmp, filepath.Base(at[t])), at[t]); err != nil {
			return err
		}
	}
	return nil
}

// buildEnv is the environment for building in the module, or in a workspace around it: the flags of
// cells, so that what is compiled is shared with them, but with the user's network.
func (w *Workspace) buildEnv(gowork string) []string {
	flags, cgo := buildFlags()
	return With(os.Environ(), map[string]string{
		"GOFLAGS": flags, "CGO_ENABLED": cgo, "GOTOOLCHAIN": "local", "GOWORK": gowork, "GO111MODULE": "",
	})
}

// runGo runs the go command; an error carries the last lines of what it said.
func (w *Workspace) runGo(ctx context.Context, dir string, env []string, args ...string) error {
	cmd := exec.CommandContext(ctx, w.Go, args...)
	cmd.Dir, cmd.Env = dir, env
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // lets it remove its temporary files
	cmd.WaitDelay = 2 * time.Second
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("go %s: %w: %s", args[0], err, tail(said.String(), 12))
	}
	return nil
}

// tail returns the last n lines of s that say something.
func tail(s string, n int) string {
	var lines []string
	for line := range strings.Lines(s) {
		line = strings.TrimRight(line, "\r\n")
		if line != "" && !strings.HasPrefix(line, "go: downloading ") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
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
