package signal

import (
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Windows have n elements of a float dtype, as constants, computed in float64. One that is periodic is a period of what goes on, as transforms need
// it: N = n below. One that is not is symmetric, as filters need it: N = n - 1. SciPy has them under the same names, with sym for not periodic.

// Hann returns Hann's window:
//
//	w[j] = ½ - ½·cos(2πj/N)
//
// with N = n if it is periodic, n - 1 if it is symmetric; 1 for n = 1.
func Hann(g *graph.Graph, dtype dtypes.DType, n int, periodic bool) *graph.Node {
	return cosines("Hann", g, dtype, n, periodic, 0.5, 0.5)
}

// Hamming returns Hamming's window:
//
//	w[j] = 0.54 - 0.46·cos(2πj/N)
//
// with N = n if it is periodic, n - 1 if it is symmetric; 1 for n = 1.
func Hamming(g *graph.Graph, dtype dtypes.DType, n int, periodic bool) *graph.Node {
	return cosines("Hamming", g, dtype, n, periodic, 0.54, 0.46)
}

// Blackman returns Blackman's window:
//
//	w[j] = 0.42 - 0.5·cos(2πj/N) + 0.08·cos(4πj/N)
//
// with N = n if it is periodic, n - 1 if it is symmetric; 1 for n = 1.
func Blackman(g *graph.Graph, dtype dtypes.DType, n int, periodic bool) *graph.Node {
	return cosines("Blackman", g, dtype, n, periodic, 0.42, 0.5, 0.08)
}

// Kaiser returns Kaiser's window:
//
//	w[j] = I0(beta·√(1 - (2j/N - 1)²)) / I0(beta)
//
// with the modified Bessel function I0, and N = n if it is periodic, n - 1 if it is symmetric; 1 for n = 1. A larger beta makes it narrower; 0 is a
// rectangle, 14 a good one to begin with.
func Kaiser(g *graph.Graph, dtype dtypes.DType, n int, beta float64, periodic bool) *graph.Node {
	size := period("Kaiser", g, dtype, n, periodic)
	if !(beta >= 0 && beta <= 1e9) {
		graph.Errorf("signal.Kaiser: beta cannot be %v: want 0 to 1e9 (14 is usual)", beta)
	}
	z, scale := make([]float64, n), make([]float64, n)
	for j := range z {
		t := 0.0
		if n > 1 {
			t = 2*float64(j)/size - 1
		}
		z[j] = beta * math.Sqrt(max(0, 1-t*t))
		scale[j] = math.Exp(z[j] - beta) // of I0e(z) = exp(-z)·I0(z)
	}
	i0 := graph.BesselI0e(constant("Kaiser", g, dtypes.Float64, z))
	whole := graph.BesselI0e(graph.Scalar(g, dtypes.Float64, beta))
	return graph.ConvertDType(graph.Div(graph.Mul(i0, constant("Kaiser", g, dtypes.Float64, scale)), whole), dtype)
}

// cosines is the window Σ_i (-1)^i · a[i]·cos(2πij/N).
func cosines(op string, g *graph.Graph, dtype dtypes.DType, n int, periodic bool, a ...float64) *graph.Node {
	size := period(op, g, dtype, n, periodic)
	w := make([]float64, n)
	for j := range w {
		if n == 1 {
			w[j] = 1
			continue
		}
		sign := 1.0
		for i, c := range a {
			w[j] += sign * c * math.Cos(2*math.Pi*float64(i)*float64(j)/size)
			sign = -sign
		}
	}
	return constant(op, g, dtype, w)
}

// period returns N of a window of n elements.
func period(op string, g *graph.Graph, dtype dtypes.DType, n int, periodic bool) float64 {
	switch {
	case g == nil:
		graph.Errorf("signal.%s: the graph is nil", op)
	case !dtype.IsFloat():
		graph.Errorf("signal.%s: a window of %s cannot be: want %s", op, dtype, dtypes.Floats)
	case n < 0 || n > most:
		graph.Errorf("signal.%s: a window cannot have %d elements: want 0 to %d", op, n, most)
	case periodic:
		return float64(n)
	}
	return float64(n - 1)
}

// constant returns x as a vector of a float dtype.
func constant(op string, g *graph.Graph, dtype dtypes.DType, x []float64) *graph.Node {
	switch {
	case g == nil:
		graph.Errorf("signal.%s: the graph is nil", op)
	case !dtype.IsFloat():
		graph.Errorf("signal.%s: %s is not a dtype that it gives: %s", op, dtype, dtypes.Floats)
	case len(x) == 0:
		return graph.Zeros(g, shapes.Make(dtype, 0))
	}
	return graph.ConstAsDType(g, dtype, tensors.FromFlatDataAndDimensions(x, len(x)))
}
