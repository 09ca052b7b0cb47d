//go:build cgo && (linux || darwin)

package session_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends"
	_ "github.com/quire-ml/quire/backends/xla" // for the worker, which is this program
	"github.com/quire-ml/quire/backends/xla/plugins"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/irtest"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/model"
)

// needPlugin ends the test if there is no CPU plugin.
func needPlugin(t testing.TB) {
	t.Helper()
	if _, err := plugins.Find("cpu"); err != nil {
		testenv.Missing(t, "xla", err.Error())
	}
}

const xlaCPU = "session:xla:cpu,cache=off"

func TestContractOnXLA(t *testing.T) {
	needPlugin(t)
	ground(t)
	irtest.Contract(t, func(t testing.TB) ir.Backend {
		b, err := backends.New(xlaCPU)
		require.NoError(t, err)
		return b
	})
}

// together is how many calls share one compilation, which takes 20 ms and more.
const together = 32

// The engine itself is held to all of it by its own tests, and the way there by those of session:go.
func TestConformanceOnXLA(t *testing.T) {
	if testing.Short() {
		t.Skip("many compilations")
	}
	needPlugin(t)
	ground(t)
	graphtest.ConformBriefly(t, func() ir.Backend { return backends.MustNew(xlaCPU) }, together)
}

// What one program compiled, the next one finds, whatever lines it came from.
func TestProgramsAreKeptOnXLA(t *testing.T) {
	needPlugin(t)
	ground(t)
	for range 2 {
		b, err := backends.New(xlaCPU)
		require.NoError(t, err)
		doubled(t, b)
		require.NoError(t, b.Close())
	}
	require.Equal(t, 2, worker(t).Programs)
}

// A worker's XLA makes the steps that XLA makes in process, to the last bit, one by one (the first ones and the last ones) and several by one
// call; a compiler may order sums in another way in a loop.
func TestStepsByOneCallOnXLA(t *testing.T) {
	needPlugin(t)
	ground(t)
	want, wantTold := trained(t, open1(t, "xla:cpu,cache=off"), 4)
	got, gotTold := trained(t, open1(t, xlaCPU), 4)
	require.Equal(t, want, got)
	require.Equal(t, wantTold, gotTold)
	one, told := trained(t, open1(t, xlaCPU), 1) // whose program the worker has
	require.InDeltaSlice(t, told, gotTold, 1e-4)
	require.Equal(t, one[model.RNGStatePath], got[model.RNGStatePath])
}
