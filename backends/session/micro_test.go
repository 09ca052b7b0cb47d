//go:build linux || darwin

package session_test

import (
	"context"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// chained compiles a program of n inputs that are doubled.
func chained(t testing.TB, b ir.Backend, n, size int) (ir.Executable, []ir.Buffer) {
	g := graph.NewGraph(b, "chain")
	var in, out []*graph.Node
	for range n {
		x := graph.Parameter(g, "", shapes.Make(dtypes.Float32, size))
		in, out = append(in, x), append(out, graph.Neg(x))
	}
	p, err := graph.NewProgram(g, out...)
	require.NoError(t, err)
	exe, err := b.Compile(context.Background(), p)
	require.NoError(t, err)
	bufs := make([]ir.Buffer, len(in))
	for i := range bufs {
		bufs[i], err = b.Put(tensors.FromScalarAndDimensions(float32(1), size))
		require.NoError(t, err)
	}
	return exe, bufs
}

func BenchmarkRun(b *testing.B) {
	ground(b)
	for _, c := range []struct {
		name   string
		n      int
		reads  bool
		device string
	}{{"one", 1, false, "session:go"}, {"twenty", 20, false, "session:go"}, {"one read", 1, true, "session:go"}, {"one", 1, false, "go"}, {"twenty", 20, false, "go"}} {
		b.Run(c.device+" "+c.name, func(b *testing.B) {
			exe, bufs := chained(b, open1(b, c.device), c.n, 4)
			give := make([]bool, c.n)
			for i := range give {
				give[i] = true
			}
			var u0, u1 syscall.Rusage
			syscall.Getrusage(0, &u0)
			runs := 0
			for b.Loop() {
				runs++
				out, err := exe.Run(context.Background(), bufs, give)
				require.NoError(b, err)
				bufs = out
				if c.reads {
					x, err := bufs[0].ToHost()
					require.NoError(b, err)
					x.Close()
				}
			}
			syscall.Getrusage(0, &u1)
			b.ReportMetric(float64(u1.Utime.Nano()+u1.Stime.Nano()-u0.Utime.Nano()-u0.Stime.Nano())/float64(runs), "cpu-ns/op")
			x, err := bufs[0].ToHost()
			require.NoError(b, err)
			x.Close()
		})
	}
}
