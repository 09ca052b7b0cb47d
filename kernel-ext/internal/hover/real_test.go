package hover

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/kernel-ext/carry"
	"github.com/quire-ml/quire/kernel-ext/internal/flow"
	"github.com/quire-ml/quire/kernel-ext/internal/gopls"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/kernel"
	"github.com/quire-ml/quire/kernel-ext/internal/relay"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Flow's session composes programs, too.
var _ Program = (*flow.Session)(nil)

func needTools(t testing.TB) (*workspace.Workspace, workspace.Tools) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts the real kernel and gopls: left out by -short")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	ws, err := workspace.Open(ctx, workspace.Options{})
	var tools workspace.Tools
	if err == nil {
		tools, err = ws.Build(ctx, nil, append(workspace.Headless(), workspace.Gopls)...)
	}
	if err != nil {
		testenv.Missing(t, "kernel", err.Error())
	}
	return ws, tools
}

func startGopls(t testing.TB, ws *workspace.Workspace, tools workspace.Tools) *gopls.Server {
	t.Helper()
	s, err := gopls.Start(gopls.Options{Workspace: ws, Tools: tools, Imports: ws.Usual()})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	require.NoError(t, s.Ready(ctx))
	return s
}

const realCell = `import (
	"fmt"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
)

// dense is a layer.
func dense(x, w *graph.Node) *graph.Node {
	y := graph.MatMul(x, w)
	return graph.Tanh(y)
}

%%
b := backends.MustNew()
e := graph.MustNewExec(b, func(pixels, weights *graph.Node) *graph.Node {
	hidden := dense(pixels, weights)
	loss := graph.ReduceAllSum(
		graph.Mul(hidden, hidden))
	return graph.Gradient(loss, weights)[0]
})
in := [][]float32{{1, 2, 3}, {4, 5, 6}}
fmt.Println(e.MustCall1(in, [][]float32{{1, 2, 3, 4}, {1, 2, 3, 4}, {1, 2, 3, 4}}).Shape())
`

// A cell runs, and what its lines computed stands where the cursor is, on top of what the real gopls says.
func TestARealCell(t *testing.T) {
	ws, tools := needTools(t)
	dir, values := filepath.Join(t.TempDir(), "traces"), filepath.Join(t.TempDir(), "values")
	require.NoError(t, os.Mkdir(values, 0o700))
	p, err := kernel.Start(kernel.Options{Workspace: ws, Tools: tools, Dir: t.TempDir(), RawErrors: true,
		Env: []string{"QUIRE_TRACES=" + dir, carry.DirEnv + "=" + values}})
	require.NoError(t, err)
	t.Cleanup(func() { p.Close(0) })
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	c, err := kernel.Connect(ctx, p.Connection, p.Done(), kernel.Handlers{})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	flowing := flow.New(flow.Options{Exports: flow.NewExports(ws.Module, ws.Go, ws.Env(tools)), Carry: values})
	code := realCell
	plan, err := flowing.Prepare(ctx, flow.Cell{Number: 1, Source: code})
	require.NoError(t, err)
	reply, err := c.Run(ctx, jupyter.Execute{Code: plan.Code, StoreHistory: true})
	require.NoError(t, err)
	require.Equal(t, "ok", reply.Status, "%s %s", reply.EName, reply.EValue)
	flowing.Ended(1, true)
	for name, program := range map[string]Program{"its own composer": nil, "flow": flowing} {
		i := New(Options{Gopls: startGopls(t, ws, tools), Program: program, Traces: NewTraces(dir), Packages: ws.Usual(), Wait: time.Minute})
		i.Ran(relay.Cell{Count: reply.ExecutionCount, Source: code})
		for _, c := range []struct{ what, first, rest string }{
			{"y :=", "y  float32[2 4]", "var y *graph.Node"},
			{"x, w *", "x  float32[2 3]", "var x *graph.Node"},
			{"w)", "w  float32[3 4]", "var w *graph.Node"},
			{"hidden :=", "hidden  float32[2 4]", "var hidden *graph.Node"},
			{"pixels, weights)", "pixels  float32[2 3]", "var pixels *graph.Node"},
			{"|loss, weights", "loss  float32[]", "var loss *graph.Node"},
			{"hidden))", "hidden  float32[2 4]", "var hidden *graph.Node"},
			{"e := graph", "var e *graph.Exec", ""},
			{"dense(pixels", "func dense(x *graph.Node, w *graph.Node) *graph.Node", "dense is a layer."},
			{"MatMul", "func graph.MatMul(", ""},
			{"quire/graph", "package graph", "builds, differentiates"},
		} {
			data, found := i.Inspect(ctx, code, point(t, code, c.what, 0), 0)
			if assert.True(t, found, "%s: %s", name, c.what) {
				text := data["text/plain"].(string)
				assert.True(t, strings.HasPrefix(text, c.first), "%s: %s: %s", name, c.what, text)
				assert.Contains(t, text, c.rest, name)
			}
		}
		edited := code + "fmt.Println(hid"
		edited = strings.Replace(edited, "\treturn graph.Gradient", "\t_ = hid\n\treturn graph.Gradient", 1)
		got := i.Complete(ctx, edited, point(t, edited, "_ = hid|", 0))
		assert.Contains(t, got.Matches, "hidden", name)
		require.NotEmpty(t, got.Metadata[typesKey], name)
		assert.Equal(t, "float32[2 4]", got.Metadata[typesKey].([]match)[0].Type, name)
		code := "import \"github.com/quire-ml/quire/gr\""
		got = i.Complete(ctx, code, point(t, code, "gr|\"", 0))
		assert.Contains(t, strings.Join(got.Matches, " "), "github.com/quire-ml/quire/graph", name)
	}
}

