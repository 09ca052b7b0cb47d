package graph

import (
	"fmt"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
)

// Accuracy is a promise of a row: how far a value may be from the true one, rounded once to the dtype of the result, and
// where that holds. Package graphtest has tables of true values, which the reference meanings and the go engine are held
// to; a row's Tolerance says how far two backends may be apart, which is more where one of them makes no such promise.
//
// Denormals count like other numbers: their last place is the smallest number above 0. A NaN, an infinity and the sign
// of a zero are never off by a little: they must be what the true value is.
type Accuracy struct {
	ULP    float64    // in units of the last place of the value; 0 is the nearest number itself
	DTypes dtypes.Set // of the operands; 0 means all of the row
	Norm   bool       // of a complex value as a whole: each part is measured in last places of the larger one
	Abs    float64    // or by so many epsilons of the dtype, whatever the value is: where values near 0 are left of larger ones

	// Domain says in words where this holds, "" everywhere; In, set together with it, whether it holds at operands.
	Domain string
	In     func(x []complex128) bool
}

// wide64 are the dtypes that there are no wider ones of to compute in; values of the others are off by one place at most.
var wide64 = dtypes.SetOf(dtypes.Float64, dtypes.Complex128)

// within promises, everywhere, n units in the last place of a value, and if there are complex ones so many of each part of
// those; at the dtypes that are computed in wider ones, one at most.
func within(n float64, parts ...float64) []Accuracy {
	if len(parts) == 0 {
		return everywhere(Accuracy{ULP: n})
	}
	return append(everywhere(Accuracy{ULP: n, DTypes: dtypes.Floats}), everywhere(Accuracy{ULP: parts[0], DTypes: dtypes.Complexes})...)
}

// withinNorm is within for complex values that are measured by their larger part.
func withinNorm(n, whole float64) []Accuracy {
	return append(everywhere(Accuracy{ULP: n, DTypes: dtypes.Floats}), Accuracy{ULP: whole, DTypes: dtypes.Complexes, Norm: true})
}

// everywhere splits a promise of more than one place by dtype.
func everywhere(a Accuracy) []Accuracy {
	if a.ULP <= 1 {
		return []Accuracy{a}
	}
	if a.DTypes == 0 {
		a.DTypes = dtypes.Floats
	}
	tight := a
	tight.ULP, tight.DTypes = 1, a.DTypes&^wide64
	a.DTypes &= wide64
	return []Accuracy{tight, a}
}

// String returns the promise in words.
func (a Accuracy) String() string {
	var b strings.Builder
	if a.DTypes != 0 {
		fmt.Fprintf(&b, "%s: ", a.DTypes)
	}
	if a.ULP == 0 {
		b.WriteString("the nearest number")
	} else {
		fmt.Fprintf(&b, "%g ulp", a.ULP)
	}
	if a.Norm {
		b.WriteString(" of the larger part")
	}
	if a.Abs != 0 {
		fmt.Fprintf(&b, " or %.2g ε", a.Abs)
	}
	if a.Domain == "" {
		b.WriteString(", everywhere")
	} else {
		b.WriteString(", " + a.Domain)
	}
	return b.String()
}
