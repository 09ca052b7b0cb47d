package graph_test

import (
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors/images"

	"github.com/stretchr/testify/require"
)

// TestRemedies holds what errors say that is to be done, where it is likely; and that they do not say it elsewhere.
func TestRemedies(t *testing.T) {
	first := "(are its channels first, 3 of them? TransposeAllAxes(x, 0, 2, 3, 1) makes it [2 28 28 3])"
	conv := func(kernel ...int) func(g *graph.Graph, x []*graph.Node) {
		return func(g *graph.Graph, x []*graph.Node) {
			graph.Convolve(x[0], graph.Zeros(g, shapes.Make(dtypes.Float32, kernel...))).Done()
		}
	}
	concat := func(axis int) func(g *graph.Graph, x []*graph.Node) {
		return func(_ *graph.Graph, x []*graph.Node) { graph.Concatenate(x, axis) }
	}
	for _, c := range []struct {
		name  string
		build func(g *graph.Graph, x []*graph.Node)
		in    [][]int
		want  string
	}{
		{"channels first, kernel too large", conv(5, 5, 28, 8), [][]int{{2, 3, 28, 28}}, "does not fit into the padded input of 3 " + first},
		{"channels first, kernel for others", conv(3, 3, 3, 8), [][]int{{2, 3, 28, 28}}, "the input has 28 channels, but the kernel takes 3 " + first},
		{"volumes", conv(5, 5, 5, 9, 8), [][]int{{2, 1, 7, 8, 9}}, "1 of them? TransposeAllAxes(x, 0, 2, 3, 4, 1) makes it [2 7 8 9 1])"},
		{"pooling", func(_ *graph.Graph, x []*graph.Node) { graph.MaxPool(x[0]).Window(4).Done() }, [][]int{{2, 3, 28, 28}}, "a window of 4 does not fit into the 3 elements " + first},
		{"channels last", conv(5, 5, 3, 8), [][]int{{2, 4, 28, 3}}, "into the padded input of 4"},
		{"channels first as said", func(_ *graph.Graph, x []*graph.Node) {
			graph.MaxPool(x[0]).ChannelsAxis(images.ChannelsFirst).Window(40).Done()
		}, [][]int{{2, 3, 28, 28}}, "into the 28 elements"},
		{"a last axis is missing", concat(1), [][]int{{8, 10}, {8}}, "operand 1 has 1 axes, operand 0 has 2 (ExpandAxes(x, 1) gives operand 1 the missing axis)"},
		{"a first axis is missing", concat(0), [][]int{{8, 10}, {10}}, "(ExpandAxes(x, 0) gives operand 1 the missing axis)"},
		{"the first operand lacks it", concat(0), [][]int{{5}, {8, 5}}, "(ExpandAxes(x, 0) gives operand 0 the missing axis)"},
		{"no axis would do", concat(0), [][]int{{8, 10}, {7}}, "(give operand 1 the missing axes with ExpandAxes or Reshape)"},
		{"several are missing", concat(0), [][]int{{8, 10, 2}, {8}}, "(give operand 1 the missing axes with ExpandAxes or Reshape)"},
	} {
		g := graph.NewGraph(graphtest.Reference(), c.name)
		err := graph.Catch(func() {
			var x []*graph.Node
			for _, dims := range c.in {
				x = append(x, graph.Parameter(g, "", shapes.Make(dtypes.Float32, dims...)))
			}
			c.build(g, x)
		})
		require.True(t, err != nil, c.name)
		text := err.Error()
		require.True(t, len(text) >= len(c.want) && text[len(text)-len(c.want):] == c.want, "%s: %q ends otherwise: %s", c.name, c.want, text)
	}
}
