package layers_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/model"
)

// TestLayersForOtherSizesAreTheSame runs every layer, in training and not, with batches of several sizes: programs that are derived of those
// for others give the bits that built ones do, with the gradient and what becomes of variables.
func TestLayersForOtherSizesAreTheSame(t *testing.T) {
	b := gocpu.New()
	defer b.Close()
	for name, fn := range allLayers {
		for _, training := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, training %t", name, training), func(t *testing.T) {
				build := func() (*model.Store, *model.Exec) {
					store := model.NewStore()
					require.NoError(t, store.SetRNGStateFromSeed(5))
					exec := model.MustNewExec(b, store, func(scope *model.Scope, x *Node) []*Node {
						store.SetTraining(x.Graph(), training)
						y := fn(scope, x)
						return []*Node{y, Gradient(ReduceAllMean(Square(y)), x)[0]}
					})
					return store, exec.AllowUnknownParams()
				}
				store, exec := build()
				defer exec.Close()
				same, plain := build()
				defer plain.Close()
				exec.DeriveSizes()
				for _, n := range []int{1, 2, 3, 5, 8, 13, 2, 21} {
					x := ramp(n, 4, 6, 4)
					got, err := exec.Call(x)
					require.NoError(t, err)
					want, err := plain.Call(x)
					require.NoError(t, err)
					for i := range want {
						require.True(t, got[i].Equal(want[i]), "result %d for %d", i, n)
					}
					for v := range same.IterVariables() {
						require.True(t, value(t, store.GetVariable(v.Path())).Equal(value(t, v)), "%s after %d", v.Path(), n)
					}
				}
				programs, err := exec.Derived()
				require.NoError(t, err)
				assert.Positive(t, programs, "of those for 5, 8, 13 and 21")
			})
		}
	}
}

func value(t *testing.T, v *model.Variable) *tensors.Tensor {
	x, err := v.Value()
	require.NoError(t, err)
	return x
}
