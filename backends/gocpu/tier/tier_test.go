package tier_test

import (
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/tier"

	"github.com/stretchr/testify/assert"
)

func TestNameIsOneThatCanBeAskedFor(t *testing.T) {
	var known []string
	for _, one := range cpu.Tiers() {
		known = append(known, one.String())
	}
	assert.Contains(t, known, tier.Name())
}
