package ir

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors"
)

// String prints the program, a line per instruction:
//
//	program "mlp"(%0 x float32[32 784], %1 w float32[784 10]) {
//	  %2 = MatMul %0 %1 : float32[32 10]  // main.go:12
//	  return %2
//	}
//
// Where a program has a mesh it is printed after the name, and shardings after what they divide:
//
//	program "mlp" on mesh[data=2](%0 x float32[32 784] split [data -], %1 w float32[784 10]) {
//
// A region that several instructions share is printed at the first of them.
func (p *Program) String() string {
	b := printer{begins: map[*Program]int{}}
	p.write(&b, "", "program")
	return b.String()
}

// printer is the text of a program, with the lines in which those printed so far begin.
type printer struct {
	strings.Builder
	begins        map[*Program]int
	counted, seen int // newlines, in how many bytes
}

// line returns the number of the line that is written next, from 1.
func (b *printer) line() int {
	b.counted += strings.Count(b.String()[b.seen:], "\n")
	b.seen = b.Len()
	return b.counted + 1
}

func (p *Program) write(b *printer, indent, keyword string) {
	if line := b.begins[p]; line > 0 {
		fmt.Fprintf(b, "%s%s %q of line %d\n", indent, keyword, p.Name, line)
		return
	}
	b.begins[p] = b.line()
	fmt.Fprintf(b, "%s%s %q", indent, keyword, p.Name)
	if p.Mesh != nil {
		fmt.Fprintf(b, " on %s", p.Mesh)
	}
	split := func(list []Sharding, i int) {
		if list != nil && !list[i].Replicated() {
			fmt.Fprintf(b, " split %s", list[i])
		}
	}
	b.WriteByte('(')
	for i, id := range p.Inputs {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(b, "%%%d %s %s", id, p.InputNames[i], p.Values[id])
		split(p.InputShardings, i)
	}
	b.WriteString(") {\n")
	for _, in := range p.Instrs {
		b.WriteString(indent + "  ")
		for i, id := range in.Out {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(b, "%%%d", id)
		}
		b.WriteString(" = " + in.Op.Name)
		for i, id := range in.In {
			if in.Captured > 0 && i == len(in.In)-in.Captured {
				b.WriteString(" with")
			}
			fmt.Fprintf(b, " %%%d", id)
		}
		if text := AttrString(in.Attrs); text != "" {
			b.WriteString(" " + text)
		}
		b.WriteString(" :")
		for _, id := range in.Out {
			b.WriteString(" " + p.Values[id].String())
		}
		if place := in.Place.String(); place != "" {
			b.WriteString("  // " + place)
		}
		b.WriteByte('\n')
		for i, r := range in.Regions {
			r.write(b, indent+"    ", in.Op.Regions.name(i))
		}
	}
	b.WriteString(indent + "  return")
	for i, id := range p.Outputs {
		fmt.Fprintf(b, " %%%d", id)
		split(p.OutputShardings, i)
	}
	b.WriteString("\n" + indent + "}\n")
}

// AttrString writes attributes for people: constants by their first values, others without the fields that ask for
// nothing, and "" if no field is left.
func AttrString(attrs any) string {
	if c, ok := attrs.(ConstAttrs); ok {
		if c.Value == nil || !c.Value.Ok() {
			return "{finalized}"
		}
		n := c.Value.Size()
		var parts []string
		for i := range min(n, 4) {
			parts = append(parts, fmt.Sprint(element(c.Value, i)))
		}
		if n > 4 {
			parts = append(parts, "…")
		}
		return "{" + strings.Join(parts, " ") + "}"
	}
	v := reflect.ValueOf(attrs)
	if _, own := attrs.(fmt.Stringer); own || v.Kind() != reflect.Struct {
		if attrs == nil {
			return ""
		}
		return fmt.Sprintf("%+v", attrs)
	}
	var parts []string
	for i := range v.NumField() {
		if f := v.Field(i); !asksNothing(f) {
			parts = append(parts, fmt.Sprintf("%s:%+v", v.Type().Field(i).Name, f))
		}
	}
	if parts == nil {
		return ""
	}
	return "{" + strings.Join(parts, " ") + "}"
}

// asksNothing reports whether a field of attributes is off, empty, or the dtype that stands for the default. A number is
// neither: axis 0 is an axis.
func asksNothing(f reflect.Value) bool {
	switch f.Kind() {
	case reflect.Bool, reflect.String, reflect.Pointer, reflect.Interface, reflect.Func:
		return f.IsZero()
	case reflect.Slice, reflect.Map:
		return f.Len() == 0
	}
	return f.Type() == reflect.TypeFor[dtypes.DType]() && f.IsZero()
}

// element returns one element of t by its flat index.
func element(t *tensors.Tensor, i int) any {
	index := make([]int, t.Rank())
	for axis := t.Rank() - 1; axis >= 0; axis-- {
		d := t.Shape().Dimensions[axis]
		index[axis], i = i%d, i/d
	}
	return t.At(index...)
}
