package tensors

import (
	"fmt"
	"math"
	"runtime"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
)

// FormatOptions say how a tensor is printed. Zero fields take the values that String uses.
type FormatOptions struct {
	Precision int // digits after the point of floats, at most; 4, and for a scalar all that count
	Threshold int // number of elements above which long axes are cut; 1000
	EdgeItems int // elements shown at the beginning and end of a cut axis; 3
	LineWidth int // characters after which a row of elements goes on in the next line; 100
}

// String prints t as NumPy does, after a line with its dtype and shape; a scalar all in one line.
// Columns are aligned; of more than 1000 elements each axis shows the first and last three.
func (t *Tensor) String() string { return t.Format(FormatOptions{}) }

// Summary prints t with the given digits after the point, and of every axis longer than six the
// first and last three elements only.
func (t *Tensor) Summary(precision int) string {
	return t.Format(FormatOptions{Precision: precision, Threshold: 6})
}

// Format prints t with the given options. A nil or closed tensor prints what it is.
func (t *Tensor) Format(o FormatOptions) (text string) {
	if err := t.CheckValid(); err != nil {
		return "<" + err.Error() + ">"
	}
	defer runtime.KeepAlive(t)
	defer reading(t).orSay(&text, "<", ">")
	if o.Precision <= 0 {
		if t.IsScalar() {
			return t.shape.String() + " " + strings.Trim(fmt.Sprint(t.element(0)), "()")
		}
		o.Precision = 4
	}
	if o.Threshold <= 0 {
		o.Threshold = 1000
	}
	if o.EdgeItems <= 0 {
		o.EdgeItems = 3
	}
	if o.LineWidth <= 0 {
		o.LineWidth = 100
	}
	o.Precision = min(o.Precision, mostDigits)
	if t.Size() == 0 { // also of 2^32 empty rows
		return t.shape.String() + "\n[]"
	}
	p := &printer{t: t, o: o, strides: t.shape.Strides(), cut: t.Size() > o.Threshold}
	p.text = p.chooseText()
	p.out.WriteString(t.shape.String())
	if t.Rank() == 0 {
		p.out.WriteString(" " + p.text(0))
	} else {
		p.visit(0, 0, func(at int) { p.width = max(p.width, len(p.text(at))) })
		p.out.WriteByte('\n')
		p.print(0, 0)
	}
	return p.out.String()
}

// mostDigits is how many digits after the point the smallest float64 has, 2^-1074.
const mostDigits = 1074

// printer prints one tensor.
type printer struct {
	t       *Tensor
	o       FormatOptions
	strides []int
	cut     bool // long axes show their ends only
	text    func(at int) string
	width   int // of the longest element shown
	out     strings.Builder
}

// gap stands for the indices that are left out.
const gap = -1

// shown returns the indices of an axis that are printed, with gap for those left out.
func (p *printer) shown(axis int) []int {
	n, e := p.t.shape.Dimensions[axis], p.o.EdgeItems
	var list []int
	for i := 0; i < n; i++ {
		if p.cut && n > 2*e && i == e {
			list = append(list, gap)
			i = n - e
		}
		list = append(list, i)
	}
	return list
}

// visit calls fn for the place of every element that is printed, from the given axis on.
func (p *printer) visit(axis, at int, fn func(at int)) {
	if axis == p.t.Rank() {
		fn(at)
		return
	}
	for _, i := range p.shown(axis) {
		if i != gap {
			p.visit(axis+1, at+i*p.strides[axis], fn)
		}
	}
}

// print writes the elements from the given axis on, brackets included.
func (p *printer) print(axis, at int) {
	p.out.WriteByte('[')
	if axis == p.t.Rank()-1 {
		p.printRow(axis, at)
	} else {
		newLines := strings.Repeat("\n", p.t.Rank()-1-axis) + strings.Repeat(" ", axis+1)
		for n, i := range p.shown(axis) {
			if n > 0 {
				p.out.WriteString(newLines)
			}
			if i == gap {
				p.out.WriteString("...")
			} else {
				p.print(axis+1, at+i*p.strides[axis])
			}
		}
	}
	p.out.WriteByte(']')
}

// printRow writes the elements of the last axis.
func (p *printer) printRow(axis, at int) {
	column := axis + 1
	for n, i := range p.shown(axis) {
		word := "..."
		if i != gap {
			word = fmt.Sprintf("%*s", p.width, p.text(at+i))
		}
		switch {
		case n == 0:
		case column+1+len(word) >= p.o.LineWidth:
			p.out.WriteString("\n" + strings.Repeat(" ", axis+1))
			column = axis + 1
		default:
			p.out.WriteByte(' ')
			column++
		}
		p.out.WriteString(word)
		column += len(word)
	}
}

