package bytecode

import (
	"fmt"
	"strings"
)

// Op is an operation.
type Op struct {
	Name     string // with its dialect and version: vhlo.add_v1
	Operands []Value
	Results  []Value
	Types    []*Type // of the results
	Attrs    map[string]any
	Regions  []*Region
}

// Region is a block: those of several are an error.
type Region struct {
	Args  []Value
	Types []*Type
	Ops   []*Op
}

// Value is the number of a value, another one for every value.
type Value int

// Type is a type, as MLIR's text has it. That of a function has the types of its inputs and results beside it.
type Type struct {
	Text    string
	Func    bool
	In, Out []*Type
}

// Attributes are bool, int64, float64, string, []any, map[string]any, *Type, and these.
type (
	Symbol  string   // the name of a function
	Unit    struct{} // an attribute that is there or not
	Keyword string   // one of a few words, such as LT
	Text    string   // the text of an attribute whose dialect has no encoding of its own
	Tensor  struct { // a constant
		Type *Type
		Data string // elements in their order, or one that repeats; bools are packed, or a byte each
	}
)

// magic is what bytecode begins with.
const magic = "ML\xefR"

// newest is the latest version of the format that is known.
const newest = 6

// What versions of the format have changed.
const (
	versioned  = 1 // dialects have versions
	lazy       = 2 // regions that see nothing around them are sections
	useLists   = 3 // orders in which values are used are written
	elided     = 4 // locations of arguments may be missing
	properties = 5 // settings are no attributes
)

// The kinds of sections.
const (
	stringSection = iota
	dialectSection
	attrTypeSection
	offsetSection
	irSection
	resourceSection
	resourceOffsetSection
	versionSection
	propertiesSection
	sections
)

// Is reports whether data is bytecode or has some in it, as what JAX serialises does.
func Is(data string) bool {
	_, ok := module(data)
	return ok
}

// module returns the bytecode in data: all of it, or what JAX serialises of a function, a table of FlatBuffers' with the
// bytecode in one of its fields.
//
// Source: jax/_src/export/serialization.fbs, of which fields keep their places.
func module(data string) (string, bool) {
	if strings.HasPrefix(data, magic) {
		return data, true
	}
	u32 := func(at int) int {
		if at < 0 || at+4 > len(data) {
			return -1 << 40
		}
		return int(data[at]) | int(data[at+1])<<8 | int(data[at+2])<<16 | int(data[at+3])<<24
	}
	u16 := func(at int) int {
		if at < 0 || at+2 > len(data) {
			return 0
		}
		return int(data[at]) | int(data[at+1])<<8
	}
	const field = 30 // where a table says where mlir_module_serialized is
	table := u32(0)
	fields := table - int(int32(u32(table)))
	if field+2 > u16(fields) {
		return "", false
	}
	offset := u16(fields + field)
	if offset == 0 {
		return "", false
	}
	vector := table + offset
	vector += u32(vector)
	n := u32(vector)
	if n < 0 || vector < 0 || vector+4+n > len(data) || !strings.HasPrefix(data[vector+4:], magic) {
		return "", false
	}
	return data[vector+4 : vector+4+n], true
}

// Parse reads the operations of bytecode, of which there is usually one, the module.
func Parse(data string) (ops []*Op, err error) {
	code, ok := module(data)
	if !ok {
		return nil, &Error{Text: "it does not begin as MLIR's bytecode does, nor as what jax.export serialises"}
	}
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *Error:
			ops, err = nil, e
		default:
			panic(e)
		}
	}()
	p := &parser{size: len(code)}
	p.file(&source{data: code, pos: len(magic)})
	return p.top, nil
}

// parser holds what the sections say.
type parser struct {
	size     int
	version  uint64
	producer string
	strings  []string
	dialects []string
	names    []opName
	attrs    []entry
	types    []entry
	settings []*source // of operations
	depth    int
	values   Value // how many there are
	places   int   // for values, that regions have announced
	steps    int
	letters  int // of names and types, which are longer than what they are made of
	top      []*Op
}

// opName is the name of an operation; known ones have settings, others an attribute with them.
type opName struct {
	name  string
	known bool
}

// entry is an attribute or a type, which is read when it is wanted.
type entry struct {
	dialect string
	code    *source
	encoded bool // by its dialect, or as text
	reading bool
	value   any
}

// file reads the sections, whose order is not that in which they are needed.
func (p *parser) file(s *source) {
	if p.version = s.varint(); p.version > newest {
		s.fail("it is of version %d of the format, and the latest that is known is %d: serialise it for an older consumer", p.version, newest)
	}
	p.producer = s.terminated()
	var found [sections]*source
	for s.left() > 0 {
		kind, content := s.section()
		if kind >= sections {
			s.fail("a section of the unknown kind %d", kind)
		}
		if found[kind] != nil {
			s.fail("two sections of kind %d", kind)
		}
		found[kind] = content
	}
	for _, kind := range []int{stringSection, dialectSection, attrTypeSection, offsetSection, irSection} {
		if found[kind] == nil {
			s.fail("the section of kind %d is missing", kind)
		}
	}
	p.readStrings(found[stringSection])
	p.readDialects(found[dialectSection])
	p.readOffsets(found[offsetSection], found[attrTypeSection])
	if c := found[propertiesSection]; c != nil {
		p.settings = make([]*source, c.count())
		for i := range p.settings {
			p.settings[i] = c.part(c.varint())
		}
	}
	r := &Region{}
	ir := found[irSection]
	p.block(ir, r, &scope{})
	if ir.left() > 0 {
		ir.fail("something follows the operations")
	}
	p.top = r.Ops
}

