package nbrun

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/kernel"
	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
)

// benchKernel starts a kernel as quire lab prepares it, with a warm build cache.
func benchKernel(b *testing.B, imports []string) *kernel.Client {
	b.Helper()
	ctx := context.Background()
	ws, err := workspace.Open(ctx, workspace.Options{})
	if err != nil {
		b.Fatal(err)
	}
	tools, err := ws.Build(ctx, nil, workspace.Gonb, workspace.Goimports)
	if err != nil {
		b.Fatal(err)
	}
	if err := ws.Warm(ctx, imports, true); err != nil {
		b.Skipf("the packages do not compile at the moment: %v", err)
	}
	p, err := kernel.Start(kernel.Options{Workspace: ws, Tools: tools, Dir: b.TempDir(), RawErrors: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { p.Close(0) })
	c, err := kernel.Connect(ctx, p.Connection, p.Done(), kernel.Handlers{})
	if err != nil {
		b.Fatal(err)
	}
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
	if err != nil || reply.Status != "ok" {
		b.Fatalf("%v: %s %v", err, reply.EValue, reply.Traceback)
	}
	return time.Since(began)
}

// BenchmarkCell measures what a person waits for: the first cell after quire lab has prepared the
// workspace, and a cell that was edited (a literal differs, so it is compiled and linked again), trivial
// and with the packages of quire that there are. "go test -bench Cell -run ^$" prints seconds.
func BenchmarkCell(b *testing.B) {
	needKernel(b)
	ws, err := workspace.Open(context.Background(), workspace.Options{})
	if err != nil {
		b.Fatal(err)
	}
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
			var imports strings.Builder
			for _, path := range c.imports {
				fmt.Fprintf(&imports, "import _ %q\n", path)
			}
			edited := func(n int) time.Duration {
				return cell(b, client, fmt.Sprintf("%s\n%%%%\nfmt.Println(%d, %d)", imports.String(), n, time.Now().UnixNano()))
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
