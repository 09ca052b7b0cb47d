package fourier

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// never is for plans that are made to the end.
func never() bool { return false }

// slowly is the sum that a plan computes.
func slowly(x []complex128, inverse bool) []complex128 {
	n := len(x)
	roots := make([]complex128, n)
	for k := range roots {
		if roots[k] = RootOfOne(k, n); inverse {
			roots[k] = cmplx.Conj(roots[k]) / complex(float64(n), 0)
		}
	}
	y := make([]complex128, n)
	for k := range y {
		for j, v := range x {
			y[k] += v * roots[j*k%n]
		}
	}
	return y
}

// matrix is rows x columns random complex numbers, as pairs of floats.
func matrix[F Float](rng *rand.Rand, rows, columns int) []F {
	x := make([]F, 2*rows*columns)
	for i := range x {
		x[i] = F(rng.NormFloat64())
	}
	return x
}

// line returns n numbers of x, from number first on, step apart.
func line[F Float](x []F, first, step, n int) []complex128 {
	v := make([]complex128, n)
	for i := range v {
		v[i] = complex(float64(x[2*(first+i*step)]), float64(x[2*(first+i*step)+1]))
	}
	return v
}

func epsilon[F Float]() float64 {
	if unsafe.Sizeof(F(0)) == 4 {
		return 0x1p-23
	}
	return 0x1p-52
}

// checkLine compares a transform with its truth: errors grow with the logarithm of the length, relative to the largest
// number. The truth is a plain sum, whose own errors grow with the length.
func checkLine[F Float](t *testing.T, got, x []complex128, inverse bool) {
	t.Helper()
	want, size := slowly(x, inverse), 0.0
	for _, v := range want {
		size = max(size, cmplx.Abs(v))
	}
	for k := range want {
		if !(cmplx.Abs(got[k]-want[k]) <= size*(epsilon[F]()*(2+math.Log2(float64(len(x))))+0x1p-53*float64(len(x)))) {
			t.Fatalf("length %d: element %d is %v, want %v", len(x), k, got[k], want[k])
		}
	}
}

var shortLengths = []int{1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 16, 20, 24, 25, 27, 30, 32, 36, 45, 48, 60, 64, 75, 81, 96, 100, 125, 128, 160, 192, 243, 256, 512}

func eachTier(t *testing.T, of func(t *testing.T, tier cpu.Tier)) {
	for _, tier := range cpu.Tiers() {
		t.Run(tier.String(), func(t *testing.T) { of(t, tier) })
	}
}

func TestShortTransforms(t *testing.T) {
	eachTier(t, func(t *testing.T, tier cpu.Tier) {
		checkShort[float32](t, tier)
		checkShort[float64](t, tier)
	})
}

func checkShort[F Float](t *testing.T, tier cpu.Tier) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range shortLengths {
		p := NewPlan[F](tier, n, never)
		require.True(t, p != nil && p.Short(), "length %d", n)
		memory := make([]byte, p.Scratch())
		for _, count := range []int{1, p.Lanes() - 1, p.Lanes()} {
			for _, inverse := range []bool{false, true} {
				columns, number := count+3, 2*p.k.size()
				x := matrix[F](rng, n, columns)
				z := make([]F, len(x))
				p.Columns(unsafe.Pointer(&z[2]), unsafe.Pointer(&x[2]), count, columns*number, inverse, memory)
				for c := range count {
					checkLine[F](t, line(z, 1+c, columns, n), line(x, 1+c, columns, n), inverse)
				}
				assert.Zero(t, z[0], "what is beside is left alone")
				assert.Zero(t, z[2*(count+1)])

				x = matrix[F](rng, count, n+2)
				z = make([]F, len(x))
				p.Rows(unsafe.Pointer(&z[2]), unsafe.Pointer(&x[2]), count, (n+1)*number, (n+2)*number, inverse, memory)
				for c := range count {
					checkLine[F](t, line(z, 1+c*(n+1), 1, n), line(x, 1+c*(n+2), 1, n), inverse)
				}
				assert.Zero(t, z[0])
			}
		}
	}
}

var longLengths = []int{128, 144, 162, 180, 225, 243, 256, 400, 640, 729, 1000, 1024, 2048}

// transform does a long transform in place.
func transform[F Float](p *Plan[F], x []F, inverse bool) {
	memory, between := make([]byte, p.LongScratch()), make([]byte, p.Between())
	first, second := p.Pieces()
	for i := range first {
		p.First(between, unsafe.Pointer(&x[0]), first-1-i, inverse, memory)
	}
	for i := range second {
		p.Second(unsafe.Pointer(&x[0]), between, second-1-i, inverse, memory)
	}
}

func TestLongTransforms(t *testing.T) {
	eachTier(t, func(t *testing.T, tier cpu.Tier) {
		checkLong[float32](t, tier)
		checkLong[float64](t, tier)
	})
}

func checkLong[F Float](t *testing.T, tier cpu.Tier) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, n := range longLengths {
		p := NewPlan[F](tier, n, never)
		require.NotNil(t, p, "length %d", n)
		if !p.Long() {
			continue
		}
		for _, inverse := range []bool{false, true} {
			x := matrix[F](rng, 1, n)
			want := line(x, 0, 1, n)
			transform(p, x, inverse)
			checkLine[F](t, line(x, 0, 1, n), want, inverse)
		}
	}
}

