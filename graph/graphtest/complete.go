package graphtest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
)

// Complete checks that no row of the table lacks what its tests and its documentation need. Each failure
// names the op and the field.
func Complete(t *testing.T) {
	for _, op := range ir.Ops() {
		for _, lack := range lacks(op) {
			t.Errorf("op %s: %s", op.Name, lack)
		}
	}
}

// lacks returns what is wrong with a row.
func lacks(op *ir.Op) (list []string) {
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if op.Family == "" {
		say("Family is empty")
	}
	if op.Doc == "" {
		say("Doc is empty")
	}
	grads, rule := 0, graph.RuleOf(op)
	for _, set := range []bool{rule.VJP != nil, rule.VJPMulti != nil, rule.ZeroGrad != "", rule.NoGrad != ""} {
		if set {
			grads++
		}
	}
	switch {
	case grads > 1:
		say("of VJP, VJPMulti, ZeroGrad and NoGrad more than one is set")
	case grads == 0 && op.Expand == nil:
		say("VJP or a reason (ZeroGrad, NoGrad) is missing")
	}
	if op.Tol != (ir.Tolerance{}) && op.Tol.Why == "" {
		say("Tol has no Why")
	}
	if len(op.Samples) == 0 {
		say("Samples is empty")
	}
	smooth := false
	for i, s := range op.Samples {
		if len(sampleDTypes(op, s)) == 0 {
			say("sample %d (%s) runs at no dtype", i, s.Name)
		}
		for _, d := range sampleDTypes(op, s) {
			smooth = smooth || dtypes.Inexact.Has(d) && !s.Kink && !s.Pole
		}
		if s.Build != nil {
			continue
		}
		if a, b := reflect.TypeOf(s.Attrs), reflect.TypeOf(op.Attrs); a != b {
			say("sample %d has attributes of type %v, the row says %v", i, a, b)
		} else if a != nil {
			if err := attrsRoundTrip(s.Attrs); err != nil {
				say("sample %d: attributes do not survive JSON: %v", i, err)
			}
		}
	}
	inexact := op.DTypes == 0 || op.DTypes&dtypes.Inexact != 0
	if inexact && rule.NoGrad == "" && rule.ZeroGrad == "" && !smooth {
		say("no sample lets the gradient be checked: all are kinks, poles or integers")
	}
	for _, lack := range lacksTruth(op) {
		say("%s", lack)
	}
	return list
}

func attrsRoundTrip(attrs any) error {
	data, err := json.Marshal(attrs)
	if err != nil {
		return err
	}
	back := reflect.New(reflect.TypeOf(attrs))
	if err := json.Unmarshal(data, back.Interface()); err != nil {
		return err
	}
	again, err := json.Marshal(back.Elem().Interface())
	if err == nil && string(again) != string(data) {
		err = fmt.Errorf("%s became %s", data, again)
	}
	return err
}

// OpReference writes the op reference: per family a table of the ops, from their rows, as Markdown.
func OpReference() string {
	families := map[string][]*ir.Op{}
	var names []string
	for _, op := range ir.Ops() {
		if families[op.Family] == nil {
			names = append(names, op.Family)
		}
		families[op.Family] = append(families[op.Family], op)
	}
	order := []string{"constants", "arithmetic", "unary", "activation", "comparison", "logical", "select", "complex", "shape", "index", "reduce", "softmax", "dot", "linalg", "fourier", "convolution", "pool", "sort", "random", "control", "gradient"}
	rank := func(f string) int {
		for i, o := range order {
			if o == f {
				return i
			}
		}
		return len(order)
	}
	for i := range names { // insertion sort: few names, and ties keep their order
		for j := i; j > 0 && (rank(names[j]) < rank(names[j-1]) || rank(names[j]) == rank(names[j-1]) && names[j] < names[j-1]); j-- {
			names[j], names[j-1] = names[j-1], names[j]
		}
	}
	var b strings.Builder
	b.WriteString("# Ops\n\nWritten from the rows of the table of operations (`ir.Ops()`) by `go test ./graph/graphtest -run OpReference -update`; do not edit.\n" +
		"Operands are x, y, z in order. Where the gradient column says *expansion*, an op is differentiated through the ops that it expands to.\n" +
		"The Go functions of the same names, and helpers composed of them, are described in the package documentation of `graph`.\n" +
		"\nAccuracy is how far a value of the go engine may be from the true one, in units of the last place (ulp) of that value, and where that\n" +
		"holds: *everywhere* is the whole domain, with denormals, the largest numbers, zeros and poles of the function; NaN, infinities and signs of\n" +
		"zeros are as they should be. It is tested with tables of true values (`graph/graphtest/testdata/truth`). Without a dtype before it, it\n" +
		"holds for all. *Of the larger part* measures both parts of a complex number in last places of the larger one; ε is the dtype's\n" +
		"epsilon, an error allowed whatever the value is. *Between backends* is how far another backend may be from the reference meaning at the\n" +
		"row's samples, in units of ε relative to the value (or a thousandth of the largest of the tensor): XLA's own functions promise less.\n")
	fmt.Fprintf(&b, "\n%d ops.\n", len(ir.Ops()))
	for _, f := range names {
		fmt.Fprintf(&b, "\n## %s\n\n| op | meaning | dtypes | gradient | StableHLO | accuracy | between backends |\n|---|---|---|---|---|---|---|\n", f)
		for _, op := range families[f] {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s |\n", op.Name, escape(op.Doc), dtypesOf(op), gradientOf(op), hloOf(op), accuracyOf(op), toleranceOf(op))
		}
	}
	return b.String()
}

func escape(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

func dtypesOf(op *ir.Op) string {
	if op.DTypes == 0 {
		return "by operand"
	}
	return op.DTypes.String()
}

func gradientOf(op *ir.Op) string {
	rule := graph.RuleOf(op)
	switch {
	case rule.NoGrad != "":
		return "none: " + escape(rule.NoGrad)
	case rule.ZeroGrad != "":
		return "zero: " + escape(rule.ZeroGrad)
	case rule.VJP != nil || rule.VJPMulti != nil:
		return "yes"
	}
	return "*expansion*"
}

func hloOf(op *ir.Op) string {
	switch {
	case op.HLO != "":
		return "`" + op.HLO + "`"
	case op.Expand != nil:
		return "*expansion*"
	}
	return ""
}

// accuracyOf says what the values are held to; nothing for rows that promise nothing.
func accuracyOf(op *ir.Op) string {
	if op.Exact != "" {
		return "exact: " + escape(op.Exact)
	}
	var lines []string
	for _, a := range op.Accuracy {
		lines = append(lines, a.String())
	}
	return escape(strings.Join(lines, "; "))
}

func toleranceOf(op *ir.Op) string {
	if op.Tol == (ir.Tolerance{}) {
		return "exact"
	}
	return fmt.Sprintf("%g ulp: %s", op.Tol.ULP+op.Tol.Abs, escape(op.Tol.Why))
}
