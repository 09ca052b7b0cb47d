package stablehlo

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Options say what a module holds besides the computation. The zero value is useful.
type Options struct {
	// Name is the module's name, by default the program's. What MLIR does not take in a name becomes "_".
	Name string

	// Donate marks inputs that the caller gives up, nil or one per input. Each is paired with the first output of
	// its shape and sharding that no other has, whose memory it may become (tf.aliasing_output); one that finds no
	// output is marked as free to be used for anything (jax.buffer_donor).
	Donate []bool
}

// Lowers reports whether [Write] writes a call as it is. All others have an expansion; give Lowers to [ir.Lower] to have
// it made.
func Lowers(c ir.Call) bool {
	return c.Op != nil && (hasOwn(c) || loweringOf(c.Op) != nil && !(len(c.In) > 0 && expanded[c.Op].Has(c.In[0].DType)))
}

// expanded are calls of rows that have an operation of their own and are better expanded, by their operands' dtypes. XLA's sinh
// and cosh of complex numbers are differences of exponentials, which lose small parts and have no infinities; its lgamma is a sum
// in float32 whose zeros are off by as much as larger values are.
var expanded = map[*ir.Op]dtypes.Set{
	ops.Sinh: dtypes.Complexes, ops.Cosh: dtypes.Complexes, ops.Lgamma: dtypes.Floats &^ dtypes.SetOf(dtypes.Float64),
}

// Write returns p as the text of a StableHLO module, whose public function main takes p's inputs and returns its
// outputs. Equal programs give equal text. It is [Options.Write] without options.
//
// It returns an error if p is not well formed, holds an op that [Lowers] does not take, or nests branches and
// loops deeper than compilers bear.
func Write(p *ir.Program) (string, error) { return Options{}.Write(p) }

// Write is [Write] with options.
func (o Options) Write(p *ir.Program) (string, error) {
	text, _, err := o.write(p, false)
	return text, err
}

// WriteChecked is Write for a module that says where an integer division met a divisor of zero. If p divides integers
// by what may be zero, main has one more output, an int32 after p's own: 0 if no divisor was zero, else 1 plus the
// index of the first such division in places, which are like "model.go:12: Div". The other outputs then mean nothing.
// Only what runs counts: one branch of an If, the passes of a While, which ends there.
//
// If p has no such division, places is empty and text is that of Write.
func (o Options) WriteChecked(p *ir.Program) (text string, places []string, err error) {
	return o.write(p, true)
}

func (o Options) write(p *ir.Program, checks bool) (text string, places []string, err error) {
	if p == nil {
		return "", nil, errors.New("writing a program: it is nil")
	}
	if err := p.Check(); err != nil {
		return "", nil, fmt.Errorf("writing program %q: %w", p.Name, err)
	}
	if len(p.Outputs) == 0 {
		return "", nil, fmt.Errorf("writing program %q: it has no outputs, and a module needs one", p.Name)
	}
	if o.Donate != nil && len(o.Donate) != len(p.Inputs) {
		return "", nil, fmt.Errorf("writing program %q: donation is given for %d inputs, it has %d", p.Name, len(o.Donate), len(p.Inputs))
	}
	m := &module{functions: map[string]string{}, privates: map[*ir.Program]private{}, taken: map[string]bool{"main": true}, devices: numDevices(p), checks: checks}
	if p.Mesh != nil {
		m.taken[meshName] = true
	}
	args, results := shardings(p, p.Inputs, p.InputShardings), shardings(p, p.Outputs, p.OutputShardings)
	for i, donation := range o.donation(p) {
		args[i] = dictionary(args[i], donation)
	}
	for i := range results {
		results[i] = dictionary(results[i])
	}
	if p.Mesh != nil {
		results = append(results, dictionary("sdy.sharding = #sdy.sharding"+shardingText(nil, 0)))
	} else {
		results = append(results, "")
	}
	main, checked := m.function("func.func public @main", p, args, results)
	if m.err != nil {
		return "", nil, fmt.Errorf("writing program %q: %w", p.Name, m.err)
	}
	if o.Name == "" {
		o.Name = p.Name
	}
	var b strings.Builder
	fmt.Fprintf(&b, "module @%s attributes {mhlo.num_partitions = %d : i32, mhlo.num_replicas = 1 : i32} {\n", identifier(o.Name, "program"), numDevices(p))
	if p.Mesh != nil {
		b.WriteString(meshText(p.Mesh))
	}
	b.WriteString(main)
	for _, text := range m.texts {
		b.WriteString(text)
	}
	b.WriteString("}\n")
	if !checked { // what has no results is not called
		m.places = nil
	}
	return b.String(), m.places, nil
}

