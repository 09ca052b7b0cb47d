package graphtest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
)

// families is the order of the op reference; families that are not named come last, by name.
var families = []string{"constants", "arithmetic", "unary", "activation", "comparison", "logical", "select", "complex", "shape", "index", "reduce", "softmax", "dot", "linalg", "fourier", "convolution", "pool", "sort", "random", "control", "gradient"}

const opReferenceHead = `# Ops

Written from the rows of the table of operations (` + "`ir.Ops()`" + `) by ` + "`go test ./graph/graphtest -run OpReference -update`" + `; do not edit.

Each family begins with a table, and each op of it has an entry below: what it computes, its signature, its facts, and
an example.

**The signature**: operands are x, y, z, u, v, w in order; attributes stand behind a semicolon; behind the arrow stand the results. T
is the dtype that varies; an operand that is written T has the same. *real T* is float32 for complex64 and float64 for complex128,
and T itself for others. The dtypes are those that the op's shape rule takes when it is asked, and gives at the samples.

**Complex numbers** are taken by the rows that say so, on every engine. The functions ` + "`Sign Pow Expm1 Log1p Exp2 Log2 Round IsFinite Variance`" + ` take
them too: they make of complex numbers calls of other rows. What NumPy has for complex numbers and package ` + "`graph`" + ` does not is
` + "`Asin Acos Atan Asinh Acosh Atanh Max Min ReduceMax ReduceMin ArgMax ArgMin Sort`" + `: cosines' and sines' inverses can be written with ` + "`Log`" + ` and
` + "`Sqrt`" + `, and complex numbers have no order.

**Go** names the functions and methods of package ` + "`graph`" + ` that make a call of the op. Helpers composed of them are described in the
documentation of that package.

**Gradient**, *by expansion*, means that an op is differentiated through the ops that it expands to. What has a gradient has a tangent
(` + "`JVP`" + `), and every op works for a batch (` + "`VMap`" + `): see [transforms](transforms.md).

**Expansion** is what an engine gets that has no kernel for the call, as it is for the example. An op without one is a kernel in
every engine.

**Accuracy** is how far a value of the go engine may be from the true one, in units of the last place (ulp) of that value, and where
that holds: *everywhere* is the whole domain, with denormals, the largest numbers, zeros and poles of the function; NaN, infinities and
signs of zeros are as they should be. It is tested with tables of true values (` + "`graph/graphtest/testdata/truth`" + `). Without a dtype
before it, it holds for all. *Of the larger part* measures both parts of a complex number in last places of the larger one; ε is the
dtype's epsilon, an error allowed whatever the value is.

**Between backends** is how far another backend may be from the reference meaning at the row's samples, in units of ε relative to the
value (or a thousandth of the largest of the tensor): XLA's own functions promise less.

**The example** is one of the row's samples, computed by its reference meaning: operands, the call with its attributes, results after
the arrow. Floats have four digits, and what is below a millionth of a tensor's largest number is written 0. Long axes are cut.
`

// OpReference writes the op reference as Markdown: per family a table of the ops, and an entry for each. callers names,
// by op, the Go functions that call it. An error names the row that has no example.
func OpReference(callers map[string][]string) (string, error) {
	byFamily := map[string][]*ir.Op{}
	var names []string
	for _, op := range ir.Ops() {
		if byFamily[op.Family] == nil {
			names = append(names, op.Family)
		}
		byFamily[op.Family] = append(byFamily[op.Family], op)
	}
	rank := func(f string) int {
		if i := slices.Index(families, f); i >= 0 {
			return i
		}
		return len(families)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a, b))
	})
	var b strings.Builder
	b.WriteString(opReferenceHead)
	fmt.Fprintf(&b, "\n%d ops in %d families:\n", len(ir.Ops()), len(names))
	for i, f := range names {
		title := familyTitle(f, byFamily[f])
		fmt.Fprintf(&b, "%s[%s](#%s)", []string{"", " · "}[min(i, 1)], f, anchor(title))
	}
	b.WriteString("\n")
	for _, f := range names {
		if err := writeFamily(&b, f, byFamily[f], callers); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

// familyTitle is a heading that is no op's name, so that anchors differ.
func familyTitle(family string, rows []*ir.Op) string {
	return fmt.Sprintf("%s (%d)", strings.ToUpper(family[:1])+family[1:], len(rows))
}

// anchor is what GitHub makes of a heading.
func anchor(title string) string {
	return strings.ReplaceAll(strings.NewReplacer("(", "", ")", "").Replace(strings.ToLower(title)), " ", "-")
}

func writeFamily(b *strings.Builder, family string, rows []*ir.Op, callers map[string][]string) error {
	fmt.Fprintf(b, "\n## %s\n\n| op | meaning | dtypes | gradient | StableHLO |\n|---|---|---|---|---|\n", familyTitle(family, rows))
	for _, op := range rows {
		fmt.Fprintf(b, "| [`%s`](#%s) | %s | %s | %s | %s |\n", op.Name, anchor(op.Name), escape(op.Doc), dtypesOf(op), inBrief(op), hloOf(op))
	}
	for _, op := range rows {
		if err := writeEntry(b, op, callers[op.Name]); err != nil {
			return fmt.Errorf("op %s: %w", op.Name, err)
		}
	}
	return nil
}

func writeEntry(b *strings.Builder, op *ir.Op, callers []string) error {
	e, err := exampleOf(op)
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "\n### %s\n\n**%s**\n\n```text\n%s\n```\n\n", op.Name, prose(op.Doc), signature(op))
	facts := []string{kindOf(op), "gradient: " + gradientOf(op)}
	if hlo := hloOf(op); hlo != "" {
		facts = append(facts, "StableHLO: "+hlo)
	}
	if len(callers) > 0 {
		facts = append(facts, "Go: `"+strings.Join(callers, "`, `")+"`")
	}
	fmt.Fprintf(b, "%s\n\n", strings.Join(facts, " · "))
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(b, "- **%s**: %s\n", name, text)
		}
	}
	line("Cost", costOf(op, e))
	line("Expansion", expansionOf(op, e))
	line("Accuracy", prose(accuracyOf(op)))
	line("Between backends", prose(toleranceOf(op)))
	fmt.Fprintf(b, "\n```text\n%s```\n", e)
	return nil
}

