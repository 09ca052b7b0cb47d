package layers_test

import (
	"fmt"
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/internal/xlatest"
	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/require"
)

// TestLayersOnXLA compares the first step of cases of the reference on the engine xla: those that train in one program, the others in another.
func TestLayersOnXLA(t *testing.T) {
	backend := xlatest.Open(t)
	for _, training := range []bool{false, true} {
		var cases []referenceCase
		for _, c := range referenceCases(t) {
			if c.Training == training {
				cases = append(cases, c)
			}
		}
		cases = xlatest.Some(cases)
		require.NotEmpty(t, cases)
		store := model.NewStore()
		var in []any
		for k, c := range cases {
			for path, value := range c.Variables {
				_, err := store.CreateVariable(model.JoinPath(fmt.Sprintf("/case%d", k), path), value.tensor(dtypes.Float64))
				require.NoError(t, err)
			}
			for _, x := range c.Steps[0].In {
				in = append(in, x.tensor(dtypes.Float64))
			}
		}
		out, err := model.CallOnceN(backend, store, func(scope *model.Scope, in []*Node) (out []*Node) {
			store.SetTraining(in[0].Graph(), training)
			for k, c := range cases {
				n := len(c.Steps[0].In)
				out = append(out, referenceTable[c.Layer](scope.In("case%d", k), in[:n:n])...)
				in = in[n:]
			}
			return out
		}, in...)
		require.NoError(t, err)
		for k, c := range cases {
			for i, want := range c.Steps[0].Out {
				require.Equal(t, want.Dims, out[0].Shape().Dimensions, "%s, result %d", c.Layer, i)
				close64(t, want.Data, float64s(out[0]), 1e-6, "%s, result %d", c.Layer, i)
				out = out[1:]
			}
			if len(c.Steps) == 1 {
				for path, want := range c.After {
					close64(t, want.Data, float64s(store.GetVariable(model.JoinPath(fmt.Sprintf("/case%d", k), path)).MustValue()), 1e-6, "%s: %s", c.Layer, path)
				}
			}
		}
		require.Empty(t, out)
	}
}
