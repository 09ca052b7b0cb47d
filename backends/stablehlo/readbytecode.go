package stablehlo

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/backends/stablehlo/internal/bytecode"
	"github.com/quire-ml/quire/graph/dtypes"
)

// Bytecode holds the operations of a program in VHLO's dialect, whose settings are plainer than StableHLO's: what there is one attribute with
// fields is several, what may be missing is there, and symbols are strings. Here they become what the parser makes of a text, with
// the number of an operation where a text has its line. Constants stay parts of the bytecode until they are wanted.
//
// Source: VhloLegalizeToStablehlo.cpp of StableHLO 1.20.

// maxConverted bounds how many attributes are converted: one of a few bytes may be part of many.
const maxConverted = 1 << 22

// fromBytecode returns the operations of bytecode, as parse does those of a text.
func fromBytecode(code string) (top *region, err error) {
	ops, err := bytecode.Parse(code)
	if err != nil {
		return nil, err
	}
	c := &converter{types: map[*bytecode.Type]mlirType{}, values: map[bytecode.Value]mlirType{}}
	err = caught(func() { top = &region{ops: c.operations(ops, map[bytecode.Value]string{})} })
	return top, err
}

type converter struct {
	types  map[*bytecode.Type]mlirType
	values map[bytecode.Value]mlirType
	count  int // of operations
	steps  int // attributes
}

func (c *converter) fail(format string, args ...any) {
	panic(&readError{line: c.count, text: fmt.Sprintf(format, args...)})
}

// parsed reads a text that stands in bytecode, where a dialect has no encoding of its own.
func (c *converter) parsed(text string, read func(p *parser)) {
	if err := shardy(text, read); err != nil {
		c.fail("%v", err)
	}
}

func (c *converter) typ(t *bytecode.Type) mlirType {
	m, done := c.types[t]
	if !done {
		c.parsed(t.Text, func(p *parser) { m = p.typ() })
		c.types[t] = m
	}
	return m
}

func (c *converter) typeList(list []*bytecode.Type) []mlirType {
	out := make([]mlirType, len(list))
	for i, t := range list {
		out[i] = c.typ(t)
	}
	return out
}

// typed returns the types of values, which are those of operands later.
func (c *converter) typed(values []bytecode.Value, types []*bytecode.Type) []mlirType {
	list := c.typeList(types)
	for i, v := range values {
		c.values[v] = list[i]
	}
	return list
}

func valueNames(list []bytecode.Value) (names []string) {
	for _, v := range list {
		names = append(names, nameOf(v, nil))
	}
	return names
}

// operations converts a block. names are those of values that do not have their number as one.
func (c *converter) operations(ops []*bytecode.Op, names map[bytecode.Value]string) (list []*operation) {
	for _, op := range ops {
		if op.Name == "builtin.unrealized_conversion_cast" && len(op.Operands) == len(op.Results) { // of a type to itself in another dialect
			c.typed(op.Results, op.Types)
			for i, v := range op.Results {
				names[v] = nameOf(op.Operands[i], names)
			}
			continue
		}
		list = append(list, c.operation(op, names))
	}
	return list
}

// versionless takes dialect and version off the name of an operation of VHLO's.
func versionless(name string) string {
	name, vhlo := strings.CutPrefix(name, "vhlo.")
	if !vhlo {
		return name
	}
	if i := strings.LastIndex(name, "_v"); i > 0 {
		name = name[:i]
	}
	switch name {
	case "func", "call":
		return "func." + name
	}
	return "stablehlo." + name
}

