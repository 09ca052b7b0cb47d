package signal

import (
	"math"
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
)

// FFTN returns the discrete Fourier transform of x over the given axes, any number of them; over all axes if none are given:
//
//	y[…, k1, …, k2, …] = Σ_j1 Σ_j2 … x[…, j1, …, j2, …] · exp(-2πi · (j1·k1/n1 + j2·k2/n2 + …))
//
// The result has x's shape and is complex; a real x is converted. It is NumPy's fftn. See [RealFFTN] for half of the work where x is real.
func FFTN(x *graph.Node, axes ...int) *graph.Node { return transform("FFTN", x, axes, graph.FFT) }

// InverseFFTN is the inverse of [FFTN]: it has exp(2πi · …) in place of exp(-2πi · …) and divides by the number of elements transformed.
func InverseFFTN(x *graph.Node, axes ...int) *graph.Node {
	return transform("InverseFFTN", x, axes, graph.InverseFFT)
}

// FFT2 is [FFTN] over the last two axes.
func FFT2(x *graph.Node) *graph.Node { return transform("FFT2", x, []int{-2, -1}, graph.FFT) }

// InverseFFT2 is [InverseFFTN] over the last two axes.
func InverseFFT2(x *graph.Node) *graph.Node {
	return transform("InverseFFT2", x, []int{-2, -1}, graph.InverseFFT)
}

// RealFFTN returns what [FFTN] gives for a real x, without the half that follows from it: of the last of the axes, of size n, only the elements
// 0 … n/2 (rounded down). It is NumPy's rfftn.
func RealFFTN(x *graph.Node, axes ...int) *graph.Node { return realTransform("RealFFTN", x, axes) }

// RealFFT2 is [RealFFTN] over the last two axes.
func RealFFT2(x *graph.Node) *graph.Node { return realTransform("RealFFT2", x, []int{-2, -1}) }

// InverseRealFFTN is the inverse of [RealFFTN]: the result is real and has n elements along the last of the axes, which has to be told apart from
// the one less or more that has the same transform. x has n/2 + 1 elements there. It is NumPy's irfftn.
func InverseRealFFTN(x *graph.Node, n int, axes ...int) *graph.Node {
	return inverseRealTransform("InverseRealFFTN", x, n, axes)
}

// InverseRealFFT2 is [InverseRealFFTN] over the last two axes.
func InverseRealFFT2(x *graph.Node, n int) *graph.Node {
	return inverseRealTransform("InverseRealFFT2", x, n, []int{-2, -1})
}

func transform(op string, x *graph.Node, axes []int, fn func(x *graph.Node, lengths ...int) *graph.Node) *graph.Node {
	x = toComplex(need(op, x, computed))
	return over(x, axesOf(op, x, axes), fn)
}

func realTransform(op string, x *graph.Node, axes []int) *graph.Node {
	if x != nil && x.DType().IsComplex() {
		graph.Errorf("signal.%s %s: the signal is complex (FFTN and FFT2 take complex numbers)", op, x.Shape())
	}
	x = need(op, x, reals)
	axes = axesOf(op, x, axes)
	if len(axes) == 0 {
		graph.Errorf("signal.%s %s: a scalar has no axis to transform", op, x.Shape())
	}
	last := axes[len(axes)-1]
	y := atEnd(x, []int{last}, func(x *graph.Node) *graph.Node { return graph.RealFFT(x, x.Dim(-1)) })
	return over(y, axes[:len(axes)-1], graph.FFT)
}

func inverseRealTransform(op string, x *graph.Node, n int, axes []int) *graph.Node {
	x = need(op, x, dtypes.Complexes)
	axes = axesOf(op, x, axes)
	if len(axes) == 0 {
		graph.Errorf("signal.%s %s: a scalar has no axis to transform", op, x.Shape())
	}
	last := axes[len(axes)-1]
	if have := x.Dim(last); n < 1 || n/2+1 != have {
		graph.Errorf("signal.%s %s: axis %d has %d elements, which is the transform of %d or %d, not of %d", op, x.Shape(), last, have, max(1, 2*have-2), 2*have-1, n)
	}
	y := over(x, axes[:len(axes)-1], graph.InverseFFT)
	return atEnd(y, []int{last}, func(x *graph.Node) *graph.Node { return graph.InverseRealFFT(x, n) })
}

