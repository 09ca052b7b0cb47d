//go:build !cgo || !(linux || darwin)

package xlatest

import (
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/internal/testenv"
)

// Open ends the test as testenv.Missing does: the engine xla needs cgo.
func Open(t testing.TB) graph.Backend {
	t.Helper()
	testenv.Missing(t, "xla", "the engine xla needs cgo, on Linux or macOS")
	return nil
}
