//go:build cgo

package xla

import (
	"fmt"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
)

// difference is a case in which programs mean something else on XLA than on the go engine, whatever the tolerance.
// All else means the same: the conformance and gradient suites pass on every op and every dtype without exception.
type difference struct {
	ops    []*ir.Op
	dtypes dtypes.Set // of the typed operand, 0 for all
	when   string     // for which values
	here   string     // what XLA's CPU plugin (version 0.81) gives
	there  string     // what the go engine gives
	tested bool       // by a test of its own, not by that of special values
}

// differences is the table of them. The tests allow no others, and docs/xla.md is written from it.
var differences = []difference{
	{nil, dtypes.Floats, "numbers closer to 0 than the smallest normal one (1.2e-38 in float32)", "taken and given as 0, for speed", "computed with", true},
	{[]*ir.Op{ops.Exp, ops.Sqrt, ops.Square, ops.Sin, ops.Cos}, dtypes.Complexes, "a part is NaN or infinite", "which parts of the result are NaN follows XLA's formulas", "follows C's Annex G", false},
	{[]*ir.Op{ops.Mul, ops.ReduceMean, ops.MatMul, ops.DotGeneral, ops.Einsum, ops.Scan}, dtypes.Complexes, "a part is infinite", "products with NaN parts, from ∞·0", "infinite products, as C's Annex G has them", false},
	{[]*ir.Op{ops.ConvGeneral}, dtypes.Inexact, "the kernel holds an infinity or NaN and the image is padded", "padding is multiplied: NaN", "padding is left out", false},
	{[]*ir.Op{ops.FFT, ops.InverseFFT, ops.RealFFT, ops.InverseRealFFT}, 0, "an element is NaN or infinite", "which results are NaN or infinite follows another order of sums", "as well", false},
	{[]*ir.Op{ops.TriangularSolve}, 0, "an element is NaN or infinite, or the matrix is singular", "which results are NaN follows XLA's blocks", "follows substitution row by row", false},
	{[]*ir.Op{ops.SelectAndGather}, dtypes.Ints, "a padded window holds nothing but the end of the type's range", "the padding may be selected, which gives 0", "the first element of the window", true},
	{[]*ir.Op{ops.ReducePrecision}, 0, "no bits of mantissa are left and a number lies between two results", "the result with the even exponent", "the larger one", false},
}

// differencesTable writes the table as Markdown.
func differencesTable() string {
	var b strings.Builder
	b.WriteString("| ops | dtypes | when | on XLA | on the go engine |\n|---|---|---|---|---|\n")
	for _, d := range differences {
		which, types := "all", "all"
		if d.ops != nil {
			which = "`" + names(d.ops, "`, `") + "`"
		}
		if d.dtypes != 0 {
			types = d.dtypes.String()
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", which, types, d.when, d.here, d.there)
	}
	return b.String()
}

// names joins the names of ops.
func names(list []*ir.Op, by string) string {
	var all []string
	for _, op := range list {
		all = append(all, op.Name)
	}
	return strings.Join(all, by)
}

// optionsTable writes the options as Markdown.
func optionsTable() string {
	var b strings.Builder
	b.WriteString("| option | values | for | meaning |\n|---|---|---|---|\n")
	for _, o := range optionTable {
		kinds := "all"
		if o.kinds != nil {
			kinds = strings.Join(o.kinds, ", ")
		}
		fmt.Fprintf(&b, "| `%s=` | %s | %s | %s |\n", o.name, o.values, kinds, o.doc)
	}
	return b.String()
}
