package stablehlo

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// typ reads a type.
func (p *parser) typ() mlirType {
	defer p.enter()()
	p.space()
	start := p.pos
	text := func() string { return strings.TrimSpace(p.text[start:p.pos]) }
	switch {
	case p.at("("): // of a function
		p.balanced()
		p.expect("->")
		if p.at("(") {
			p.balanced()
		} else {
			p.typ()
		}
		return mlirType{text: text()}
	case p.at("!"):
		p.pos++
		p.needWord("a type")
		if p.at("<") {
			p.balanced()
		}
		return mlirType{text: text()}
	}
	name := p.needWord("a type")
	if name != "tensor" {
		if p.at("<") {
			p.balanced()
		}
		return mlirType{text: text()}
	}
	if !p.at("<") {
		p.fail("expected %q, found %s", "<", p.found())
	}
	inside := p.balanced()
	shape, grid, ok := tensorShape(inside[1 : len(inside)-1])
	if !ok {
		return mlirType{text: text()}
	}
	if err := grid.fits(shape); err != nil {
		p.failAt(start, "%s: %v", text(), err)
	}
	if slices.Contains(shape.Dimensions, -1) {
		return mlirType{open: shape, grid: grid, text: text()}
	}
	if err := shape.Check(); err != nil {
		p.failAt(start, "%s: %v", text(), err)
	}
	return mlirType{shape: shape, grid: grid, text: text()}
}

// tensorShape reads what stands between the angle brackets of a tensor type, with -1 for a size that is left open; it is
// not ok if the element type is not one of Quire's.
func tensorShape(s string) (shape shapes.Shape, g *grid, ok bool) {
	s = strings.TrimSpace(s)
	s = strings.TrimSpace(s[:encoding(s)])
	var dims []int
	for s != "" && (isDigit(s[0]) || s[0] == '?') {
		i := strings.IndexByte(s, 'x')
		if i < 0 {
			return shapes.Shape{}, nil, false
		}
		if s[0] == '?' {
			if strings.TrimSpace(s[:i]) != "?" {
				return shapes.Shape{}, nil, false
			}
			dims, s = append(dims, -1), strings.TrimSpace(s[i+1:])
			continue
		}
		d, err := strconv.Atoi(strings.TrimSpace(s[:i]))
		if err != nil {
			return shapes.Shape{}, nil, false
		}
		dims, s = append(dims, d), strings.TrimSpace(s[i+1:])
	}
	d, g := elementType(s)
	if d == dtypes.Invalid {
		return shapes.Shape{}, nil, false
	}
	return shapes.Shape{DType: d, Dimensions: dims}, g, true
}

// encoding returns where the encoding begins that a tensor's type may have, which only says how the value is stored: after the first comma
// that is not part of the element type.
func encoding(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '<':
			depth++
		case '>':
			depth--
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return len(s)
}

// types reads types in parentheses, or a single one.
func (p *parser) types() []mlirType {
	list, _ := p.typesAndAttrs()
	return list
}

// typesAndAttrs reads types as types does, with the attributes that the results of a function may have.
func (p *parser) typesAndAttrs() (list []mlirType, attrs []map[string]any) {
	list = []mlirType{}
	if !p.accept("(") {
		return append(list, p.typ()), []map[string]any{nil}
	}
	if p.accept(")") {
		return list, nil
	}
	for {
		list = append(list, p.typ())
		attrs = append(attrs, p.resultAttrs())
		if p.accept(")") {
			return list, attrs
		}
		p.expect(",")
	}
}

// resultAttrs reads the attributes that a function's parameter or result may have, nil for none, and skips its
// location.
func (p *parser) resultAttrs() (attrs map[string]any) {
	if p.at("{") {
		attrs = map[string]any{}
		p.attrDict(attrs)
	}
	p.location()
	return attrs
}

// location skips loc(…).
func (p *parser) location() {
	if p.accept("loc") {
		p.balanced()
	}
}

// attrDict reads { name = attribute, … } into attrs.
func (p *parser) attrDict(attrs map[string]any) {
	defer p.enter()()
	p.expect("{")
	if p.accept("}") {
		return
	}
	for {
		var name string
		if p.at(`"`) {
			name = p.quoted()
		} else {
			name = p.needWord("the name of an attribute")
		}
		if p.accept("=") {
			attrs[name] = p.attr()
		} else {
			attrs[name] = unit{}
		}
		if p.accept("}") {
			return
		}
		p.expect(",")
	}
}

