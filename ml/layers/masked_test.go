package layers_test

import (
	"math"
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/require"
)

// TestKeysThatAreHiddenHaveNoEffect: NaN and infinities behind a key mask reach neither the result nor a gradient.
func TestKeysThatAreHiddenHaveNoEffect(t *testing.T) {
	query := ramp(1, 2, 3)
	attend := func(hidden float64) []*tensors.Tensor {
		keys := tensors.MustCopyFlatData[float64](ramp(1, 4, 3))
		for i := range 3 {
			keys[3+i], keys[9+i] = hidden, hidden
		}
		store := model.NewStore()
		out, err := model.CallOnceN(graphtest.Reference(), store, func(scope *model.Scope, q, k *Node) []*Node {
			mask := Const(q.Graph(), [][]bool{{true, false, true, false}})
			y := layers.MultiHeadAttention(scope, q, k, k, 2, 2).KeyMask(mask).Done()
			wrt := []*Node{q, k}
			for v := range store.IterVariables() {
				wrt = append(wrt, v.NodeBefore(q))
			}
			return append(Gradient(ReduceAllSum(Square(y)), wrt...), y)
		}, query, tensors.FromFlatDataAndDimensions(keys, 1, 4, 3))
		require.NoError(t, err)
		return out
	}
	want := attend(0)
	for _, hidden := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e300} {
		for i, got := range attend(hidden) {
			require.Equal(t, dtypes.Float64, got.DType())
			require.Equal(t, want[i].Value(), got.Value(), "hidden keys of %v, output %v", hidden, i)
		}
	}
}
