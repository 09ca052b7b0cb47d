//go:build cgo

package xla_test

import (
	"testing"

	"github.com/quire-ml/quire/graph/graphtest"
)

func TestConformance(t *testing.T) { graphtest.Conform(t, opener(t, "")) }