// attr reads an attribute.
func (p *parser) attr() any {
	defer p.enter()()
	p.space()
	if p.pos == len(p.text) {
		p.fail("expected an attribute, found the end of the text")
	}
	switch c := p.text[p.pos]; {
	case c == '"':
		s := p.quoted()
		p.attrType()
		return s
	case c == '@':
		s := p.symbol()
		for p.accept("::") {
			p.symbol()
		}
		return s
	case c == '[':
		return p.list()
	case c == '{':
		m := map[string]any{}
		p.attrDict(m)
		return m
	case c == '#':
		return p.customAttr()
	case c == '-' || c == '+' || isDigit(c):
		return p.number()
	case c == '(': // the type of a function
		in := p.types()
		p.expect("->")
		return funcType{in, p.types()}
	case c == '!':
		return p.typ()
	case c == '<':
		return opaque(p.balanced())
	case isLetter(c):
		start := p.pos
		switch w := p.word(); w {
		case "true", "false":
			return w == "true"
		case "unit":
			return unit{}
		case "dense", "dense_resource":
			return p.dense(w == "dense_resource")
		case "array":
			return p.array()
		case "loc":
			p.balanced()
			return unit{}
		case "tensor", "tuple", "complex":
			p.pos = start
			return p.typ()
		default:
			if p.at("<") {
				p.balanced()
				return opaque(p.text[start:p.pos])
			}
			return keyword(w)
		}
	}
	p.fail("expected an attribute, found %s", p.found())
	return nil
}

// attrType skips the type that may follow an attribute.
func (p *parser) attrType() {
	if !p.bare && p.at(":") && !p.at("::") {
		p.pos++
		p.typ()
	}
}

func (p *parser) list() []any {
	defer p.enter()()
	p.expect("[")
	list := []any{}
	if p.accept("]") {
		return list
	}
	for {
		list = append(list, p.attr())
		if p.accept("]") {
			return list
		}
		p.expect(",")
	}
}

