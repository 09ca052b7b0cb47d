package stablehlo

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// Ops of a user's own are calls of private functions, whose bodies their rows bring.

// hasOwn reports whether the row of a call brings a form for it. What breaks in the row's function is said when the call is written.
func hasOwn(c ir.Call) bool {
	text, err := c.OwnStableHLO()
	return text != "" || err != nil
}

// asked is a call as [Lowers] is asked of it.
func (c call) asked() ir.Call {
	in := make([]shapes.Shape, len(c.in))
	for i, v := range c.in {
		in[i] = v.shape
	}
	return ir.Call{Op: c.Op, Attrs: c.Attrs, In: in, Out: c.out}
}

// own writes a call whose row brings its form.
func (f *function) own(c call) []value {
	asked := c.asked()
	in := asked.In
	body, err := asked.OwnStableHLO()
	if err == nil && body == "" {
		err = errors.New("its row brings no form in StableHLO for this call: it must be expanded (give stablehlo.Lowers to ir.Lower)")
	}
	if err == nil {
		body, err = withTypes(body, in, c.out)
	}
	if err != nil {
		return f.fail("%s: %w", c.Op.Name, err)
	}
	text := ownFunction(body, in, c.out)
	name := f.functions[text]
	if name == "" {
		if err := checkOwn(text, c.out); err != nil {
			return f.fail("%s: its form in StableHLO: %w, in\n%s", c.Op.Name, err, body)
		}
		name = unique(f.taken, identifier(c.Op.Name, "own"))
		f.functions[text] = name
		f.texts = append(f.texts, "  func.func private @"+name+text)
	}
	return f.invoke(private{name: name}, c.in, c.out)
}

// ownFunction returns the text of a function, from behind its name on.
func ownFunction(body string, in, out []shapes.Shape) string {
	params, results := make([]string, len(in)), make([]string, len(out))
	for i, s := range in {
		params[i] = fmt.Sprintf("%%arg%d: %s", i, tensorType(s))
	}
	for i, s := range out {
		results[i] = tensorType(s)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "(%s) -> (%s) {\n", strings.Join(params, ", "), strings.Join(results, ", "))
	for line := range strings.Lines(strings.TrimSpace(body)) {
		fmt.Fprintf(&b, "    %s\n", strings.TrimSpace(line))
	}
	b.WriteString("  }\n")
	return b.String()
}

var typeOfOperand = regexp.MustCompile(`\$(in|out)(\d+)`)

// withTypes puts types in the place of $in0 and $out0.
func withTypes(body string, in, out []shapes.Shape) (text string, err error) {
	text = typeOfOperand.ReplaceAllStringFunc(body, func(name string) string {
		m := typeOfOperand.FindStringSubmatch(name)
		list := in
		if m[1] == "out" {
			list = out
		}
		if i, e := strconv.Atoi(m[2]); e == nil && i < len(list) {
			return tensorType(list[i])
		}
		err = fmt.Errorf("its form in StableHLO names %s, and the call has %d operands and %d results", name, len(in), len(out))
		return name
	})
	return text, err
}

// checkOwn returns an error unless the text is one that a compiler can read, and ends with a return of the results. What its operations
// mean is between the row and the compiler.
func checkOwn(text string, out []shapes.Shape) error {
	top, err := parse("func.func private @f" + text)
	if err != nil {
		return err
	}
	var ops []*operation
	if len(top.ops) == 1 && len(top.ops[0].regions) == 1 {
		ops = top.ops[0].regions[0].ops
	}
	if len(ops) == 0 || ops[len(ops)-1].name != "func.return" {
		return errors.New("it must end with a return of its results, as in return %0 : $out0")
	}
	last := ops[len(ops)-1]
	if len(last.operands) != len(out) || len(last.in) != len(out) {
		return fmt.Errorf("it returns %d values, and the call has %d results", len(last.operands), len(out))
	}
	for i, t := range last.in {
		if !t.fits(out[i], true) {
			return fmt.Errorf("it returns %s as result %d, which is %s", t.text, i, tensorType(out[i]))
		}
	}
	return nil
}
