package gocpu_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
)

// TestValuesThatWereRenamed computes a sum that only the new names of an axis allow, and for which there would be a simpler call.
func TestValuesThatWereRenamed(t *testing.T) {
	b := gocpu.New()
	defer b.Close()
	exec := graph.MustNewExec(b, func(x, y *graph.Node) *graph.Node { return graph.Add(x.WithAxisNames("b"), graph.Neg(y)) })
	defer exec.Close()
	x, err := tensors.FromValue([]float32{1, 2}).WithAxisNames("a")
	require.NoError(t, err)
	y, err := tensors.FromValue([]float32{3, 5}).WithAxisNames("b")
	require.NoError(t, err)
	out, err := exec.Call(x, y)
	require.NoError(t, err)
	assert.Equal(t, []float32{-2, -3}, out[0].Value())
}
