package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
	"github.com/quire-ml/quire/kernel-ext/internal/flow"
)

// workshop is where cells are built as gonb has them built, in a workspace with a module example.com/m.
type workshop struct {
	t                 *testing.T
	module, dir, log  string
	command, settings string
	work              string // its go.work
	env               []string
	exports           *flow.Exports
	number            int
}

// newWorkshop makes one; what is in it is old enough to be known for unchanged.
func newWorkshop(t *testing.T, guard string) *workshop {
	t.Helper()
	goCmd, err := exec.LookPath("go")
	require.NoError(t, err)
	root := t.TempDir()
	w := &workshop{t: t, module: filepath.Join(root, "m"), dir: filepath.Join(root, "gonb_1a"), log: filepath.Join(root, "log"),
		command: filepath.Join(root, "go"), settings: filepath.Join(root, "env")}
	guarded := cells.Dir(filepath.Join(root, "g"))
	require.NoError(t, os.MkdirAll(guarded.Bin(), 0o700))
	require.NoError(t, os.Symlink(guard, filepath.Join(guarded.Bin(), "go")))
	// The go command notes that it was called.
	require.NoError(t, os.WriteFile(w.command, fmt.Appendf(nil, "#!/bin/sh\necho \"$@\" >>'%s'\nexec '%s' \"$@\"\n", w.log, goCmd), 0o700))
	stamps := filepath.Join(root, "stamps")
	w.env = append(os.Environ(), "GOFLAGS="+cells.BuildFlags, "CGO_ENABLED=0", "GOPROXY=off", "GOWORK=", "GOENV="+w.settings,
		cells.GuardDir+"="+string(guarded), cells.GuardGo+"="+w.command, cells.StampsFile+"="+stamps, "GONB_TMP_DIR="+w.dir)
	w.write("go.mod", "module example.com/m\n\ngo 1.26\n")
	w.write("p/p.go", "package p\n\nimport \"example.com/m/q\"\n\nfunc P() string { return \"p\" + q.Q }\n")
	w.write("q/q.go", "package q\n\nvar Q = \"q\"\n")
	w.write("e/e.go", "package e\n\nimport \"embed\"\n\n//go:embed data\nvar files embed.FS\n\nfunc E() (names []string) {\n\tentries, _ := files.ReadDir(\"data\")\n\tfor _, e := range entries {\n\t\ttext, _ := files.ReadFile(\"data/\" + e.Name())\n\t\tnames = append(names, string(text))\n\t}\n\treturn names\n}\n")
	w.write("e/data/a.txt", "a")
	w.write("internal/i/i.go", "package i\n\nvar I = 1\n")
	w.work = "go 1.26\n\nuse (\n\t.\n\t" + w.module + "\n)\n"
	for name, text := range map[string]string{"go.mod": "module gonb_1a\n\ngo 1.26\n", "go.work": w.work} {
		require.NoError(t, os.MkdirAll(w.dir, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600))
	}
	w.exports = flow.NewExports(w.module, goCmd, w.env)
	w.exports.Stamps(stamps)
	require.NoError(t, w.exports.Warm(t.Context(), "./p", "./q", "./e", "embed"))
	return w
}

// write writes a file of the module.
func (w *workshop) write(name, text string) {
	w.t.Helper()
	name = filepath.Join(w.module, filepath.FromSlash(name))
	require.NoError(w.t, os.MkdirAll(filepath.Dir(name), 0o700))
	require.NoError(w.t, os.WriteFile(name, []byte(text), 0o600))
}

// settle is what a relay does before a cell. It is done until nothing is too new to be known, and cells with these imports are built by
// recipe.
func (w *workshop) settle(imports, body string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		w.exports.Refresh(w.t.Context())
		for range 2 {
			out, err, direct := w.run(program(imports, w.fresh(body)))
			require.NoError(w.t, err, out)
			if direct {
				return true
			}
		}
		return false
	}, 2*time.Minute, 10*time.Millisecond)
}

// lose takes a package of the module out of the build cache.
func (w *workshop) lose() {
	configs, err := filepath.Glob(filepath.Join(filepath.Dir(w.dir), "g", "recipes", "*", "importcfg"))
	require.NoError(w.t, err)
	lost := false
	for _, name := range configs {
		text, err := os.ReadFile(name)
		require.NoError(w.t, err)
		for line := range strings.Lines(string(text)) {
			if file, ok := strings.CutPrefix(strings.TrimSpace(line), "packagefile example.com/m/p="); ok {
				lost = os.Remove(file) == nil || lost
			}
		}
	}
	require.True(w.t, lost)
}

