//go:build cgo && (linux || darwin)

package xlatest

import (
	"testing"

	"github.com/quire-ml/quire/backends/xla"
	"github.com/quire-ml/quire/backends/xla/plugins"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/internal/testenv"
)

// Open opens the engine on the CPU plugin, closed when the test ends, or ends the test as testenv.Missing does.
func Open(t testing.TB) graph.Backend {
	t.Helper()
	if _, err := plugins.Find("cpu"); err != nil {
		testenv.Missing(t, "xla", err.Error())
	}
	e, err := xla.Open("cpu,cache=off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}
