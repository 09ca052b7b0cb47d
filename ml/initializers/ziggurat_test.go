package initializers

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNormalsAreThoseOfRand: models keep their first values, whatever draws them. Four million draws see every strip from both
// sides of its edge, and the tail.
func TestNormalsAreThoseOfRand(t *testing.T) {
	for _, stddev := range []float64{1, 0.03} {
		ours, theirs := rand.New(rand.NewPCG(3, 4)), rand.New(rand.NewPCG(3, 4))
		out := make([]float64, 1<<12)
		for range 1 << 10 {
			scaledNormals(ours, out, stddev)
			for i, x := range out {
				if want := stddev * theirs.NormFloat64(); x != want {
					require.Equal(t, want, x, "element %d", i)
				}
			}
		}
		require.Equal(t, theirs.Uint64(), ours.Uint64(), "the stream goes on alike")
	}
}

func BenchmarkNormals(b *testing.B) {
	out := make([]float64, 1<<16)
	r := rand.New(rand.NewChaCha8([32]byte{}))
	for b.Loop() {
		scaledNormals(r, out, 0.1)
	}
}