// chooseText returns how one element is written, such that all that are shown agree.
func (p *printer) chooseText() func(at int) string {
	t := p.t
	switch d := t.DType(); {
	case d.IsFloat() || d.IsStorage():
		number := p.chooseFloat(func(at int, see func(float64)) { see(real(t.complexAt(at))) })
		return func(at int) string { return number(real(t.complexAt(at))) }
	case d.IsComplex():
		number := p.chooseFloat(func(at int, see func(float64)) {
			see(real(t.complexAt(at)))
			see(imag(t.complexAt(at)))
		})
		return func(at int) string {
			x := t.complexAt(at)
			im := number(imag(x))
			if im[0] != '-' && im[0] != '+' {
				im = "+" + im
			}
			return number(real(x)) + im + "i"
		}
	}
	return func(at int) string { return fmt.Sprint(t.element(at)) }
}

// chooseFloat returns how floats are written: with as many digits after the point as the numbers
// shown have, at most Precision; as powers of ten if one of them is too large (1e8) or too small
// (1e-4) for that. These limits are NumPy's.
func (p *printer) chooseFloat(each func(at int, see func(float64))) func(x float64) string {
	digits, power := 0, false
	p.visit(0, 0, func(at int) {
		each(at, func(x float64) {
			a := math.Abs(x)
			if a == 0 || math.IsInf(x, 0) || x != x {
				return
			}
			power = power || a >= 1e8 || a < 1e-4
			for digits < p.o.Precision && p.rest(x, digits) {
				digits++
			}
		})
	})
	format, precision := byte('f'), digits
	if power {
		format, precision = 'e', p.o.Precision
	}
	return func(x float64) string {
		switch {
		case x != x:
			return "NaN"
		case math.IsInf(x, 1):
			return "+Inf"
		}
		return strconv.FormatFloat(x, format, precision, 64)
	}
}

// rest reports whether x, at the full precision, has digits beyond the given number.
func (p *printer) rest(x float64, digits int) bool {
	s := strconv.FormatFloat(x, 'f', p.o.Precision, 64)
	dot := strings.IndexByte(s, '.')
	return strings.Trim(s[dot+1+digits:], "0") != ""
}

// GoStr returns t as Go source, such as "[][]float32{{1, 2}, {3, 4}}": all of it, exactly. A nil or
// closed tensor returns what it is, in a comment; so does one of more than a million empty rows.
func (t *Tensor) GoStr() (text string) {
	if err := t.CheckValid(); err != nil {
		return "/* " + err.Error() + " */"
	}
	defer runtime.KeepAlive(t)
	defer reading(t).orSay(&text, "/* ", " */")
	typ := dtypes.GoType(t.DType()).String()
	if t.IsScalar() {
		s := t.goElement(0)
		if strings.HasPrefix(s, typ) || t.DType().IsHalf() || t.DType().IsStorage() { // has its type
			return s
		}
		return typ + "(" + s + ")"
	}
	if err := t.checkNest(); err != nil {
		return "/* " + err.Error() + " */"
	}
	var out strings.Builder
	out.WriteString(strings.Repeat("[]", t.Rank()) + typ)
	t.goRows(&out, 0, 0)
	return out.String()
}

func (t *Tensor) goRows(out *strings.Builder, axis, at int) {
	out.WriteByte('{')
	stride := t.shape.Strides()[axis]
	for i := range t.shape.Dimensions[axis] {
		if i > 0 {
			out.WriteString(", ")
		}
		if axis == t.Rank()-1 {
			out.WriteString(t.goElement(at + i))
		} else {
			t.goRows(out, axis+1, at+i*stride)
		}
	}
	out.WriteByte('}')
}

// goElement returns an element as a Go expression that can stand for its type in a slice.
func (t *Tensor) goElement(at int) string {
	typ := dtypes.GoType(t.DType()).String()
	switch d := t.DType(); {
	case d.IsHalf():
		return typ[:strings.IndexByte(typ, '.')] + ".FromFloat64(" + goFloat(real(t.complexAt(at)), 64) + ")"
	case d.IsStorage(): // float8.E5M2
		return typ + "FromFloat64(" + goFloat(real(t.complexAt(at)), 64) + ")"
	case d == dtypes.Complex64, d == dtypes.Complex128:
		x := t.complexAt(at)
		bits := 4 * d.Size()
		return typ + "(complex(" + goFloat(real(x), bits) + ", " + goFloat(imag(x), bits) + "))"
	case d.IsFloat():
		s := goFloat(real(t.complexAt(at)), 8*d.Size())
		if strings.HasPrefix(s, "math.") {
			return typ + "(" + s + ")"
		}
		return s
	}
	return fmt.Sprint(t.element(at))
}

// goFloat returns x, a number of the given bits, as a Go expression; those without a literal come
// from package math.
func goFloat(x float64, bits int) string {
	switch {
	case x != x:
		return "math.NaN()"
	case math.IsInf(x, 1):
		return "math.Inf(1)"
	case math.IsInf(x, -1):
		return "math.Inf(-1)"
	case x == 0 && math.Signbit(x):
		return "math.Copysign(0, -1)"
	}
	return strconv.FormatFloat(x, 'g', -1, bits)
}
