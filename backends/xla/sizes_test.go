//go:build cgo

package xla_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/rows"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestJAXOfSymbolicShapes runs what JAX exported without sizes at sizes that its values have, at all three of them with QUIRE_SWEEP=1.
func TestJAXOfSymbolicShapes(t *testing.T) {
	backend := open(t, "")
	files, err := filepath.Glob("../stablehlo/testdata/jax/poly/*.mlir")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	sizes := []string{"B"}
	if os.Getenv("QUIRE_SWEEP") != "" {
		sizes = []string{"A", "B", "C"}
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".mlir")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			values, err := tensors.LoadNpz(strings.TrimSuffix(file, ".mlir") + ".npz")
			require.NoError(t, err)
			var options []stablehlo.ReadOption
			if name == "platforms" {
				options = append(options, stablehlo.InputValue(0, 0)) // its values are those of the CPU
			}
			source, err := stablehlo.ReadOpen(string(text), options...)
			require.NoError(t, err)
			exec := graph.MustNewExec(backend, source.Call)
			defer exec.Close()
			for _, size := range sizes {
				var in []any
				for i := 0; values[fmt.Sprintf("%s_in%d", size, i)] != nil; i++ {
					in = append(in, values[fmt.Sprintf("%s_in%d", size, i)])
				}
				out, err := exec.Call(in...)
				require.NoError(t, err)
				for i, y := range out {
					want := values[fmt.Sprintf("%s_out%d", size, i)]
					require.NotNil(t, want, "result %d", i)
					assert.True(t, y.InDelta(want, 2e-5), "%s, result %d is\n%s\nJAX has\n%s", size, i, y, want)
				}
			}
		})
	}
}

// TestRowsArePadded runs batches of many sizes by the programs for three.
func TestRowsArePadded(t *testing.T) {
	built := 0
	exec := graph.MustNewExec(open(t, ""), func(x *graph.Node) *graph.Node {
		built++
		return graph.Softmax(graph.MatMul(x, graph.Transpose(graph.IotaFull(x.Graph(), shapes.Make(x.DType(), 2, 3)), 0, 1)), -1)
	})
	padded := rows.Pad(exec, rows.PowersOfTwo)
	defer padded.Close()
	for n := 1; n <= 4; n++ {
		x := make([][]float32, n)
		for i := range x {
			x[i] = []float32{float32(i), 1, -1}
		}
		got, err := padded.Call(x)
		require.NoError(t, err)
		want, err := graph.CallOnce(exec.Backend(), func(x *graph.Node) *graph.Node {
			return graph.Softmax(graph.MatMul(x, graph.Transpose(graph.IotaFull(x.Graph(), shapes.Make(x.DType(), 2, 3)), 0, 1)), -1)
		}, x)
		require.NoError(t, err)
		assert.True(t, got[0].InDelta(want, 1e-6), "%d rows: %s, want %s", n, got[0], want)
	}
	assert.Equal(t, 3, built, "2, 4, and the next")
}
