package stablehlo

import (
	"fmt"
	"strconv"
	"strings"
)

// funcType is the attribute that gives the type of a function.
type funcType struct{ in, out []mlirType }

// operation reads one operation, whatever its form.
func (p *parser) operation() *operation {
	defer p.enter()()
	p.space()
	op := &operation{line: p.lineAt(), attrs: map[string]any{}}
	if p.at("%") {
		op.results = p.resultNames()
		p.expect("=")
		p.space()
		op.line = p.lineAt()
	}
	p.space()
	start, generic := p.pos, p.at(`"`)
	if generic {
		op.name = p.quoted()
	} else {
		op.name = p.needWord("an operation")
	}
	if reason := cannotRead(op.name); reason != "" { // its own form is not known either
		p.failAt(start, "%s", reason)
	}
	if generic {
		p.generic(op)
	} else {
		p.pretty(op)
	}
	p.location()
	if len(op.results) != len(op.out) && op.name != "func.func" {
		p.fail("%s has %d results, and types for %d", op.name, len(op.results), len(op.out))
	}
	return op
}

// maxResults bounds the number of results that %0:n stands for.
const maxResults = 1 << 14

func (p *parser) resultNames() (names []string) {
	for {
		name := p.value()
		names = append(names, name)
		if p.accept(":") {
			start := p.pos
			n, err := strconv.Atoi(p.numberText())
			if err != nil || n < 1 || n > maxResults {
				p.failAt(start, "expected a number of results")
			}
			for i := 1; i < n; i++ {
				names = append(names, fmt.Sprintf("%s#%d", name, i))
			}
		}
		if !p.accept(",") {
			return names
		}
	}
}

// values reads values in parentheses.
func (p *parser) values() (list []string) {
	p.expect("(")
	for !p.accept(")") {
		if len(list) > 0 {
			p.expect(",")
		}
		list = append(list, p.value())
	}
	return list
}

// generic reads what follows the name in (operands) <{properties}> ({regions}) {attributes} : type.
func (p *parser) generic(op *operation) {
	op.operands = p.values()
	if p.accept("<") {
		p.attrDict(op.attrs)
		p.expect(">")
	}
	if p.accept("(") {
		for {
			op.regions = append(op.regions, p.region())
			if p.accept(")") {
				break
			}
			p.expect(",")
		}
	}
	if p.at("{") {
		p.attrDict(op.attrs)
	}
	p.expect(":")
	p.signature(op)
	if f, ok := op.attrs["function_type"].(funcType); ok && op.name == "func.func" {
		op.out = f.out
		op.outAttrs = dictionaries(op.attrs["res_attrs"], len(op.out))
		for _, r := range op.regions {
			r.attrs = dictionaries(op.attrs["arg_attrs"], len(r.args))
		}
	}
}

// dictionaries returns the n attribute dictionaries of a list, nil unless that is what it is.
func dictionaries(attr any, n int) []map[string]any {
	list, _ := attr.([]any)
	if len(list) != n {
		return nil
	}
	dicts := make([]map[string]any, n)
	for i, d := range list {
		dicts[i], _ = d.(map[string]any)
	}
	return dicts
}

// region reads { ^bb0(arguments): operations }; the label may be missing.
func (p *parser) region() *region {
	defer p.enter()()
	p.expect("{")
	r := &region{line: p.lineAt()}
	if p.accept("^") {
		p.needWord("the name of a block")
		if p.at("(") {
			p.arguments(r)
		}
		p.expect(":")
	}
	for !p.accept("}") {
		if p.at("^") {
			p.fail("a region of several blocks, which no StableHLO operation has")
		}
		r.ops = append(r.ops, p.operation())
	}
	return r
}

// arguments reads (%a: type {attributes} loc(…), …). A declaration may leave the names out.
func (p *parser) arguments(r *region) {
	p.expect("(")
	for !p.accept(")") {
		if len(r.types) > 0 {
			p.expect(",")
		}
		name := ""
		if p.at("%") {
			name = p.value()
			p.expect(":")
		}
		r.args, r.types = append(r.args, name), append(r.types, p.typ())
		r.attrs = append(r.attrs, p.resultAttrs())
	}
}

// signature reads the type of an operation after the colon.
func (p *parser) signature(op *operation) {
	list := p.types()
	for p.accept(",") {
		list = append(list, p.typ())
	}
	switch {
	case p.accept("->"):
		op.in, op.out = list, p.types()
	case op.name == "stablehlo.select" && len(list) == 2:
		op.in, op.out = []mlirType{list[0], list[1], list[1]}, list[1:]
	case len(op.results) == 0: // a return
		op.in = list
	default:
		op.out = list
	}
}

