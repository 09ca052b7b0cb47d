package metrics_test

import (
	"encoding/json"
	"os"
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/xlatest"
	"github.com/quire-ml/quire/ml/metrics"
	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/require"
)

// TestMetricsOnXLA compares metrics, with and without weights, in one program of the engine xla.
func TestMetricsOnXLA(t *testing.T) {
	backend := xlatest.Open(t)
	text, err := os.ReadFile("testdata/vectors.json")
	require.NoError(t, err)
	var all []vector
	require.NoError(t, json.Unmarshal(text, &all))
	all = xlatest.Some(all)
	var in []any
	for _, v := range all {
		in = append(in, v.rows(v.Labels))
		if len(v.Weights) > 0 {
			in = append(in, v.Weights)
		}
		in = append(in, tensors.FromFlatDataAndDimensions(v.Predictions, v.Dims...))
	}
	out, err := model.CallOnceN(backend, model.NewStore(), func(scope *model.Scope, in []*Node) (out []*Node) {
		for _, v := range all {
			n := 1
			if len(v.Weights) > 0 {
				n = 2
			}
			value, _ := references[v.Name].UpdateGraph(scope, in[:n:n], in[n:n+1])
			out, in = append(out, Reshape(value, value.Shape().Size())), in[n+1:]
		}
		return out
	}, in...)
	require.NoError(t, err)
	for i, v := range all {
		state := make([]float64, out[i].Size())
		for k := range state {
			state[k] = out[i].Float64At(k)
		}
		got := state[0]
		if s, ok := references[v.Name].(metrics.Streaming); ok {
			got = s.Measure(state)
		}
		require.InDelta(t, v.Value, got, 1e-6, "%s, weights: %v", v.Name, len(v.Weights) > 0)
	}
}
