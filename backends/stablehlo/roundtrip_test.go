package stablehlo_test

import (
	"testing"

	"github.com/quire-ml/quire/graph/graphtest"

	"github.com/stretchr/testify/assert"
)

// TestConformanceThroughText checks every row of the table of ops on programs that were written and read back.
func TestConformanceThroughText(t *testing.T) { graphtest.Conform(t, newThroughText) }

// TestRandomProgramsThroughText compares random programs that were written and read back with the reference.
func TestRandomProgramsThroughText(t *testing.T) {
	b := newThroughText()
	defer b.Close()
	seeds := uint64(40)
	if testing.Short() {
		seeds = 8
	}
	for seed := range seeds {
		assert.NoError(t, graphtest.CompareRandom(b, seed, 12, seed%2 == 0))
	}
}
