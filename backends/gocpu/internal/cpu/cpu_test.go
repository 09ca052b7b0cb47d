package cpu

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryTierOfTheMachineCanBeAskedFor(t *testing.T) {
	for _, want := range Tiers() {
		got, has, err := choose(Best(), features, want.String())
		require.NoError(t, err)
		assert.Equal(t, want, got)
		assert.False(t, has.AMX, "a tier is named without AMX")
		if want != Best() {
			assert.Equal(t, Features{}, has)
		}
	}
	got, has, err := choose(Best(), features, "")
	require.NoError(t, err)
	assert.Equal(t, Best(), got)
	assert.Equal(t, features, has)
}

func TestAMXIsTheBestTierAndMore(t *testing.T) {
	machine := Features{VNNI: true, AMX: true}
	for _, want := range []string{"", "amx", "AMX"} {
		got, has, err := choose(Best(), machine, want)
		require.NoError(t, err)
		assert.Equal(t, Best(), got)
		assert.Equal(t, machine, has)
	}
	got, has, err := choose(Best(), machine, Best().String())
	require.NoError(t, err)
	assert.Equal(t, Best(), got)
	assert.Equal(t, Features{VNNI: true}, has)
	_, _, err = choose(Best(), Features{}, "amx")
	assert.ErrorContains(t, err, `QUIRE_CPU="amx": this machine has the tiers portable`)
}

func TestATierThatIsNotThereIsAnError(t *testing.T) {
	got, _, err := choose(Best(), features, "sse9")
	assert.Equal(t, Best(), got)
	assert.ErrorContains(t, err, `QUIRE_CPU="sse9": this machine has the tiers portable`)
}
