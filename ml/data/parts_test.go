package data_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"
)

// after is the data set's next n batches, as text.
func after(t *testing.T, ds *data.InMemoryDataset, n int) (out []string) {
	t.Helper()
	for len(out) < n {
		for b, err := range ds.Iter() {
			require.NoError(t, err)
			out = append(out, b.Inputs[0].String())
			if len(out) == n {
				break
			}
		}
	}
	return out
}

func TestADatasetFromItsPartsGoesOnAsTheOther(t *testing.T) {
	for _, c := range []struct {
		name string
		with func(ds *data.InMemoryDataset) *data.InMemoryDataset
	}{
		{"as it is made", func(ds *data.InMemoryDataset) *data.InMemoryDataset { return ds }},
		{"batches", func(ds *data.InMemoryDataset) *data.InMemoryDataset { return ds.BatchSize(3, true) }},
		{"shuffled", func(ds *data.InMemoryDataset) *data.InMemoryDataset { return ds.BatchSize(3, false).Shuffle(5) }},
		{"without end", func(ds *data.InMemoryDataset) *data.InMemoryDataset { return ds.Shuffle(5).Infinite(true) }},
		{"a part", func(ds *data.InMemoryDataset) *data.InMemoryDataset {
			_, rest, err := ds.Shuffle(1).Split(0.5)
			require.NoError(t, err)
			return rest.WithName("rest").WithSpec(4)
		}},
	} {
		for _, before := range []int{0, 1, 2, 8} {
			t.Run(c.name, func(t *testing.T) {
				ds, err := data.InMemory("x", []float32{0, 1, 2, 3, 4, 5, 6, 7}, nil)
				require.NoError(t, err)
				ds = c.with(ds)
				after(t, ds, before)
				p, err := ds.Parts()
				require.NoError(t, err)
				other, err := data.FromParts(p)
				require.NoError(t, err)
				p.Close()
				assert.Equal(t, ds.Name(), other.Name())
				assert.Equal(t, ds.Position(), other.Position())
				assert.Equal(t, after(t, ds, 9), after(t, other, 9))
			})
		}
	}
}

func TestBadSettingsStayBad(t *testing.T) {
	ds, err := data.InMemory("x", []float32{0, 1}, nil)
	require.NoError(t, err)
	p, err := ds.BatchSize(-1, false).Parts()
	require.NoError(t, err)
	other, err := data.FromParts(p)
	require.NoError(t, err)
	_, want := data.First(ds)
	_, got := data.First(other)
	assert.EqualError(t, got, want.Error())
}

func TestPartsOfNoDataset(t *testing.T) {
	one := []*tensors.Tensor{tensors.FromValue([]float32{1, 2})}
	for name, p := range map[string]*data.Parts{
		"nil":               nil,
		"nothing":           {},
		"a row beyond":      {Inputs: one, Rows: []int{0, 2}},
		"a row before":      {Inputs: one, Rows: []int{-1}},
		"no rows":           {Inputs: one, Rows: []int{}},
		"a place before":    {Inputs: one, Next: data.Position{Batch: -1}},
		"labels of another": {Inputs: one, Labels: []*tensors.Tensor{tensors.FromValue([]float32{1})}},
	} {
		_, err := data.FromParts(p)
		assert.Error(t, err, name)
	}
	ds, err := data.InMemory("x", one, nil)
	require.NoError(t, err)
	ds.Close()
	_, err = ds.Parts()
	assert.ErrorContains(t, err, "closed")
}