// pretty reads what follows the name of an operation in its own form.
func (p *parser) pretty(op *operation) {
	switch op.name {
	case "module", "builtin.module":
		op.name = "builtin.module"
		if p.at("@") {
			op.attrs["sym_name"] = string(p.symbol())
		}
		if p.accept("attributes") {
			p.attrDict(op.attrs)
		}
		op.regions = []*region{p.region()}
	case "func.func":
		p.function(op)
	case "sdy.mesh":
		op.attrs["sym_name"] = string(p.symbol())
		p.expect("=")
		mesh := p.attr()
		if p.at("{") {
			p.attrDict(op.attrs)
		}
		op.attrs["mesh"] = mesh
	case "stablehlo.constant":
		if p.at("{") {
			p.attrDict(op.attrs)
		}
		op.attrs["value"] = p.attr()
		if d, ok := op.attrs["value"].(denseAttr); ok {
			op.out = []mlirType{d.typ}
		}
	case "stablehlo.while":
		p.while(op)
	case "stablehlo.reduce":
		p.reduce(op)
	case "sdy.manual_computation":
		p.manual(op)
	case "chlo.scan":
		p.scan(op)
	case "stablehlo.convolution":
		op.operands = p.values()
		p.convolution(op)
		p.attributesAndType(op)
	default:
		if name, ok := strings.CutPrefix(op.name, "func."); ok && (name == "call" || name == "return") {
			op.name = name
		}
		p.items(op)
		p.attributesAndType(op)
		p.rename(op)
	}
	switch op.name {
	case "call", "return":
		op.name = "func." + op.name
	}
}

func (p *parser) attributesAndType(op *operation) {
	if p.at("{") {
		p.attrDict(op.attrs)
	}
	if p.accept(":") {
		p.signature(op)
	}
}

// function reads func.func [public] @name(arguments) -> results [attributes {…}] { body }.
func (p *parser) function(op *operation) {
	for _, v := range []string{"public", "private", "nested"} {
		if p.accept(v) {
			op.attrs["sym_visibility"] = v
		}
	}
	op.attrs["sym_name"] = string(p.symbol())
	head := &region{line: op.line}
	p.arguments(head)
	if p.accept("->") {
		op.out, op.outAttrs = p.typesAndAttrs()
	}
	if p.accept("attributes") {
		p.attrDict(op.attrs)
	}
	if p.at("{") {
		body := p.region()
		if len(body.args) > 0 {
			p.fail("the body of @%s has a block with arguments of its own", op.attrs["sym_name"])
		}
		head.ops = body.ops
		op.regions = []*region{head}
	}
}

// items reads the operands and the named settings of most operations, with or without parentheses around them:
// %0, %1, dims = [0], LT, [0:2], @name(%0).
func (p *parser) items(op *operation) {
	var words []string
	for first := true; ; first = false {
		p.space()
		if p.pos == len(p.text) {
			break
		}
		start := p.pos
		switch c := p.text[p.pos]; {
		case c == '%':
			op.operands = append(op.operands, p.value())
		case c == '(' && first:
			p.pos++
			p.items(op)
			p.expect(")")
		case c == '@':
			op.attrs["callee"] = p.symbol()
			if p.at("(") {
				op.operands = append(op.operands, p.values()...)
			}
		case c == '"':
			op.attrs["name"] = p.quoted()
			continue // the operands follow without a comma
		case c == '[' && op.name == "stablehlo.get_tuple_element":
			if list := p.list(); len(list) == 1 {
				op.attrs["index"] = list[0]
			}
		case c == '[':
			p.ranges(op)
		case c == '<': // how a value is divided
			op.attrs["sharding"] = opaque(p.balanced())
		case isLetter(c) && !p.atItem():
			return // the next operation, after one without a type
		case isLetter(c):
			w := p.word()
			switch {
			case !p.accept("="):
				words = append(words, w)
				op.attrs["words"] = words
			case w == "contracting_dims" || w == "batching_dims":
				lhs := p.list()
				p.expect("x")
				op.attrs[w] = []any{lhs, p.list()}
			default:
				p.bare = true // the type that follows is that of the operation
				op.attrs[w] = p.attr()
				p.bare = false
			}
		}
		if p.pos == start {
			return
		}
		if !p.accept(",") && !p.at("[") && !p.at("<") {
			return
		}
	}
}

