package stablehlo

import (
	"fmt"
	"slices"
	"strings"
)

// Tuples and tokens are taken out of a program before anything is made of it: a tuple becomes the tensors in it, one after the other, in
// operands and results of operations, in blocks and in the types of functions; a token, which says what comes before what, becomes
// nothing. What is left has tensors alone.

// flattened are the operations that are nothing without tuples and tokens.
var flattened = map[string]bool{"stablehlo.tuple": true, "stablehlo.get_tuple_element": true, "stablehlo.after_all": true, "stablehlo.create_token": true}

// holders are the operations that take and return tuples and tokens like anything else.
var holders = map[string]bool{"func.call": true, "func.return": true, "stablehlo.return": true, "stablehlo.while": true, "stablehlo.if": true,
	"stablehlo.case": true, "stablehlo.optimization_barrier": true, "stablehlo.custom_call": true, "stablehlo.composite": true}

// maxLeaves bounds how many tensors a type may have: nested tuples of a few letters have many.
const maxLeaves = 1 << 12

// flat reports whether a type is a tuple or a token.
func (t mlirType) flat() bool {
	return !t.tensor().DType.IsValid() && (strings.HasPrefix(t.text, "tuple") || t.text == "!stablehlo.token")
}

// elements returns the types of what is in a tuple, none of a token, and the type itself of anything else.
func (t mlirType) elements() (list []mlirType) {
	if !t.flat() {
		return []mlirType{t}
	}
	if strings.HasPrefix(t.text, "!") {
		return nil
	}
	p := &parser{text: strings.TrimPrefix(t.text, "tuple"), line: 1}
	p.expect("<")
	for !p.accept(">") {
		if len(list) > 0 {
			p.expect(",")
		}
		list = append(list, p.typ())
	}
	return list
}

// leaves returns the types of the tensors in a value.
func (t mlirType) leaves() (list []mlirType) {
	if !t.flat() {
		return []mlirType{t}
	}
	for _, e := range t.elements() {
		if list = append(list, e.leaves()...); len(list) > maxLeaves {
			panic(&readError{text: fmt.Sprintf("a tuple of more than %d tensors", maxLeaves)})
		}
	}
	return list
}

// flattener holds what values are made of, by scopes: those that are tuples or tokens, and those that came out of a tuple.
type flattener struct {
	names map[string][]string
	types map[string]mlirType
	outer *flattener
	plain bool // of the body of an operation that works on tensors alone
}

// inner returns the scope of a body of an operation.
func (f *flattener) inner(op string) *flattener {
	return &flattener{map[string][]string{}, map[string]mlirType{}, f, f.plain || op != "func.func" && !holders[op]}
}

// of returns the tensors that a value is, and its type if it is a tuple or a token.
func (f *flattener) of(name string) (names []string, t mlirType) {
	for s := f; s != nil; s = s.outer {
		if names, known := s.names[name]; known {
			return names, s.types[name]
		}
	}
	return []string{name}, mlirType{}
}

// define names the tensors of a value.
func (f *flattener) define(name string, t mlirType) []string {
	if !t.flat() {
		return []string{name}
	}
	var names []string
	for i := range t.leaves() {
		names = append(names, fmt.Sprintf("%s/%d", name, i)) // no name in a text has a slash
	}
	f.names[name], f.types[name] = names, t
	return names
}

// flatten takes tuples and tokens out of the operations of a region that has functions in it.
func flatten(top *region) {
	for _, op := range top.ops {
		switch {
		case op.name == "builtin.module":
			for _, r := range op.regions {
				flatten(r)
			}
		case op.name == "func.func":
			line := op.line
			func() {
				defer inLine(&line)
				op.outAttrs = flatAttrs(op.outAttrs, op.out)
				op.out = flatTypes(op.out)
				for _, r := range op.regions {
					(&flattener{}).inner(op.name).region(r, &line)
				}
			}()
		}
	}
}

// inLine gives errors that have no line that of the operation.
func inLine(line *int) {
	switch e := recover().(type) {
	case nil:
	case *syntaxError:
		panic(&readError{line: *line, text: e.text})
	case *readError:
		if e.line == 0 {
			e.line = *line
		}
		panic(e)
	default:
		panic(e)
	}
}

func flatTypes(list []mlirType) []mlirType {
	if !slices.ContainsFunc(list, mlirType.flat) {
		return list
	}
	out := []mlirType{}
	for _, t := range list {
		out = append(out, t.leaves()...)
	}
	return out
}

