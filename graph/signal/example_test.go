package signal_test

import (
	"fmt"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/signal"
)

// A picture of one point has all frequencies alike.
func ExampleFFT2() {
	y := graph.MustCallOnce(backends.MustNew(), func(x *graph.Node) *graph.Node {
		return graph.Abs(signal.FFT2(x))
	}, [][]float32{{1, 0}, {0, 0}})
	fmt.Println(y.Value())
	// Output: [[1 1] [1 1]]
}

// Of a constant signal only the first element of the transform is not 0.
func ExampleDCT() {
	y := graph.MustCallOnce(backends.MustNew(), func(x *graph.Node) *graph.Node {
		return graph.Round(signal.DCT(x, 2, -1, true))
	}, []float32{1, 1, 1, 1})
	fmt.Println(y.Value())
	// Output: [2 0 0 0]
}

// A sound is taken to its spectra and back.
func ExampleSTFT() {
	sound := make([]float32, 64)
	for i := range sound {
		sound[i] = float32(i % 8)
	}
	y := graph.MustCallOnce(backends.MustNew(), func(x *graph.Node) *graph.Node {
		w := signal.Hann(x.Graph(), dtypes.Float32, 16, true)
		spectra := signal.STFT(x, w).Hop(4).Center().Done() // [frames, 9]
		back := signal.InverseSTFT(spectra, w).Hop(4).Center().Done()
		return graph.Round(graph.Slice(back, graph.AxisRange(0, 10)))
	}, sound)
	fmt.Println(y.Value())
	// Output: [0 1 2 3 4 5 6 7 0 1]
}

func ExampleConvolve() {
	y := graph.MustCallOnce(backends.MustNew(), func(x, y *graph.Node) *graph.Node {
		return graph.Round(signal.Convolve(x, y, signal.Full))
	}, []float32{1, 2, 3}, []float32{1, 10})
	fmt.Println(y.Value())
	// Output: [1 12 23 30]
}
