//go:build unix

package gocpu_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/mapped"
)

// A program that comes to where a mapped file of an operand was cut returns an error, whatever reads it: one kernel or several workers, loops in Go and
// in assembly. Afterwards the engine goes on. The collector runs all the time: it may meet the frames of assembly in which a fault was.
func TestAMappedFileThatIsCut(t *testing.T) {
	done, collected := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(collected)
		for {
			select {
			case <-done:
				return
			default:
				runtime.GC()
			}
		}
	}()
	defer func() { close(done); <-collected }()
	for _, o := range []gocpu.Options{{Workers: 1}, {Workers: 2}, {Workers: 2, Order: gocpu.Dataflow}} {
		for name, fn := range map[string]func(x *graph.Node) *graph.Node{
			"exp":        graph.Exp,
			"sum":        graph.ReduceAllSum,
			"product":    func(x *graph.Node) *graph.Node { return graph.MatMul(x, x) },
			"transposed": func(x *graph.Node) *graph.Node { return graph.Transpose(x, 0, 1) },
		} {
			b := gocpu.NewWithOptions(o)
			exec := graph.MustNewExec(b, fn)
			path := filepath.Join(t.TempDir(), "x.npy")
			whole := tensors.FromShape(shapes.Make(dtypes.Float32, 512, 512))
			require.NoError(t, whole.Save(path))
			x, err := tensors.LoadMapped(path)
			require.NoError(t, err)
			_, err = exec.Call(x)
			require.NoError(t, err)
			require.NoError(t, os.Truncate(path, 0))
			_, err = exec.Call(x)
			require.ErrorIs(t, err, mapped.ErrCut, "%s, %+v", name, o)
			require.ErrorContains(t, err, "x.npy", "%s", name)
			_, err = exec.Call(whole)
			require.NoError(t, err, "%s", name)
			require.NoError(t, x.Close())
			exec.Close()
			require.NoError(t, b.Close())
		}
	}
}
