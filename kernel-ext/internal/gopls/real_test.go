package gopls

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// startReal starts the pinned gopls, or skips the test where it cannot be built.
func startReal(t testing.TB, programs ...string) *Server {
	t.Helper()
	if testing.Short() {
		t.Skip("starts the real gopls: left out by -short")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	ws, err := workspace.Open(ctx, workspace.Options{})
	var tools workspace.Tools
	if err == nil {
		tools, err = ws.Build(ctx, nil, workspace.Gopls)
	}
	if err != nil {
		testenv.Missing(t, "kernel", err.Error())
	}
	s, err := Start(Options{Workspace: ws, Tools: tools, Imports: ws.Usual(), Programs: func() string { return strings.Join(programs, "") }})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	require.NoError(t, s.Ready(ctx))
	return s
}

const program = `package main

import "github.com/quire-ml/quire/graph"

// Double doubles.
func Double(größe *graph.Node) *graph.Node {
	h := graph.MatMul(größe, größe)
	return h
}

func main() { Double(nil) }
`

// at returns the offset of the nth occurrence of a text, from 0, in a program.
func at(t testing.TB, text, what string, n int) int {
	t.Helper()
	i := 0
	for range n + 1 {
		k := strings.Index(text[i:], what)
		require.GreaterOrEqual(t, k, 0, "%q is not there %d times", what, n+1)
		i += k + len(what)
	}
	return i - len(what)
}

func TestTheRealGopls(t *testing.T) {
	s := startReal(t)
	ctx := minute(t)
	for _, c := range []struct{ what, want string }{
		{"MatMul", "func graph.MatMul("},
		{"h := ", "var h *graph.Node"},
		{"größe)", "größe *graph.Node"},
		{"Double(nil)", "Double doubles."},
		{"doubles.", ""},
	} {
		h, found, err := s.Hover(ctx, program, at(t, program, c.what, 0))
		require.NoError(t, err, c.what)
		assert.Equal(t, c.want != "", found, c.what)
		assert.Contains(t, h.Markdown, c.want, c.what)
	}
	text := strings.Replace(program, "return h", "return graph.Softm", 1)
	items, err := s.Complete(ctx, text, at(t, text, "Softm", 0)+len("Softm"))
	require.NoError(t, err)
	require.NotEmpty(t, items)
	assert.Equal(t, "Softmax", items[0].Insert)
	assert.Equal(t, "function", items[0].KindName())
	assert.Contains(t, items[0].Detail, "*graph.Node")
	assert.Equal(t, "Softm", text[OffsetAt(text, items[0].Range.Start):OffsetAt(text, items[0].Range.End)])
	sig, found, err := s.Signature(ctx, program, at(t, program, "größe)", 0))
	require.NoError(t, err)
	assert.True(t, found)
	assert.Contains(t, sig.Label, "MatMul(")
	assert.NotEmpty(t, sig.Parameter)
}

// A module that %require pins after gopls has started is known at the next question, and to a gopls that is started again.
func TestModulesThatArePinnedAreKnown(t *testing.T) {
	programs, module := t.TempDir(), t.TempDir()
	write := func(dir, name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	s := startReal(t, programs)
	head := "module gonb_1\n\ngo " + s.opts.goVersion() + "\n"
	write(programs, "go.mod", head)
	write(module, "go.mod", "module example.org/pinned\n\ngo 1.26\n")
	write(module, "pinned.go", "package pinned\n\n// Answer answers.\nfunc Answer(question string) int { return 42 }\n")
	text := "package main\n\nimport \"example.org/pinned\"\n\nfunc main() { pinned.Answer(\"\") }\n"
	ask := func() string {
		h, _, err := s.Hover(minute(t), text, at(t, text, "Answer", 0))
		require.NoError(t, err)
		return h.Markdown
	}
	assert.NotContains(t, ask(), "Answer answers")
	write(programs, "go.mod", head+"\nrequire example.org/pinned v1.2.3\n\nreplace example.org/pinned => "+module+"\n")
	assert.Contains(t, ask(), "Answer answers")
	half := strings.Replace(text, "Answer(\"\")", "Ans", 1)
	items, err := s.Complete(minute(t), half, at(t, half, "Ans", 0)+len("Ans"))
	require.NoError(t, err)
	require.NotEmpty(t, items)
	assert.Equal(t, "Answer", items[0].Insert)
	now, err := s.current()
	require.NoError(t, err)
	now.conn.fail(errors.New("it was ended"))
	assert.Contains(t, ask(), "Answer answers", "after a new start")
}

func TestTextsThatDoNotParse(t *testing.T) {
	s := startReal(t)
	for _, text := range []string{"", "package main\n\nfunc main() { graph.", "}}}}", "\x00\xff", strings.Repeat("(", 10_000), "package main\n/*"} {
		_, _, err := s.Hover(minute(t), text, len(text))
		var said *RPCError
		if err != nil {
			assert.ErrorAs(t, err, &said, "%.20q", text)
		}
		_, err = s.Complete(minute(t), text, len(text))
		if err != nil {
			assert.ErrorAs(t, err, &said, "%.20q", text)
		}
	}
	_, found, err := s.Hover(minute(t), program, at(t, program, "MatMul", 0))
	require.NoError(t, err)
	require.True(t, found)
}

func TestManyRequestsToTheRealGopls(t *testing.T) {
	s := startReal(t)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			text := program + strings.Repeat("\n", i%4) + fmt.Sprintf("var v%d int\n", i%4)
			h, found, err := s.Hover(minute(t), text, at(t, text, fmt.Sprintf("v%d int", i%4), 0))
			assert.NoError(t, err)
			assert.True(t, found)
			assert.Contains(t, h.Markdown, fmt.Sprintf("var v%d int", i%4))
		})
	}
	wg.Wait()
}

// gopls' telemetry would be a second process, which outlives it.
func TestTheRealGoplsIsAlone(t *testing.T) {
	s := startReal(t)
	session, err := s.current()
	require.NoError(t, err)
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("this system does not show the environment of processes")
	}
	var found []string
	procs, err := filepath.Glob("/proc/[0-9]*/environ")
	require.NoError(t, err)
	for _, p := range procs {
		env, err := os.ReadFile(p)
		if err == nil && strings.Contains(string(env), "QUIRE_KERNEL="+session.child.ID) {
			command, _ := os.ReadFile(filepath.Join(filepath.Dir(p), "cmdline"))
			found = append(found, strings.ReplaceAll(string(command), "\x00", " "))
		}
	}
	assert.Len(t, found, 1, "%q", found)
	assert.NotZero(t, session.memory())
}

// BenchmarkHover is an answer on an edited program; "first" is the one after a start, while gopls may still be reading.
func BenchmarkHover(b *testing.B) {
	s := startReal(b)
	n := 0
	for b.Loop() {
		n++
		text := program + fmt.Sprintf("var v int = %d\n", n)
		_, found, err := s.Hover(b.Context(), text, at(b, text, "MatMul", 0))
		if err != nil || !found {
			b.Fatal(err, found)
		}
	}
}

func BenchmarkComplete(b *testing.B) {
	s := startReal(b)
	n := 0
	for b.Loop() {
		n++
		text := strings.Replace(program, "return h", fmt.Sprintf("return graph.Soft // %d", n), 1)
		items, err := s.Complete(b.Context(), text, at(b, text, "Soft ", 0)+len("Soft"))
		if err != nil || len(items) == 0 {
			b.Fatal(err)
		}
	}
}
