package gocpu_test

import (
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/irtest"
)

func TestContract(t *testing.T) {
	irtest.Contract(t, func(testing.TB) ir.Backend { return gocpu.New() })
}