// flatAttrs returns attributes of values with the given types, one for each tensor: those of a tuple are none of its tensors'.
func flatAttrs(attrs []map[string]any, types []mlirType) (out []map[string]any) {
	if attrs == nil || len(attrs) != len(types) || !slices.ContainsFunc(types, mlirType.flat) {
		return attrs
	}
	for i, t := range types {
		if !t.flat() {
			out = append(out, attrs[i])
			continue
		}
		out = append(out, make([]map[string]any, len(t.leaves()))...)
	}
	return out
}

func (f *flattener) region(r *region, line *int) {
	if slices.ContainsFunc(r.types, mlirType.flat) && len(r.args) == len(r.types) {
		var args []string
		for i, name := range r.args {
			args = append(args, f.define(name, r.types[i])...)
		}
		r.attrs = flatAttrs(r.attrs, r.types)
		r.args, r.types = args, flatTypes(r.types)
	}
	ops := r.ops[:0:0]
	for _, op := range r.ops {
		if *line = op.line; f.operation(op, line) {
			ops = append(ops, op)
		}
	}
	r.ops = ops
}

// operation flattens an operation, and reports whether anything is left of it.
func (f *flattener) operation(op *operation, line *int) bool {
	fail := func(format string, args ...any) {
		panic(&readError{line: op.line, text: fmt.Sprintf("op %q: ", op.name) + fmt.Sprintf(format, args...)})
	}
	var operands []string
	given := make([]mlirType, len(op.operands)) // of those that are tuples or tokens
	for i, name := range op.operands {
		names, t := f.of(name)
		given[i] = t
		operands = append(operands, names...)
	}
	if flattened[op.name] {
		f.taken(op, operands, given, fail)
		return false
	}
	for i, t := range given {
		if t.text == "" {
			continue
		}
		if !holders[op.name] || f.plain {
			fail("operand %d is %s: it takes tensors", i, t.text)
		}
		if op.in != nil && i < len(op.in) && !op.in[i].same(t) {
			fail("operand %d, %s, is %s, and is used as %s", i, op.operands[i], t.text, op.in[i].text)
		}
	}
	op.operands = operands
	if slices.ContainsFunc(op.in, mlirType.flat) {
		op.in = flatTypes(op.in)
	}
	if slices.ContainsFunc(op.out, mlirType.flat) {
		if !holders[op.name] {
			fail("its result is %s: it has tensors", op.out[slices.IndexFunc(op.out, mlirType.flat)].text)
		}
		var results []string
		for i, name := range op.results {
			results = append(results, f.define(name, op.out[i])...)
		}
		op.results, op.out = results, flatTypes(op.out)
	}
	for _, r := range op.regions {
		f.inner(op.name).region(r, line)
	}
	return true
}

// taken gives the result of an operation on tuples and tokens the names of the tensors that it is.
func (f *flattener) taken(op *operation, operands []string, given []mlirType, fail func(format string, args ...any)) {
	if len(op.results) != 1 || len(op.out) != 1 {
		fail("it has one result")
	}
	name, t := op.results[0], op.out[0]
	switch op.name {
	case "stablehlo.after_all", "stablehlo.create_token":
		if t.text != "!stablehlo.token" || len(operands) > 0 {
			fail("it makes one token of tokens")
		}
		f.names[name], f.types[name] = nil, t
	case "stablehlo.tuple":
		if !t.flat() || len(t.elements()) != len(given) || len(t.leaves()) != len(operands) {
			fail("it makes %s of %d values", t.text, len(given))
		}
		for i, e := range t.elements() {
			if given[i].text != "" && !given[i].same(e) || given[i].text == "" && e.flat() || i < len(op.in) && !op.in[i].same(e) {
				fail("operand %d, %s, is not %s", i, op.operands[i], e.text)
			}
		}
		f.names[name], f.types[name] = operands, t
	case "stablehlo.get_tuple_element":
		if len(given) != 1 || !strings.HasPrefix(given[0].text, "tuple") {
			fail("it takes a tuple")
		}
		index, _ := op.attrs["index"].(int64)
		elements := given[0].elements()
		if index < 0 || index >= int64(len(elements)) {
			fail("%s has no element %d", given[0].text, index)
		}
		if !elements[index].same(t) {
			fail("element %d of %s is not %s", index, given[0].text, t.text)
		}
		first := 0
		for _, e := range elements[:index] {
			first += len(e.leaves())
		}
		f.names[name] = operands[first:][:len(t.leaves())]
		if t.flat() {
			f.types[name] = t
		}
	}
}
