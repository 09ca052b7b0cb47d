package flow_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/kernel-ext/internal/cells"
	"github.com/quire-ml/quire/kernel-ext/internal/flow"
)

// session runs cells without running them: what Ended would learn from their files it does not learn.
func session(t *testing.T, cells ...string) (*flow.Session, []flow.Plan) {
	t.Helper()
	s := flow.New(flow.Options{Exports: exports(), Carry: t.TempDir()})
	var plans []flow.Plan
	for i, source := range cells {
		p, err := s.Prepare(context.Background(), flow.Cell{Number: i + 1, Source: source})
		require.NoError(t, err)
		s.Ended(i+1, true)
		plans = append(plans, p)
	}
	return s, plans
}

// checkLines asserts that code has the lines of its cell, and that what stands below them says where it stood.
func checkLines(t *testing.T, source, code string) {
	t.Helper()
	lines := strings.Split(code, "\n")
	n := strings.Count(source, "\n") + 1
	require.GreaterOrEqual(t, len(lines), n, code)
	for _, line := range lines[n:] {
		_, _, ok := cells.Mark(line)
		assert.True(t, ok || strings.Contains(line, "`"), "%q says nothing of its place", line)
	}
}

// What gonb is sent stands on the lines of the cell.
func TestWhatGonbIsSent(t *testing.T) {
	var b strings.Builder
	for _, list := range [][]string{
		{"x := 1 // one\ny := \"two\"\nx"},
		{"const k = 2.5\nx := k", "k * 2"},
		{"import \"fmt\"\n\ntype p struct{ A int }\n\n%% --size=3\nfmt.Println(p{1})"},
		{"a := 1\ntype p struct{\n\tA int\n}\nfunc (v p) get() int {\n\treturn v.A // it\n}\nb := p{a}.get()"},
		{"var x = f()\n\nfunc f() int { return 1 }"},
		{"func main() {\n\tx := 1\n\tx++\n}"},
		{"import \"log\"\nfunc must(err error) {\n\tif err != nil {\n\t\tlog.Fatal(err)\n\t}\n}", "x := 1\nmust(nil)"},
		{"import . \"strings\"\nimport . \"fmt\"", "Println(1)"},
		{"c := make(chan int)\nf := func() {}"},
		{"%exec job --fast\nfunc job() {}"},
		{"!ls\n%env A=b\nx := 1"},
		{"%%writefile x.go\npackage x"},
	} {
		_, plans := session(t, list...)
		for i, p := range plans {
			b.WriteString("== cell\n" + list[i] + "\n-- is sent as\n" + p.Code + "\n")
			if len(p.Forget) > 0 {
				b.WriteString("-- after gonb forgot " + strings.Join(p.Forget, ", ") + "\n")
			}
			checkLines(t, list[i], p.Code)
		}
	}
	golden.Check(t, "testdata/sent.golden", b.String())
}

// Where a program ends is said on the descriptor of stderr, whatever the program has made of os.Stderr and of Go's own functions.
func TestWhereAProgramEndsIsSaidOnStderr(t *testing.T) {
	_, plans := session(t, "import (\n\t\"errors\"\n\t\"log\"\n\t\"os\"\n)\n\nfunc println(...any) {}\nfunc print(...any) {}\n\n"+
		"func must(err error) {\n\tif err != nil {\n\t\tlog.Fatal(err)\n\t}\n}\n\n"+
		"func run() {\n\tos.Stderr, _ = os.Create(os.Args[1])\n\tmust(errors.New(\"words\"))\n}")
	dir := t.TempDir()
	program, file := filepath.Join(dir, "main.go"), filepath.Join(dir, "stderr")
	require.NoError(t, os.WriteFile(program, []byte("package main\n"+plans[0].Code+"\nfunc main() { run() }\n"), 0o600))
	run := exec.CommandContext(t.Context(), "go", "run", program, file)
	run.Env = append(os.Environ(), "QUIRE_JOB=")
	said, err := run.CombinedOutput()
	require.Error(t, err)
	begins, rest, ok := strings.Cut(string(said), cells.StackBegins+"\n")
	require.True(t, ok, "%s", said)
	require.Empty(t, begins)
	where, rest, ok := strings.Cut(rest, "\n"+cells.StackEnds+"\n")
	require.True(t, ok, "%s", said)
	assert.Contains(t, where, "main.must(")
	assert.Contains(t, rest, "words")
	own, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Empty(t, string(own), "the program's own file")
}

// A program for gopls has the cell's lines whole, in the order that Go wants, and the variables of earlier cells.
func TestComposeKeepsLinesWhole(t *testing.T) {
	s, _ := session(t, "type point struct{ X int }\n\nconst k = 3", "const half = 0.5\nn := point{1}\n_ = n")
	for _, source := range []string{
		"fmt.Println(half)\nx := k",
		"import \"fmt\"\n\nfmt.Println(1)\n\nfunc f() int {\n\treturn k\n}\n\ny := f()",
		"func main() {\n\tfmt.Println(half)\n}",
		"x := \nx.",
		"%%\nx := 1",
		"",
		"func broken( {\n\nx := 2",
	} {
		program, line := s.Compose(source)
		lines := strings.Split(program, "\n")
		for n, text := range strings.Split(source, "\n") {
			if strings.HasPrefix(text, "%") || strings.TrimSpace(text) == "" {
				continue
			}
			require.Less(t, line(n), len(lines))
			assert.True(t, strings.HasPrefix(lines[line(n)], text), "line %d of %q is %q in\n%s", n, source, lines[line(n)], program)
		}
		assert.Contains(t, program, "type point struct{ X int }")
	}
	program, _ := s.Compose("fmt.Println(half)")
	assert.Contains(t, program, "const half = 1.0/2.0")
	assert.Contains(t, program, `import "fmt"`)
}
