package model_test

import (
	"testing"

	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/tensors"
)

func TestNearFindsThePathThatWasMeant(t *testing.T) {
	store := model.NewStore()
	for _, path := range []string{"/encoder/block0/weights", "/encoder/block0/biases", "/head/weights"} {
		_, err := store.CreateVariable(path, tensors.FromScalar(float32(1)))
		require.NoError(t, err)
	}
	for pattern, want := range map[string]string{
		"/encoder/block0/weigths": "/encoder/block0/weights",
		"/encodr/block0":          "/encoder/block0",
		"/haed":                   "/head",
		"block0/wieghts":          "block0/weights",
		"biasses":                 "biases",
		"/x":                      "",
		"attention/query/kernel":  "",
		"":                        "",
	} {
		assert.Equal(t, want, store.Near(pattern), pattern)
	}
	assert.Empty(t, model.NewStore().Near("/a"))
}