// atItem reports whether the word that comes next is a setting: a word before =, or one in capitals.
func (p *parser) atItem() bool {
	start := p.pos
	defer func() { p.pos = start }()
	w := p.word()
	return strings.ToUpper(w) == w || p.at("=") || p.at(",")
}

// ranges reads what a slice takes: [0:2, 1:9:2].
func (p *parser) ranges(op *operation) {
	if op.name != "stablehlo.slice" {
		p.fail("expected a setting with its name, found %s", p.found())
	}
	var parts [3]numbers
	number := func() int64 {
		start := p.pos
		v, err := strconv.ParseInt(p.numberText(), 10, 64)
		if err != nil {
			p.failAt(start, "expected a whole number, found %s", p.found())
		}
		return v
	}
	p.expect("[")
	for i := range parts {
		parts[i] = numbers{}
	}
	for !p.accept("]") {
		if len(parts[0]) > 0 {
			p.expect(",")
		}
		stride := int64(1)
		parts[0] = append(parts[0], number())
		p.expect(":")
		parts[1] = append(parts[1], number())
		if p.accept(":") {
			stride = number()
		}
		parts[2] = append(parts[2], stride)
	}
	op.attrs["start_indices"], op.attrs["limit_indices"], op.attrs["strides"] = parts[0], parts[1], parts[2]
}

// while reads (%a = %0, …) : types attributes {…} cond { … } do { … }.
func (p *parser) while(op *operation) {
	var names []string
	p.expect("(")
	for !p.accept(")") {
		if len(names) > 0 {
			p.expect(",")
		}
		names = append(names, p.value())
		p.expect("=")
		op.operands = append(op.operands, p.value())
	}
	if len(names) > 0 {
		p.expect(":")
		op.out = []mlirType{p.typ()}
		for p.accept(",") {
			op.out = append(op.out, p.typ())
		}
	}
	if p.accept("attributes") {
		p.attrDict(op.attrs)
	}
	p.expect("cond")
	cond := p.region()
	p.expect("do")
	body := p.region()
	cond.args, body.args, cond.types, body.types = names, names, op.out, op.out
	op.regions = []*region{cond, body}
}

// scan reads (%0) inits(%1) dimension = 0 attributes {…} { body } : type.
func (p *parser) scan(op *operation) {
	op.operands = p.values()
	op.attrs["inputs"] = int64(len(op.operands))
	p.expect("inits")
	op.operands = append(op.operands, p.values()...)
	p.expect("dimension")
	p.expect("=")
	op.attrs["dimension"] = p.attr()
	if p.accept("attributes") {
		p.attrDict(op.attrs)
	}
	op.regions = []*region{p.region()}
	p.attributesAndType(op)
}

// manual reads (%0) in_shardings=[…] out_shardings=[…] manual_axes={…} (%a: type) { … } : types.
func (p *parser) manual(op *operation) {
	op.operands = p.values()
	for _, name := range []string{"in_shardings", "out_shardings"} {
		p.expect(name)
		p.expect("=")
		op.attrs[name] = p.list()
	}
	p.expect("manual_axes")
	p.expect("=")
	op.attrs["manual_axes"] = p.names()
	r := &region{line: p.lineAt()}
	p.arguments(r)
	r.ops = p.region().ops
	op.regions = []*region{r}
	p.attributesAndType(op)
}

// reduce reads (%0 init: %1), … applies stablehlo.add across dimensions = [0] : type, or the same with a region.
func (p *parser) reduce(op *operation) {
	var inits []string
	for {
		p.expect("(")
		op.operands = append(op.operands, p.value())
		p.expect("init")
		p.expect(":")
		inits = append(inits, p.value())
		p.expect(")")
		if !p.accept(",") {
			break
		}
	}
	op.operands = append(op.operands, inits...)
	applies := ""
	if p.accept("applies") {
		applies = p.needWord("an operation")
	}
	p.expect("across")
	p.expect("dimensions")
	p.expect("=")
	op.attrs["dimensions"] = p.list()
	p.attributesAndType(op)
	p.location()
	r := &region{line: op.line}
	op.regions = []*region{r}
	if applies != "" {
		var e mlirType
		if len(op.in) > 0 {
			e = scalarOf(op.in[0])
		}
		r.args = []string{"%a", "%b"}
		r.types = []mlirType{e, e}
		r.ops = []*operation{
			{name: applies, line: op.line, operands: r.args, results: []string{"%y"}, out: []mlirType{e}},
			{name: "stablehlo.return", line: op.line, operands: []string{"%y"}},
		}
		return
	}
	p.expect("reducer")
	var second []string
	var types []mlirType
	for p.at("(") { // one pair per operand: first operands of the region are all left ones
		pair := &region{}
		p.arguments(pair)
		if len(pair.args) != 2 {
			p.fail("a reducer takes its values in pairs, not %d", len(pair.args))
		}
		r.args, second = append(r.args, pair.args[0]), append(second, pair.args[1])
		r.types, types = append(r.types, pair.types[0]), append(types, pair.types[1])
	}
	r.args, r.types = append(r.args, second...), append(r.types, types...)
	r.ops = p.region().ops
}

