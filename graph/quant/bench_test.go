package quant_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/quant"
	"github.com/quire-ml/quire/graph/tensors"
)

// BenchmarkMatVec multiplies a vector and a matrix of 4096×4096: held in float32, and in schemes. Bytes are those of the matrix.
func BenchmarkMatVec(b *testing.B) {
	const n = 4096
	backend := gocpu.New()
	rng := rand.New(rand.NewPCG(1, 1))
	numbers := func(dims ...int) *tensors.Tensor {
		t := tensors.FromFlatDataAndDimensions(make([]float32, dims[0]*dims[1]), dims...)
		require.NoError(b, t.MutableFlatData(func(flat any) {
			for i := range flat.([]float32) {
				flat.([]float32)[i] = float32(rng.NormFloat64())
			}
		}))
		return t
	}
	x, w := numbers(1, n), numbers(n, n)
	run := func(name string, fn func(in []*graph.Node) *graph.Node, in ...any) {
		b.Run(name, func(b *testing.B) {
			exec, err := graph.NewExec(backend, fn)
			require.NoError(b, err)
			_, err = exec.Call1(in...)
			require.NoError(b, err)
			bytes := 0
			for _, part := range in[1:] {
				bytes += part.(*tensors.Tensor).ByteSize()
			}
			b.SetBytes(int64(bytes))
			for b.Loop() {
				y, err := exec.Call1(in...)
				require.NoError(b, err)
				y.Close()
			}
			b.ReportMetric(float64(bytes)/(4*n*n), "of-float32")
		})
	}
	run("float32", func(in []*graph.Node) *graph.Node {
		return graph.DotGeneral(in[0], []int{1}, nil, in[1], []int{1}, nil)
	}, x, w)
	for _, scheme := range []quant.Scheme{
		{Bits: 4}, {Bits: 2}, {Bits: 8}, {Kind: quant.Symmetric, Bits: 8}, {Kind: quant.NF4}, {Kind: quant.MXFP4}, {Kind: quant.MXFP8}, {Kind: quant.NVFP4},
	} {
		parts, err := graph.CallOnceN(backend, func(w *graph.Node) []*graph.Node {
			return quant.Quantize(graph.ConvertDType(w, dtypes.Float16), scheme).Nodes()
		}, w)
		require.NoError(b, err)
		in := []any{x}
		for _, p := range parts {
			in = append(in, p)
		}
		run(fmt.Sprintf("%s%d", scheme.Kind, scheme.Bits), func(in []*graph.Node) *graph.Node {
			return quant.MatMulTransposed(in[0], scheme.Of(in[1:]...))
		}, in...)
	}
}
