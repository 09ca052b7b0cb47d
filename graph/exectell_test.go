package graph_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/model"
)

func TestWhatAnExecTellsOfItsPrograms(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	e := graph.MustNewExec(backend, func(x *graph.Node) *graph.Node { return graph.Softmax(graph.Neg(graph.Neg(x))) })
	defer e.Close()
	_, err := e.MemoryPlan()
	assert.ErrorContains(t, err, `"exec": nothing is compiled yet: call it first, or give the shapes of its inputs`)
	_, err = e.Explain()
	assert.ErrorContains(t, err, "nothing is compiled yet")

	small, large := shapes.Make(dtypes.Float32, 4, 8), shapes.Make(dtypes.Float32, 64, 8)
	e.MustCall(tensors.FromShape(small))
	m, err := e.MemoryPlan()
	require.NoError(t, err)
	assert.Equal(t, small.ByteSize(), m.Arguments)
	assert.Equal(t, small.ByteSize(), m.Results)
	m, err = e.MemoryPlan(large)
	require.NoError(t, err)
	assert.Equal(t, large.ByteSize(), m.Results)

	text, err := e.Explain(small)
	require.NoError(t, err)
	for _, part := range []string{"simplify: ", "1 × Neg", "exectell_test.go:", "float32[4 8]"} {
		assert.Contains(t, text, part)
	}
	_, err = e.MemoryPlan(small, small)
	assert.ErrorContains(t, err, "takes 1 inputs, got 2")

	alone := graph.MustNewExec(backend, func(g *graph.Graph) *graph.Node { return graph.Zeros(g, large) })
	defer alone.Close()
	m, err = alone.MemoryPlan() // no inputs: their shapes are known
	require.NoError(t, err)
	assert.Equal(t, large.ByteSize(), m.Results)
}

func TestAnExecOfVariablesTellsAsWell(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	store := model.NewStore()
	e := model.MustNewExec(backend, store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		v := scope.VariableWithValue("v", []float32{1, 2, 3})
		v.SetNodeValue(graph.Add(v.NodeValue(x.Graph()), x))
		return x
	})
	defer e.Close()
	m, err := e.MemoryPlan(shapes.Make(dtypes.Float32, 3))
	require.NoError(t, err)
	assert.Equal(t, 24, m.Arguments, "the input and the variable")
	assert.Equal(t, 24, m.Results)
	text, err := e.Explain(shapes.Make(dtypes.Float32, 3))
	require.NoError(t, err)
	assert.Contains(t, text, "var:/v")
}

func TestABackendThatCannotTellIsNamed(t *testing.T) {
	backend := graphtest.Reference()
	defer backend.Close()
	e := graph.MustNewExec(backend, graph.Neg)
	defer e.Close()
	x := shapes.Make(dtypes.Float32, 2)
	_, err := e.MemoryPlan(x)
	assert.ErrorContains(t, err, "does not say what memory a run needs")
	text, err := e.Explain(x)
	require.NoError(t, err)
	assert.Contains(t, text, "Neg")
}
