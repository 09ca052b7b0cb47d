package stablehlo

import "github.com/quire-ml/quire/graph"

func init() {
	define("stablehlo.fft", 1, one(readFFT))
}

// transforms are the kinds of Fourier transforms.
var transforms = map[string]func(x *graph.Node, lengths ...int) *graph.Node{
	"FFT": graph.FFT, "IFFT": graph.InverseFFT, "RFFT": graph.RealFFT, "IRFFT": graph.InverseRealFFT,
}

func readFFT(c *reading) *graph.Node {
	kind := c.word("fft_type")
	f := transforms[kind]
	if f == nil {
		c.fail("the type of a transform is FFT, IFFT, RFFT or IRFFT, not %q", kind)
	}
	lengths := c.ints("fft_length")
	if len(lengths) == 0 {
		c.fail("the attribute fft_length is missing")
	}
	return f(c.in[0], lengths...)
}
