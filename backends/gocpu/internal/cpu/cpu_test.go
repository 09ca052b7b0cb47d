package cpu

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryTierOfTheMachineCanBeAskedFor(t *testing.T) {
	for _, want := range Tiers() {
		got, err := choose(Best(), want.String())
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	got, err := choose(Best(), "")
	require.NoError(t, err)
	assert.Equal(t, Best(), got)
}

func TestATierThatIsNotThereIsAnError(t *testing.T) {
	got, err := choose(Best(), "sse9")
	assert.Equal(t, Best(), got)
	assert.ErrorContains(t, err, `QUIRE_CPU="sse9": this machine has the tiers portable`)
}
