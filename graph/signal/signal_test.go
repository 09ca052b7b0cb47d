package signal_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/signal"
)

// What does not fit is said in a sentence that names the function and the shapes.
func TestWhatDoesNotFit(t *testing.T) {
	g := graph.NewGraph(nil, "g")
	of := func(d dtypes.DType, dims ...int) *graph.Node { return graph.Parameter(g, "", shapes.Make(d, dims...)) }
	p := func(dims ...int) *graph.Node { return of(dtypes.Float32, dims...) }
	z := func(dims ...int) *graph.Node { return of(dtypes.Complex64, dims...) }
	for _, c := range []struct {
		fn   func()
		want string
	}{
		{func() { signal.FFTN(nil) }, "signal.FFTN: an operand is nil"},
		{func() { signal.FFTN(of(dtypes.Int32, 4)) }, "signal.FFTN int32[4]: int32 is not a dtype that it takes: complex, float32, float64 (convert it with ConvertDType)"},
		{func() { signal.FFTN(p(4, 4), 0, -2) }, "axis 0 is given twice"},
		{func() { signal.FFTN(p(4, 0)) }, "axis 1 is empty"},
		{func() { signal.RealFFTN(p()) }, "a scalar has no axis to transform"},
		{func() { signal.RealFFT2(z(4, 4)) }, "signal.RealFFT2 complex64[4 4]: the signal is complex (FFTN and FFT2 take complex numbers)"},
		{func() { signal.InverseRealFFT2(z(4, 4), 4) }, "axis 1 has 4 elements, which is the transform of 6 or 7, not of 4"},
		{func() { signal.FFTFrequencies(g, dtypes.Float32, 0, 1) }, "signal.FFTFrequencies: there cannot be 0 samples"},
		{func() { signal.FFTFrequencies(g, dtypes.Float32, 4, 0) }, "signal.FFTFrequencies: samples cannot be 0 apart: want a finite spacing other than 0"},
		{func() { signal.RealFFTFrequencies(g, dtypes.Float32, 4, math.Inf(-1)) }, "signal.RealFFTFrequencies: samples cannot be -Inf apart"},
		{func() { signal.RealFFTFrequencies(g, dtypes.Float32, 4, math.NaN()) }, "samples cannot be NaN apart"},
		{func() { signal.Kaiser(g, dtypes.Float32, 4, math.NaN(), true) }, "beta cannot be NaN"},
		{func() { signal.STFT(p(0), p(1)).Done() }, "a signal of 0 elements is shorter than a frame of 1"},
		{func() { signal.STFT(p(1<<13), p(1<<13)).Hop(1).Done() }, "overlap more than 4096 times (set a longer Hop)"},
		{func() { signal.Convolve(p(1<<27), p(4), signal.Full) }, "signals of 134217728 and 4 elements are too long: want 67108864 at most"},
		{func() { signal.Hann(nil, dtypes.Float32, 4, true) }, "signal.Hann: the graph is nil"},
		{func() { signal.Hann(g, dtypes.Int32, 4, true) }, "signal.Hann: a window of int32 cannot be"},
		{func() { signal.Hann(g, dtypes.Float32, -4, true) }, "a window cannot have -4 elements"},
		{func() { signal.Kaiser(g, dtypes.Float32, 4, -1, true) }, "signal.Kaiser: beta cannot be -1: want 0 to 1e9 (14 is usual)"},
		{func() { signal.DCT(p(4), 5, 0, false) }, "there is no cosine transform of type 5: want 1 to 4"},
		{func() { signal.DCT(p(1), 1, 0, false) }, "axis 0 has 1 elements, too few for a cosine transform of type 1"},
		{func() { signal.STFT(p(2, 8), p(2, 4)) }, "signal.STFT float32[2 8] · float32[2 4]: a window is a vector"},
		{func() { signal.STFT(p(8), of(dtypes.Float64, 4)) }, "the window must be float32"},
		{func() { signal.STFT(p(8), p(4)).FFTLength(2) }, "a transform of length 2 cannot be"},
		{func() { signal.STFT(p(8), p(4)).Hop(0) }, "the hop from one frame to the next cannot be 0"},
		{func() { signal.STFT(p(8), p(9)).Done() }, "a signal of 8 elements is shorter than a frame of 9"},
		{func() { signal.STFT(p(4), p(8)).Center().Done() }, "a signal of 4 elements has no reflection of 4"},
		{func() { signal.InverseSTFT(z(3, 4), p(8)).Done() }, "there are 4 frequencies, a transform of length 8 has 5 (FFTLength sets it)"},
		{func() { signal.InverseSTFT(z(5), p(8)) }, "the operand must have an axis of frames"},
		{func() { signal.InverseSTFT(z(1, 5), p(8)).Center().Done() }, "nothing is left of 8 elements without the 4 at each end"},
		{func() { signal.Convolve(p(4), z(4), signal.Full) }, "dtypes differ"},
		{func() { signal.Convolve(p(4), p(5), signal.Valid) }, "the second signal is longer than the first"},
		{func() { signal.Convolve(p(4), p(5), "middle") }, `there is no mode "middle": use one of the constants, such as signal.Full`},
	} {
		assert.ErrorContains(t, graph.Catch(c.fn), c.want)
	}
}