// fresh returns statements that no cell had before.
func (w *workshop) fresh(body string) string {
	w.number++
	return fmt.Sprintf("%s; print(%d, \"\\n\")", body, w.number)
}

// run has the guard build a program and runs it. direct says that the go command was not asked.
func (w *workshop) run(program string, args ...string) (out string, err error, direct bool) {
	w.t.Helper()
	require.NoError(w.t, os.WriteFile(filepath.Join(w.dir, "main.go"), []byte(program), 0o600))
	_ = os.Remove(w.log)
	out, err = w.build(w.env, args...)
	_, logErr := os.Stat(w.log)
	return out, err, logErr != nil
}

// build has the guard build what is there and runs it.
func (w *workshop) build(env []string, args ...string) (out string, err error) {
	exe := filepath.Join(w.dir, "gonb_1a")
	for _, words := range [][]string{append([]string{filepath.Join(filepath.Dir(w.dir), "g", "bin", "go"), "build", "-o", exe}, args...), {exe}} {
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Dir, cmd.Env = w.dir, env
		said, err := cmd.CombinedOutput()
		if out = string(said); err != nil {
			return out, err
		}
	}
	return out, nil
}

// plain is build by the go command, as for a guard that knows no recipes.
func (w *workshop) plain(args ...string) (out string, err error) {
	return w.build(append(w.env, cells.StampsFile+"="), args...)
}

func program(imports, body string) string {
	var b strings.Builder
	for _, path := range strings.Fields(imports) {
		fmt.Fprintf(&b, "import %q\n", path)
	}
	return "package main\n\n" + b.String() + "\nfunc main() {\n" + body + "\n}\n"
}

// theGuard builds the guard.
func theGuard(t *testing.T) string {
	t.Helper()
	if testing.Short() || runtime.GOOS == "windows" {
		t.Skip("compiles programs: left out by -short")
	}
	guard := filepath.Join(t.TempDir(), "cellguard")
	out, err := exec.Command("go", "build", "-o", guard, ".").CombinedOutput()
	require.NoError(t, err, "%v\n%s", err, out)
	return guard
}

// What the programs of these tests import, and say of it.
const (
	ours  = "example.com/m/p example.com/m/e"
	speak = "print(p.P(), len(e.E()), e.E()[0], \" \")"
)

