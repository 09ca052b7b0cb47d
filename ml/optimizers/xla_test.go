package optimizers_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/xlatest"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"

	"github.com/stretchr/testify/require"
)

// TestOptimizersOnXLA compares all steps of optimizers, each of a variable of its own, in one program of the engine xla.
func TestOptimizersOnXLA(t *testing.T) {
	backend := xlatest.Open(t)
	text, err := os.ReadFile("testdata/vectors.json")
	require.NoError(t, err)
	var all []vector
	require.NoError(t, json.Unmarshal(text, &all))
	all = xlatest.Some(all)
	store := model.NewStore()
	path := func(k int) string { return fmt.Sprintf("/layer%d/w", k) }
	exec := model.MustNewExec(backend, store, func(scope *model.Scope, in []*Node) []*Node {
		for k, v := range all {
			w := scope.In("layer%d", k).VariableWithValue("w", tensors.FromFlatDataAndDimensions(slices.Clone(v.Start), v.Dims...))
			gradient := in[k]
			if len(v.Gradients) == 0 {
				gradient = Gradient(referenceLoss(v.Name, w.NodeValue(gradient)), w.NodeValue(gradient))[0]
			} else {
				w.NodeValue(gradient)
			}
			references[v.Name].UpdateGraphWithGradients(scope.Store().Scope(optimizers.StatePath), []*model.Variable{w}, []*Node{gradient})
		}
		return nil
	})
	averaged := []string{"EMA", "SWA", "ScheduleFree, average"}
	for step := range 6 {
		var in []any
		for _, v := range all {
			data := make([]float64, len(v.Start))
			if len(v.Gradients) > 0 {
				data = slices.Clone(v.Gradients[step])
			}
			in = append(in, tensors.FromFlatDataAndDimensions(data, v.Dims...))
		}
		_, err := exec.Call(in...)
		require.NoError(t, err)
		look := func(average bool) {
			for k, v := range all {
				if slices.Contains(averaged, v.Name) == average {
					got := tensors.MustCopyFlatData[float64](store.GetVariable(path(k)).MustValue())
					require.InDeltaSlice(t, v.Values[step], got, 1e-5, "%s, step %d", v.Name, step+1)
				}
			}
		}
		look(false)
		if slices.ContainsFunc(all, func(v vector) bool { return slices.Contains(averaged, v.Name) }) {
			restore, err := optimizers.UseAverages(store)
			require.NoError(t, err)
			look(true)
			require.NoError(t, restore())
		}
	}
}