// donation returns the attributes of main's arguments that mark donated ones.
func (o Options) donation(p *ir.Program) []string {
	sharding := func(list []ir.Sharding, i int) ir.Sharding {
		if list == nil {
			return nil
		}
		return list[i]
	}
	attrs, used := make([]string, len(p.Inputs)), make([]bool, len(p.Outputs))
	for i, donated := range o.Donate {
		if !donated {
			continue
		}
		attrs[i] = "jax.buffer_donor = true"
		for k, id := range p.Outputs {
			if !used[k] && p.Values[id].Equal(p.Values[p.Inputs[i]]) && sharding(p.OutputShardings, k).Equal(sharding(p.InputShardings, i)) {
				attrs[i], used[k] = fmt.Sprintf("tf.aliasing_output = %d : i32", k), true
				break
			}
		}
	}
	return attrs
}

// module gathers the functions of a module.
type module struct {
	texts     []string          // private functions, in order of first use
	functions map[string]string // their names by what follows the name
	privates  map[*ir.Program]private
	taken     map[string]bool
	devices   int      // that the program runs on
	depth     int      // of branches, loops and calls around what is being written
	deepest   int      // the largest depth so far
	written   int      // instructions so far
	err       error    // the first mistake
	placed    bool     // and it says where
	checks    bool     // whether divisors are looked at
	places    []string // where they may be zero
}

// value is an SSA value.
type value struct {
	ref     string // %3, %3#1 or %x
	shape   shapes.Shape
	nonzero bool   // known to have no zero among its elements
	split   string // how a sharding constraint that has just been written divides it
}

func (v value) String() string { return v.ref }

// typ returns the value's type.
func (v value) typ() string { return tensorType(v.shape) }

// call is an instruction with its operands.
type call struct {
	*ir.Instr
	in  []value
	out []shapes.Shape
}

// lowering writes a call and returns its results.
type lowering func(f *function, c call) []value

// lowerings holds how ops are written that are not one operation of StableHLO, element by element and without
// attributes. Files of this package add theirs in init functions.
var lowerings = map[*ir.Op]lowering{}

// loweringOf returns how calls of op are written, nil if they are not.
func loweringOf(op *ir.Op) lowering {
	if f := lowerings[op]; f != nil || !isOneToOne(op) {
		return f
	}
	return oneToOne
}

// function writes the body of one function, and of the regions inside it.
type function struct {
	*module
	out    *strings.Builder
	indent string
	next   int   // number of the next value
	met    value // which divisor was zero until here; without a ref if none may have been
}

// maxWritten is how many instructions a text may have, about 500 MB. Larger ones come from closures that are used
// twice, at each of several levels.
const maxWritten = 5_000_000

// maxNesting is how deep branches, loops and calls, which are inlined, may be nested: with 500 XLA's compiler takes
// most of a minute, with 5000 it overflows its stack and takes the process with it.
const maxNesting = 64

// maxRank is how many axes a value may have. XLA compiles more, but its callers put dimensions into blocks of fixed
// size: with 256 go-xla panics.
const maxRank = 128

// function returns the text of a function that computes p, from its name on. Inputs and results have attributes
// behind their types if there are any; those of results include one for what divisors met. checked says whether the
// function returns that too, as the last result.
func (m *module) function(head string, p *ir.Program, argAttrs, resultAttrs []string) (text string, checked bool) {
	f := &function{module: m, out: newText(), indent: "    "}
	args, names := make([]value, len(p.Inputs)), map[string]bool{}
	params := make([]string, len(p.Inputs))
	for i, id := range p.Inputs {
		name := unique(names, identifier(p.InputNames[i], fmt.Sprintf("arg%d", i)))
		args[i] = value{ref: "%" + name, shape: p.Values[id]}
		params[i] = args[i].ref + ": " + args[i].typ()
		if argAttrs != nil {
			params[i] += argAttrs[i]
		}
	}
	results := f.program(p, args)
	if m.err != nil {
		return "", false
	}
	if checked = f.met.ref != ""; checked {
		results = append(slices.Clip(results), f.met)
	}
	returns := make([]string, len(results))
	for i, v := range results {
		returns[i] = v.typ()
		if resultAttrs != nil {
			returns[i] += resultAttrs[i]
		}
	}
	text = fmt.Sprintf("  %s(%s) -> (%s) {\n%s    return%s\n  }\n", head, strings.Join(params, ", "), strings.Join(returns, ", "), f.out.String(), returned(results))
	return text, checked
}

// newText returns an empty text.
func newText() *strings.Builder { return new(strings.Builder) }

// private is a private function that has been written.
type private struct {
	name    string
	checked bool // as function has it
	nesting int  // how deep branches, loops and calls are nested in it
}

