package data_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/quire-ml/quire/ml/data"
)

// The data sets of this package can do all that others may.
func TestOurDatasetsCanDoAllThatIsOptional(t *testing.T) {
	memory, err := data.InMemory("memory", []float32{1, 2, 3}, nil)
	assert.NoError(t, err)
	for _, ds := range []data.Dataset{memory.BatchSize(2, false), data.Map(memory, func(b data.Batch) (data.Batch, error) { return b, nil })} {
		assert.Implements(t, (*data.Sized)(nil), ds)
		assert.Implements(t, (*data.Seekable)(nil), ds)
		assert.Implements(t, (*data.Resumable)(nil), ds)
		assert.Implements(t, (*data.Positioned)(nil), ds)
		assert.Implements(t, (*data.PassCounter)(nil), ds)
		assert.Implements(t, (*data.RestIterable)(nil), ds)
	}
}
