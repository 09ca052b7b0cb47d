package workspace

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/internal/testenv"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// open opens the workspace of this checkout; the go command that runs the tests is there.
func open(t *testing.T, opts Options) *Workspace {
	t.Helper()
	w, err := Open(context.Background(), opts)
	require.NoError(t, err)
	return w
}

func lookup(env []string, name string) (value string, ok bool) {
	for _, kv := range env {
		if k, v, _ := strings.Cut(kv, "="); k == name {
			value, ok = v, true
		}
	}
	return value, ok
}

func TestEnvIsThatOfAnOfflineWorkspace(t *testing.T) {
	tools := t.TempDir()
	other := t.TempDir() // has a gopls, which a run without one must not find
	for _, f := range []string{filepath.Join(tools, "goimports"), filepath.Join(other, "gopls")} {
		require.NoError(t, os.WriteFile(f, nil, 0o755))
	}
	t.Setenv("GOFLAGS", "-mod=mod")
	t.Setenv("GOWORK", "off")
	t.Setenv("GOPROXY", "https://proxy.example")
	t.Setenv("CGO_ENABLED", "")
	t.Setenv("QUIRE_ONLINE", "")
	t.Setenv("QUIRE_DATA", "data")
	t.Setenv("QUIRE_BACKEND", "go")
	w := open(t, Options{})
	t.Setenv("PATH", os.Getenv("PATH")+string(filepath.ListSeparator)+other)
	env := w.Env(Tools{Goimports: filepath.Join(tools, "goimports")})
	for name, want := range map[string]string{
		"GOFLAGS": "-buildvcs=false '-ldflags=-s -w' -gcflags=all=-dwarf=false", "GOPROXY": "off", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0",
	} {
		got, _ := lookup(env, name)
		assert.Equal(t, want, got, name)
	}
	v, ok := lookup(env, "GOWORK")
	assert.False(t, ok, "GOWORK is set to %q", v)
	data, _ := lookup(env, "QUIRE_DATA")
	assert.True(t, filepath.IsAbs(data), "QUIRE_DATA is %q", data)
	path, _ := lookup(env, "PATH")
	if list := filepath.SplitList(path); list[0] != tools || list[1] != filepath.Dir(w.Go) || slices.Contains(list, other) {
		t.Errorf("PATH is %s", path)
	}
	for _, c := range []struct{ engine, opened, worker string }{
		{"", "", ""}, {"go:workers=2", "go:workers=2", ""}, {"session:go", "session:go", "session"},
		{"xla:cpu", "session:xla:cpu", "session-xla"}, {"xla", "session:xla", "session-xla"}, {"session:xla:cuda", "session:xla:cuda", "session-xla"},
	} {
		t.Setenv("QUIRE_BACKEND", c.engine)
		env := w.Env(nil)
		opened, _ := lookup(env, "QUIRE_BACKEND")
		assert.Equal(t, c.opened, opened, "cells open %q", c.engine)
		cgo, _ := lookup(env, "CGO_ENABLED")
		assert.Equal(t, "0", cgo, "a cell links no C, with %q", c.engine)
		worker, ok := lookup(env, "QUIRE_SESSION_WORKER")
		assert.Equal(t, c.worker != "", ok, "%q has a worker", c.engine)
		if ok {
			assert.Equal(t, c.worker, filepath.Base(worker))
			assert.Contains(t, Headless(), Tool(c.worker))
		}
	}
	t.Setenv("QUIRE_SESSION_WORKER", "/my/worker")
	worker, _ := lookup(w.Env(nil), "QUIRE_SESSION_WORKER")
	assert.Equal(t, "/my/worker", worker, "the user's own")
	assert.NotContains(t, Headless(), WorkerXLA)
	if online := open(t, Options{Online: true}); true {
		v, _ := lookup(online.Env(nil), "GOPROXY")
		assert.Equal(t, "https://proxy.example", v, "online, GOPROXY")
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, "a", "b")
	require.NoError(t, os.MkdirAll(deep, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("// a comment\nmodule \""+ModulePath+"\"\n"), 0o644))
	t.Setenv("QUIRE_MODULE", "")
	got, err := Find(context.Background(), deep)
	require.NoError(t, err, "from below")
	assert.Equal(t, dir, got, "from below")
	if got, err := Find(context.Background(), t.TempDir()); err != nil || !isModule(got) {
		t.Errorf("from elsewhere, by the sources of this program: %q, %v", got, err)
	}
	t.Setenv("QUIRE_MODULE", deep)
	_, err = Find(context.Background())
	assert.ErrorContains(t, err, "has no go.mod that says so", "a wrong QUIRE_MODULE")
}

func TestVersionsAreThoseOfTheModule(t *testing.T) {
	w := open(t, Options{})
	got := w.versions()
	err := w.inTools(func(dir string) error {
		for tool, module := range map[Tool]string{Gonb: "github.com/janpfeifer/gonb", Goimports: "golang.org/x/tools", Gopls: "golang.org/x/tools/gopls"} {
			cmd := exec.Command(w.Go, "list", "-m", "-f", "{{.Version}}{{with .Replace}} by {{.Path}}{{end}}", module)
			cmd.Dir, cmd.Env = dir, w.buildEnv("off")
			want, err := cmd.Output()
			if err != nil {
				return err
			}
			assert.Equal(t, strings.TrimSpace(string(want)), got[tool], "%s: %q, the go command says %q", tool, got[tool], want)
		}
		return nil
	})
	require.NoError(t, err)
	assert.NotEmpty(t, got[Guard], "the guard has no version")
}

