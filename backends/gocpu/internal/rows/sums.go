package rows

import "github.com/quire-ml/quire/backends/gocpu/internal/cpu"

// summers are running sums in assembly, of n numbers, a multiple of block.
type summers struct {
	along func(sum *float64, z, x *float32, n int)
	down  func(sums *float64, z, x *float32, n int)
	block int
}

// SumsAlong returns the function of a tier that adds the numbers of x, one after the other, to a sum and writes what it is after each to
// z, rounded. z may be x. Sums of neighbouring numbers may be added together.
func SumsAlong(t cpu.Tier) func(sum *float64, z, x []float32) {
	s := summersOf(t)
	if s.along == nil {
		return sumsAlong
	}
	return func(sum *float64, z, x []float32) {
		n := len(x) / s.block * s.block
		_ = z[:len(x)]
		for from := 0; from < n; from += longest {
			s.along(sum, &z[from], &x[from], min(n-from, longest))
		}
		sumsAlong(sum, z[n:], x[n:])
	}
}

// sumsAlong is SumsAlong in plain Go.
func sumsAlong(to *float64, z, x []float32) {
	sum := *to
	for len(x) >= 4 && len(z) >= 4 { // one addition after the other for four elements
		a, b, c, d := float64(x[0]), float64(x[1]), float64(x[2]), float64(x[3])
		b += a
		d += c
		z[0], z[1], z[2] = float32(sum+a), float32(sum+b), float32(sum+(b+c))
		sum += b + d
		z[3] = float32(sum)
		x, z = x[4:], z[4:]
	}
	for i, v := range x {
		sum += float64(v)
		z[i] = float32(sum)
	}
	*to = sum
}

// SumsDown returns the function of a tier that adds each number of a row x to the sum at its place, and writes these to z, rounded.
// z may be x.
func SumsDown(t cpu.Tier) func(sums []float64, z, x []float32) {
	s := summersOf(t)
	if s.down == nil {
		return sumsDown
	}
	return func(sums []float64, z, x []float32) {
		n := len(sums) / s.block * s.block
		_, _ = z[:len(sums)], x[:len(sums)]
		for from := 0; from < n; from += longest {
			s.down(&sums[from], &z[from], &x[from], min(n-from, longest))
		}
		sumsDown(sums[n:], z[n:], x[n:])
	}
}

// sumsDown is SumsDown in plain Go.
func sumsDown(sums []float64, z, x []float32) {
	z = z[:len(sums)]
	for i, v := range x[:len(sums)] {
		s := sums[i] + float64(v)
		sums[i], z[i] = s, float32(s)
	}
}
