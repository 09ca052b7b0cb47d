package stablehlo_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// A program whose axes are renamed, or lose their names, is well formed after lowering too, and is written.
func TestRenamedAxesAreWritten(t *testing.T) {
	for _, name := range []string{"b", ""} {
		g := graph.NewGraph(nil, "renamed")
		x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 2).WithAxisNames("a"))
		y := graph.Parameter(g, "y", shapes.Make(dtypes.Float32, 2).WithAxisNames("b"))
		p, err := graph.NewProgram(g, graph.Add(x.WithAxisNames(name), graph.Neg(y)))
		require.NoError(t, err)
		low, err := ir.Lower(p, func(ir.Call) bool { return true })
		require.NoError(t, err)
		require.NoError(t, low.Check(), "renamed to %q", name)
		_, err = stablehlo.Write(low)
		require.NoError(t, err)
	}
}
