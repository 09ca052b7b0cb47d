//go:build cgo

package xla_test

import (
	"testing"

	"github.com/quire-ml/quire/backends/xla"
	"github.com/quire-ml/quire/backends/xla/plugins"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/internal/testenv"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// needPlugin ends the test if there is no CPU plugin.
func needPlugin(t testing.TB) {
	t.Helper()
	if _, err := plugins.Find("cpu"); err != nil {
		testenv.Missing(t, "xla", err.Error())
	}
}

// open opens the engine on the CPU plugin, to be closed with the test.
func open(t testing.TB, options string) *xla.Engine {
	t.Helper()
	needPlugin(t)
	e, err := xla.Open("cpu,cache=off" + options)
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, e.Close())
	})
	return e
}

// opener is open for the suites of graphtest.
func opener(t testing.TB, options string) func() ir.Backend {
	needPlugin(t)
	return func() ir.Backend { return open(t, options) }
}
