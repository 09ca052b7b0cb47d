//go:build cgo && (linux || darwin)

package xla_test

import (
	"testing"

	"github.com/quire-ml/quire/backends/xla/internal/double"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/irtest"
)

// The double also finds what is left of a test when its engines are closed, and calls that no plugin bears.
func TestContract(t *testing.T) {
	t.Run("double", func(t *testing.T) {
		irtest.Contract(t, func(t testing.TB) ir.Backend {
			e, _ := onDouble(t, "", double.Options{})
			return e
		})
	})
	t.Run("plugin", func(t *testing.T) {
		needPlugin(t)
		irtest.Contract(t, func(t testing.TB) ir.Backend { return open(t, "") })
	})
}
