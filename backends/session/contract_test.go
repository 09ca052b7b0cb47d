//go:build linux || darwin

package session_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/irtest"
)

func TestContract(t *testing.T) {
	ground(t)
	irtest.Contract(t, func(t testing.TB) ir.Backend {
		b, err := backends.New("session:go")
		require.NoError(t, err)
		return b
	})
}

func TestConformance(t *testing.T) {
	ground(t)
	graphtest.Conform(t, func() ir.Backend { return backends.MustNew("session:go") })
}

func TestRandomPrograms(t *testing.T) {
	ground(t)
	graphtest.Programs(t, func() ir.Backend { return backends.MustNew("session:go") }, 30)
}
