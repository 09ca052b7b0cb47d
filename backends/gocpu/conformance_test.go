package gocpu_test

import (
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph/graphtest"
)

func TestConformance(t *testing.T) { graphtest.Conform(t, gocpu.New) }

func TestArrays(t *testing.T) { graphtest.Arrays(t, gocpu.New) }

func TestGradients(t *testing.T) { graphtest.Gradients(t, gocpu.New) }

func TestTransforms(t *testing.T) { graphtest.Transforms(t, gocpu.New) }

func TestRandomPrograms(t *testing.T) { graphtest.Programs(t, gocpu.New, 60) }

func FuzzPrograms(f *testing.F) { graphtest.FuzzPrograms(f, gocpu.New) }

func FuzzOps(f *testing.F) { graphtest.FuzzOps(f, gocpu.New) }

func BenchmarkOps(b *testing.B) { graphtest.Benchmark(b, gocpu.New) }

func TestReductions(t *testing.T) { graphtest.Reductions(t, gocpu.New) }

func TestTruth(t *testing.T) { graphtest.Truth(t, gocpu.New) }
