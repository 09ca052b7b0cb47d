package stablehlo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// The verifier checks what a text says of itself before anything is made of it: that values have the types with which
// they are used, and that types, settings and regions of every operation are those that StableHLO's own verifier
// takes. What it refuses has no meaning there, so that it could only have a wrong one here. Sizes that a type leaves
// open fit any size; they are looked at when the sizes are known.
//
// Source: the constraints (C1), (C2), … of the StableHLO specification, version 1.13.

// typeScope holds the types of the values that a region sees: its own, and those around it.
type typeScope struct {
	types map[string]mlirType
	outer *typeScope
}

func (s *typeScope) find(name string) (mlirType, bool) {
	for ; s != nil; s = s.outer {
		if t, ok := s.types[name]; ok {
			return t, true
		}
	}
	return mlirType{}, false
}

// typed is an operation with the types of its operands and results, and of what its regions return.
type typed struct {
	reading // for its settings: there are no nodes
	in, out []mlirType
	returns [][]mlirType
}

// constraint says what types, settings and regions of an operation must be.
type constraint struct {
	results int // -1 for any number
	check   func(t *typed)
}

// constraints holds those of every operation that is read. It is filled by init functions, one per family.
var constraints = map[string]constraint{}

// constrain adds constraints of operations with one result, under names of the StableHLO dialect or, with their dialect,
// of others.
func constrain(f func(t *typed), names ...string) { constrainAll(1, f, names...) }

// constrainAll does so for operations with other numbers of results, -1 for any.
func constrainAll(results int, f func(t *typed), names ...string) {
	for _, name := range names {
		if !strings.Contains(name, ".") {
			name = "stablehlo." + name
		}
		constraints[name] = constraint{results, f}
	}
}

// constraintOf returns the constraints of an operation: its own, or those of the rows that are written as it.
func constraintOf(name string) constraint {
	c, rows := constraints[name], written[name]
	if c.check != nil || len(rows) == 0 {
		return c
	}
	var set dtypes.Set
	for _, op := range rows {
		set |= op.DTypes
	}
	return constraint{1, func(t *typed) {
		t.elementwise(set)
		ins := make([]shapes.Shape, len(t.in))
		for i, x := range t.in {
			ins[i] = x.tensor()
		}
		out, err := rowFor(rows, ins[0].DType).Results(nil, ins)
		if err != nil {
			t.fail("%v", err)
		}
		t.resultIs(0, out[0])
	}}
}

// verify checks a function.
func (f *Func) verify() {
	r := &reader{module: f.module}
	out := r.verifyRegion(f.body, nil)
	last := f.body.ops[len(f.body.ops)-1]
	if len(out) != len(f.results) {
		panic(&readError{line: last.line, text: fmt.Sprintf("the function @%s returns %d values, not %d", f.Name, len(out), len(f.results))})
	}
	for i, t := range out {
		if !t.same(f.results[i]) {
			panic(&readError{line: last.line, text: fmt.Sprintf("result %d of the function @%s is %s, not %s", i, f.Name, t.text, f.results[i].text)})
		}
	}
}

// verifyRegion checks the operations of a region and returns the types of what it returns.
func (r *reader) verifyRegion(reg *region, outer *typeScope) []mlirType {
	s := &typeScope{map[string]mlirType{}, outer}
	for i, name := range reg.args {
		if _, there := s.types[name]; there {
			panic(&readError{line: reg.line, text: fmt.Sprintf("a block has two arguments %s", name)})
		}
		s.types[name] = reg.types[i]
	}
	line := reg.line
	for i, op := range reg.ops {
		line = op.line
		t := &typed{reading: reading{reader: r, op: op}, out: op.out}
		for _, name := range op.operands {
			ty, ok := s.find(name)
			if !ok {
				t.fail("the value %s is not defined", name)
			}
			t.in = append(t.in, ty)
		}
		if returns[op.name] {
			if i != len(reg.ops)-1 {
				t.fail("it is not the last of its block")
			}
			t.declared()
			return t.in
		}
		t.verify(s)
		for j, name := range op.results {
			if _, there := s.types[name]; there {
				t.fail("the value %s is defined twice", name)
			}
			s.types[name] = op.out[j]
		}
	}
	panic(&readError{line: line, text: "a block that does not end with a return"})
}

