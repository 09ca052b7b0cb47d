package stablehlo

import "github.com/quire-ml/quire/graph"

func init() {
	for name, kind := range map[string]string{"FFT": "FFT", "InverseFFT": "IFFT", "RealFFT": "RFFT", "InverseRealFFT": "IRFFT"} {
		lowerings[name] = func(f *function, c call) []value {
			x := c.in[0]
			return []value{f.op(c.out[0], "stablehlo.fft %s, type = %s, length = %s : (%s) -> %s",
				x, kind, ints(c.Attrs.(graph.FFTAttrs).Lengths), x.typ(), tensorType(c.out[0]))}
		}
	}
}
