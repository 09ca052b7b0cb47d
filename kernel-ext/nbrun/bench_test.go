package nbrun

import (
	"context"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/backends/session"
	"github.com/quire-ml/quire/backends/xla/plugins"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/kernel"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"

	"github.com/stretchr/testify/require"
)

// benchKernel starts a kernel as quire lab prepares it, with a warm build cache.
func benchKernel(b *testing.B, imports []string, env ...string) *kernel.Client {
	b.Helper()
	ctx := context.Background()
	ws, err := workspace.Open(ctx, workspace.Options{})
	require.NoError(b, err)
	tools, err := ws.Build(ctx, nil, workspace.Headless()...)
	require.NoError(b, err)
	if err := ws.Warm(ctx, imports, true); err != nil {
		b.Skipf("the packages do not compile at the moment: %v", err)
	}
	p, err := kernel.Start(kernel.Options{Workspace: ws, Tools: tools, Dir: b.TempDir(), RawErrors: true, Env: env})
	require.NoError(b, err)
	b.Cleanup(func() { p.Close(0) })
	c, err := kernel.Connect(ctx, p.Connection, p.Done(), kernel.Handlers{})
	require.NoError(b, err)
	b.Cleanup(c.Close)
	cell(b, c, "%noautoget")
	return c
}

// cell runs a cell and returns the time from sending it to the kernel being idle again.
func cell(b *testing.B, c *kernel.Client, code string) time.Duration {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	began := time.Now()
	reply, err := c.Run(ctx, jupyter.Execute{Code: code, StoreHistory: true})
	require.NoError(b, err, "%v: %s %v", err, reply.EValue, reply.Traceback)
	require.Equal(b, "ok", reply.Status, "%v: %s %v", err, reply.EValue, reply.Traceback)
	return time.Since(began)
}

// BenchmarkCell measures what a person waits for: the first cell after quire lab has prepared the
// workspace, and a cell that was edited (a literal differs, so it is compiled and linked again), trivial
// and with the packages of quire that there are. "go test -bench Cell -run ^$" prints seconds.
func BenchmarkCell(b *testing.B) {
	needKernel(b)
	ws, err := workspace.Open(context.Background(), workspace.Options{})
	require.NoError(b, err)
	usual := ws.Usual()
	named := func(parts ...string) (list []string) {
		for _, p := range usual {
			for _, part := range parts {
				if strings.HasPrefix(p, workspace.ModulePath+"/"+part) {
					list = append(list, p)
				}
			}
		}
		return list
	}
	for _, c := range []struct {
		name    string
		imports []string
	}{
		{"trivial", nil},
		{"graph", named("graph")},
		{"graph+ml+viz", named("graph", "backends", "ml", "viz")},
	} {
		b.Run(c.name, func(b *testing.B) {
			if c.name != "trivial" && len(c.imports) == 0 {
				b.Skip("none of these packages is there")
			}
			client := benchKernel(b, c.imports)
			declared := uses(b, ws.Module, c.imports)
			edited := func(n int) time.Duration {
				return cell(b, client, fmt.Sprintf("%s\n%%%%\nfmt.Println(%d, %d, len(everything))", declared, n, time.Now().UnixNano()))
			}
			first := edited(0)
			var total, best time.Duration
			n := 0
			for b.Loop() {
				n++
				took := edited(n)
				total += took
				if best == 0 || took < best {
					best = took
				}
			}
			b.ReportMetric(first.Seconds(), "s/first-cell")
			b.ReportMetric(total.Seconds()/float64(n), "s/edited-cell")
			b.ReportMetric(best.Seconds(), "s/best")
		})
	}
}

// BenchmarkCellOnEngines runs a cell that was edited, in turns on the engine go, on XLA in a session's worker, and on XLA that is linked
// into the cell, as cells were before there were sessions: type check, build, link, and a run of a small program. It prints the median
// seconds of each. It needs XLA's plugin (QUIRE_PLUGINS):
//
//	go test ./kernel-ext/nbrun -run '^$' -bench CellOnEngines -benchtime 9x
func BenchmarkCellOnEngines(b *testing.B) {
	needKernel(b)
	if _, err := plugins.Find("cpu"); err != nil {
		testenv.Missing(b, "xla", err.Error())
	}
	dir, err := os.MkdirTemp("/tmp", "quire-nb-") // whose path is short
	require.NoError(b, err)
	b.Cleanup(func() { os.RemoveAll(dir) })
	b.Setenv(session.EnvDir, dir)
	ws, err := workspace.Open(context.Background(), workspace.Options{})
	require.NoError(b, err)
	worker, err := ws.BuildWorker(context.Background(), "xla:cpu")
	require.NoError(b, err)
	const linked = "xla linked"
	engines := []struct{ name, backend, imports string }{
		{"go", "go", ""},
		{"session", "session:xla:cpu", ""},
		{linked, "xla:cpu", `import _ "github.com/quire-ml/quire/backends/xla"`},
	}
	clients := map[string]*kernel.Client{}
	for _, e := range engines {
		env := []string{"QUIRE_BACKEND=" + e.backend, session.EnvWorker + "=" + worker}
		if e.name == linked {
			env = append(env, "CGO_ENABLED=1")
		}
		clients[e.name] = benchKernel(b, []string{workspace.ModulePath + "/backends", workspace.ModulePath + "/graph"}, env...)
	}
	took := map[string][]float64{}
	run := func(name, imports string, n int) float64 {
		return cell(b, clients[name], fmt.Sprintf(`%s
import (
	"fmt"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
)
%%%%
b := backends.MustNew()
fmt.Println(b.Name(), %d, graph.MustNewExec(b, func(x *graph.Node) *graph.Node { return graph.Sin(graph.Add(x, x)) }).MustCall([]float32{1, 2, 3})[0])`, imports, n)).Seconds()
	}
	for _, e := range engines {
		run(e.name, e.imports, -1) // the worker starts, the build cache is warm
	}
	n := 0
	for b.Loop() {
		n++
		for _, e := range engines {
			took[e.name] = append(took[e.name], run(e.name, e.imports, n))
		}
	}
	for name, list := range took {
		slices.Sort(list)
		b.ReportMetric(list[len(list)/2], "s/"+strings.ReplaceAll(name, " ", "-"))
	}
	b.ReportMetric(0, "ns/op")
}

// uses returns declarations that import the packages and refer to each of their exported functions, so
// that all of them are linked: no real cell uses more.
func uses(b *testing.B, module string, imports []string) string {
	b.Helper()
	var head, body strings.Builder
	for i, path := range imports {
		dir := filepath.Join(module, strings.TrimPrefix(path, workspace.ModulePath))
		pkg, err := build.ImportDir(dir, 0)
		if err != nil {
			b.Fatal(err)
		}
		before := body.Len()
		for _, name := range pkg.GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, 0)
			if err != nil {
				b.Fatal(err)
			}
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Type.TypeParams == nil && fn.Name.IsExported() {
					fmt.Fprintf(&body, "\tp%d.%s,\n", i, fn.Name)
				}
			}
		}
		if body.Len() > before {
			fmt.Fprintf(&head, "import p%d %q\n", i, path)
		}
	}
	return head.String() + "\nvar everything = []any{\n" + body.String() + "}\n"
}
