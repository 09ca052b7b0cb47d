//go:build cgo

package xla_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// aroundCodes returns all numbers of a dtype for storage, the middles between neighbours and what lies closest beside
// them in several dtypes, and what is too large.
func aroundCodes(t *testing.T, d dtypes.DType) *tensors.Tensor {
	codes := make([]byte, 256)
	for i := range codes {
		codes[i] = byte(i)
	}
	all, err := tensors.FromBytes(shapes.Make(d, 256), codes)
	require.NoError(t, err)
	list := []float64{math.Inf(1), math.Inf(-1), math.NaN(), 448, 464, 465, 480, 57344, 61439, 61440, 1e5, 1e30, 1e300, 1e-30, 1e-300}
	for i := range 256 {
		x := all.Float64At(i)
		list = append(list, x)
		if i%128 == 127 {
			continue
		}
		middle := (x + all.Float64At(i+1)) / 2
		list = append(list, middle)
		for _, by := range []float64{0x1p-52, 0x1p-23, 0x1p-12, 0x1p-10, 0x1p-7} {
			list = append(list, middle*(1+by), middle*(1-by))
		}
	}
	return tensors.FromFlatDataAndDimensions(list, len(list))
}

// TestRoundingToStorage: on every engine a conversion to 8 bits rounds once, from every dtype.
func TestRoundingToStorage(t *testing.T) {
	e := open(t, "")
	for _, d := range dtypes.Storage.List() {
		numbers := aroundCodes(t, d)
		for _, from := range dtypes.All() {
			x, err := numbers.ConvertDType(from)
			require.NoError(t, err)
			want, err := x.ConvertDType(d)
			require.NoError(t, err)
			got, err := graph.CallOnce(e, func(x *graph.Node) *graph.Node { return graph.ConvertDType(x, d) }, x)
			require.NoError(t, err, "%s to %s", from, d)
			for i := range want.Size() {
				w, g := want.Float64At(i), got.Float64At(i)
				if math.Float64bits(w) != math.Float64bits(g) && (w == w || g == g) {
					t.Errorf("%s %v to %s: %v, want %v", from, x.At(i), d, g, w)
				}
			}
		}
	}
}
