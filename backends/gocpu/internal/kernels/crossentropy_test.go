package kernels

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/columns"
	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/graph/dtypes"

	"github.com/stretchr/testify/require"
)

// crossEntropies compares cross-entropies of rows and their gradients on vectors with those in float64.
func crossEntropies[T columns.Number](t *testing.T, n narrow[T]) {
	onTiers(t, n, func(t *testing.T, tier cpu.Tier, x []T, dims, axes []int) {
		cols := dims[len(dims)-1]
		rows := len(x) / cols
		rng := rand.New(rand.NewPCG(uint64(rows), uint64(cols)))
		classes, shares, dy := make([]int16, rows), make([]T, len(x)), make([]T, rows)
		for i := range classes {
			classes[i], dy[i] = int16(rng.IntN(cols+2)-1), n.of(rng.NormFloat64())
		}
		for i := range shares {
			if i%3 > 0 {
				shares[i] = n.of(rng.Float64())
			}
		}
		for d, labels := range map[dtypes.DType][]byte{dtypes.Int16: Bytes(classes), n.dtype: Bytes(shares)} {
			for _, gradient := range []bool{false, true} {
				results := rows
				if gradient {
					results = len(x)
				}
				var z [3][]T
				for i, c := range []struct {
					tier    cpu.Tier
					workers int
				}{{cpu.Portable, 1}, {tier, 1}, {tier, 2}} {
					z[i] = make([]T, results)
					f, scratch := CrossEntropy(c.tier, n.dtype, d, rows, cols, gradient, c.workers)
					run(f, scratch, c.workers, Bytes(z[i]), Bytes(x), labels, Bytes(dy))
				}
				nearEnough(t, n, z[1], z[0], x, cols, d, gradient)
				require.Equal(t, Bytes(z[1]), Bytes(z[2]), "%v: two workers have other bits", dims)
			}
		}
	})
}

// nearEnough fails unless got is as near to want as a float32 of the size of its row's logits, or of 1, shows.
func nearEnough[T columns.Number](t *testing.T, n narrow[T], got, want, x []T, cols int, labels dtypes.DType, gradient bool) {
	t.Helper()
	per := 1
	if gradient {
		per = cols
	}
	for i := range want {
		g, w := n.wide(got[i]), n.wide(want[i])
		if g == w || g != g && w != w {
			continue
		}
		size := max(1, math.Abs(w))
		for _, v := range x[i/per*cols:][:cols] {
			if a := math.Abs(n.wide(v)); !gradient && a < math.Inf(1) {
				size = max(size, a)
			}
		}
		if !gradient && labels == n.dtype { // a sum over the row
			size *= float64(cols)
		}
		require.LessOrEqual(t, math.Abs(g-w), (8*dtypes.Epsilon(dtypes.Float32)+dtypes.Epsilon(n.dtype))*size, "element %d: %v, want %v, labels %s", i, g, w, labels)
	}
}

func TestCrossEntropyOnVectors(t *testing.T) {
	crossEntropies(t, narrow32)
	crossEntropies(t, narrowB16)
	crossEntropies(t, narrowF16)
}
