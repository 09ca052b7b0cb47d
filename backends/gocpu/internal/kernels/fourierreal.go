package kernels

import (
	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/fourier"
)

// realVectors is a pass over the last axis between real numbers and the half of their transform, on vectors: rows of an even
// length n are complex rows of half of it. See [fourierPass.ofReal] for the mathematics.
type realVectors[F fourier.Float] struct {
	h     int // half of the length
	roots []F // exp(-2πi·k/n) for k ≤ n/4
	at    fourierPlace
}

// realOnVectors returns the pass over rows of n real numbers, or back with inverse, and its scratch memory; nil where there is
// no plan.
func realOnVectors[F fourier.Float](tier cpu.Tier, rows, n int, inverse bool, workers int, at fourierPlace, ended func() bool) (Func, int) {
	if n%2 != 0 {
		return nil, 0
	}
	p := &realVectors[F]{h: n / 2, at: at}
	within := at
	if inverse { // the halves are made in the result, and stay there
		within = func(a *Args) (y, x, memory []byte) {
			y, _, memory = at(a)
			return y, y, memory
		}
	}
	c, scratch := complexRows[F](tier, rows, p.h, inverse, workers, within, ended)
	if c == nil {
		return nil, 0
	}
	for k := range p.h/2 + 1 {
		w := fourier.RootOfOne(k, n)
		p.roots = append(p.roots, F(real(w)), F(imag(w)))
	}
	grain := max(1, 1<<14/n)
	if inverse {
		return func(a *Args) {
			a.For(rows, grain, p.join)
			c(a)
		}, scratch
	}
	return func(a *Args) {
		c(a)
		a.For(rows, grain, p.part)
	}, scratch
}

// part makes the first half of each row's transform, and one more element, of the transform of its even and odd elements.
func (p *realVectors[F]) part(a *Args, _, lo, hi int) {
	y, _, _ := p.at(a)
	h := p.h
	for i := lo; i < hi && !a.Ended(); i++ {
		v := Of[F](y)[2*(h+1)*i:][:2*(h+1)]
		v[2*h], v[2*h+1] = v[0], v[1]
		for k := 0; k <= h-k; k++ {
			m := h - k
			aRe, aIm, bRe, bIm := v[2*k], v[2*k+1], v[2*m], -v[2*m+1]
			evenRe, evenIm := (aRe+bRe)/2, (aIm+bIm)/2
			diffRe, diffIm := (aIm-bIm)/2, (bRe-aRe)/2 // of (a-b)/2i
			c, s := p.roots[2*k], p.roots[2*k+1]
			oddRe, oddIm := diffRe*c-diffIm*s, diffRe*s+diffIm*c
			v[2*k], v[2*k+1] = evenRe+oddRe, evenIm+oddIm
			v[2*m], v[2*m+1] = evenRe-oddRe, oddIm-evenIm
		}
	}
}

// join undoes part.
func (p *realVectors[F]) join(a *Args, _, lo, hi int) {
	y, x, _ := p.at(a)
	h := p.h
	for i := lo; i < hi && !a.Ended(); i++ {
		z, v := Of[F](y)[2*h*i:][:2*h], Of[F](x)[2*(h+1)*i:][:2*(h+1)]
		for k := 0; k <= h-k; k++ {
			m := h - k
			aRe, aIm, bRe, bIm := v[2*k], v[2*k+1], v[2*m], -v[2*m+1]
			if k == 0 { // the conjugates of themselves
				aIm, bIm = 0, 0
			}
			evenRe, evenIm := (aRe+bRe)/2, (aIm+bIm)/2
			diffRe, diffIm := (aRe-bRe)/2, (aIm-bIm)/2
			c, s := p.roots[2*k], -p.roots[2*k+1]
			oddRe, oddIm := diffRe*c-diffIm*s, diffRe*s+diffIm*c
			z[2*k], z[2*k+1] = evenRe-oddIm, evenIm+oddRe
			if k > 0 {
				z[2*m], z[2*m+1] = evenRe+oddIm, oddRe-evenIm
			}
		}
	}
}
