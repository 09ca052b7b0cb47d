// Package signal takes signals to frequencies and back: Fourier transforms over any axes, cosine transforms, windows, short-time transforms,
// convolution by transforms. [graph.FFT] and its kin, which engines have kernels for, are in package graph; what is here is made of them, runs on
// every engine, and has gradients of all orders.
//
//	windows := signal.Hann(g, dtypes.Float32, 512, true)
//	spectra := signal.STFT(sound, windows).Hop(128).Center().Done() // [batch, frames, 257]
//
// Negative axes count from the end. Signals are float32, float64 or, where said so, complex; others are converted first, with ConvertDType. The
// functions panic with [graph.Error] if shapes or dtypes do not fit.
package signal

import (
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/internal/axes"
)

// reals are the dtypes of signals, and computed those of what is transformed.
var (
	reals    = dtypes.SetOf(dtypes.Float32, dtypes.Float64)
	computed = reals | dtypes.Complexes
)

// need panics unless x has a dtype in takes, and returns it without names of axes.
func need(op string, x *graph.Node, takes dtypes.Set) *graph.Node {
	switch {
	case x == nil:
		graph.Errorf("signal.%s: an operand is nil", op)
	case !takes.Has(x.DType()):
		graph.Errorf("signal.%s %s: %s is not a dtype that it takes: %s (convert it with ConvertDType)", op, x.Shape(), x.DType(), takes)
	}
	return axes.Unnamed(x)
}

// every returns all axes of x.
func every(x *graph.Node) []int {
	list := make([]int, x.Rank())
	for a := range list {
		list[a] = a
	}
	return list
}

// axesOf returns axes counted from 0, all of x's if none are given, and panics if one is not there, comes twice or is empty.
func axesOf(op string, x *graph.Node, axes []int) []int {
	if len(axes) == 0 {
		axes = every(x)
	}
	list := make([]int, len(axes))
	for i, a := range axes {
		list[i] = graph.MustAdjustAxis(a, x)
		switch {
		case slices.Contains(list[:i], list[i]):
			graph.Errorf("signal.%s %s: axis %d is given twice", op, x.Shape(), list[i])
		case x.Dim(list[i]) == 0:
			graph.Errorf("signal.%s %s: axis %d is empty", op, x.Shape(), list[i])
		}
	}
	return list
}

// most is the largest size that is counted out when a graph is built.
const most = 1 << 26

// toComplex returns x as a complex number of its precision.
func toComplex(x *graph.Node) *graph.Node {
	switch x.DType() {
	case dtypes.Float32:
		return graph.ConvertDType(x, dtypes.Complex64)
	case dtypes.Float64:
		return graph.ConvertDType(x, dtypes.Complex128)
	}
	return x
}

// part returns the elements from … to-1 of x's last axis.
func part(x *graph.Node, from, to int) *graph.Node {
	return graph.SliceAxis(x, -1, graph.AxisRange(from, to))
}

// padLast returns x with zeros before and after its last axis; negative numbers crop.
func padLast(x *graph.Node, before, after int) *graph.Node {
	if before == 0 && after == 0 {
		return x
	}
	axes := make([]graph.PadAxis, x.Rank())
	axes[x.Rank()-1] = graph.PadAxis{Start: before, End: after}
	return graph.Pad(x, graph.ScalarZero(x.Graph(), x.DType()), axes...)
}
