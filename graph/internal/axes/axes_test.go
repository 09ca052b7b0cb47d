package axes_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/internal/axes"
	"github.com/quire-ml/quire/graph/shapes"
)

func TestMoved(t *testing.T) {
	x := graph.Parameter(graph.NewGraph(nil, "g"), "x", shapes.Make(dtypes.Float32, 2, 3, 4))
	for _, c := range []struct {
		from, to int
		want     []int
	}{{0, 2, []int{3, 4, 2}}, {2, 0, []int{4, 2, 3}}, {0, 1, []int{3, 2, 4}}, {1, 1, []int{2, 3, 4}}} {
		require.Equal(t, c.want, axes.Moved(x, c.from, c.to).Shape().Dimensions, "%d to %d", c.from, c.to)
	}
	require.Same(t, x, axes.Moved(x, 1, 1))
}

func TestUnnamed(t *testing.T) {
	x := graph.Parameter(graph.NewGraph(nil, "g"), "x", shapes.Make(dtypes.Float32, 2, 3))
	require.Same(t, x, axes.Unnamed(x))
	y := axes.Unnamed(x.WithAxisNames("batch", "channels"))
	require.False(t, y.Shape().HasNames())
	require.Equal(t, x.Shape(), y.Shape())
}