// The module of the tools is what "go mod tidy" leaves: -update writes that.
// A guard that was built of other sources is built again: all of them count.
func TestTheGuardIsMadeOfItsParts(t *testing.T) {
	w := open(t, Options{})
	out, err := exec.Command(w.Go, "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", packages[Guard]).Output()
	require.NoError(t, err)
	var parts []string
	for _, path := range strings.Fields(string(out)) {
		parts = append(parts, strings.TrimPrefix(path, ModulePath+"/"))
	}
	assert.ElementsMatch(t, guardParts, parts)
}

func TestToolsAreTidy(t *testing.T) {
	w := open(t, Options{})
	err := w.inTools(func(dir string) error {
		cmd := exec.Command(w.Go, "mod", "tidy")
		cmd.Dir, cmd.Env = dir, With(os.Environ(), map[string]string{"GOFLAGS": "", "GOWORK": "off"})
		if out, err := cmd.CombinedOutput(); err != nil {
			testenv.Missing(t, "network", "go mod tidy of the kernel's tools: "+tail(string(out), 3))
		}
		for name, kept := range map[string]string{"go.mod": "tools.mod", "go.sum": "tools.sum"} {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				return err
			}
			golden.Check(t, kept, string(text))
		}
		return nil
	})
	require.NoError(t, err)
}

// What "go install …@version" takes: a module without replace lines, whose requirements are not those of the tools.
func TestTheModuleCanBeInstalled(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "go.mod"))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		for _, no := range []string{"replace", "exclude", "tool", "golang.org/x/tools"} {
			if strings.HasPrefix(strings.TrimSpace(line), no) {
				t.Errorf("go.mod has %q: tools belong into tools.mod, and go install refuses replace and exclude", strings.TrimSpace(line))
			}
		}
	}
}

func TestRelease(t *testing.T) {
	main := func(m debug.Module) *debug.BuildInfo { return &debug.BuildInfo{Main: m} }
	for _, c := range []struct {
		name string
		info *debug.BuildInfo
		want string
	}{
		{"a released command", main(debug.Module{Path: ModulePath, Version: "v0.1.0", Sum: "h1:x"}), "v0.1.0"},
		{"a checkout has no sum", main(debug.Module{Path: ModulePath, Version: "v0.1.1-0.20261129000000-0123456789ab+dirty"}), ""},
		{"another's program", &debug.BuildInfo{Main: debug.Module{Path: "example.com/x"}, Deps: []*debug.Module{{Path: ModulePath, Version: "v0.2.0", Sum: "h1:y"}}}, "v0.2.0"},
		{"another's program with a checkout", &debug.BuildInfo{Deps: []*debug.Module{{Path: ModulePath, Version: "v0.2.0", Sum: "h1:y", Replace: &debug.Module{Path: "../quire"}}}}, ""},
	} {
		assert.Equal(t, c.want, release(c.info, true), c.name)
	}
}

func TestWarmLinksACell(t *testing.T) {
	w := open(t, Options{})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	assert.NoError(t, w.Warm(ctx, []string{"strings", "fmt", "strings", ModulePath + "/there/is/no/such"}, true))
	assert.ErrorContains(t, w.Warm(ctx, []string{"example.com/none"}, false), "example.com/none", "a module that is not there")
	text := w.warmProgram([]string{"strings", "C", "strings", ModulePath + "/there/is/no/such"})
	assert.Equal(t, 1, strings.Count(text, `"strings"`), "the program")
	assert.NotContains(t, text, "such", "the program")
	assert.NotContains(t, text, `"C"`, "the program")
	for _, rel := range w.Relative([]string{"fmt", ModulePath + "/kernel-ext/nbrun", ModulePath + "/none"}) {
		assert.Equal(t, "./kernel-ext/nbrun", rel, "relative")
	}
}

func TestUsualPackagesAreThoseOfTheModule(t *testing.T) {
	module := t.TempDir()
	for _, file := range []string{"graph/a.go", "graph/a_test.go", "graph/internal/b.go", "graph/only/c_test.go", "ml/data/digits/d.go", "viz/plots/e.go", "backends/xla/g.go", "other/f.go"} {
		path := filepath.Join(module, file)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte("package x\n"), 0o644))
	}
	w := &Workspace{Module: module}
	got, want := w.Usual(), []string{ModulePath + "/graph", ModulePath + "/ml/data/digits", ModulePath + "/viz/plots"}
	assert.Equal(t, want, got)
}

func TestWhatTheKernelLinksIsBeside(t *testing.T) {
	module, err := filepath.Abs("../../..")
	require.NoError(t, err)
	list := (&Workspace{Module: module}).Beside()
	for _, p := range []string{"carry", "carry/tensorcodec", "carry/methodcodec", "traces", "keep", "jobs"} {
		assert.Contains(t, list, ModulePath+"/kernel-ext/"+p)
	}
	assert.Empty(t, (&Workspace{Module: t.TempDir()}).Beside())
}

func TestWithReplacesAndRemoves(t *testing.T) {
	got := With([]string{"A=1", "B=2", "A=3", "C"}, map[string]string{"A": "x", "C": "", "D": "y"})
	assert.Equal(t, []string{"B=2", "A=x", "D=y"}, got)
}
