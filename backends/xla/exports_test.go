//go:build cgo && (linux || darwin)

package xla_test

import (
	"os"
	"testing"

	"github.com/quire-ml/quire/backends/internal/jaxexports"
	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph"

	"github.com/stretchr/testify/require"
)

// everyExport is how many exports are passed over between two that are run: compiling all of them, with gradients, takes a minute or two.
// QUIRE_SWEEP=1 runs all.
const everyExport = 8

// TestJAXExports runs what JAX exported on XLA's CPU plugin: read, differentiated, written again and compiled. The double would hand it to the
// engine go, on which package stablehlo runs it.
func TestJAXExports(t *testing.T) {
	e := open(t, "")
	for i, f := range jaxexports.Load(t, "../stablehlo/testdata/jax/fresh/exports.zip") {
		if i%everyExport != 0 && os.Getenv("QUIRE_SWEEP") == "" {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			var options []stablehlo.ReadOption
			if f.Open {
				options = append(options, stablehlo.InputShapes(f.Shapes()...))
			}
			m, err := stablehlo.Read(f.Text, options...)
			require.NoError(t, err)
			f.Check(t, e, m.Main().Inputs, 4, func(in []*graph.Node) []*graph.Node { return m.Main().Call(in...) })
		})
	}
}