// convolution reads dim_numbers = …, window = {…} into the attributes of the generic form.
func (p *parser) convolution(op *operation) {
	for {
		name := p.word()
		if name == "" {
			return
		}
		p.expect("=")
		switch name {
		case "dim_numbers":
			op.attrs["dimension_numbers"] = p.convAxes()
		case "window":
			window := map[string]any{}
			p.attrDict(window)
			for from, to := range map[string]string{"stride": "window_strides", "pad": "padding", "lhs_dilate": "lhs_dilation", "rhs_dilate": "rhs_dilation", "reverse": "window_reversal"} {
				if v, ok := window[from]; ok {
					op.attrs[to] = v
				}
			}
		default:
			op.attrs[name] = p.attr()
		}
		if !p.accept(",") {
			return
		}
	}
}

// settings gives, for operations with a form of their own, the generic names of what is set there.
var settings = map[string]map[string]string{
	"stablehlo.broadcast_in_dim":         {"dims": "broadcast_dimensions"},
	"stablehlo.dynamic_broadcast_in_dim": {"dims": "broadcast_dimensions"},
	"stablehlo.iota":                     {"dim": "iota_dimension"},
	"stablehlo.dynamic_iota":             {"dim": "iota_dimension"},
	"stablehlo.set_dimension_size":       {"dim": "dimension"},
	"stablehlo.transpose":                {"dims": "permutation"},
	"stablehlo.reverse":                  {"dims": "dimensions"},
	"stablehlo.concatenate":              {"dim": "dimension"},
	"stablehlo.get_dimension_size":       {"dim": "dimension"},
	"stablehlo.dynamic_slice":            {"sizes": "slice_sizes"},
	"stablehlo.pad":                      {"low": "edge_padding_low", "high": "edge_padding_high", "interior": "interior_padding"},
	"stablehlo.custom_call":              {"callee": "call_target_name"},
	"stablehlo.fft":                      {"type": "fft_type", "length": "fft_length"},
	"stablehlo.rng_bit_generator":        {"algorithm": "rng_algorithm"},
}

// rename gives the attributes of a pretty form the names that they have in the generic one.
func (p *parser) rename(op *operation) {
	for from, to := range settings[op.name] {
		if v, ok := op.attrs[from]; ok {
			op.attrs[to] = v
			delete(op.attrs, from)
		}
	}
	words, _ := op.attrs["words"].([]string)
	switch {
	case op.name == "stablehlo.compare" && len(words) > 0:
		op.attrs["comparison_direction"] = keyword(words[0])
		if len(words) > 1 {
			op.attrs["compare_type"] = keyword(words[1])
		}
	case op.name == "stablehlo.dot_general":
		numbers := map[string]any{}
		for from, to := range map[string]string{"contracting_dims": "contracting_dimensions", "batching_dims": "batching_dimensions"} {
			if pair, ok := op.attrs[from].([]any); ok {
				numbers["lhs_"+to], numbers["rhs_"+to] = pair[0], pair[1]
			}
		}
		op.attrs["dot_dimension_numbers"] = numbers
	case op.name == "stablehlo.reduce_precision":
		var exponent, mantissa int64
		w, _ := op.attrs["format"].(keyword)
		if _, err := fmt.Sscanf(string(w), "e%dm%d", &exponent, &mantissa); err != nil {
			p.fail("a format of floats such as e8m7, not %q", w)
		}
		op.attrs["exponent_bits"], op.attrs["mantissa_bits"] = exponent, mantissa
	}
	delete(op.attrs, "words")
}