// over transforms x along axes, up to three of them at once.
func over(x *graph.Node, axes []int, fn func(x *graph.Node, lengths ...int) *graph.Node) *graph.Node {
	const atOnce = 3                          // what graph.FFT takes
	axes = slices.Sorted(slices.Values(axes)) // which is transformed first does not matter
	for some := range slices.Chunk(axes, atOnce) {
		x = atEnd(x, some, func(x *graph.Node) *graph.Node {
			return fn(x, x.Shape().Dimensions[x.Rank()-len(some):]...)
		})
	}
	return x
}

// atEnd calls fn with axes, in ascending order, moved to the end, and moves them back.
func atEnd(x *graph.Node, axes []int, fn func(x *graph.Node) *graph.Node) *graph.Node {
	perm := make([]int, 0, x.Rank())
	for a := range x.Rank() {
		if !slices.Contains(axes, a) {
			perm = append(perm, a)
		}
	}
	if perm = append(perm, axes...); slices.IsSorted(perm) {
		return fn(x)
	}
	back := make([]int, len(perm))
	for to, from := range perm {
		back[from] = to
	}
	return graph.TransposeAllAxes(fn(graph.TransposeAllAxes(x, perm...)), back...)
}

// FFTFrequencies returns the frequencies that belong to the elements of a transform of n samples with a spacing between them, as a constant:
//
//	y = [0, 1, …, ⌈n/2⌉-1, -⌊n/2⌋, …, -1] / (n·spacing)
//
// in cycles per unit of the spacing, of a float dtype. It is NumPy's fftfreq.
func FFTFrequencies(g *graph.Graph, dtype dtypes.DType, n int, spacing float64) *graph.Node {
	f := frequencies("FFTFrequencies", n, n, spacing)
	for k := (n + 1) / 2; k < n; k++ {
		f[k] = float64(k-n) / (float64(n) * spacing)
	}
	return constant("FFTFrequencies", g, dtype, f)
}

// RealFFTFrequencies is [FFTFrequencies] for [RealFFTN]: [0, 1, …, ⌊n/2⌋] / (n·spacing). It is NumPy's rfftfreq.
func RealFFTFrequencies(g *graph.Graph, dtype dtypes.DType, n int, spacing float64) *graph.Node {
	return constant("RealFFTFrequencies", g, dtype, frequencies("RealFFTFrequencies", n, n/2+1, spacing))
}

// frequencies returns the first of the frequencies of n samples.
func frequencies(op string, n, first int, spacing float64) []float64 {
	if n < 1 || n > most {
		graph.Errorf("signal.%s: there cannot be %d samples: want 1 to %d", op, n, most)
	}
	if spacing == 0 || math.IsInf(spacing, 0) || math.IsNaN(spacing) {
		graph.Errorf("signal.%s: samples cannot be %v apart: want a finite spacing other than 0", op, spacing)
	}
	f := make([]float64, first)
	for k := range f {
		f[k] = float64(k) / (float64(n) * spacing)
	}
	return f
}

// FFTShift returns x with the element of frequency 0 moved to the middle of the given axes, of all if none are given: turned by n/2 places, rounded
// down. x is of any dtype.
func FFTShift(x *graph.Node, axes ...int) *graph.Node {
	return shifted("FFTShift", x, axes, func(n int) int { return n / 2 })
}

// InverseFFTShift undoes [FFTShift].
func InverseFFTShift(x *graph.Node, axes ...int) *graph.Node {
	return shifted("InverseFFTShift", x, axes, func(n int) int { return -(n / 2) })
}

func shifted(op string, x *graph.Node, axes []int, by func(n int) int) *graph.Node {
	if x == nil {
		graph.Errorf("signal.%s: the operand is nil", op)
	}
	if len(axes) == 0 {
		axes = every(x)
	}
	for _, a := range axes {
		x = graph.Roll(x, by(x.Dim(a)), a)
	}
	return x
}