// private returns the private function that computes p; equal ones are written once.
func (m *module) private(p *ir.Program) private {
	if f, ok := m.privates[p]; ok {
		m.deepest = max(m.deepest, m.depth+f.nesting)
		return f
	}
	outer := m.deepest
	m.deepest = m.depth
	const mark = "func.func private @"
	text, checked := m.function(mark, p, nil, nil)
	text = strings.TrimPrefix(text, "  "+mark)
	name := m.functions[text]
	if name == "" {
		name = unique(m.taken, identifier(p.Name, "function"))
		m.functions[text] = name
		m.texts = append(m.texts, "  "+mark+name+text)
	}
	f := private{name, checked, m.deepest - m.depth}
	m.privates[p] = f
	m.deepest = max(m.deepest, outer)
	return f
}

// program writes p's instructions with args for its inputs and returns its outputs.
func (f *function) program(p *ir.Program, args []value) []value {
	for _, s := range p.Values {
		if s.Rank() > maxRank {
			f.fail("a value has %d axes, of which compilers take at most %d: Reshape it", s.Rank(), maxRank)
			return nil
		}
	}
	vals := make([]value, len(p.Values))
	for i, id := range p.Inputs {
		vals[id] = args[i]
	}
	pick := func(ids []ir.Value) []value {
		vs := make([]value, len(ids))
		for i, id := range ids {
			vs[i] = vals[id]
		}
		return vs
	}
	if f.written += len(p.Instrs); f.written > maxWritten {
		f.fail("the text would have more than %d operations, since the bodies of branches and loops stand in it as often as they are used: make a function of what repeats (NewFunction, Call)", maxWritten)
		return nil
	}
	for i := range p.Instrs {
		in := &p.Instrs[i]
		c := call{Instr: in, in: pick(in.In)}
		for _, id := range in.Out {
			c.out = append(c.out, p.Values[id])
		}
		results := f.call(c)
		if f.err != nil {
			if place := in.Place.String(); place != "" && !f.placed { // by what is inside
				f.err, f.placed = fmt.Errorf("%s: %w", place, f.err), true
			}
			return nil
		}
		for k, id := range in.Out {
			vals[id] = results[k]
		}
	}
	return pick(p.Outputs)
}

// call writes one instruction.
func (f *function) call(c call) []value {
	lower := loweringOf(c.Op)
	if lower != nil && c.Op.Regions != nil {
		return lower(f, c)
	}
	switch {
	case c.Op.StableHLO != nil:
		if lower == nil || hasOwn(c.asked()) {
			lower = (*function).own
		}
	case lower == nil && c.Op.Expand == nil && c.Op.Regions == nil:
		return f.fail("%s has no form in StableHLO and no expansion: give its row StableHLO, or its rule Expand", c.Op.Name)
	case lower == nil:
		return f.fail("%s has no form in StableHLO: it must be expanded (give stablehlo.Lowers to ir.Lower)", c.Op.Name)
	}
	if !slices.ContainsFunc(c.out, func(s shapes.Shape) bool { return s.Size() > 0 }) {
		results := make([]value, len(c.out)) // of nothing there is one value, and no rule to break
		for i, s := range c.out {
			results[i] = f.fill(s, 0)
		}
		return results
	}
	return f.guarded(c, lower)
}

// fail keeps the first mistake.
func (f *function) fail(format string, args ...any) []value {
	if f.err == nil {
		f.err = fmt.Errorf(format, args...)
	}
	return nil
}

// line writes a line of text.
func (f *function) line(format string, args ...any) {
	f.out.WriteString(f.indent)
	fmt.Fprintf(f.out, format, args...)
	f.out.WriteByte('\n')
}

// define returns the result of the next operation.
func (f *function) define(s shapes.Shape) value {
	v := value{ref: fmt.Sprintf("%%%d", f.next), shape: s}
	f.next++
	return v
}

// op writes an operation with one result: what stands between "=" and the end of the line.
func (f *function) op(s shapes.Shape, format string, args ...any) value {
	v := f.define(s)
	f.line("%s = %s", v, fmt.Sprintf(format, args...))
	return v
}

// defineAll returns the results of an operation, and how they are written before "=".
func (f *function) defineAll(out []shapes.Shape) (results []value, names string) {
	return f.define(shapes.Shape{}).spreadOver(out)
}

// spreadOver returns the results that one name stands for, and how they are written before "=".
func (v value) spreadOver(out []shapes.Shape) (results []value, names string) {
	if len(out) == 1 {
		return []value{{ref: v.ref, shape: out[0]}}, v.ref
	}
	for i, s := range out {
		results = append(results, value{ref: fmt.Sprintf("%s#%d", v, i), shape: s})
	}
	return results, fmt.Sprintf("%s:%d", v, len(out))
}

