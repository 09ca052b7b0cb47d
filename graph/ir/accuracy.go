package ir

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