// verify checks one operation.
func (t *typed) verify(s *typeScope) {
	rule, constraint := rules[t.op.name], constraintOf(t.op.name)
	switch {
	case rule.emit == nil:
		t.fail("it cannot stand in a function")
	case rule.operands >= 0 && len(t.in) != rule.operands:
		t.fail("%d operands, not %d", len(t.in), rule.operands)
	case constraint.results >= 0 && len(t.out) != constraint.results:
		t.fail("%d results, not %d", len(t.out), constraint.results)
	}
	for _, ty := range slices.Concat(t.in, t.out) {
		if !ty.tensor().DType.IsValid() {
			t.fail("%s", ty.unknown())
		}
	}
	for _, ty := range t.in {
		if ty.grid.narrow() && signBits[t.op.name] {
			t.fail("Quire holds %s in 8 bits, and does not look at single ones: convert it first", ty.text)
		}
	}
	t.declared()
	t.op.in = t.in // for readings that depend on more than dtypes
	for _, r := range t.op.regions {
		for _, ty := range r.types {
			if !ty.tensor().DType.IsValid() {
				t.fail("%s", ty.unknown())
			}
		}
		t.returns = append(t.returns, t.verifyRegion(r, s))
	}
	t.constrained()
}

// constrained checks types and settings of an operation whose regions have been.
func (t *typed) constrained() {
	t.quantisation()
	constraintOf(t.op.name).check(t)
	t.accuracy()
	if set, narrower := readFor[t.op.name]; narrower {
		for _, ty := range t.in {
			if d := ty.tensor().DType; !takes(set, d) {
				t.fail("Quire reads it for %s, not for %s", set, d)
			}
		}
	}
}

// declared checks that the operation uses its operands with the types that they have. Forms that write only one type
// mean it for operands and result.
func (t *typed) declared() {
	want := t.op.in
	switch {
	case want != nil && len(want) != len(t.in):
		t.fail("%d operands, and types for %d", len(t.in), len(want))
	case want != nil:
	case t.op.name == "stablehlo.complex" && len(t.out) == 1:
		s := t.out[0].tensor()
		if !s.DType.IsComplex() {
			t.fail("its result is %s, and must be complex", t.out[0].text)
		}
		s.DType = s.DType.Real()
		want = slices.Repeat([]mlirType{typeOfShape(s)}, len(t.in))
	case len(t.out) == len(t.in):
		want = t.out
	case len(t.out) == 1:
		want = slices.Repeat(t.out, len(t.in))
	}
	for i, w := range want {
		if !t.in[i].same(w) {
			t.fail("operand %d, %s, is %s, and is used as %s", i, t.op.operands[i], t.in[i].text, w.text)
		}
	}
}

// tensor returns the shape of a tensor's type, with -1 for the sizes that it leaves open; its dtype is invalid if it is no
// tensor that Quire knows.
func (t mlirType) tensor() shapes.Shape {
	if t.known() {
		return t.shape
	}
	return t.open
}

// typeOfShape returns the type of a tensor, whose sizes may be open.
func typeOfShape(s shapes.Shape) mlirType {
	text := strings.ReplaceAll(tensorType(s), "-1x", "?x")
	if slices.Contains(s.Dimensions, -1) {
		return mlirType{open: s, text: text}
	}
	return mlirType{shape: s, text: text}
}

// same reports whether two types are one.
func (t mlirType) same(u mlirType) bool {
	a, b := t.tensor(), u.tensor()
	if !a.DType.IsValid() || !b.DType.IsValid() {
		return strings.Join(strings.Fields(t.text), "") == strings.Join(strings.Fields(u.text), "")
	}
	return a.DType == b.DType && slices.Equal(a.Dimensions, b.Dimensions) && t.grid.equal(u.grid)
}

