//go:build cgo

package xla_test

import (
	"testing"

	"github.com/quire-ml/quire/graph/graphtest"
)

// together is how many calls share one compilation, which takes 20 ms and more.
const together = 32

// long skips a suite in short runs, which look for races: others compile and run as much at once.
func long(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of compilations")
	}
}

func TestConformance(t *testing.T) {
	long(t)
	graphtest.Conform(t, opener(t, ""), together)
}

func TestArrays(t *testing.T) {
	long(t)
	graphtest.Arrays(t, opener(t, ""), together)
}

func TestGradients(t *testing.T) {
	long(t)
	graphtest.Gradients(t, opener(t, ""), together)
}

func TestTransforms(t *testing.T) {
	long(t)
	graphtest.Transforms(t, opener(t, ""), together)
}

func TestRandomPrograms(t *testing.T) {
	long(t)
	graphtest.Programs(t, opener(t, ""), 25)
}
