package viz

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/quire-ml/quire/internal/showing"
)

func TestThisPackageShowsWhatCellsEndWith(t *testing.T) {
	assert.NotNil(t, showing.By)
}
