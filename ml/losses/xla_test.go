package losses_test

import (
	"slices"
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/xlatest"

	"github.com/stretchr/testify/require"
)

// TestLossesOnXLA compares losses and their gradients, in one program of the engine xla.
func TestLossesOnXLA(t *testing.T) {
	backend := xlatest.Open(t)
	all := xlatest.Some(vectors(t))
	var in []any
	for _, v := range all {
		for _, a := range slices.Concat(v.Labels, v.Predictions) {
			in = append(in, a.tensor(t, 0, 0))
		}
	}
	out, err := CallOnceN(backend, func(in []*Node) (out []*Node) {
		for _, v := range all {
			n, m := len(v.Labels), len(v.Labels)+len(v.Predictions)
			y := references[v.Name](in[:n:n], in[n:m:m])
			out = append(out, y)
			for _, p := range in[n:m] {
				if p.DType().IsFloat() {
					out = append(out, Gradient(y, p)...)
				}
			}
			in = in[m:]
		}
		return out
	}, in...)
	require.NoError(t, err)
	for _, v := range all {
		require.InDelta(t, v.Loss, out[0].Float64At(0), 1e-6, v.Name)
		for i, want := range v.Gradients {
			require.InDeltaSlice(t, want, tensors.MustCopyFlatData[float64](out[1+i]), 1e-6, "%s, gradient %d", v.Name, i)
		}
		out = out[1+len(v.Gradients):]
	}
	require.Empty(t, out)
}
