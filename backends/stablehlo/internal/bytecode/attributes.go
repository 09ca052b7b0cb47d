package bytecode

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// maxSteps bounds how many attributes and types are read: one of a few bytes may name another twice, and so on.
const maxSteps = 1 << 22

// maxText bounds the length of a type for the same reason.
const maxText = 1 << 16

// read returns an attribute or a type, which is read once.
func (p *parser) read(s *source, list []entry, at uint64, what string, decode func(e *entry, c *source) any) any {
	e := &list[s.within(at, len(list), what)]
	if e.value != nil {
		return e.value
	}
	if e.reading {
		s.fail("the %s %d is part of itself", what, at)
	}
	defer p.enter(s)()
	e.reading = true
	c := *e.code
	e.value = decode(e, &c)
	e.reading = false
	if c.left() > 0 {
		c.fail("something follows the %s %d", what, at)
	}
	return e.value
}

// attr returns the attribute with a number.
func (p *parser) attr(s *source, at uint64) any {
	return p.read(s, p.attrs, at, "attribute", func(e *entry, c *source) any {
		switch {
		case !e.encoded:
			return Text(c.terminated())
		case e.dialect == "builtin":
			return p.builtinAttr(c)
		case e.dialect == "vhlo":
			return p.vhloAttr(c)
		case e.dialect == "sdy":
			return p.sdyAttr(c)
		}
		c.fail("attributes of the dialect %s have an encoding that is not known: serialise a portable artifact, as jax.export does", e.dialect)
		return nil
	})
}

// typ returns the type with a number.
func (p *parser) typ(s *source, at uint64) *Type {
	return p.read(s, p.types, at, "type", func(e *entry, c *source) any {
		t := &Type{}
		switch {
		case !e.encoded:
			t.Text = c.terminated()
		case e.dialect == "builtin":
			p.builtinType(c, t)
		case e.dialect == "vhlo":
			p.vhloType(c, t)
		default:
			c.fail("types of the dialect %s have an encoding that is not known: serialise a portable artifact, as jax.export does", e.dialect)
		}
		if len(t.Text) > maxText {
			c.fail("a type of more than %d letters", maxText)
		}
		if e.encoded {
			p.write(c, len(t.Text))
		}
		return t
	}).(*Type)
}

// list reads attributes.
func (p *parser) list(s *source) []any {
	list := make([]any, s.count())
	for i := range list {
		list[i] = p.attr(s, s.varint())
	}
	return list
}

// typeList reads types.
func (p *parser) typeList(s *source) []*Type {
	list := make([]*Type, s.count())
	for i := range list {
		list[i] = p.typ(s, s.varint())
	}
	return list
}

// dictionary reads names and values, of which the former are attributes too.
func (p *parser) dictionary(s *source) map[string]any {
	m := map[string]any{}
	for range s.count() {
		name, ok := p.attr(s, s.varint()).(string)
		if !ok {
			s.fail("a name that is no string")
		}
		m[name] = p.attr(s, s.varint())
	}
	return m
}

// integer reads a whole number of as many bits as the type has.
func (p *parser) integer(s *source, t *Type) any {
	text := strings.TrimLeft(t.Text, "su")
	width := 64
	if text != "index" {
		n, err := strconv.Atoi(strings.TrimPrefix(text, "i"))
		if err != nil || n < 1 || n > 64 {
			s.fail("whole numbers are of 64 bits at most, and not of the type %s", t.Text)
		}
		width = n
	}
	var v int64
	if width <= 8 {
		v = int64(s.byte())
	} else {
		v = s.signed()
	}
	if width == 1 {
		return v&1 != 0
	}
	unused := 64 - width
	if strings.HasPrefix(t.Text, "u") {
		return int64(uint64(v) << unused >> unused)
	}
	return v << unused >> unused
}

// float reads a number of the type, given by its bits.
func (p *parser) float(s *source, t *Type) any {
	switch t.Text {
	case "f64":
		return math.Float64frombits(uint64(s.signed()))
	case "f32":
		return float64(math.Float32frombits(uint32(s.signed())))
	case "bf16":
		return float64(math.Float32frombits(uint32(s.signed()) << 16))
	case "f16":
		return half(uint16(s.signed()))
	}
	if strings.HasPrefix(t.Text, "f8") || strings.HasPrefix(t.Text, "f6") || strings.HasPrefix(t.Text, "f4") {
		return Text(fmt.Sprintf("0x%02X : %s", s.byte(), t.Text))
	}
	s.fail("numbers of the type %s are not known", t.Text)
	return nil
}

