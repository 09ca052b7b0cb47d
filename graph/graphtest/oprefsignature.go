package graphtest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// operandNames are the names of operands in the rows' equations.
var operandNames = []string{"x", "y", "z", "u", "v", "w"}

func operandName(i int) string {
	if i < len(operandNames) {
		return operandNames[i]
	}
	return fmt.Sprintf("x%d", i)
}

func shapesOf(list []*tensors.Tensor) []shapes.Shape {
	out := make([]shapes.Shape, len(list))
	for i, t := range list {
		out[i] = t.Shape()
	}
	return out
}

// typed is a list of shapes, and the dtype under test at which a call has them.
type typed struct {
	d    dtypes.DType
	list []shapes.Shape
}

// signature writes what op takes and returns, with its types of attributes in the lines below. It is found by asking the
// shape rule, at the row's samples.
func signature(op *ir.Op) string {
	if op.Regions != nil {
		return fmt.Sprintf("%s(%s; %s) → …", op.Name, regionOperands(op), strings.Join(op.Regions.Names, ", "))
	}
	var named []reflect.Type
	attrs := ""
	if op.Attrs != nil {
		list := fields(reflect.TypeOf(op.Attrs), &named)
		if attrs = "; " + strings.Join(list, ", "); len(attrs) > lineWidth {
			attrs = ";\n    " + strings.Join(list, "\n    ") + "\n"
		}
	}
	text := fmt.Sprintf("%s(%s%s) → %s", op.Name, strings.Join(operands(op), ", "), attrs, strings.Join(results(op), ", "))
	if strings.Contains(text, " T") {
		set := op.DTypes
		if set == 0 {
			set = dtypes.Any
		}
		text += "    T: " + set.String()
	}
	for i := 0; i < len(named); i++ { // fields finds more
		text += "\n\n" + named[i].Name() + "\n    " + strings.Join(fields(named[i], &named), "\n    ")
	}
	return text
}

// lineWidth is how long attributes may be to stand in one line.
const lineWidth = 90

// fields writes the fields of a struct, those of one type together; structs of package ir that are met on the way are
// added to named.
func fields(t reflect.Type, named *[]reflect.Type) (list []string) {
	names := ""
	for i := range t.NumField() {
		f := t.Field(i)
		inner := f.Type
		for inner.Kind() == reflect.Slice || inner.Kind() == reflect.Array {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && inner.PkgPath() == t.PkgPath() && !slices.Contains(*named, inner) {
			*named = append(*named, inner)
		}
		names += f.Name
		if i+1 < t.NumField() && t.Field(i+1).Type == f.Type {
			names += ", "
			continue
		}
		list, names = append(list, names+" "+strings.ReplaceAll(f.Type.String(), "ir.", "")), ""
	}
	return list
}

// operands writes name and dtype of the operands: as many as all samples have, and "…" if some have more.
func operands(op *ir.Op) []string {
	all := calls(op)
	least, most := len(all[0].sample.In), 0
	for _, c := range all {
		least, most = min(least, len(c.sample.In)), max(most, len(c.sample.In))
	}
	var list []string
	for i := range least {
		list = append(list, operandName(i)+" "+operandDType(op, i, all))
	}
	if most > least { // what the further ones may be, only longer calls tell
		longer := slices.DeleteFunc(all, func(c call) bool { return len(c.sample.In) == least })
		list = append(list, operandName(least)+"… "+operandDType(op, least, longer))
	}
	return list
}

// operandDType writes what the shape rule takes for operand i.
func operandDType(op *ir.Op, i int, all []call) string {
	if i == op.Typed {
		if list := op.DTypes.List(); len(list) == 1 {
			return list[0].String()
		}
		return "T"
	}
	follows, likeLast, taken := true, i > 0, dtypes.Set(0)
	for _, c := range all {
		set := accepted(c, i)
		follows = follows && set == dtypes.SetOf(c.dtype)
		likeLast = likeLast && set == dtypes.SetOf(c.inputs()[i-1].DType())
		taken |= set
	}
	switch {
	case follows:
		return "T"
	case likeLast:
		return "like " + operandName(i-1)
	}
	return alternatives(taken)
}

// accepted returns the dtypes that operand i of a call may have, the others being as they are.
func accepted(c call, i int) (set dtypes.Set) {
	in := shapesOf(c.inputs())
	for _, d := range dtypes.Any.List() {
		in[i].DType = d
		if _, err := c.op.Results(c.sample.Attrs, in); err == nil {
			set |= dtypes.SetOf(d)
		}
	}
	return set
}

func alternatives(set dtypes.Set) string { return strings.ReplaceAll(set.String(), ", ", "|") }

// results writes the dtypes of the results.
func results(op *ir.Op) []string {
	var seen []typed
	for _, c := range calls(op) {
		p := must(c.sample.Program(op, c.dtype))
		var list []shapes.Shape
		for _, id := range p.Outputs {
			list = append(list, p.Values[id])
		}
		seen = append(seen, typed{c.dtype, list})
	}
	one, several := len(op.DTypes.List()) == 1, false
	for _, s := range seen {
		several = several || len(s.list) != len(seen[0].list)
	}
	var texts []string
	for k := range seen[0].list {
		if several && k > 0 {
			return append(texts, "…")
		}
		same, real, set := !one, !one, dtypes.Set(0)
		for _, s := range seen {
			d := s.list[k].DType
			same, real = same && d == s.d, real && d == s.d.Real()
			set |= dtypes.SetOf(d)
		}
		switch {
		case same:
			texts = append(texts, "T")
		case len(set.List()) == 1:
			texts = append(texts, set.String())
		case real:
			texts = append(texts, "real T")
		case saysDType(op, k) != "":
			texts = append(texts, saysDType(op, k))
		default:
			texts = append(texts, alternatives(set))
		}
	}
	return texts
}

// saysDType returns the attribute that is the dtype of result k, or has it, in all calls.
func saysDType(op *ir.Op, k int) string {
	if op.Attrs == nil {
		return ""
	}
	t := reflect.TypeOf(op.Attrs)
	for i := range t.NumField() {
		name := t.Field(i).Name
		for _, c := range calls(op) {
			p := must(c.sample.Program(op, c.dtype))
			d := p.Values[p.Outputs[k]].DType
			switch v := reflect.ValueOf(c.sample.Attrs).Field(i).Interface().(type) {
			case dtypes.DType:
				if v == dtypes.Invalid && d == c.dtype {
					name = t.Field(i).Name + " or T"
				} else if v != d {
					name = ""
				}
			case shapes.Shape:
				if name = t.Field(i).Name + ".DType"; v.DType != d {
					name = ""
				}
			default:
				name = ""
			}
			if name == "" {
				break
			}
		}
		if name != "" {
			return name
		}
	}
	return ""
}

// regionOperands writes the operands of an op that runs functions, where all calls have the same ones.
func regionOperands(op *ir.Op) string {
	var same []shapes.Shape
	for k, c := range calls(op) {
		p := must(c.sample.Program(op, c.dtype))
		for _, in := range p.Instrs {
			if in.Op != op {
				continue
			}
			var own []shapes.Shape
			for _, id := range in.In[:len(in.In)-in.Captured] {
				own = append(own, p.Values[id])
			}
			if k == 0 {
				same = own
			} else if !slices.EqualFunc(same, own, shapes.Shape.Equal) {
				return "x, …"
			}
		}
	}
	var list []string
	for i, s := range same {
		list = append(list, operandName(i)+" "+s.String())
	}
	return strings.Join(list, ", ")
}
