package keep

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/model"
)

// What people of machine learning keep is kept by importing this package alone.
func TestWhatIsKept(t *testing.T) {
	fresh(t)
	pictures := tensors.FromValue([][]float32{{1, 2}, {3, 4}})
	made := 0
	for range 2 {
		x, labels, err := Once2("pictures", func() (*tensors.Tensor, []string, error) { made++; return pictures, []string{"x", "y"}, nil }, Version("1"))
		require.NoError(t, err)
		assert.Equal(t, pictures.Value(), x.Value())
		assert.Equal(t, []string{"x", "y"}, labels)
	}
	assert.Equal(t, 1, made)
}

func TestAStoreIsKept(t *testing.T) {
	fresh(t)
	store := model.NewStore()
	_, err := store.CreateVariable("/w", tensors.FromValue([]float32{1, 2, 3}))
	require.NoError(t, err)
	require.NoError(t, Put("net", store))
	back, err := Get[*model.Store]("net")
	require.NoError(t, err)
	assert.Equal(t, 1, back.NumVariables())

	set, err := data.InMemory("three", []*tensors.Tensor{tensors.FromValue([]float32{1, 2, 3})}, nil)
	require.NoError(t, err)
	require.NoError(t, Put("set", set))
	_, err = Get[*data.InMemoryDataset]("set")
	require.NoError(t, err)
	list, err := List()
	require.NoError(t, err)
	require.Len(t, list, 2)
	assert.Equal(t, "net", list[0].Name)
	assert.Contains(t, list[0].Summary, "1 variable, ")
}