// What is transformed comes back, in float32 too and at sizes that are not those of the table of values.
func TestTransformsAreUndone(t *testing.T) {
	for name, fn := range map[string]func(x *graph.Node) *graph.Node{
		"FFTN":     func(x *graph.Node) *graph.Node { return graph.Real(signal.InverseFFTN(signal.FFTN(x, 1, 0), 1, 0)) },
		"RealFFTN": func(x *graph.Node) *graph.Node { return signal.InverseRealFFTN(signal.RealFFTN(x), 33) },
		"FFTShift": func(x *graph.Node) *graph.Node { return signal.InverseFFTShift(signal.FFTShift(x)) },
		"DCT I":    func(x *graph.Node) *graph.Node { return signal.InverseDCT(signal.DCT(x, 1, 1, false), 1, 1, false) },
		"DCT II":   func(x *graph.Node) *graph.Node { return signal.InverseDCT(signal.DCT(x, 2, 0, true), 2, 0, true) },
		"DCT III":  func(x *graph.Node) *graph.Node { return signal.InverseDCT(signal.DCT(x, 3, 1, true), 3, 1, true) },
		"DCT IV":   func(x *graph.Node) *graph.Node { return signal.InverseDCT(signal.DCT(x, 4, 1, false), 4, 1, false) },
		"STFT": func(x *graph.Node) *graph.Node {
			w := signal.Hamming(x.Graph(), x.DType(), 7, true)
			return signal.InverseSTFT(signal.STFT(x, w).FFTLength(8).Hop(3).Center().Done(), w).FFTLength(8).Hop(3).Center().Length(33).Done()
		},
	} {
		for _, d := range []dtypes.DType{dtypes.Float32, dtypes.Float64} {
			x := ir.Ramp(6, 33).Tensor(d)
			got := graph.MustCallOnce(graphtest.Reference(), fn, x)
			require.NoError(t, graphtest.Diff(got, x, ir.Tolerance{ULP: 64, Abs: 64}), "%s %s", name, d)
		}
	}
}

// Axes that are not given are those of the operand, and are not written behind an empty slice of the caller's.
func TestAxesOfTheCaller(t *testing.T) {
	x := graph.Parameter(graph.NewGraph(nil, "g"), "x", shapes.Make(dtypes.Float32, 2, 3))
	for name, fn := range map[string]func(x *graph.Node, axes ...int) *graph.Node{"FFTN": signal.FFTN, "FFTShift": signal.FFTShift} {
		mine := []int{7, 8, 9}
		require.NoError(t, graph.Catch(func() { fn(x, mine[:0]...) }), name)
		require.Equal(t, []int{7, 8, 9}, mine, name)
	}
}