func (c *converter) operation(op *bytecode.Op, names map[bytecode.Value]string) *operation {
	c.count++
	o := &operation{name: versionless(op.Name), line: c.count, attrs: map[string]any{}, in: []mlirType{}, out: c.typed(op.Results, op.Types)}
	if reason := cannotRead(o.name); reason != "" {
		c.fail("%s", reason)
	}
	for _, v := range op.Operands {
		o.operands, o.in = append(o.operands, nameOf(v, names)), append(o.in, c.values[v])
	}
	o.results = valueNames(op.Results)
	for name, attr := range op.Attrs {
		c.attribute(o, name, attr)
	}
	for _, fold := range folded[o.name] {
		fold(c, o)
	}
	if o.name == "func.func" {
		c.function(o, op)
		return o
	}
	for _, r := range op.Regions {
		o.regions = append(o.regions, &region{line: c.count, args: valueNames(r.Args), types: c.typed(r.Args, r.Types), attrs: make([]map[string]any, len(r.Args)), ops: c.operations(r.Ops, names)})
	}
	return o
}

func nameOf(v bytecode.Value, names map[bytecode.Value]string) string {
	if name, ok := names[v]; ok {
		return name
	}
	return "%" + strconv.Itoa(int(v))
}

// function converts a function, whose arguments are called %arg0, %arg1, … as in a text.
func (c *converter) function(o *operation, op *bytecode.Op) {
	f, ok := o.attrs["function_type"].(funcType)
	if !ok || len(op.Regions) != 1 || len(op.Regions[0].Types) != len(f.in) {
		c.fail("a function whose type is not that of its body")
	}
	o.out = f.out
	o.outAttrs = dictionaries(o.attrs["res_attrs"], len(o.out))
	body := op.Regions[0]
	r := &region{line: c.count, types: c.typed(body.Args, body.Types), attrs: dictionaries(o.attrs["arg_attrs"], len(body.Args))}
	names := map[bytecode.Value]string{}
	for i, v := range body.Args {
		names[v] = fmt.Sprintf("%%arg%d", i)
		r.args = append(r.args, names[v])
	}
	r.ops = c.operations(body.Ops, names)
	if n := len(r.ops); n > 0 && r.ops[n-1].name == "stablehlo.return" {
		r.ops[n-1].name = "func.return"
	}
	o.regions = []*region{r}
}

// symbols are settings that name functions, which are strings in VHLO.
var symbols = map[string]bool{"callee": true, "decomposition": true}

// attribute adds a setting, unless it says what is so anyway.
func (c *converter) attribute(o *operation, name string, attr any) {
	switch a := attr.(type) {
	case string:
		if symbols[name] {
			o.attrs[name] = symbol(a)
			return
		}
		if a == "" && (name == "backend_config" || name == "sym_visibility") {
			return
		}
	case bytecode.Keyword:
		if name == "compare_type" && a == "NOTYPE" {
			return
		}
	case *bytecode.Type:
		if a.Text == "none" {
			return
		}
	case bool:
		if name == "use_global_device_ids" || name == "has_dynamic_root" {
			if a {
				o.attrs[name] = unit{}
			}
			return
		}
	case int64:
		if name == "channel_id" {
			if a != 0 {
				o.attrs["channel_handle"] = map[string]any{"handle": a, "type": int64(0)}
			}
			return
		}
		if name == "dimension" && a == -1 && o.name == "stablehlo.sort" {
			return
		}
	case map[string]any:
		if name == "result_accuracy" && a["mode"] == bytecode.Keyword("DEFAULT") {
			return
		}
		if len(a) == 0 && name == "composite_attributes" {
			return
		}
	case []any:
		if name == "called_computations" {
			list := make([]any, len(a))
			for i, f := range a {
				if f, ok := f.(string); ok {
					list[i] = symbol(f)
				}
			}
			o.attrs[name] = list
			return
		}
	case bytecode.Tensor:
		if list, ok := c.numbers(a); ok && o.name != "stablehlo.constant" {
			o.attrs[name] = list
			return
		}
	}
	o.attrs[name] = c.value(attr)
}

// step counts n attributes, elements of lists, or words of texts.
func (c *converter) step(n int) {
	if c.steps += n; c.steps > maxConverted {
		c.fail("more than %d attributes", maxConverted)
	}
}

