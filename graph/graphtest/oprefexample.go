package graphtest

import (
	"errors"
	"fmt"
	"math"
	"math/cmplx"
	"reflect"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
)

// example is a sample with its operands and results.
type example struct {
	call
	in, out []*tensors.Tensor
}

// fewElements is how many elements an operand or result of an example should have at most.
const fewElements = 8

// exampleOf returns the call of the row's samples that is read best: finite, changing its operand, with more than
// one element, short, of a common dtype, and with values that were worked out by hand; of those that are alike the first.
func exampleOf(op *ir.Op) (*example, error) {
	var best *example
	var bestRank []int
	for _, c := range calls(op) {
		in := c.inputs()
		out, err := runOn(Reference(), c.apply, in)
		if err != nil {
			return nil, fmt.Errorf("sample %q at %s: %w", c.sample.Name, c.dtype, err)
		}
		e := &example{c, in, out}
		if rank := e.rank(); best == nil || slices.Compare(rank, bestRank) < 0 {
			best, bestRank = e, rank
		}
	}
	if best == nil {
		return nil, errors.New("no sample can be an example")
	}
	return best, nil
}

// common are the dtypes that examples have, best first; others come after them.
var common = []dtypes.DType{dtypes.Float32, dtypes.Int32, dtypes.Complex64, dtypes.Bool}

// rank is smaller for what is read better, compared from the first number on.
func (e *example) rank() []int {
	number := func(b bool) int { return map[bool]int{true: 1}[b] }
	dtype := func(d dtypes.DType) int {
		if i := slices.Index(common, d); i >= 0 {
			return i
		}
		return len(common)
	}
	odd, empty, largest, total := 0, 0, 0, 0
	for _, t := range slices.Concat(e.in, e.out) {
		for _, v := range numbers(t) {
			odd = max(odd, number(cmplx.IsNaN(v) || cmplx.IsInf(v)))
		}
		empty = max(empty, number(t.Size() == 0))
		largest, total = max(largest, t.Size()), total+t.Size()
	}
	long := 0
	if largest > fewElements {
		long = total
	}
	last := e.out[len(e.out)-1]
	idle := number(len(e.in) > 0 && Diff(last, e.in[0], ir.Tolerance{}) == nil)
	return []int{odd, empty, idle, number(largest == 1), long, dtype(e.dtype), dtype(last.DType()), number(e.sample.Want == nil), number(e.sample.Kink || e.sample.Pole)}
}

// String writes operands, call and results, each with its shape, in columns.
func (e *example) String() string {
	var rows [][3]string
	for i, t := range e.in {
		rows = append(rows, [3]string{operandName(i), t.Shape().String(), literal(t)})
	}
	for _, t := range e.out {
		rows = append(rows, [3]string{"→", t.Shape().String(), literal(t)})
	}
	width := 0
	for _, r := range rows {
		width = max(width, len(r[1]))
	}
	var b strings.Builder
	for i, r := range rows {
		if i == len(e.in) {
			b.WriteString(e.called())
		}
		fmt.Fprintf(&b, "%s  %-*s  %s\n", r[0], width, r[1], r[2])
	}
	return b.String()
}

// called writes the call: a program if it runs functions.
func (e *example) called() string {
	if e.sample.Build == nil {
		var names []string
		for i := range e.in {
			names = append(names, operandName(i))
		}
		text := e.op.Name + "(" + strings.Join(names, ", ") + ")"
		return strings.TrimSpace(text+" "+ir.AttrString(e.sample.Attrs)) + "\n"
	}
	p := must(e.sample.Program(e.op, e.dtype))
	for i := range p.InputNames {
		p.InputNames[i] = operandName(i)
	}
	withoutPlaces(p)
	return p.String()
}

// withoutPlaces forgets where the calls of a program were written.
func withoutPlaces(p *ir.Program) {
	for i := range p.Instrs {
		p.Instrs[i].Place = ir.Site{}
		for _, r := range p.Instrs[i].Regions {
			withoutPlaces(r)
		}
	}
}

// literal writes the elements of t, nested by axes; long axes are cut where t is long.
func literal(t *tensors.Tensor) string {
	kept := t.Size()
	if kept > 2*fewElements {
		if kept = 3; t.Rank() == 1 {
			kept = fewElements
		}
	}
	return nested(t.Shape().Dimensions, texts(t), kept)
}

// nested writes so many elements of each axis: of a cut one the first, and the last.
func nested(dims []int, texts []string, kept int) string {
	if len(dims) == 0 {
		return texts[0]
	}
	var parts []string
	n := dims[0]
	for i := range n {
		switch {
		case n <= kept+1 || i < kept-1 || i == n-1:
			step := len(texts) / n
			parts = append(parts, nested(dims[1:], texts[i*step:(i+1)*step], kept))
		case i == kept-1:
			parts = append(parts, "…")
		}
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// texts writes each element of t.
func texts(t *tensors.Tensor) (list []string) {
	d := t.DType()
	if d.IsInt() || d == dtypes.Bool { // all digits count, also of what no float64 holds
		t.MustConstFlatData(func(flat any) {
			for v := reflect.ValueOf(flat); len(list) < v.Len(); {
				list = append(list, fmt.Sprint(v.Index(len(list)).Interface()))
			}
		})
		return list
	}
	largest := 0.0
	for _, v := range numbers(t) {
		if a := cmplx.Abs(v); !math.IsInf(a, 0) {
			largest = max(largest, a)
		}
	}
	for _, v := range numbers(t) {
		text := short(real(v), largest)
		if d.IsComplex() {
			im := short(imag(v), largest)
			if im[0] != '-' {
				im = "+" + im
			}
			text += im + "i"
		}
		list = append(list, text)
	}
	return list
}

// short writes four digits; what is tiny beside the largest number is what rounding left of 0.
func short(v, largest float64) string {
	if v != 0 && math.Abs(v) < 1e-6*largest {
		return "0"
	}
	return fmt.Sprintf("%.4g", v)
}
