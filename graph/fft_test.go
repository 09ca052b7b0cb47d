package graph_test

import (
	"math"
	"math/cmplx"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTransformOfAWave(t *testing.T) {
	wave := make([]float64, 12) // 3 + 2·cos(2π·j·4/12 + 1)
	for j := range wave {
		wave[j] = 3 + 2*math.Cos(2*math.Pi*float64(j)*4/12+1)
	}
	got := tensors.MustCopyFlatData[complex128](graph.MustCallOnce(graphtest.Reference(), func(x *graph.Node) *graph.Node { return graph.RealFFT(x) }, wave))
	require.Len(t, got, 7, "elements")
	for k, v := range got {
		want := map[int]complex128{0: 3 * 12, 4: cmplx.Rect(12, 1)}[k]
		if cmplx.Abs(v-want) > 1e-13 {
			t.Errorf("element %d is %v, want %v", k, v, want)
		}
	}
}

func TestTransformsAreUndone(t *testing.T) {
	x := ir.Ramp(2, 5, 4).Tensor(dtypes.Float64)
	odd := ir.Ramp(2, 4, 5).Tensor(dtypes.Float64)
	for _, c := range []struct {
		name string
		x    *tensors.Tensor
		f    func(x *graph.Node) *graph.Node
	}{
		{"FFT over the last axis", x, func(x *graph.Node) *graph.Node {
			return graph.Real(graph.InverseFFT(graph.FFT(graph.ConvertDType(x, dtypes.Complex128))))
		}},
		{"FFT over three axes", x, func(x *graph.Node) *graph.Node {
			return graph.Real(graph.InverseFFT(graph.FFT(graph.ConvertDType(x, dtypes.Complex128), 2, 5, 4), 2, 5, 4))
		}},
		{"RealFFT over an even axis", x, func(x *graph.Node) *graph.Node { return graph.InverseRealFFT(graph.RealFFT(x)) }},
		{"RealFFT over an odd axis", odd, func(x *graph.Node) *graph.Node { return graph.InverseRealFFT(graph.RealFFT(x), 5) }},
		{"RealFFT over two axes", odd, func(x *graph.Node) *graph.Node { return graph.InverseRealFFT(graph.RealFFT(x, 4, 5), 4, 5) }},
	} {
		got := graph.MustCallOnce(graphtest.Reference(), c.f, c.x)
		assert.NoError(t, graphtest.Diff(got, c.x, ir.Tolerance{ULP: 16, Abs: 16}), c.name)
	}
}

func TestTransformsThatCannotBeMade(t *testing.T) {
	g := graph.NewGraph(nil, "g")
	z := graph.Parameter(g, "z", shapes.Make(dtypes.Complex64, 3, 4))
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 3, 1))
	for _, c := range []struct {
		f    func()
		want string
	}{
		{func() { graph.FFT(x) }, "FFT float32[3 1]: float32 is not a dtype that it takes: complex"},
		{func() { graph.FFT(z, 8) }, "axis 1 has 4 elements, a transform of length 8 takes 8 (Pad or Slice it first)"},
		{func() { graph.FFT(z, 2, 3, 4) }, "3 axes cannot be transformed of 2: one, two or three of the last can"},
		{func() { graph.FFT(graph.Parameter(g, "s", shapes.Make(dtypes.Complex64))) }, "0 axes cannot be transformed of 0"},
		{func() { graph.InverseFFT(graph.Zeros(g, shapes.Make(dtypes.Complex64, 2, 0))) }, "axis 1: nothing can be transformed to length 0"},
		{func() { graph.InverseRealFFT(z, 8) }, "axis 1 has 4 elements, a transform of length 8 takes 5"},
		{func() { graph.InverseRealFFT(graph.RealFFT(x)) }, "axis 1: one element is the transform of a single one: give its length, 1"},
		{func() { graph.RealFFT(nil) }, "operand 0 is nil"},
	} {
		assert.ErrorContains(t, graph.Catch(c.f), c.want)
	}
}
