package data_test

import (
	"math"
	"runtime"
	"testing"

	"github.com/quire-ml/quire/ml/data"

	"github.com/stretchr/testify/require"
)

// Sizes that no machine has are an error of the first iteration, before any memory is asked for.
func TestAbsurdSizesAreErrors(t *testing.T) {
	same := func(_ data.Position, b data.Batch) (data.Batch, error) { return b, nil }
	for _, n := range []int{1 << 31, 1 << 40, math.MaxInt} {
		for name, ds := range map[string]data.Dataset{
			"Prefetch":   data.Prefetch(counting(t, 4), n),
			"MapIndexed": data.MapIndexed(counting(t, 4), n, same),
			"Batched":    data.Batched(data.Repeat(counting(t, 4), -1), n, false),
			"BatchSize":  counting(t, 4).BatchSize(n, true),
		} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := data.First(ds)
			runtime.ReadMemStats(&after)
			require.Error(t, err, name)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), name)
		}
		// These are sizes that the data bound.
		for name, ds := range map[string]data.Sized{
			"Repeat":         data.Repeat(counting(t, 4), n),
			"Take":           data.Take(counting(t, 4), n),
			"BatchSize":      counting(t, 4).BatchSize(n, false),
			"InMemory.Take":  counting(t, 4).Take(n),
			"Generate":       data.Generate("n", n, func(data.Position) (data.Batch, error) { return data.Batch{}, nil }),
			"Batched Repeat": data.Batched(data.Repeat(counting(t, 4), n), 3, false),
		} {
			require.Greater(t, ds.NumBatches(), 0, name)
			b, err := data.First(ds)
			require.NoError(t, err, name)
			require.NoError(t, b.Close())
		}
	}
}

func counting(t *testing.T, n int) *data.InMemoryDataset {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i)
	}
	ds, err := data.InMemory("counting", x, nil)
	require.NoError(t, err)
	return ds.BatchSize(1, false)
}