// readStrings reads the strings, whose sizes stand before them, the last one's first.
func (p *parser) readStrings(s *source) {
	sizes := make([]uint64, s.count())
	for i := len(sizes) - 1; i >= 0; i-- {
		if sizes[i] = s.varint(); sizes[i] == 0 {
			s.fail("a string of no bytes, without its end")
		}
	}
	p.strings = make([]string, len(sizes))
	for i, n := range sizes {
		text := s.part(n).data
		p.strings[i] = text[:len(text)-1]
	}
	if s.left() > 0 {
		s.fail("something follows the strings")
	}
}

func (p *parser) str(s *source) string { return p.strings[s.index(len(p.strings), "string")] }

func (p *parser) readDialects(s *source) {
	p.dialects = make([]string, s.count())
	for i := range p.dialects {
		if p.version < versioned {
			p.dialects[i] = p.str(s)
			continue
		}
		name, has := s.flagged()
		p.dialects[i] = p.strings[s.within(name, len(p.strings), "string")]
		if has {
			s.section()
		}
	}
	if p.version >= elided {
		s.varint() // how many names there are
	}
	for s.left() > 0 {
		dialect := p.dialects[s.index(len(p.dialects), "dialect")]
		for range s.count() {
			if p.version < properties {
				p.names = append(p.names, opName{p.full(s, dialect, p.str(s)), true})
				continue
			}
			name, known := s.flagged()
			p.names = append(p.names, opName{p.full(s, dialect, p.strings[s.within(name, len(p.strings), "string")]), known})
		}
	}
}

// full returns the name of an operation with its dialect before it.
func (p *parser) full(s *source, dialect, name string) string {
	p.write(s, len(dialect)+1+len(name))
	return dialect + "." + name
}

// maxLetters bounds the text that is made of bytecode: a byte may name a dialect or a type, however long.
const maxLetters = 1 << 24

func (p *parser) write(s *source, letters int) {
	if p.letters += letters; p.letters > maxLetters {
		s.fail("names and types of more than %d letters", maxLetters)
	}
}

// step counts n attributes.
func (p *parser) step(s *source, n int) {
	if p.steps += n; p.steps > maxSteps {
		s.fail("more than %d attributes", maxSteps)
	}
}

// readOffsets reads where attributes and types are.
func (p *parser) readOffsets(s, code *source) {
	attrs, types := s.count(), s.count()
	read := func(n int) []entry {
		list := make([]entry, 0, n)
		for len(list) < n {
			dialect := p.dialects[s.index(len(p.dialects), "dialect")]
			many := s.count()
			if many > n-len(list) {
				s.fail("more attributes or types than announced")
			}
			for range many {
				size, encoded := s.flagged()
				list = append(list, entry{dialect: dialect, code: code.part(size), encoded: encoded})
			}
			if many == 0 {
				s.fail("a group of no attributes or types")
			}
		}
		return list
	}
	p.attrs, p.types = read(attrs), read(types)
}

// maxDepth is how deep regions, attributes and types may be nested.
const maxDepth = 150

func (p *parser) enter(s *source) func() {
	if p.depth++; p.depth > maxDepth {
		s.fail("nested more than %d deep", maxDepth)
	}
	return func() { p.depth-- }
}

// scope holds the values that operations can name: those of the regions around them, up to one that sees nothing around it.
type scope struct {
	values []Value // -1 for those that are not defined yet
	next   []int   // of each region, where its next value stands
}

const undefined = Value(-1)

func (p *parser) define(s *source, sc *scope) Value {
	at := &sc.next[len(sc.next)-1]
	if *at >= len(sc.values) {
		s.fail("more values than announced")
	}
	v := p.values
	sc.values[*at] = v
	*at++
	p.values++
	return v
}

// region reads a region, which adds its values to those that are seen.
func (p *parser) region(s *source, sc *scope) *Region {
	defer p.enter(s)()
	r := &Region{}
	blocks := s.varint()
	if blocks == 0 {
		return r
	}
	if blocks > 1 {
		s.fail("a region of %d blocks, which no StableHLO operation has", blocks)
	}
	outer := len(sc.values)
	n := s.varint()
	if n > uint64(p.size-p.places) { // each is a byte at least
		s.fail("%d values are announced, and %d before, in %d bytes", n, p.places, p.size)
	}
	p.places += int(n)
	for range n {
		sc.values = append(sc.values, undefined)
	}
	sc.next = append(sc.next, outer)
	p.block(s, r, sc)
	sc.values, sc.next = sc.values[:outer], sc.next[:len(sc.next)-1]
	return r
}

