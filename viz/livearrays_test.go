package viz_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/quire-ml/quire/graph/live"
	"github.com/quire-ml/quire/viz"
)

// An array looks as its value does, which is computed; one that cannot be computed is its error.
func TestLiveArraysLookAsTheirValues(t *testing.T) {
	x := live.Of([][]float32{{1, 2}, {3, 4}}).Mul(2)
	value := x.MustTensor()
	assert.Equal(t, viz.Render(value), viz.Render(x))
	assert.Contains(t, viz.Text(x.MatMul(x.Slice("0:1"))), "inner axes differ")
}
