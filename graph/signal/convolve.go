package signal

import (
	"fmt"

	"github.com/quire-ml/quire/graph"
)

// Mode says which places of the full convolution [Convolve] returns.
type Mode string

// The modes, with their names in NumPy and SciPy. n and m are the lengths of x and y.
const (
	Full  Mode = "full"  // all n + m - 1 places at which x and y meet
	Same  Mode = "same"  // n places, from the middle
	Valid Mode = "valid" // the places at which y lies on x as a whole, n - m + 1 of them
)

// Convolve returns the convolution of x and y along their last axes, by Fourier transforms:
//
//	z[…, k] = Σ_j x[…, j] · y[…, k - j]
//
// where both are 0 outside of their range. The axes before are batches and are broadcast. x and y have the same dtype, float32, float64 or complex,
// which is the result's; y must not be longer than x for Valid. It takes O((n + m)·log(n + m)), and each element is as exact as the largest.
// [graph.Convolve] is faster for a short y, and does not turn its kernel round. It is SciPy's fftconvolve.
func Convolve(x, y *graph.Node, mode Mode) *graph.Node {
	x, y = need("Convolve", x, computed), need("Convolve", y, computed)
	fail := func(text string) { graph.Errorf("signal.Convolve %s · %s: %s", x.Shape(), y.Shape(), text) }
	switch {
	case x.DType() != y.DType():
		fail("dtypes differ (convert one with ConvertDType)")
	case x.Rank() < 1 || y.Rank() < 1:
		fail("a scalar has no axis to go along (multiply by it)")
	case x.Dim(-1) < 1 || y.Dim(-1) < 1:
		fail("a signal is empty")
	case x.Dim(-1) > most || y.Dim(-1) > most:
		fail(fmt.Sprintf("signals of %d and %d elements are too long: want %d at most", x.Dim(-1), y.Dim(-1), most))
	}
	n, m := x.Dim(-1), y.Dim(-1)
	from, to := 0, n+m-1
	switch mode {
	case Full:
	case Same:
		from = (m - 1) / 2
		to = from + n
	case Valid:
		if from, to = m-1, n; m > n {
			fail("the second signal is longer than the first: it lies nowhere on it as a whole")
		}
	default:
		graph.Errorf("signal.Convolve: there is no mode %q: use one of the constants, such as signal.Full", mode)
	}
	size := goodSize(n + m - 1)
	x.Graph().BranchOn("signal.Convolve", n+m-1)
	x, y = padLast(x, 0, size-n), padLast(y, 0, size-m)
	if x.DType().IsComplex() {
		return part(graph.InverseFFT(graph.Mul(graph.FFT(x), graph.FFT(y))), from, to)
	}
	return part(graph.InverseRealFFT(graph.Mul(graph.RealFFT(x), graph.RealFFT(y)), size), from, to)
}

// goodSize returns the smallest size from n on whose only factors are 2, 3 and 5, which transforms like.
func goodSize(n int) int {
	for ; ; n++ {
		rest := n
		for _, p := range []int{2, 3, 5} {
			for rest%p == 0 {
				rest /= p
			}
		}
		if rest == 1 {
			return n
		}
	}
}