// A transform of a million elements and back, of which some are checked by their sums.
func TestALongerTransform(t *testing.T) {
	eachTier(t, func(t *testing.T, tier cpu.Tier) {
		const n = 1 << 20
		rng := rand.New(rand.NewPCG(5, 6))
		p := NewPlan[float32](tier, n, never)
		x := matrix[float32](rng, 1, n)
		y := append([]float32{}, x...)
		transform(p, y, false)
		for _, k := range []int{0, 1, 1023, 1024, 1025, n / 2, n/3 + 5, n - 1} {
			sum := complex128(0)
			for j, v := range line(x, 0, 1, n) {
				sum += v * RootOfOne(j*k%n, n)
			}
			got := complex(float64(y[2*k]), float64(y[2*k+1]))
			assert.LessOrEqual(t, cmplx.Abs(got-sum), 20*epsilon[float32]()*math.Sqrt(2*n), "element %d", k)
		}
		transform(p, y, true)
		for i := range x {
			if math.Abs(float64(y[i]-x[i])) > 1e-5 {
				t.Fatalf("number %d is %v, was %v", i, y[i], x[i])
			}
		}
	})
}

func TestLengthsWithoutAPlan(t *testing.T) {
	for _, n := range []int{7, 11, 14, 1009, 7 * 4096, 3 * 5 * 7 * 64} {
		assert.Nil(t, NewPlan[float32](cpu.Portable, n, never), "length %d", n)
	}
	assert.Nil(t, NewPlan[float64](cpu.Portable, 1<<25, never), "too long")
}

// Infinities and NaN of one transform do not reach its neighbours.
func TestLanesAreApart(t *testing.T) {
	eachTier(t, func(t *testing.T, tier cpu.Tier) {
		p := NewPlan[float32](tier, 48, never)
		x := matrix[float32](rand.New(rand.NewPCG(7, 8)), p.Lanes(), 48)
		x[2*48+5], x[3*2*48] = float32(math.Inf(1)), float32(math.NaN())
		z := make([]float32, len(x))
		p.Rows(unsafe.Pointer(&z[0]), unsafe.Pointer(&x[0]), p.Lanes(), 48*8, 48*8, false, make([]byte, p.Scratch()))
		for lane := range p.Lanes() {
			if lane == 1 || lane == 3 {
				assert.Falsef(t, cmplx.Abs(line(z, lane*48, 1, 48)[1]) < math.MaxFloat32, "lane %d", lane)
				continue
			}
			checkLine[float32](t, line(z, lane*48, 1, 48), line(x, lane*48, 1, 48), false)
		}
	})
}

func TestRootsOfOne(t *testing.T) {
	for _, c := range []struct {
		k, n int
		want complex128
	}{{0, 4, 1}, {1, 4, -1i}, {2, 4, -1}, {3, 4, 1i}, {0, 1, 1}, {6, 12, -1}, {9, 12, 1i}, {5, 10, -1}} {
		assert.Equal(t, c.want, RootOfOne(c.k, c.n), "root %d of %d", c.k, c.n)
	}
	for _, n := range []int{3, 7, 8, 12, 101} {
		for k := range n {
			if got, want := RootOfOne(k, n), cmplx.Conj(RootOfOne((n-k)%n, n)); cmplx.Abs(got-want) > 2e-16 {
				t.Errorf("root %d of %d is %v, its opposite %v", k, n, got, want)
			}
		}
	}
}

// FuzzTransforms compares the transforms of arbitrary numbers on every tier with those of plain Go.
func FuzzTransforms(f *testing.F) {
	f.Add(uint8(20), uint8(3), false, []byte("some numbers"))
	f.Add(uint8(33), uint8(16), true, []byte{0, 0, 128, 127, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, length, lanes uint8, inverse bool, data []byte) {
		n := shortLengths[int(length)%len(shortLengths)]
		for _, tier := range cpu.Tiers() {
			p := NewPlan[float32](tier, n, never)
			count := 1 + int(lanes)%p.Lanes()
			x := make([]float32, 2*n*count)
			for i := range x {
				if len(data) > 0 {
					x[i] = float32(int8(data[i%len(data)])) + float32(i%7)
				}
			}
			z := make([]float32, len(x))
			p.Columns(unsafe.Pointer(&z[0]), unsafe.Pointer(&x[0]), count, count*8, inverse, make([]byte, p.Scratch()))
			for c := range count {
				checkLine[float32](t, line(z, c, count, n), line(x, c, count, n), inverse)
			}
		}
	})
}

func TestTransformsAllocateNothing(t *testing.T) {
	for _, tier := range cpu.Tiers()[1:] {
		p := NewPlan[float32](tier, 1024, never)
		x := matrix[float32](rand.New(rand.NewPCG(1, 1)), p.Lanes(), 1024)
		memory, between, z := make([]byte, max(p.Scratch(), p.LongScratch())), make([]byte, p.Between()), unsafe.Pointer(&x[0])
		testenv.AllocatesAtMost(t, 0, func() {
			p.Rows(z, z, p.Lanes(), 8192, 8192, true, memory)
			p.Columns(z, z, p.Lanes(), 8*p.Lanes(), false, memory)
			p.First(between, z, 0, false, memory)
			p.Second(z, between, 0, true, memory)
		})
	}
}

func BenchmarkTransform(b *testing.B) {
	for _, n := range []int{1 << 10, 1000, 1 << 14, 1 << 20} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p, x := NewPlan[float32](cpu.Use(), n, never), matrix[float32](rand.New(rand.NewPCG(1, 1)), 1, n)
			z := make([]float32, len(x))
			memory, between := make([]byte, p.LongScratch()), make([]byte, p.Between())
			first, second := p.Pieces()
			for b.Loop() {
				for i := range first {
					p.First(between, unsafe.Pointer(&x[0]), i, false, memory)
				}
				for i := range second {
					p.Second(unsafe.Pointer(&z[0]), between, i, false, memory)
				}
			}
		})
	}
}
