package tensors_test

import (
	"math"
	"testing"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	. "github.com/quire-ml/quire/graph/tensors"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFlatNumbersFitOrAreRefused: FitFlat is FitDType of a float64 tensor, for all dtypes and numbers that some of them do not hold.
func TestFlatNumbersFitOrAreRefused(t *testing.T) {
	for _, d := range []dtypes.DType{dtypes.Float32, dtypes.Float64, dtypes.Float16, dtypes.BFloat16, dtypes.Int32, dtypes.Uint8, dtypes.Int64, dtypes.Bool, dtypes.Complex64} {
		for _, x := range []float64{0, 1, 0.1, -3, 300, 70000, 1 << 40, math.MaxFloat32, 3.5e38, -1e300, 1e-300, math.Inf(1), math.NaN()} {
			for at := range 3 {
				values := []float64{1, 0, 1}
				values[at] = x
				want, wantErr := FromFlatDataAndDimensions(values, 3).FitDType(d)
				got, err := FitFlat(values, shapes.Make(d, 3))
				require.Equal(t, wantErr, err, "%v in %s", x, d)
				if wantErr == nil {
					assert.Equal(t, want.Storage().Bytes(), got.Storage().Bytes(), "%v in %s", x, d)
					assert.Equal(t, want.Shape(), got.Shape())
				}
			}
		}
	}
	named, err := FitFlat([]float64{1, 2}, shapes.Make(dtypes.Float32, 2).WithAxisNames("a"))
	require.NoError(t, err)
	assert.Equal(t, "float32[a=2]", named.Shape().String())
	_, err = FitFlat([]float64{1, 2}, shapes.Make(dtypes.Float32, 3))
	assert.ErrorContains(t, err, "2 numbers do not make float32[3], which has 3 elements")
	empty, err := FitFlat(nil, shapes.Make(dtypes.Int8, 0, 2))
	require.NoError(t, err)
	assert.Zero(t, empty.Size())
}
