package kernels

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
)

// transformSlowly is the sum that a plan computes.
func transformSlowly(x []complex128) []complex128 {
	n := len(x)
	y := make([]complex128, n)
	for k := range y {
		for j, v := range x {
			y[k] += v * rootOfOne(j*k%n, n)
		}
	}
	return y
}

func randomComplex(rng *rand.Rand, n int) []complex128 {
	x := make([]complex128, n)
	for i := range x {
		x[i] = complex(rng.NormFloat64(), rng.NormFloat64())
	}
	return x
}

func TestTransformsOfEveryLength(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	lengths := []int{256, 243, 625, 343, 1000, 1009, 1024, 29 * 31, 2 * 509}
	for n := 1; n <= 130; n++ {
		lengths = append(lengths, n)
	}
	for _, n := range lengths {
		p, x := NewFourier(n, never), randomComplex(rng, n)
		want := transformSlowly(x)
		p.Transform(x, make([]complex128, p.Scratch()), never)
		for k := range x {
			if cmplx.Abs(x[k]-want[k]) > 1e-14*float64(n) {
				t.Fatalf("length %d: element %d is %v, want %v", n, k, x[k], want[k])
			}
		}
	}
}

func TestRootsOfOne(t *testing.T) {
	for _, c := range []struct {
		k, n int
		want complex128
	}{{0, 4, 1}, {1, 4, -1i}, {2, 4, -1}, {3, 4, 1i}, {0, 1, 1}, {6, 12, -1}, {9, 12, 1i}, {5, 10, -1}} {
		if got := rootOfOne(c.k, c.n); got != c.want {
			t.Errorf("root %d of %d is %v, want %v", c.k, c.n, got, c.want)
		}
	}
	for _, n := range []int{3, 7, 8, 12, 101} {
		for k := range n {
			if got, want := rootOfOne(k, n), cmplx.Conj(rootOfOne((n-k)%n, n)); cmplx.Abs(got-want) > 2e-16 {
				t.Errorf("root %d of %d is %v, its opposite %v", k, n, got, want)
			}
		}
	}
}

func BenchmarkFourier(b *testing.B) {
	for _, n := range []int{1024, 1000, 1009} {
		p, x := NewFourier(n, never), randomComplex(rand.New(rand.NewPCG(3, 4)), n)
		scratch, y := make([]complex128, p.Scratch()), make([]complex128, n)
		b.Run(map[int]string{1024: "power of two", 1000: "small factors", 1009: "prime"}[n], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				copy(y, x)
				p.Transform(y, scratch, never)
			}
		})
	}
}

func TestRealTransforms(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	wide := complexType(func(x complex128) complex128 { return x }, func(x complex128) complex128 { return x })
	single := complexType(func(x float64) complex128 { return complex(x, 0) }, func(x complex128) float64 { return real(x) })
	for n := 1; n <= 70; n++ {
		const batch = 3
		x, whole := make([]float64, batch*n), make([]complex128, n)
		for i := range x {
			x[i] = rng.NormFloat64()
		}
		m := n/2 + 1
		y, back := make([]complex128, batch*m), make([]float64, batch*n)
		f, scratch := FFT(single, wide, []int{batch, n}, []int{batch, m}, []int{1}, false, 2, never)
		run(f, scratch, 2, Bytes(y), Bytes(x))
		g, scratch := FFT(wide, single, []int{batch, m}, []int{batch, n}, []int{1}, true, 2, never)
		run(g, scratch, 2, Bytes(back), Bytes(y))
		for b := range batch {
			for j := range whole {
				whole[j] = complex(x[b*n+j], 0)
			}
			want := transformSlowly(whole)
			for k := range m {
				if cmplx.Abs(y[b*m+k]-want[k]) > 1e-13*float64(n) {
					t.Fatalf("length %d: element %d is %v, want %v", n, k, y[b*m+k], want[k])
				}
			}
			for j := range n {
				if math.Abs(back[b*n+j]-x[b*n+j]) > 1e-13 {
					t.Fatalf("length %d: element %d comes back as %v, was %v", n, j, back[b*n+j], x[b*n+j])
				}
			}
		}
	}
}

func never() bool { return false }

// A transform of one lane, and its plan, may be all that a call or compilation does: they end when it does.
func TestATransformEndsEarly(t *testing.T) {
	const n = 131_101 // a prime number, which is convolved over 2¹⁸
	looks := 0
	count := func(end bool) func() bool { return func() bool { looks++; return end } }
	x := make([]complex128, n)
	p := NewFourier(n, count(false))
	if looks < 16 {
		t.Errorf("a plan looks %d times whether to end", looks)
	}
	looks = 0
	if NewFourier(n, count(true)); looks > 3 {
		t.Errorf("a plan looks %d times after it was told to end", looks)
	}
	looks = 0
	if p.Transform(x, make([]complex128, p.Scratch()), count(false)); looks < 16 {
		t.Errorf("a transform looks %d times whether to end", looks)
	}
	looks = 0
	if p.Transform(x, make([]complex128, p.Scratch()), count(true)); looks > 2 {
		t.Errorf("a transform looks %d times after it was told to end", looks)
	}
}
