package graph

import (
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
)

// wide64 are the dtypes that there are no wider ones of to compute in; values of the others are off by one place at most.
var wide64 = dtypes.SetOf(dtypes.Float64, dtypes.Complex128)

// within promises, everywhere, n units in the last place of a value, and if there are complex ones so many of each part of
// those; at the dtypes that are computed in wider ones, one at most.
func within(n float64, parts ...float64) []ir.Accuracy {
	if len(parts) == 0 {
		return everywhere(ir.Accuracy{ULP: n})
	}
	return append(everywhere(ir.Accuracy{ULP: n, DTypes: dtypes.Floats}), everywhere(ir.Accuracy{ULP: parts[0], DTypes: dtypes.Complexes})...)
}

// withinNorm is within for complex values that are measured by their larger part.
func withinNorm(n, whole float64) []ir.Accuracy {
	return append(everywhere(ir.Accuracy{ULP: n, DTypes: dtypes.Floats}), ir.Accuracy{ULP: whole, DTypes: dtypes.Complexes, Norm: true})
}

// everywhere splits a promise of more than one place by dtype.
func everywhere(a ir.Accuracy) []ir.Accuracy {
	if a.ULP <= 1 {
		return []ir.Accuracy{a}
	}
	if a.DTypes == 0 {
		a.DTypes = dtypes.Floats
	}
	tight := a
	tight.ULP, tight.DTypes = 1, a.DTypes&^wide64
	a.DTypes &= wide64
	return []ir.Accuracy{tight, a}
}
