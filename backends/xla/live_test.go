//go:build cgo && (linux || darwin)

package xla_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/backends/xla"
	"github.com/quire-ml/quire/graph/live"
)

// Live arrays are on this engine what they are on the engine go, with the same random numbers; what is dropped is given back, and nothing is left
// when the session is closed.
func TestLiveArrays(t *testing.T) {
	compute := func(s *live.Session) (random, fit []float32) {
		s.Seed(3)
		x := s.Normal(64)
		y := x.Mul(3).Add(1)
		w, b := s.Of(float32(0)), s.Of(float32(0))
		for i := range 30 {
			rest := x.Mul(w).Add(b).Sub(y)
			rate := 0.5 / (1 + float64(i))
			w, b = w.Sub(rest.Mul(x).Mean().Mul(rate)), b.Sub(rest.Mean().Mul(rate))
			require.NoError(t, live.Eval(context.Background(), w, b))
		}
		row := s.Arange(12).Reshape(3, 4).SetSlice("1, ::2", -1).At(1)
		return live.MustValues[float32](s.Uniform(100)), live.MustValues[float32](live.Concatenate(0, live.Stack(0, w, b), row))
	}
	backend := gocpu.New()
	defer backend.Close()
	s, err := live.NewSession(backend)
	require.NoError(t, err)
	random, fit := compute(s)
	onBoth(t, "", func(t *testing.T, e *xla.Engine) {
		s, err := live.NewSession(e)
		require.NoError(t, err)
		r, f := compute(s)
		require.Equal(t, random, r)
		require.InDeltaSlice(t, fit, f, 1e-4)
		require.LessOrEqual(t, len(s.Report().Compiles), 5)
		runtime.GC()
		require.Less(t, s.Memory().Live, int64(4000))
		require.NoError(t, s.Close())
	})
}