// half returns the number that 16 bits are in IEEE 754's binary16.
func half(bits uint16) float64 {
	sign, exponent, fraction := 1.0, int(bits>>10&31), float64(bits&1023)/1024
	if bits>>15 != 0 {
		sign = -1
	}
	switch {
	case exponent == 31 && fraction != 0:
		return math.NaN()
	case exponent == 31:
		return math.Inf(int(sign))
	case exponent == 0:
		return sign * math.Ldexp(fraction, -14)
	}
	return sign * math.Ldexp(1+fraction, exponent-15)
}

// tensorType writes the type of a tensor with sizes, of which the least number is one that is left open.
func (p *parser) tensorType(s *source, t *Type, name, encoding string) {
	var b strings.Builder
	b.WriteString(name + "<")
	for range s.count() {
		if d := s.signed(); d == math.MinInt64 {
			b.WriteString("?x")
		} else {
			fmt.Fprintf(&b, "%dx", d)
		}
	}
	b.WriteString(p.typ(s, s.varint()).Text)
	if encoding != "" {
		b.WriteString(", " + encoding)
	}
	b.WriteString(">")
	t.Text = b.String()
}

// function writes the type of a function.
func (p *parser) function(s *source, t *Type) {
	t.Func, t.In = true, p.typeList(s)
	t.Out = p.typeList(s)
	t.Text = "(" + joined(t.In) + ") -> (" + joined(t.Out) + ")"
}

func joined(types []*Type) string {
	var b strings.Builder
	for i, t := range types {
		if i > 0 {
			b.WriteString(", ")
		}
		if b.WriteString(t.Text); b.Len() > maxText {
			break // which is an error soon
		}
	}
	return b.String()
}

// builtinAttr reads an attribute of MLIR's own dialect.
func (p *parser) builtinAttr(s *source) any {
	p.step(s, 1)
	switch code := s.varint(); code {
	case 0:
		return p.list(s)
	case 1:
		return p.dictionary(s)
	case 2:
		return p.str(s)
	case 3:
		text := p.str(s)
		p.typ(s, s.varint())
		return text
	case 4, 5:
		name, ok := p.attr(s, s.varint()).(string)
		if !ok {
			s.fail("a symbol whose name is no string")
		}
		if code == 5 {
			p.list(s)
		}
		return Symbol(name)
	case 6:
		return p.typ(s, s.varint())
	case 7:
		return Unit{}
	case 8:
		return p.integer(s, p.typ(s, s.varint()))
	case 9:
		return p.float(s, p.typ(s, s.varint()))
	case 17:
		return p.array(s)
	case 18:
		t := p.typ(s, s.varint())
		return Tensor{t, s.blob()}
	case 16:
		s.fail("a constant is kept beside the program, as a resource: serialise it with its constants")
	case 10, 11, 12, 13, 14, 15, 22:
		s.fail("a place in a program stands where a value should")
	default:
		s.fail("an attribute of MLIR's own of kind %d, which is not known", code)
	}
	return nil
}

// array reads whole numbers of one type.
func (p *parser) array(s *source) any {
	t := p.typ(s, s.varint())
	n := s.varint()
	data := s.blob()
	if n == 0 {
		return Tensor{&Type{Text: "tensor<0x" + t.Text + ">"}, data}
	}
	return Tensor{&Type{Text: fmt.Sprintf("tensor<%dx%s>", n, t.Text)}, data}
}

// floats are the types of numbers by their code in MLIR's own dialect.
var floats = map[uint64]string{3: "bf16", 4: "f16", 5: "f32", 6: "f64", 7: "f80", 8: "f128"}

// builtinType reads a type of MLIR's own dialect.
func (p *parser) builtinType(s *source, t *Type) {
	switch code := s.varint(); code {
	case 0:
		v := s.varint()
		t.Text = [...]string{"i", "si", "ui", "i"}[v&3] + strconv.FormatUint(v>>2, 10)
	case 1:
		t.Text = "index"
	case 2:
		p.function(s, t)
	case 3, 4, 5, 6, 7, 8:
		t.Text = floats[code]
	case 9:
		t.Text = "complex<" + p.typ(s, s.varint()).Text + ">"
	case 12:
		t.Text = "none"
	case 13:
		p.tensorType(s, t, "tensor", "")
	case 14:
		encoding, _ := p.attr(s, s.varint()).(Text)
		p.tensorType(s, t, "tensor", string(encoding))
	case 15:
		t.Text = "tuple<" + joined(p.typeList(s)) + ">"
	case 18:
		t.Text = "tensor<*x" + p.typ(s, s.varint()).Text + ">"
	default:
		s.fail("a type of MLIR's own of kind %d, which no StableHLO program has", code)
	}
}
