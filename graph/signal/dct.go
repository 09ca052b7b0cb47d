package signal

import (
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/internal/axes"
)

// DCT returns the discrete cosine transform of x along an axis of n elements, of one of four types:
//
//	I    y[k] = x[0] + (-1)^k·x[n-1] + 2·Σ_{0<j<n-1} x[j]·cos(πkj/(n-1)),  n ≥ 2
//	II   y[k] = 2·Σ_j x[j]·cos(πk(2j+1)/(2n))
//	III  y[k] = x[0] + 2·Σ_{j>0} x[j]·cos(π(2k+1)j/(2n))
//	IV   y[k] = 2·Σ_j x[j]·cos(π(2k+1)(2j+1)/(4n))
//
// The second, which is kind 2, is the one that is called the DCT. An orthonormal transform is scaled by 1/√(2n), type I by 1/√(2(n-1)), and the
// elements above that stand without a 2, or would in the inverse, by a further √2 or 1/√2, so that its matrix is orthogonal. The result has x's
// shape and dtype, float32 or float64. It takes O(n log n). It is SciPy's dct, with norm="ortho" for orthonormal.
func DCT(x *graph.Node, kind, axis int, orthonormal bool) *graph.Node {
	return alongAxis("DCT", x, kind, axis, func(x *graph.Node) *graph.Node { return cosineTransform(x, kind, orthonormal) })
}

// InverseDCT is the inverse of [DCT] with the same arguments. Types I and IV are their own but for a factor; II and III are each other's. It is
// SciPy's idct.
func InverseDCT(x *graph.Node, kind, axis int, orthonormal bool) *graph.Node {
	return alongAxis("InverseDCT", x, kind, axis, func(x *graph.Node) *graph.Node {
		n := x.Dim(-1)
		inverse := map[int]int{1: 1, 2: 3, 3: 2, 4: 4}[kind]
		y := cosineTransform(x, inverse, orthonormal)
		switch {
		case orthonormal:
			return y
		case kind == 1:
			return graph.DivScalar(y, float64(2*(n-1)))
		}
		return graph.DivScalar(y, float64(2*n))
	})
}

func alongAxis(op string, x *graph.Node, kind, axis int, fn func(x *graph.Node) *graph.Node) *graph.Node {
	x = need(op, x, reals)
	a := graph.MustAdjustAxis(axis, x)
	switch n := x.Dim(a); {
	case kind < 1 || kind > 4:
		graph.Errorf("signal.%s %s: there is no cosine transform of type %d: want 1 to 4 (2 is the usual one)", op, x.Shape(), kind)
	case n < 1 || n == 1 && kind == 1:
		graph.Errorf("signal.%s %s: axis %d has %d elements, too few for a cosine transform of type %d", op, x.Shape(), a, n, kind)
	case n > most:
		graph.Errorf("signal.%s %s: axis %d has %d elements: want %d at most", op, x.Shape(), a, n, most)
	}
	return axes.Moved(fn(axes.Moved(x, a, x.Rank()-1)), x.Rank()-1, a)
}

// cosineTransform transforms the last axis: a Fourier transform of x continued as the cosines are, even about its ends.
func cosineTransform(x *graph.Node, kind int, orthonormal bool) *graph.Node {
	n := x.Dim(-1)
	size, end := float64(2*n), 0.0 // the scale of a transform is 1/√size; end is that of the elements at the ends of type I
	if kind == 1 {
		size, end = float64(2*(n-1)), 1
	}
	ends := func(x *graph.Node, by float64) *graph.Node { // scales the first element, of type I the last too
		s := make([]float64, n)
		for j := range s {
			if s[j] = 1; j == 0 || end == 1 && j == n-1 {
				s[j] = by
			}
		}
		return graph.Mul(x, graph.ConstAs(x, s))
	}
	if orthonormal && (kind == 1 || kind == 3) { // which have elements without a 2
		x = ends(x, math.Sqrt2)
	}
	var y *graph.Node
	switch kind {
	case 1: // 0 1 … n-1 n-2 … 1
		y = x
		if n > 2 {
			y = graph.Concatenate([]*graph.Node{x, graph.Reverse(part(x, 1, n-1), -1)}, -1)
		}
		y = part(graph.Real(graph.RealFFT(y)), 0, n)
	case 2: // 0 1 … n-1 n-1 … 0, of which the middle of the first two is 0
		f := part(graph.RealFFT(graph.Concatenate([]*graph.Node{x, graph.Reverse(x, -1)}, -1)), 0, n)
		y = graph.Real(graph.Mul(f, turned(f, n, func(k float64) float64 { return -k / (2 * float64(n)) })))
	case 3:
		f := toComplex(x)
		f = graph.Mul(f, turned(f, n, func(j float64) float64 { return j / (2 * float64(n)) }))
		y = part(graph.InverseRealFFT(padLast(f, 0, 1), 2*n), 0, n)
		y = graph.MulScalar(y, float64(2*n))
	case 4: // (2k+1)(2j+1) = 4kj + 2j + 2k + 1
		f := toComplex(x)
		f = graph.Mul(f, turned(f, n, func(j float64) float64 { return -j / (2 * float64(n)) }))
		f = part(graph.FFT(padLast(f, 0, n)), 0, n)
		f = graph.Mul(f, turned(f, n, func(k float64) float64 { return -(2*k + 1) / (4 * float64(n)) }))
		y = graph.MulScalar(graph.Real(f), 2)
	}
	if !orthonormal {
		return y
	}
	if kind == 1 || kind == 2 {
		y = ends(y, 1/math.Sqrt2)
	}
	return graph.DivScalar(y, math.Sqrt(size))
}

// turned returns exp(iπ·by(k)) for k = 0 … n-1, in x's dtype.
func turned(x *graph.Node, n int, by func(k float64) float64) *graph.Node {
	z := make([]complex128, n)
	for k := range z {
		sin, cos := math.Sincos(math.Pi * by(float64(k)))
		z[k] = complex(cos, sin)
	}
	return graph.ConstAs(x, z)
}