// A cell is built by recipe while nothing has changed that the go command looks at. Whatever has changed, it becomes what the go command
// makes of it, and what the go command says of mistakes is said.
func TestRecipesNoticeWhatChanges(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, theGuard(t))
	inDir := func(name, text string) func() {
		return func() { require.NoError(t, os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600)) }
	}
	remove := func(name string) func() {
		return func() { require.NoError(t, os.RemoveAll(filepath.Join(w.module, name))) }
	}
	write := func(name, text string) func() { return func() { w.write(name, text) } }
	for _, c := range []struct {
		name   string
		change func()
		want   string // what the program, or the go command, says
		args   string
		undo   func()
	}{
		{name: "a package that it imports", change: write("p/p.go", "package p\n\nimport \"example.com/m/q\"\n\nfunc P() string { return \"P\" + q.Q }\n"), want: "Pq1a"},
		{name: "a package behind it", change: write("q/q.go", "package q\n\nvar Q = \"Q\"\n"), want: "PQ1a"},
		{name: "one file more", change: write("q/more.go", "package q\n\nfunc init() { Q = \"more\" }\n"), want: "Pmore1a"},
		{name: "one file less", change: remove("q/more.go"), want: "PQ1a"},
		{name: "an embedded file", change: write("e/data/a.txt", "A"), want: "PQ1A"},
		{name: "one more embedded file", change: write("e/data/b.txt", "b"), want: "PQ2A"},
		{name: "the module's go.mod", change: write("go.mod", "module example.com/m // ours\n\ngo 1.26\n"), want: "PQ2A"},
		{name: "a mistake in a package", change: write("q/q.go", "package q\n\nvar Q = X\n"), want: "q/q.go:3:9: undefined: X", undo: write("q/q.go", "package q\n\nvar Q = \"Q\"\n")},
		{name: "a package is gone", change: remove("q"), want: "example.com/m/q", undo: write("q/q.go", "package q\n\nvar Q = \"Q\"\n")},
		{name: "a package is a module of its own", change: write("q/go.mod", "module example.com/q\n"), want: "example.com/m/q", undo: remove("q/go.mod")},
		{name: "a file beside main.go", change: inDir("other.go", "package main\n\nfunc init() { print(\"other \") }\n"), want: "other PQ2A", undo: func() { _ = os.Remove(filepath.Join(w.dir, "other.go")) }},
		{name: "settings of go env -w", change: func() { require.NoError(t, os.WriteFile(w.settings, []byte("GOEXPERIMENT=nothing\n"), 0o600)) }, want: "unknown GOEXPERIMENT", undo: func() { _ = os.Remove(w.settings) }},
		{name: "a variable of the environment", change: func() { w.env = append(w.env, "GOEXPERIMENT=nothing") }, want: "unknown GOEXPERIMENT", undo: func() { w.env = w.env[:len(w.env)-1] }},
		{name: "flags", args: "-tags=other", want: "PQ2A", change: func() {}},
		{name: "what the workspace uses", change: inDir("go.work", "go 1.26\n\nuse .\n"), want: "example.com/m/p", undo: inDir("go.work", w.work)},
		{name: "what the program's module requires", change: inDir("go.mod", "module gonb_1a\n\ngo 1.25\n"), want: "PQ2A", undo: inDir("go.mod", "module gonb_1a\n\ngo 1.26\n")},
		{name: "the go command", change: func() { require.NoError(t, os.Chtimes(w.command, time.Unix(1, 0), time.Unix(1, 0))) }, want: "PQ2A"},
		{name: "the build cache has lost a package", change: w.lose, want: "PQ2A"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			w.settle(ours, speak)
			c.change()
			out, err, direct := w.run(program(ours, w.fresh(speak)), strings.Fields(c.args)...)
			assert.False(t, direct, "the go command is asked")
			assert.Contains(t, out, c.want)
			same, sameErr := w.plain(strings.Fields(c.args)...)
			assert.Equal(t, same, out, "what a guard says that knows no recipes")
			assert.Equal(t, fmt.Sprint(sameErr), fmt.Sprint(err))
			if c.undo != nil {
				c.undo()
			}
		})
	}
}

// Whatever a cell is, it becomes what the go command makes of it.
func TestRecipesAreForTheCellsTheyFit(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, theGuard(t))
	w.settle(ours, speak)
	for _, c := range []struct {
		name, program string
		want          string
		direct        bool
	}{
		{"other statements", program(ours, "print(e.E()[0], p.P())"), "apq", true},
		{"imports under other names", "package main\n\nimport x \"example.com/m/p\"\nimport _ \"example.com/m/e\"\n\nfunc main() { print(x.P()) }\n", "pq", true},
		{"the same once more", program(ours, "print(e.E()[0], p.P())"), "apq", true},
		{"an import less", program("example.com/m/p", "print(p.P())"), "pq", false},
		{"an import more", program(ours+" example.com/m/q", "print(p.P(), len(e.E()), q.Q)"), "pq1q", false},
		{"one that there is not", program(ours+" example.com/m/none", speak), "example.com/m/none", false},
		{"one that it may not import", program(ours+" example.com/m/internal/i", speak+"; print(i.I)"), "use of internal package", false},
		{"an embedded file", program(ours+" embed", "print(text)\n"+speak+"\n}\n\n//go:embed go.mod\nvar text string\n\nfunc init() { var _ embed.FS"), "module gonb_1a", false},
		{"a setting of the runtime", "//go:debug panicnil=1\n" + program(ours, speak+"; defer func() { print(recover() == nil) }(); panic(nil)"), "true", false},
		{"C", "package main\n\n// #define N 7\nimport \"C\"\n\nfunc main() { print(C.N) }\n", "", false},
		{"a mistake", program(ours, speak+"; x := 1"), "./main.go:7:42: declared and not used: x", false},
		{"several mistakes", program(ours, "y = 1; z = 2; print(p.X)"), "undefined: z", false},
		{"no Go", program(ours, "func func"), "syntax error", false},
		{"no package main", strings.Replace(program(ours, speak), "package main", "package other", 1), "", false},
		{"nothing that begins", "package main\n\nimport _ \"example.com/m/p\"\nimport _ \"example.com/m/e\"\n", "function main is undeclared", false},
		{"a panic", program(ours, "panic(p.P() + e.E()[0])"), "panic: pqa", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			out, err, direct := w.run(c.program)
			assert.Equal(t, c.direct, direct, "the go command is not asked")
			assert.Contains(t, out, c.want)
			same, sameErr := w.plain()
			assert.Equal(t, goroutine.ReplaceAllString(same, ""), goroutine.ReplaceAllString(out, ""), "what a guard says that knows no recipes")
			assert.Equal(t, fmt.Sprint(sameErr), fmt.Sprint(err))
		})
	}
}