// sameElement reports whether the elements of two tensors have one type.
func sameElement(t, u mlirType) bool {
	return t.tensor().DType == u.tensor().DType && sameKind(t.grid, u.grid)
}

// meet reports whether two sizes can be the same: -1 is one that is open.
func meet(m, n int) bool { return m == n || m < 0 || n < 0 }

// shapesMeet reports whether tensors of the types can have the same shape.
func shapesMeet(t, u mlirType) bool {
	return slices.EqualFunc(t.tensor().Dimensions, u.tensor().Dimensions, meet)
}

// compatible reports whether values of the types can have the same type.
func compatible(t, u mlirType) bool { return sameElement(t, u) && shapesMeet(t, u) }

// unknown says why a type is none that can be read.
func (t mlirType) unknown() string {
	why := ""
	switch {
	case strings.Contains(t.text, "!quant"):
		why = ": Quire reads quantised types as !quant.uniform<i8:f32, 0.5:3> has them, with scales along an axis or one for all, and for floats"
	case strings.Contains(t.text, "future"):
		why = ": Quire's values are tensors, and not what will be one later"
	case strings.Contains(t.text, "*x"):
		why = ": Quire needs to know how many axes a value has"
	case strings.HasSuffix(t.text, "index>"):
		why = ": Quire's integers have 2 to 64 bits"
	case strings.Contains(t.text, "xf") || strings.HasPrefix(t.text, "tensor<f"):
		why = ": Quire's floats are f16, bf16, f32 and f64, and, to store numbers in, f8E4M3FN and f8E5M2"
	}
	return fmt.Sprintf("the type %s is not known%s", t.text, why)
}

// The helpers below fail with a sentence unless what they are named for holds.

// elements checks that types have elements of a set.
func (t *typed) elements(what string, set dtypes.Set, list ...mlirType) {
	for _, ty := range list {
		if !takes(set, ty.tensor().DType) {
			t.fail("%s is %s: its elements must be %s", what, ty.text, set)
		}
	}
}

// alike checks that types can be one.
func (t *typed) alike(what string, list ...mlirType) {
	for _, ty := range list[1:] {
		if !compatible(list[0], ty) {
			t.fail("%s must have one type, not %s and %s", what, list[0].text, ty.text)
		}
	}
}

// oneElement checks that elements have one type.
func (t *typed) oneElement(what string, list ...mlirType) {
	for _, ty := range list[1:] {
		if !sameElement(list[0], ty) {
			t.fail("%s must have elements of one type, not %s and %s", what, list[0].text, ty.text)
		}
	}
}

// oneShape checks that shapes can be the same.
func (t *typed) oneShape(what string, list ...mlirType) {
	for _, ty := range list[1:] {
		if !shapesMeet(list[0], ty) {
			t.fail("%s must have one shape, not %s and %s", what, list[0].text, ty.text)
		}
	}
}

// scalar checks that types are those of scalars.
func (t *typed) scalar(what string, list ...mlirType) {
	for _, ty := range list {
		if ty.tensor().Rank() != 0 {
			t.fail("%s is %s, and must be a scalar", what, ty.text)
		}
	}
}

// resultIs checks that result i can have the given shape.
func (t *typed) resultIs(i int, s shapes.Shape) {
	if want := typeOfShape(s); !shapesMeet(want, t.out[i]) || s.DType != t.out[i].tensor().DType {
		t.fail("result %d is %s by its operands, %s in the text", i, want.text, t.out[i].text)
	}
}

// needs checks that settings are there.
func (t *typed) needs(names ...string) {
	for _, name := range names {
		if t.op.attrs[name] == nil {
			t.fail("the attribute %s is missing", name)
		}
	}
}

