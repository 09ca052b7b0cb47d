package viz_test

import (
	"testing"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/viz"

	"github.com/stretchr/testify/assert"
)

func TestVerdictsOfImages(t *testing.T) {
	want := viz.Text(viz.Images(rings(3, 10), viz.ImageOptions{Truth: []int{0, 1, 2}, Predicted: []int{0, 2, 2}}))
	for name, o := range map[string]viz.ImageOptions{
		"tensors": {Truth: tensors.FromValue([]int32{0, 1, 2}), Predicted: tensors.FromValue([]int64{0, 2, 2})},
		"slices":  {Truth: []uint8{0, 1, 2}, Predicted: []float32{0, 2, 2}},
		"scores":  {Truth: [][]int32{{0}, {1}, {2}}, Predicted: [][]float32{{1, 0, 0}, {0, 1, 2}, {-3, -2, -1}}},
	} {
		assert.Equal(t, want, viz.Text(viz.Images(rings(3, 10), o)), name)
	}
	assert.Contains(t, viz.Text(viz.Images(rings(3, 10), viz.ImageOptions{Truth: []float32{0.5}})), "viz.Images: Truth: sample 0 has class 0.5")
}
