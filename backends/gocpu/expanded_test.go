package gocpu_test

import (
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
)

// expanding is the engine without its kernels for ops that can be expanded: programs get longer, and what
// compiling does with them (folding, fusing, planning) more to do.
type expanding struct{ ir.Backend }

func (expanding) Lowers(c ir.Call) bool { return c.Op.Expand == nil }

func newExpanding() ir.Backend { return expanding{gocpu.New()} }

func TestConformanceOfExpansions(t *testing.T) { graphtest.Conform(t, newExpanding) }

func TestProgramsOfExpansions(t *testing.T) { graphtest.Programs(t, newExpanding, 60) }
