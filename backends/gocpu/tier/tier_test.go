package tier_test

import (
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/tier"

	"github.com/stretchr/testify/assert"
)

func TestNameIsOneThatCanBeAskedFor(t *testing.T) {
	assert.Contains(t, cpu.Names(), tier.Name())
}