// block reads arguments and operations of a block.
func (p *parser) block(s *source, r *Region, sc *scope) {
	n, has := s.flagged()
	if has {
		for range s.count() {
			var t uint64
			located := true
			if p.version >= elided {
				t, located = s.flagged()
			} else {
				t = s.varint()
			}
			if located {
				s.varint()
			}
			if len(sc.next) == 0 {
				s.fail("a module with arguments")
			}
			r.Types = append(r.Types, p.typ(s, t))
			r.Args = append(r.Args, p.define(s, sc))
		}
		if p.version >= useLists && s.byte() != 0 {
			p.skipUses(s, len(r.Args))
		}
	}
	if n > uint64(s.left()) {
		s.fail("%d operations are announced, and %d bytes are left", n, s.left())
	}
	for range n {
		r.Ops = append(r.Ops, p.op(s, sc))
	}
}

// What an operation has is said by the bits of a byte.
const (
	hasAttrs = 1 << iota
	hasResults
	hasOperands
	hasSuccessors
	hasRegions
	hasUses
	hasProperties
)

func (p *parser) op(s *source, sc *scope) *Op {
	name := p.names[s.index(len(p.names), "operation")]
	op := &Op{Name: name.name, Attrs: map[string]any{}}
	has := s.byte()
	s.varint() // where it stood in the program that it was made of
	if has&hasAttrs != 0 {
		attrs, ok := p.attr(s, s.varint()).(map[string]any)
		if !ok {
			s.fail("the attributes of %s are no dictionary", op.Name)
		}
		p.step(s, len(attrs))
		for key, value := range attrs {
			op.Attrs[key] = value
		}
	}
	if has&hasProperties != 0 {
		p.properties(s, name, op)
	}
	if has&hasResults != 0 {
		for range s.count() {
			op.Types = append(op.Types, p.typ(s, s.varint()))
		}
	}
	if has&hasOperands != 0 {
		for range s.count() {
			v := sc.values[s.index(len(sc.values), "value")]
			if v == undefined {
				s.fail("an operand of %s is defined after it", op.Name)
			}
			op.Operands = append(op.Operands, v)
		}
	}
	if has&hasSuccessors != 0 {
		s.fail("%s goes on in another block, which no StableHLO operation does", op.Name)
	}
	for range op.Types {
		if len(sc.next) == 0 {
			s.fail("a module with results")
		}
		op.Results = append(op.Results, p.define(s, sc))
	}
	if has&hasUses != 0 {
		p.skipUses(s, len(op.Types))
	}
	if has&hasRegions != 0 {
		n, isolated := s.flagged()
		if n > uint64(s.left()) {
			s.fail("%d regions are announced, and %d bytes are left", n, s.left())
		}
		inner, part := sc, s
		if isolated {
			inner = &scope{}
			if p.version >= lazy {
				kind, content := s.section()
				if kind != irSection {
					s.fail("the regions of %s are in a section of kind %d", op.Name, kind)
				}
				part = content
			}
		}
		for range n {
			op.Regions = append(op.Regions, p.region(part, inner))
		}
		if part != s && part.left() > 0 {
			part.fail("something follows the regions of %s", op.Name)
		}
	}
	return op
}

// skipUses skips the orders in which n values are used.
func (p *parser) skipUses(s *source, n int) {
	many := 1
	if n != 1 {
		many = s.count()
	}
	for range many {
		if n != 1 {
			s.varint()
		}
		uses, _ := s.flagged()
		for range uses {
			s.varint()
		}
	}
}

// properties reads the settings of an operation, whose names are known: they are not written.
func (p *parser) properties(s *source, name opName, op *Op) {
	if p.version < properties {
		s.fail("%s has settings, which version %d of the format does not know", op.Name, p.version)
	}
	c := *p.settings[s.index(len(p.settings), "list of settings")]
	add := func(key string, value any) {
		if _, there := op.Attrs[key]; there {
			c.fail("%s has the attribute %s twice", op.Name, key)
		}
		op.Attrs[key] = value
	}
	if !name.known {
		settings, ok := p.attr(&c, c.varint()).(map[string]any)
		if !ok {
			c.fail("the settings of %s are no dictionary", op.Name)
		}
		p.step(&c, len(settings))
		for key, value := range settings {
			add(key, value)
		}
		return
	}
	keys, known := settings[op.Name]
	if !known {
		c.fail("%s is not an operation that is known: %s", op.Name, older(op.Name))
	}
	for _, key := range strings.Fields(keys) {
		key, optional := strings.CutSuffix(key, "?")
		at, there := c.varint(), true
		if optional {
			at, there = at>>1, at&1 != 0
		}
		if there {
			add(key, p.attr(&c, at))
		}
	}
	if c.left() > 0 {
		c.fail("%s has more settings than are known: %s", op.Name, older(op.Name))
	}
}

// older says what to do about an operation that is not known.
func older(name string) string {
	if strings.HasPrefix(name, "vhlo.") {
		return "serialise it for an older version of StableHLO, 1.20 at most"
	}
	return fmt.Sprintf("export without the dialect %s", name[:max(0, strings.IndexByte(name, '.'))])
}
