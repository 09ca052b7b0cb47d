package visits

import (
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"

	"github.com/stretchr/testify/assert"
)

func TestVisits(t *testing.T) {
	g := graph.NewGraph(nil, "g")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 4, 2))
	a := graph.Tanh(x)
	b := graph.Add(a, x)
	values, indices := graph.SortWithIndices(b, 1, true)
	inner := values.Input(0)
	var l Lines
	for _, n := range []struct {
		line int
		key  string
		n    *graph.Node
	}{
		{5, "a", a}, {5, "b", b}, // one visit of two calls
		{5, "a", a}, // the first call again: the next
		{6, "c", inner}, {6, "d", values}, {6, "e", indices},
		{5, "a", a}, // back from another line
	} {
		l.Add(n.line, n.key, n.n)
	}
	assert.Len(t, l.ByLine[5], 3)
	assert.Len(t, l.ByLine[6], 1)
	first, sorted := l.ByLine[5][0], l.ByLine[6][0]
	assert.Equal(t, "float32[4 2]", first.String())
	assert.Equal(t, "Add", first.Op())
	assert.Equal(t, []*graph.Node{x}, first.Operands())
	assert.Equal(t, "float32[4 2], int32[4 2]", sorted.String())
	assert.Equal(t, "SortWithIndices", sorted.Op())
	assert.Equal(t, []*graph.Node{b}, sorted.Operands())
	assert.True(t, IsParameter(x))
	assert.False(t, IsParameter(a))
}