// Cells of every kind, many at once.
func TestManyInspectionsAtOnce(t *testing.T) {
	ws, tools := needTools(t)
	i := New(Options{Gopls: startGopls(t, ws, tools), Packages: ws.Usual(), Wait: time.Minute})
	i.Ran(relay.Cell{Count: 1, Source: "func größer(x int) int { return x + 1 }"})
	var wg sync.WaitGroup
	for n := range 200 {
		wg.Go(func() {
			code := fmt.Sprintf("%%%%\n// 🎉 a comment\nzahl%d := größer(%d)\ngraph.MatMul(nil, nil)\n_ = zahl%d", n%5, n, n%5)
			data, found := i.Inspect(context.Background(), code, point(t, code, "größer", 0), 0)
			if assert.True(t, found) {
				assert.Contains(t, data["text/plain"], "func größer(x int) int")
			}
			data, found = i.Inspect(context.Background(), code, point(t, code, "MatMul", 0), 0)
			if assert.True(t, found) {
				assert.Contains(t, data["text/plain"], "func graph.MatMul(")
			}
			_, found = i.Inspect(context.Background(), code, point(t, code, "comment", 0), 0)
			assert.False(t, found)
		})
	}
	wg.Wait()
	broken := "%%\nx := graph.MatMul((((\nfor {"
	data, found := i.Inspect(context.Background(), broken, point(t, broken, "MatMul", 0), 0)
	require.True(t, found)
	assert.Contains(t, data["text/plain"], "func graph.MatMul(")
}

// BenchmarkInspect is a hover over an edited cell with flow's program, as the relay asks for it; "first" is the first one after gopls
// has read the workspace.
func BenchmarkInspect(b *testing.B) {
	ws, tools := needTools(b)
	flowing := flow.New(flow.Options{Exports: flow.NewExports(ws.Module, ws.Go, ws.Env(tools))})
	i := New(Options{Gopls: startGopls(b, ws, tools), Program: flowing, Packages: ws.Usual(), Wait: time.Minute})
	inspect := func(n int) time.Duration {
		code := strings.Replace(realCell, "loss :=", fmt.Sprintf("_ = %d\n\tloss :=", n), 1)
		began := time.Now()
		if _, found := i.Inspect(b.Context(), code, point(b, code, "MatMul", 0), 0); !found {
			b.Fatal("nothing")
		}
		return time.Since(began)
	}
	first := inspect(0)
	slowest := time.Duration(0)
	n := 0
	for b.Loop() {
		n++
		slowest = max(slowest, inspect(n))
	}
	b.ReportMetric(float64(first.Milliseconds()), "first-ms")
	b.ReportMetric(float64(slowest.Milliseconds()), "slowest-ms")
}
