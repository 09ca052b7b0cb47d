package kernels

import (
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/fourier"
)

// Fourier is the plan of a discrete Fourier transform of one length: y[k] = Σ_j x[j]·exp(-2πi·j·k/n). Lengths whose
// prime factors are small are taken apart by them; others become a convolution, whose length is a power of two. Both
// take O(n log n). A plan is not changed by use.
type Fourier struct {
	n      int
	radix  []int        // factors of n
	root   []complex128 // exp(-2πi·k/n)
	chirp  []complex128 // exp(-πi·k²/n), if n is convolved
	filter []complex128 // the transform of its conjugates, over the length of inner
	inner  *Fourier
	fast   *fourier.Plan[float64] // in place of roots, if there is one and it is worth it
}

// largestRadix is the largest prime factor by which a transform is taken apart: it costs the radix per element, while
// a convolution costs two transforms of about three times the length.
const largestRadix = 23

// often is after how many elements, of some ten nanoseconds each, long work of one piece looks whether it may end early.
const often = 1 << 16

// NewFourier returns the plan for n elements, at least one, in the instructions of a tier; one that is good for nothing once ended
// reports true.
func NewFourier(tier cpu.Tier, n int, ended func() bool) *Fourier {
	p := &Fourier{n: n}
	if fourier.Native(tier) {
		if fast := fourier.NewPlan[float64](tier, n, ended); fast != nil && fast.Long() {
			p.fast = fast
			return p
		}
	}
	rest := n
	for _, r := range []int{4, 2, 3, 5, 7, 11, 13, 17, 19, largestRadix} {
		for ; rest%r == 0; rest /= r {
			p.radix = append(p.radix, r)
		}
	}
	if rest > 1 {
		p.convolve(tier, ended)
		return p
	}
	p.root = make([]complex128, n)
	for k := range p.root {
		if k%often == 0 && ended() {
			break
		}
		p.root[k] = fourier.RootOfOne(k, n)
	}
	return p
}

// convolve makes the plan of Bluestein's method: with j·k = (j² + k² - (k-j)²)/2,
//
//	y[k] = c[k] · Σ_j (x[j]·c[j]) · conj(c[k-j])    where c[k] = exp(-πi·k²/n)
//
// Source: Bluestein, "A linear filtering approach to the computation of discrete Fourier transform", 1970.
func (p *Fourier) convolve(tier cpu.Tier, ended func() bool) {
	n, m := p.n, 1
	for m < 2*n-1 {
		m *= 2
	}
	p.inner = NewFourier(tier, m, ended)
	p.chirp, p.filter = make([]complex128, n), make([]complex128, m)
	square := 0 // k² modulo 2n, which k² itself may overflow
	for k := range p.chirp {
		if k%often == 0 && ended() {
			break
		}
		p.chirp[k] = fourier.RootOfOne(square, 2*n)
		p.filter[k] = conj(p.chirp[k])
		p.filter[(m-k)%m] = p.filter[k]
		square = (square + 2*k + 1) % (2 * n)
	}
	p.inner.Transform(p.filter, make([]complex128, p.inner.Scratch()), ended)
	for i := range p.filter {
		p.filter[i] /= complex(float64(m), 0)
	}
}

func conj(x complex128) complex128 { return complex(real(x), -imag(x)) }

// Scratch returns how many elements of memory Transform needs.
func (p *Fourier) Scratch() int {
	switch {
	case p.fast != nil:
		return (Aligned(p.fast.Between()) + Aligned(p.fast.LongScratch())) / complexSize
	case p.inner != nil:
		return len(p.filter) + p.inner.Scratch()
	}
	return p.n
}

// Transform replaces x, of the plan's length, by its transform, or by anything once ended reports true.
func (p *Fourier) Transform(x, scratch []complex128, ended func() bool) {
	switch {
	case p.fast != nil:
		p.onVectors(x, scratch, ended)
		return
	case p.inner == nil:
		p.apart(x, scratch, ended)
		return
	}
	v, rest := scratch[:len(p.filter)], scratch[len(p.filter):]
	for i, c := range p.chirp {
		v[i] = x[i] * c
	}
	clear(v[p.n:])
	p.inner.Transform(v, rest, ended)
	for i, f := range p.filter { // the inverse is the conjugate of the transform of conjugates
		v[i] = conj(v[i] * f)
	}
	p.inner.Transform(v, rest, ended)
	for i, c := range p.chirp {
		x[i] = conj(v[i]) * c
	}
}

// onVectors is the transform by the fast plan.
func (p *Fourier) onVectors(x, scratch []complex128, ended func() bool) {
	between := Aligned(p.fast.Between()) / complexSize
	shared, own := Bytes(scratch[:between]), Bytes(scratch[between:][:Aligned(p.fast.LongScratch())/complexSize])
	first, second := p.fast.Pieces()
	for i := range first {
		if ended() {
			return
		}
		p.fast.First(shared, unsafe.Pointer(&x[0]), i, false, own)
	}
	for i := range second {
		if ended() {
			return
		}
		p.fast.Second(unsafe.Pointer(&x[0]), shared, i, false, own)
	}
}

