//go:build cgo

package xla_test

import (
	"testing"

	"github.com/quire-ml/quire/graph/graphtest"
)

// together is how many calls share one compilation, which takes 20 ms and more.
const together = 32

func TestConformance(t *testing.T) { graphtest.Conform(t, opener(t, ""), together) }

func TestGradients(t *testing.T) { graphtest.Gradients(t, opener(t, ""), together) }

func TestRandomPrograms(t *testing.T) { graphtest.Programs(t, opener(t, ""), 40) }

func FuzzPrograms(f *testing.F) { graphtest.FuzzPrograms(f, opener(f, "")) }
