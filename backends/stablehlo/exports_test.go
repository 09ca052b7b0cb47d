package stablehlo_test

import (
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/backends/internal/jaxexports"
	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph"

	"github.com/stretchr/testify/require"
)

// exports returns what JAX exported of jax.numpy, jax.lax, Flax, Equinox and Optax.
func exports(t testing.TB) []*jaxexports.Export {
	return jaxexports.Load(t, "testdata/jax/fresh/exports.zip")
}

// readExport reads a text, or bytecode, of an export for the shapes of its inputs.
func readExport(t *testing.T, e *jaxexports.Export, text string) *stablehlo.Module {
	var options []stablehlo.ReadOption
	if e.Open {
		options = append(options, stablehlo.InputShapes(e.Shapes()...))
	}
	m, err := stablehlo.Read(text, options...)
	require.NoError(t, err)
	return m
}

// TestExports runs what JAX exported of jax.numpy, jax.lax, Flax, Equinox and Optax, and compares the values with JAX's, and gradients with
// those of jax.grad.
func TestExports(t *testing.T) {
	all := exports(t)
	require.GreaterOrEqual(t, len(all), 150)
	for _, e := range all {
		t.Run(e.Name, func(t *testing.T) {
			main := readExport(t, e, e.Text).Main()
			b := gocpu.New()
			defer b.Close()
			e.Check(t, b, main.Inputs, 1, func(in []*graph.Node) []*graph.Node { return main.Call(in...) })
		})
	}
}
