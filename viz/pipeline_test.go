package viz_test

import (
	"testing"
	"time"

	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/viz"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// flow is what a pipeline has done that is faster than its consumer, but for what it reads from a disk.
func flow() data.Flow {
	disk := data.Flow{Stage: "ByIndex Permuted in 8 goroutines", Name: "<flowers>", Batches: 6400, Elapsed: 98 * time.Second, Time: 31 * time.Second, Own: 93 * time.Second, Ahead: true, Stalls: 1234, Buffered: 7, Capacity: 8}
	batched := data.Flow{Stage: "Batched 64", Name: "<flowers>", Batches: 100, Rows: 6400, Elapsed: 98 * time.Second, Time: 31500 * time.Millisecond, Own: 500 * time.Millisecond, Sources: []data.Flow{disk}}
	return data.Flow{Stage: "Prefetch 4", Name: "<flowers>", Batches: 99, Rows: 6336, Elapsed: 100 * time.Second, Time: 12 * time.Second, Ahead: true, Stalls: 17, Blocked: 55 * time.Second, Errors: 1, Buffered: 4, Capacity: 4, Sources: []data.Flow{batched}}
}

// The view of a pipeline takes nothing from it, and can be drawn while it is read.
func TestPipelineIsDrawnWhileItIsRead(t *testing.T) {
	ds := data.Prefetch(data.Batched(data.ParallelMap(inMemory(), func(b data.Batch) (data.Batch, error) { return b, nil }), 2, false), 2)
	n := 0
	for b, err := range ds.Iter() {
		require.NoError(t, err)
		require.NoError(t, b.Close())
		n++
		at := ds.Position()
		text := viz.Pipeline(ds).Text()
		assert.Contains(t, text, "Prefetch 2")
		assert.Contains(t, text, "Batched 2")
		assert.Contains(t, text, "InMemory \"rings\"")
		assert.Contains(t, text, "Whoever reads it waited for data")
		assert.Equal(t, at, ds.Position())
	}
	assert.Equal(t, ds.NumBatches(), n)
	assert.Contains(t, viz.Pipeline(nil).Text(), "data set")
}
