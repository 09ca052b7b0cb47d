package gocpu_test

import (
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir/irtest"
)

func TestContract(t *testing.T) {
	irtest.Contract(t, func(testing.TB) graph.Backend { return gocpu.New() })
}