// region writes a region with block arguments of the given shapes, up to its closing brace, which is left to the
// caller. body returns what the region does.
func (f *function) region(args []shapes.Shape, body func(args []value) []value) {
	outer := f.indent
	vs, texts := make([]value, len(args)), make([]string, len(args))
	for i, s := range args {
		vs[i] = f.define(s)
		texts[i] = vs[i].ref + ": " + vs[i].typ()
	}
	if len(args) > 0 {
		f.line("^bb0(%s):", strings.Join(texts, ", "))
	}
	f.indent += "  "
	results := body(vs)
	f.line("stablehlo.return%s", returned(results))
	f.indent = outer
}

// combiner writes a region that joins two scalars with an operation.
func (f *function) combiner(d dtypes.DType, mnemonic string) {
	f.region([]shapes.Shape{shapes.Scalar(d), shapes.Scalar(d)}, func(args []value) []value {
		return []value{f.binary(mnemonic, args[0], args[1])}
	})
}

// constant writes t.
func (f *function) constant(t *tensors.Tensor) value {
	s := t.Shape()
	if s.DType == dtypes.Bool && !listable(s) { // a blob of bools would have to be packed
		if bits, err := t.ConvertDType(dtypes.Uint8); err == nil && !uniform(bits) {
			return f.convert(f.constant(bits), dtypes.Bool)
		}
	}
	text, err := dense(t)
	if err != nil {
		f.fail("a constant: %w", err)
	}
	v := f.op(s, ops.Const.HLO+" %s : %s", text, tensorType(s))
	v.nonzero = !hasZero(t)
	return v
}

// uniform reports whether all elements of t are the same.
func uniform(t *tensors.Tensor) (same bool) {
	t.MustConstBytes(func(data []byte) { same = len(data) == 0 || repeats(data, t.DType().Size()) })
	return same
}

// hasZero reports whether an integer tensor holds a zero; of other tensors nobody asks.
func hasZero(t *tensors.Tensor) (found bool) {
	if !t.DType().IsInt() {
		return true
	}
	t.MustConstBytes(func(data []byte) {
		for e := range slices.Chunk(data, t.DType().Size()) {
			found = found || littleEndian(e) == 0
		}
	})
	return found
}

// fill writes a constant in which every element is x.
func (f *function) fill(s shapes.Shape, x any) value {
	t, err := tensors.MustFromAnyValue(x).ConvertDType(s.DType)
	if err != nil {
		f.fail("a constant: %w", err)
		return value{}
	}
	text, err := dense(t)
	if err != nil {
		f.fail("a constant: %w", err)
	}
	if s.Size() == 0 {
		text = "dense<>"
	}
	v := f.op(shapes.Make(s.DType, s.Dimensions...), ops.Const.HLO+" %s : %s", text, tensorType(s))
	v.nonzero = !hasZero(t)
	return v
}

// types lists the types of vs.
func types(vs []value) string {
	list := make([]string, len(vs))
	for i, v := range vs {
		list[i] = v.typ()
	}
	return strings.Join(list, ", ")
}

// refs lists vs.
func refs(vs []value) string {
	list := make([]string, len(vs))
	for i, v := range vs {
		list[i] = v.ref
	}
	return strings.Join(list, ", ")
}

// returned lists vs and their types as a return does.
func returned(vs []value) string {
	if len(vs) == 0 {
		return ""
	}
	return " " + refs(vs) + " : " + types(vs)
}

// signature is the type of an operation, in full.
func signature(in, out []value) string {
	result := types(out)
	if len(out) != 1 {
		result = "(" + result + ")"
	}
	return "(" + types(in) + ") -> " + result
}

// ints writes integers as an attribute's list: [1, 2].
func ints(list []int) string {
	return "[" + joined(list) + "]"
}

// array writes integers as the attribute of an operation in generic form.
func array(list []int) string {
	if len(list) == 0 {
		return "array<i64>"
	}
	return "array<i64: " + joined(list) + ">"
}

func joined(list []int) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(list), "[]"), " ", ", ")
}

// identifier makes a name for a value or a function out of what a user chose: letters, digits and "_", a letter
// or "_" first.
func identifier(name, otherwise string) string {
	id := []byte(name)
	for i, c := range id {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			id[i] = '_'
		}
	}
	if len(strings.Trim(string(id), "_")) == 0 {
		return otherwise
	}
	return string(id)
}

// unique returns name, with a number behind it if it is taken, and takes it.
func unique(taken map[string]bool, name string) string {
	id := name
	for i := 1; taken[id]; i++ {
		id = fmt.Sprintf("%s_%d", name, i)
	}
	taken[id] = true
	return id
}