// numberText skips a number: decimal, hexadecimal, or a float with its exponent.
func (p *parser) numberText() string {
	p.space()
	start := p.pos
	if p.pos < len(p.text) && (p.text[p.pos] == '-' || p.text[p.pos] == '+') {
		p.pos++
	}
	hex := strings.HasPrefix(p.text[p.pos:], "0x")
	if hex {
		p.pos += 2
	}
	for ; p.pos < len(p.text); p.pos++ {
		c := p.text[p.pos]
		exponent := !hex && (c == 'e' || c == 'E')
		if exponent && p.pos+1 < len(p.text) && (p.text[p.pos+1] == '-' || p.text[p.pos+1] == '+') {
			p.pos++
			continue
		}
		if !isDigit(c) && !exponent && !(c == '.' && !hex) && !(hex && (c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F')) {
			break
		}
	}
	return p.text[start:p.pos]
}

// number reads a number with its type: an int64 or a float64.
func (p *parser) number() any {
	start := p.pos
	s := p.numberText()
	if v, err := strconv.ParseInt(s, 0, 64); err == nil {
		p.attrType()
		return v
	}
	if v, err := strconv.ParseUint(s, 0, 64); err == nil {
		p.attrType()
		return int64(v)
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(v, 0) {
		p.failAt(start, "%q is not a number", s)
	}
	p.attrType()
	return v
}

// array reads what follows the word of array<i64: 1, 2>.
func (p *parser) array() any {
	p.expect("<")
	p.needWord("a type")
	if p.accept(">") {
		return numbers{}
	}
	p.expect(":")
	list := numbers{}
	for {
		switch {
		case p.accept("true"):
			list = append(list, 1)
		case p.accept("false"):
			list = append(list, 0)
		default:
			start := p.pos
			v, err := strconv.ParseInt(p.numberText(), 0, 64)
			if err != nil {
				p.failAt(start, "expected a whole number, found %s", p.found())
			}
			list = append(list, v)
		}
		if p.accept(">") {
			return list
		}
		p.expect(",")
	}
}

// dense reads what follows the word of dense<…> : type. Its elements are read when they are wanted.
func (p *parser) dense(resource bool) any {
	line := p.lineAt()
	if !p.at("<") {
		p.fail("expected %q, found %s", "<", p.found())
	}
	start := p.pos
	s := p.balanced()
	s = strings.TrimSpace(s[1 : len(s)-1])
	if resource {
		blob, ok := p.resources[s]
		if !ok {
			p.failAt(start, "there is no resource %q at the end of the text", s)
		}
		s = blob
	}
	p.expect(":")
	return denseAttr{text: s, digits: resource, typ: p.typ(), line: line, kept: &denseValue{}}
}

// customAttr reads an attribute of a dialect: #stablehlo<precision DEFAULT>, #stablehlo.gather<offset_dims = [0]>,
// or the name of an alias.
func (p *parser) customAttr() any {
	p.expect("#")
	name := p.needWord("the name of an attribute")
	if !p.at("<") {
		return opaque("#" + name)
	}
	switch name {
	case "stablehlo", "chlo": // #stablehlo<precision DEFAULT>
		p.expect("<")
		kind := p.needWord("the kind of an attribute")
		switch {
		case kind == "conv" && p.at("["), strings.HasPrefix(kind, "conv") && p.at("<"):
			return p.convFields()
		case p.at("<"): // #stablehlo<dot <…>>, as older printers have it
			p.expect("<")
			m := p.fields()
			p.expect(">")
			return m
		}
		w := keyword(p.word())
		p.expect(">")
		return w
	case "stablehlo.conv":
		return p.convFields()
	case "stablehlo.result_accuracy_mode", "chlo.result_accuracy_mode":
		p.expect("<")
		w := keyword(p.word())
		p.expect(">")
		return w
	case "stablehlo.gather", "stablehlo.scatter", "stablehlo.dot", "stablehlo.dot_algorithm", "stablehlo.result_accuracy", "chlo.ragged_dot", "chlo.result_accuracy", "stablehlo.channel_handle":
		p.expect("<")
		return p.fields()
	}
	return opaque(p.balanced())
}

// fields reads name = attribute, … up to the closing angle bracket.
func (p *parser) fields() map[string]any {
	m := map[string]any{}
	if p.accept(">") {
		return m
	}
	for {
		start := p.pos
		name := p.needWord("the name of a field")
		if _, there := m[name]; there {
			p.failAt(start, "the field %s is there twice", name)
		}
		p.expect("=")
		m[name] = p.attr()
		if p.accept(">") {
			return m
		}
		p.expect(",")
		if p.accept(">") { // after the last field a comma may stand too
			return m
		}
	}
}

// convFields reads the axes of a convolution inside angle brackets, in either of the two ways to write them.
func (p *parser) convFields() any {
	p.accept("<")
	if p.accept("raw") {
		c, err := convAxesOf(p.fields())
		if err != nil {
			p.fail("%v", err)
		}
		return c
	}
	c := p.convAxes()
	p.expect(">")
	return c
}

// convAxes reads [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f].
func (p *parser) convAxes() convDim {
	side := func() (names []string) {
		p.expect("[")
		for !p.accept("]") {
			if len(names) > 0 {
				p.expect(",")
			}
			name := p.word()
			if name == "" {
				name = p.numberText()
			}
			if name == "" {
				p.fail("expected an axis, found %s", p.found())
			}
			names = append(names, name)
		}
		return names
	}
	c := convDim{input: side()}
	p.expect("x")
	c.kernel = side()
	p.expect("->")
	c.output = side()
	return c
}

// convAxesOf returns the axes of a convolution that are given by their numbers.
func convAxesOf(m map[string]any) (c convDim, err error) {
	side := func(first, second, spatial, f, g string) []string {
		var axes []int64
		switch list := m[spatial].(type) {
		case numbers:
			axes = list
		case []any:
			for _, axis := range list {
				i, ok := axis.(int64)
				if !ok {
					i = -1
				}
				axes = append(axes, i)
			}
		}
		if len(axes) > maxDepth {
			err = fmt.Errorf("a convolution over %d axes", len(axes))
			return nil
		}
		list := make([]string, len(axes)+2)
		put := func(i int64, name string) {
			if i < 0 || i >= int64(len(list)) || list[i] != "" {
				err = errors.New("the axes of a convolution are not each given once")
				return
			}
			list[i] = name
		}
		one := func(name string) int64 {
			if i, ok := m[name].(int64); ok {
				return i
			}
			return -1
		}
		put(one(first), f)
		put(one(second), g)
		for k, axis := range axes {
			put(axis, strconv.Itoa(k))
		}
		return list
	}
	c = convDim{
		side("input_batch_dimension", "input_feature_dimension", "input_spatial_dimensions", "b", "f"),
		side("kernel_input_feature_dimension", "kernel_output_feature_dimension", "kernel_spatial_dimensions", "i", "o"),
		side("output_batch_dimension", "output_feature_dimension", "output_spatial_dimensions", "b", "f"),
	}
	return c, err
}