// apart takes a transform of length n·s, in s interleaved parts, apart by a factor r of n after the other. With m = n/r
//
//	y[r·k + j] = Σ_p (Σ_q x[p + m·q]·exp(-2πi·q·j/r)) · exp(-2πi·p·j/n) · exp(-2πi·p·k/m)
//
// the inner sum is done here, and the outer one is a transform of length m in r times as many parts.
//
// Source: Stockham's ordering, Cochran et al., "What is the fast Fourier transform?", 1967.
func (p *Fourier) apart(x, scratch []complex128, ended func() bool) {
	from, to := x, scratch[:p.n]
	n, s := p.n, 1
	for _, r := range p.radix {
		if ended() {
			return
		}
		m, passed := n/r, 0
		for at := range m {
			if passed += s * r; passed > often {
				if passed = 0; ended() {
					return
				}
			}
			block, w := to[s*r*at:][:s*r], s*at // root[w·j] = exp(-2πi·at·j/n)
			switch r {
			case 2:
				p.two(from[s*at:], block, s, s*m, p.root[w])
			case 3:
				p.three(from[s*at:], block, s, s*m, p.root[w], p.root[2*w])
			case 4:
				p.four(from[s*at:], block, s, s*m, p.root[w], p.root[2*w], p.root[3*w])
			case 5:
				p.five(from[s*at:], block, s, s*m, w)
			default:
				p.any(from[s*at:], block, r, s, s*m, w)
			}
		}
		n, s = m, s*r
		from, to = to, from
	}
	if len(p.radix)%2 == 1 {
		copy(x, from)
	}
}

// two is a step for the factor 2: elements that are gap apart are joined, s at a time.
func (p *Fourier) two(x, y []complex128, s, gap int, w complex128) {
	x0, x1 := x[:s], x[gap:][:s]
	y0, y1 := y[:s], y[s:][:s]
	for i, a := range x0 {
		b := x1[i]
		y0[i], y1[i] = a+b, (a-b)*w
	}
}

func (p *Fourier) three(x, y []complex128, s, gap int, w1, w2 complex128) {
	const half, root = 0.5, 0.86602540378443864676 // √3/2
	x0, x1, x2 := x[:s], x[gap:][:s], x[2*gap:][:s]
	y0, y1, y2 := y[:s], y[s:][:s], y[2*s:][:s]
	for i, a := range x0 {
		b, c := x1[i], x2[i]
		sum, diff := b+c, b-c
		mid := complex(real(a)-half*real(sum), imag(a)-half*imag(sum))
		turned := complex(root*imag(diff), -root*real(diff)) // -i·√3/2·(b-c)
		y0[i], y1[i], y2[i] = a+sum, (mid+turned)*w1, (mid-turned)*w2
	}
}

func (p *Fourier) four(x, y []complex128, s, gap int, w1, w2, w3 complex128) {
	x0, x1, x2, x3 := x[:s], x[gap:][:s], x[2*gap:][:s], x[3*gap:][:s]
	y0, y1, y2, y3 := y[:s], y[s:][:s], y[2*s:][:s], y[3*s:][:s]
	for i, a := range x0 {
		b, c, d := x1[i], x2[i], x3[i]
		even, odd := a+c, b+d
		evenDiff, diff := a-c, b-d
		oddDiff := complex(imag(diff), -real(diff)) // -i·(b-d)
		y0[i], y1[i] = even+odd, (evenDiff+oddDiff)*w1
		y2[i], y3[i] = (even-odd)*w2, (evenDiff-oddDiff)*w3
	}
}

func (p *Fourier) five(x, y []complex128, s, gap, w int) {
	const (
		cos1, cos2 = 0.30901699437494742410, -0.80901699437494742410 // of 2π/5 and 4π/5
		sin1, sin2 = 0.95105651629515357212, 0.58778525229247312917
	)
	w1, w2, w3, w4 := p.root[w], p.root[2*w], p.root[3*w], p.root[4*w]
	x0, x1, x2, x3, x4 := x[:s], x[gap:][:s], x[2*gap:][:s], x[3*gap:][:s], x[4*gap:][:s]
	y0, y1, y2, y3, y4 := y[:s], y[s:][:s], y[2*s:][:s], y[3*s:][:s], y[4*s:][:s]
	for i, a := range x0 {
		outer, inner := x1[i]+x4[i], x2[i]+x3[i]
		outerDiff, innerDiff := x1[i]-x4[i], x2[i]-x3[i]
		a1 := complex(real(a)+cos1*real(outer)+cos2*real(inner), imag(a)+cos1*imag(outer)+cos2*imag(inner))
		a2 := complex(real(a)+cos2*real(outer)+cos1*real(inner), imag(a)+cos2*imag(outer)+cos1*imag(inner))
		b1 := complex(sin1*imag(outerDiff)+sin2*imag(innerDiff), -sin1*real(outerDiff)-sin2*real(innerDiff)) // times -i
		b2 := complex(sin2*imag(outerDiff)-sin1*imag(innerDiff), sin1*real(innerDiff)-sin2*real(outerDiff))
		y0[i] = a + outer + inner
		y1[i], y4[i] = (a1+b1)*w1, (a1-b1)*w4
		y2[i], y3[i] = (a2+b2)*w2, (a2-b2)*w3
	}
}

// any is a step for any factor r, by the sum itself.
func (p *Fourier) any(x, y []complex128, r, s, gap, w int) {
	step := p.n / r // root[step·k] = exp(-2πi·k/r)
	for j := range r {
		turn := p.root[w*j]
		for i, out := 0, y[s*j:][:s]; i < s; i++ {
			sum, k := x[i], 0
			for q := 1; q < r; q++ {
				if k += j * step; k >= p.n {
					k -= p.n
				}
				sum += x[q*gap+i] * p.root[k]
			}
			out[i] = sum * turn
		}
	}
}
