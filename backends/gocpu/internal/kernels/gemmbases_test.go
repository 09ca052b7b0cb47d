package kernels

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestSameBases compares with what its comment says, for bases that rise, are equal, fall and come again.
func TestSameBases(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		bases := make([]int, rng.IntN(12))
		for i := range bases {
			if bases[i] = rng.IntN(6); i > 0 && rng.IntN(3) > 0 {
				bases[i] = bases[i-1] + rng.IntN(2)
			}
		}
		which, different := sameBases(bases)
		seen := map[int]int{}
		var want []int
		for g, base := range bases {
			if _, ok := seen[base]; !ok {
				seen[base] = len(want)
				want = append(want, g)
			}
			assert.Equal(t, seen[base], which[g], "%v", bases)
		}
		assert.Len(t, which, len(bases))
		assert.ElementsMatch(t, want, different, "%v", bases)
		assert.IsNonDecreasing(t, append([]int{-1}, different...))
	}
}