// A cell that runs again as it was is not linked again; one that was another meanwhile is.
func TestRecipesBuildTheSameOnce(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, theGuard(t))
	w.settle(ours, speak)
	a, b := program(ours, speak+"; print(1)"), program(ours, speak+"; print(2)")
	built := func() os.FileInfo {
		info, err := os.Stat(filepath.Join(w.dir, "gonb_1a"+cells.ProgramSuffix))
		require.NoError(t, err)
		return info
	}
	var before os.FileInfo
	for i, step := range []struct {
		program, want string
		same          bool
	}{{a, "pq1a 1", false}, {a, "pq1a 1", true}, {b, "pq1a 2", false}, {b, "pq1a 2", true}, {a, "pq1a 1", false}} {
		out, err, direct := w.run(step.program)
		require.NoError(t, err, out)
		assert.True(t, direct, i)
		assert.Equal(t, step.want, out, i)
		after := built()
		assert.Equal(t, step.same, before != nil && os.SameFile(before, after) && before.ModTime().Equal(after.ModTime()), i)
		before = after
	}
	out, err := w.plain() // puts another file there
	require.NoError(t, err)
	assert.Equal(t, "pq1a 1", out)
	out, err, direct := w.run(b)
	require.NoError(t, err)
	assert.True(t, direct)
	assert.Equal(t, "pq1a 2", out)
}

// goroutine matches what is by chance in a stack trace.
var goroutine = regexp.MustCompile(` \+0x[0-9a-f]+|goroutine \d+`)

// Kernels at once share a module and a build cache, and nothing else.
func TestRecipesOfTwoKernels(t *testing.T) {
	t.Parallel()
	guard := theGuard(t)
	one, other := newWorkshop(t, guard), newWorkshop(t, guard)
	var both sync.WaitGroup
	for i, w := range []*workshop{one, other} {
		both.Go(func() {
			for n := range 4 {
				out, err, _ := w.run(program("example.com/m/p", fmt.Sprintf("print(p.P(), %d, %d)", i, n)))
				assert.NoError(t, err)
				assert.Equal(t, fmt.Sprintf("pq%d%d", i, n), out)
			}
		})
	}
	both.Wait()
}

// Whatever people do in whatever order, cells become what the go command makes of them.
func TestRecipesInAnyOrder(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, theGuard(t))
	seed := rand.Uint64()
	if *recipeSeed != 0 {
		seed = *recipeSeed
	}
	random := rand.New(rand.NewPCG(seed, 0))
	steps := 12
	if os.Getenv("QUIRE_SWEEP") != "" {
		steps = 400
	}
	more := false
	for step := range steps {
		did := ""
		switch text := fmt.Sprint(random.IntN(3)); random.IntN(7) {
		case 0:
			did = "p says " + text
			w.write("p/p.go", "package p\n\nimport \"example.com/m/q\"\n\nfunc P() string { return \""+text+"\" + q.Q }\n")
		case 1:
			did = "q says " + text
			w.write("q/q.go", "package q\n\nvar Q = \""+text+"\"\n")
		case 2:
			did = "q has a file more, or less"
			if more = !more; more {
				w.write("q/more.go", "package q\n\nfunc init() { Q += \"more\" }\n")
			} else {
				require.NoError(t, os.Remove(filepath.Join(w.module, "q", "more.go")))
			}
		case 3:
			did = "e embeds " + text
			w.write("e/data/a.txt", text)
		}
		if random.IntN(3) > 0 {
			w.exports.Refresh(t.Context())
		}
		imports, body := ours, speak
		if random.IntN(4) == 0 {
			imports, body = "example.com/m/p", "print(p.P())"
		}
		out, err, direct := w.run(program(imports, fmt.Sprintf("%s; print(%d)", body, random.IntN(4))))
		same, sameErr := w.plain()
		require.Equal(t, same, out, "step %d (%s), by recipe: %v; again: -args -recipe.seed=%d", step, did, direct, seed)
		require.Equal(t, sameErr, err)
	}
}

var recipeSeed = flag.Uint64("recipe.seed", 0, "seed of TestRecipesInAnyOrder; 0 means another one each time")