// value converts an attribute to what the parser would make of its text.
func (c *converter) value(attr any) any {
	c.step(1)
	switch a := attr.(type) {
	case bytecode.Keyword:
		return keyword(a)
	case bytecode.Symbol:
		return symbol(a)
	case bytecode.Unit:
		return unit{}
	case bytecode.Text:
		c.step(len(a) / 8)
		var v any
		c.parsed(string(a), func(p *parser) { v = p.attr() })
		return v
	case *bytecode.Type:
		if a.Func {
			return funcType{c.typeList(a.In), c.typeList(a.Out)}
		}
		return c.typ(a)
	case bytecode.Tensor:
		return denseAttr{text: a.Data, raw: true, typ: c.typ(a.Type), line: c.count, kept: &denseValue{}}
	case []any:
		list := make([]any, len(a))
		for i, v := range a {
			list[i] = c.value(v)
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(a))
		for key, v := range a {
			m[key] = c.value(v)
		}
		return m
	}
	return attr
}

// numbers returns a short list of whole numbers or bools, which a text has as array<i64: …>.
func (c *converter) numbers(t bytecode.Tensor) (numbers, bool) {
	s := c.typ(t.Type).shape
	if s.Rank() != 1 || s.Dimensions[0] > maxAttr || s.DType != dtypes.Int64 && s.DType != dtypes.Bool {
		return nil, false
	}
	list := numbers{}
	if s.DType == dtypes.Int64 && len(t.Data) == 8*s.Dimensions[0] {
		for data := t.Data; data != ""; data = data[8:] {
			list = append(list, int64(binary.LittleEndian.Uint64([]byte(data[:8]))))
		}
		return list, true
	}
	d := denseAttr{text: t.Data, raw: true, typ: c.typ(t.Type), kept: &denseValue{}}
	value, err := d.value()
	if err == nil {
		value, err = value.ConvertDType(dtypes.Int64)
	}
	if err != nil {
		c.fail("a list of numbers: %v", err)
	}
	for i := range value.Shape().Size() {
		list = append(list, int64(value.Float64At(i)))
	}
	if len(list) == 1 {
		list = slices.Repeat(list, s.Dimensions[0])
	}
	return list, true
}

// folded are what makes one attribute with fields of settings that VHLO has one by one.
var folded = map[string][]func(c *converter, o *operation){}

func init() {
	fold := func(to, names string) func(c *converter, o *operation) {
		return func(_ *converter, o *operation) {
			m := map[string]any{}
			for _, name := range strings.Fields(names) {
				if v, there := o.attrs[name]; there {
					m[name] = v
					delete(o.attrs, name)
				}
			}
			if len(m) > 0 {
				o.attrs[to] = m
			}
		}
	}
	gather := fold("dimension_numbers", "offset_dims collapsed_slice_dims operand_batching_dims start_indices_batching_dims start_index_map index_vector_dim")
	convolution := func(c *converter, o *operation) {
		fold("dimension_numbers", "input_batch_dimension input_feature_dimension input_spatial_dimensions "+
			"kernel_input_feature_dimension kernel_output_feature_dimension kernel_spatial_dimensions "+
			"output_batch_dimension output_feature_dimension output_spatial_dimensions")(c, o)
		m, _ := o.attrs["dimension_numbers"].(map[string]any)
		axes, err := convAxesOf(m)
		if err != nil {
			c.fail("op %q: %v", o.name, err)
		}
		o.attrs["dimension_numbers"] = axes
	}
	for name, list := range map[string][]func(c *converter, o *operation){
		"dot_general": {
			fold("dot_dimension_numbers", "lhs_batching_dimensions rhs_batching_dimensions lhs_contracting_dimensions rhs_contracting_dimensions"),
			fold("algorithm", "lhs_precision_type rhs_precision_type accumulation_type lhs_component_count rhs_component_count "+
				"num_primitive_operations allow_imprecise_accumulation"),
		},
		"gather":         {gather},
		"dynamic_gather": {gather},
		"scatter": {fold("scatter_dimension_numbers", "update_window_dims inserted_window_dims input_batching_dims "+
			"scatter_indices_batching_dims scatter_dims_to_operand_dims index_vector_dim")},
		"convolution":  {convolution},
		"dynamic_conv": {convolution},
	} {
		folded["stablehlo."+name] = list
	}
}