// list returns a setting that is a list of n numbers, nil if it is missing; n is negative for any number.
func (t *typed) list(name string, n int) []int {
	list := t.ints(name)
	if d, ok := t.op.attrs[name].(denseAttr); ok && len(d.typ.tensor().Dimensions) > 1 {
		t.fail("the attribute %s must be a list of numbers, not %s", name, d.typ.text)
	}
	if list != nil && n >= 0 && len(list) != n {
		t.fail("the attribute %s has %d elements, not %d", name, len(list), n)
	}
	return list
}

// reach checks that all numbers of a setting reach a bound.
func (t *typed) reach(name string, list []int, least int) {
	for _, v := range list {
		if v < least {
			t.fail("the attribute %s: %d is less than %d", name, v, least)
		}
	}
}

// ascending checks that a list of axes is in order.
func (t *typed) ascending(name string, list []int) {
	if !slices.IsSorted(list) {
		t.fail("the attribute %s: %v must be in ascending order", name, list)
	}
}

// pads returns the setting that holds two numbers for each of n axes, which may be missing.
func (t *typed) pads(n int) [][2]int {
	switch a := t.op.attrs["padding"].(type) {
	case denseAttr:
		if d := a.typ.tensor().Dimensions; len(d) != 2 || d[0] != n || d[1] != 2 {
			t.fail("the attribute padding is %s, and must have two numbers for each of %d axes", a.typ.text, n)
		}
	case []any:
		for _, pair := range a {
			if p, ok := pair.([]any); !ok || len(p) != 2 {
				t.fail("the attribute padding must have two numbers for each of %d axes", n)
			}
		}
	}
	return t.paddings("padding", n)
}

// precision checks how products are to be made: two levels at most.
func (t *typed) precision() {
	for _, name := range []string{"precision_config", "precision"} {
		list, ok := t.op.attrs[name].([]any)
		if t.op.attrs[name] != nil && !ok {
			t.fail("the attribute %s must be a list", name)
		}
		if len(list) > 2 {
			t.fail("the attribute %s has %d elements, and there are two operands", name, len(list))
		}
		for _, p := range list {
			if w, _ := p.(keyword); w != "DEFAULT" && w != "HIGH" && w != "HIGHEST" {
				t.fail("a precision is DEFAULT, HIGH or HIGHEST, not %v", p)
			}
		}
	}
}

// accuracy checks how exact a function's result has to be: only a mode of tolerances has any.
func (t *typed) accuracy() {
	m, ok := t.op.attrs["result_accuracy"].(map[string]any)
	if !ok {
		return
	}
	mode, _ := m["mode"].(keyword)
	for _, name := range []string{"atol", "rtol", "ulps"} {
		v, ok := m[name]
		if ok && v != int64(0) && v != 0.0 && mode != "TOLERANCE" {
			t.fail("the attribute result_accuracy: the mode %s has no tolerances, and %s is %v", mode, name, v)
		}
	}
}

// regions checks that there are n regions.
func (t *typed) regions(n int) {
	if len(t.op.regions) != n {
		t.fail("%d regions, not %d", len(t.op.regions), n)
	}
}

// returned checks that a region can return values of the given types.
func (t *typed) returned(i int, want []mlirType) {
	got := t.returns[i]
	if len(got) != len(want) {
		t.fail("region %d returns %d values, not %d", i, len(got), len(want))
	}
	for j, ty := range got {
		if !compatible(ty, want[j]) {
			t.fail("value %d that region %d returns is %s, not %s", j, i, ty.text, want[j].text)
		}
	}
}

// takes checks that a region can take values of the given types.
func (t *typed) takes(i int, want []mlirType) {
	got := t.op.regions[i].types
	if len(got) != len(want) {
		t.fail("region %d takes %d values, not %d", i, len(got), len(want))
	}
	for j, ty := range got {
		if !compatible(ty, want[j]) {
			t.fail("value %d that region %d takes is %s, not %s", j, i, ty.text, want[j].text)
		}
	}
}

// scalarOf returns the type of a scalar with the elements of a tensor.
func scalarOf(t mlirType) mlirType {
	y := typeOfShape(shapes.Scalar(t.tensor().DType))
	y.grid = t.grid
	return y
}