// escape keeps text within its cell of a table, prose what Markdown would take for its own.
func escape(s string) string { return strings.ReplaceAll(prose(s), "|", "\\|") }
func prose(s string) string {
	return strings.NewReplacer("*", "\\*", "_", "\\_", "<", "\\<", "[", "\\[", "]", "\\]").Replace(s)
}

func dtypesOf(op *ir.Op) string {
	if op.DTypes == 0 {
		return "by operand"
	}
	return op.DTypes.String()
}

// inBrief is the gradient in a word.
func inBrief(op *ir.Op) string {
	word, _, _ := strings.Cut(gradientOf(op), ":")
	return word
}

func gradientOf(op *ir.Op) string {
	rule := graph.RuleOf(op)
	switch {
	case rule.NoGrad != "":
		return "none: " + prose(rule.NoGrad)
	case rule.ZeroGrad != "":
		return "zero: " + prose(rule.ZeroGrad)
	case rule.VJP != nil || rule.VJPMulti != nil:
		return "yes"
	}
	return "by expansion"
}

func hloOf(op *ir.Op) string {
	switch {
	case op.HLO != "":
		return "`" + op.HLO + "`"
	case op.Expand != nil || op.Regions != nil && op.Regions.Expand != nil:
		return "by expansion"
	}
	return ""
}

// kindOf says what a row promises of its calls, beside values.
func kindOf(op *ir.Op) string {
	var words []string
	if op.Elementwise {
		words = append(words, "elementwise")
	}
	switch op.Layout {
	case ir.View:
		words = append(words, "view: the same elements in the same order")
	case ir.Permutation:
		words = append(words, "permutation: the same elements in another order")
	case ir.Repetition:
		words = append(words, "repetition: each element as often as the others")
	}
	switch op.Effect {
	case ir.Pure:
		words = append(words, "pure")
	case ir.Ordered:
		words = append(words, "has an effect: runs as often as it is called, in order")
	case ir.Debug:
		words = append(words, "has an effect that a run may leave out if nobody watches")
	}
	return strings.Join(words, ", ")
}

// costOf says what a call costs, and what that is for the example.
func costOf(op *ir.Op, e *example) string {
	words := "operands are read and results written once"
	switch {
	case op.Regions != nil:
		return "what its functions cost"
	case op.Cost != nil:
		words = "counted by its own rule"
	case op.Layout == ir.View:
		return "nothing"
	case op.Elementwise:
		words = "an operation per element; " + words
	}
	c := op.CostOf(e.sample.Attrs, shapesOf(e.in), shapesOf(e.out))
	return fmt.Sprintf("%s (example: %s, %s)", words, count(c.FLOPs, "operation"), count(c.Bytes, "byte"))
}

func count(n float64, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%.6g %s", n, what)
}

// mostNamed is how many ops of an expansion are named.
const mostNamed = 10

// expansionOf names the ops that the example's call becomes where there is no kernel.
func expansionOf(op *ir.Op, e *example) string {
	if op.Expand == nil {
		return ""
	}
	p, err := op.Expand(e.sample.Attrs, shapesOf(e.in))
	if err != nil {
		return "none for such a call"
	}
	var names []string
	for _, in := range p.Instrs {
		if name := "[" + in.Op.Name + "](#" + anchor(in.Op.Name) + ")"; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	switch n := len(names); {
	case n == 0:
		return "its operand"
	case n > mostNamed+1:
		names = append(names[:mostNamed], fmt.Sprintf("and %d others", n-mostNamed))
	}
	return strings.Join(names, ", ")
}

// accuracyOf says what the values are held to; nothing for rows that promise nothing.
func accuracyOf(op *ir.Op) string {
	if op.Exact != "" {
		return "exact: " + op.Exact
	}
	var lines []string
	for _, a := range op.Accuracy {
		lines = append(lines, a.String())
	}
	return strings.Join(lines, "; ")
}

func toleranceOf(op *ir.Op) string {
	if op.Tol == (ir.Tolerance{}) {
		return "exact"
	}
	return fmt.Sprintf("%g ulp: %s", op.Tol.ULP+op.Tol.Abs, op.Tol.Why)
}
