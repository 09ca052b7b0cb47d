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
)

// open opens the workspace of this checkout; the go command that runs the tests is there.
func open(t *testing.T, opts Options) *Workspace {
	t.Helper()
	w, err := Open(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
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
		if err := os.WriteFile(f, nil, 0o755); err != nil {
			t.Fatal(err)
		}
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
		"GOFLAGS": "-buildvcs=false '-ldflags=-s -w'", "GOPROXY": "off", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0",
	} {
		if got, _ := lookup(env, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if v, ok := lookup(env, "GOWORK"); ok {
		t.Errorf("GOWORK is set to %q", v)
	}
	if data, _ := lookup(env, "QUIRE_DATA"); !filepath.IsAbs(data) {
		t.Errorf("QUIRE_DATA is %q", data)
	}
	path, _ := lookup(env, "PATH")
	if list := filepath.SplitList(path); list[0] != tools || list[1] != filepath.Dir(w.Go) || slices.Contains(list, other) {
		t.Errorf("PATH is %s", path)
	}
	t.Setenv("QUIRE_BACKEND", "xla:cpu")
	for name, want := range map[string]string{"GOFLAGS": "-buildvcs=false '-ldflags=-s -w'", "CGO_ENABLED": "1"} {
		if got, _ := lookup(w.Env(nil), name); got != want {
			t.Errorf("for the engine xla, %s is %q, want %q", name, got, want)
		}
	}
	if online := open(t, Options{Online: true}); true {
		if v, _ := lookup(online.Env(nil), "GOPROXY"); v != "https://proxy.example" {
			t.Errorf("online, GOPROXY is %q", v)
		}
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("// a comment\nmodule \""+ModulePath+"\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("QUIRE_MODULE", "")
	if got, err := Find(context.Background(), deep); err != nil || got != dir {
		t.Errorf("from below: %q, %v", got, err)
	}
	if got, err := Find(context.Background(), t.TempDir()); err != nil || !isModule(got) {
		t.Errorf("from elsewhere, by the sources of this program: %q, %v", got, err)
	}
	t.Setenv("QUIRE_MODULE", deep)
	if _, err := Find(context.Background()); err == nil || !strings.Contains(err.Error(), "has no go.mod that says so") {
		t.Errorf("a wrong QUIRE_MODULE: %v", err)
	}
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
			if got[tool] != strings.TrimSpace(string(want)) {
				t.Errorf("%s: %q, the go command says %q", tool, got[tool], want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got[Guard] == "" {
		t.Error("the guard has no version")
	}
}

// The module of the tools is what "go mod tidy" leaves: -update writes that.
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
	if err != nil {
		t.Fatal(err)
	}
}

// What "go install …@version" takes: a module without replace lines, whose requirements are not those of the tools.
func TestTheModuleCanBeInstalled(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
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
		if got := release(c.info, true); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestWarmLinksACell(t *testing.T) {
	w := open(t, Options{})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := w.Warm(ctx, []string{"strings", "fmt", "strings", ModulePath + "/there/is/no/such"}, true); err != nil {
		t.Error(err)
	}
	if err := w.Warm(ctx, []string{"example.com/none"}, false); err == nil || !strings.Contains(err.Error(), "example.com/none") {
		t.Errorf("a module that is not there: %v", err)
	}
	text := w.warmProgram([]string{"strings", "C", "strings", ModulePath + "/there/is/no/such"})
	if strings.Count(text, `"strings"`) != 1 || strings.Contains(text, "such") || strings.Contains(text, `"C"`) {
		t.Errorf("the program:\n%s", text)
	}
	for _, rel := range w.Relative([]string{"fmt", ModulePath + "/kernel-ext/nbrun", ModulePath + "/none"}) {
		if rel != "./kernel-ext/nbrun" {
			t.Errorf("relative: %q", rel)
		}
	}
}

func TestUsualPackagesAreThoseOfTheModule(t *testing.T) {
	module := t.TempDir()
	for _, file := range []string{"graph/a.go", "graph/a_test.go", "graph/internal/b.go", "graph/only/c_test.go", "ml/data/digits/d.go", "viz/plots/e.go", "backends/xla/g.go", "other/f.go"} {
		path := filepath.Join(module, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("package x\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	w := &Workspace{Module: module}
	if got, want := w.Usual(), []string{ModulePath + "/graph", ModulePath + "/ml/data/digits", ModulePath + "/viz/plots"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWithReplacesAndRemoves(t *testing.T) {
	got := With([]string{"A=1", "B=2", "A=3", "C"}, map[string]string{"A": "x", "C": "", "D": "y"})
	if want := []string{"B=2", "A=x", "D=y"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
