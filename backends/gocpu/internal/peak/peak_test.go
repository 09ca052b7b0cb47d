package peak

import (
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/stretchr/testify/assert"
)

func TestEveryTierOfTheMachineHasALoop(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		k, ok := loops[tier]
		assert.True(t, ok, "%v", tier)
		k.run(1)
		k.run(10)
	}
	assert.Equal(t, 10*loops[cpu.Best()].flops, Turns(10))
}
