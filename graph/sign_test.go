package graph_test

import (
	"math"
	"math/cmplx"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/require"
)

// The sign of a complex number has length 1, also where |x| is above the largest number or has few digits.
func TestSignsOfComplexNumbersHaveLength1(t *testing.T) {
	sizes := map[dtypes.DType][]float64{
		dtypes.Complex64:  {math.MaxFloat32, 1e38, 1, 1e-38, 3 * math.SmallestNonzeroFloat32, math.SmallestNonzeroFloat32},
		dtypes.Complex128: {math.MaxFloat64, 1e308, 1, 1e-308, 3 * math.SmallestNonzeroFloat64, math.SmallestNonzeroFloat64},
	}
	inf, nan := math.Inf(1), complex(math.NaN(), math.NaN())
	for d, list := range sizes {
		in, want := []complex128{0, complex(inf, 1), complex(1, -inf), complex(math.NaN(), 1)}, []complex128{0, nan, nan, nan}
		for _, size := range list {
			for _, direction := range []complex128{1, 1i, -1 - 1i, 1 - 1i, -1i} {
				in = append(in, complex(size*real(direction), size*imag(direction)))
				want = append(want, direction/complex(cmplx.Abs(direction), 0))
			}
		}
		for i, got := range signsOf(t, d, in) {
			if w := want[i]; cmplx.IsNaN(w) != cmplx.IsNaN(got) || cmplx.Abs(got-w) > 4*dtypes.Epsilon(d.Real()) {
				t.Errorf("%s: the sign of %v is %v, want %v", d, in[i], got, w)
			}
		}
	}
}

func signsOf(t *testing.T, d dtypes.DType, x []complex128) []complex128 {
	t.Helper()
	exec := graph.MustNewExec(graphtest.Reference(), func(x *node) *node {
		return graph.ConvertDType(graph.Sign(graph.ConvertDType(x, d)), dtypes.Complex128)
	})
	defer exec.Close()
	out, err := exec.Call(x)
	require.NoError(t, err)
	return tensors.MustCopyFlatData[complex128](out[0])
}
