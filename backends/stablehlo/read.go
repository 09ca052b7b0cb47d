package stablehlo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quire-ml/quire/backends/stablehlo/internal/bytecode"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Module is what [Read] makes of a text: functions, of which one, main, is usually called from outside.
type Module struct {
	Funcs  []*Func  // in the order of the text, without those of open sizes, or for one of several devices, which only others call
	Mesh   *ir.Mesh // the devices that values are divided over, nil if there are none
	byName map[string]*Func
	meshes map[string]*ir.Mesh // by symbol; nil for those without axes, over which nothing is divided

	devices int64 // that the text is written for
	inBytes bool  // it was bytecode
}

// Func is a function of a [Module].
type Func struct {
	Name    string
	Inputs  []shapes.Shape
	Outputs []shapes.Shape

	// How inputs and outputs are divided over the module's mesh: nil, or one each.
	InputShardings  []ir.Sharding
	OutputShardings []ir.Sharding

	// Donated, nil or one per input, marks inputs whose memory the function may use for its outputs.
	Donated []bool

	module      *Module
	line        int
	body        *region
	results     []mlirType // as the text has them
	resultAttrs []map[string]any
	size        int                     // how many operations it is, those of functions that it calls included
	speaks      bool                    // devices exchange values in it
	placed      bool                    // what it computes depends on the device
	open        bool                    // a size in it, or in a function that it calls, is left open
	given       map[int]*tensors.Tensor // inputs of the text that are known
}

// Read reads a module from StableHLO text, such as jax.export or jax.jit(f).lower(…).as_text() give, in the generic
// or the pretty form, or from what Exported.serialize() gives, the bytes of a file as a string. Locations and settings of precision are skipped. Shardings in Shardy's dialect are kept where
// they stand at the inputs and outputs of functions and in sharding constraints; others are skipped, since a module
// computes the same without. All functions are verified, as StableHLO's own verifier does: an operation or type that
// Quire does not have, and operands, settings or regions that do not fit, are an error that names the operation and its
// line.
//
// A text may leave sizes open, as JAX's exports of functions of symbolic shapes do. Quire knows shapes before a program
// runs, so that [InputShapes] must say them, and [InputValue] inputs that stand for sizes. What is read is main for
// these sizes alone; [ReadOpen] reads a text for any.
func Read(text string, options ...ReadOption) (*Module, error) {
	given, err := optionsOf(options)
	if err != nil {
		return nil, fmt.Errorf("stablehlo.Read: %w", err)
	}
	m, err := read(text, given)
	if err != nil {
		return nil, fmt.Errorf("stablehlo.Read: %w", err)
	}
	return m, nil
}

// Main returns the function main or, if there is none, the only one; nil if there are several.
func (m *Module) Main() *Func {
	if f := m.byName["main"]; f != nil || len(m.Funcs) != 1 {
		return f
	}
	return m.Funcs[0]
}

// Program returns the program that computes main, on the module's mesh. Ops for which lowers is false are expanded,
// as [ir.Lower] does; nil expands nothing.
func (m *Module) Program(lowers func(ir.Call) bool) (p *ir.Program, err error) {
	f := m.Main()
	if f == nil {
		return nil, fmt.Errorf("stablehlo: the module has %d functions, and none is called main", len(m.Funcs))
	}
	var g *graph.Graph
	var out []*graph.Node
	err = graph.Catch(func() {
		g = graph.NewGraph(nil, f.Name)
		if m.Mesh != nil {
			g.SetMesh(m.Mesh)
		}
		var in []*graph.Node
		for i, name := range f.body.args {
			if _, known := f.given[i]; !known {
				in = append(in, graph.Parameter(g, strings.TrimPrefix(name, "%"), f.Inputs[len(in)]))
			}
		}
		out = f.emit(g, in)
	})
	if err != nil {
		return nil, err
	}
	if p, err = graph.NewProgram(g, out...); err != nil {
		return nil, err
	}
	if p, err = ir.Lower(p, lowers); err != nil {
		return nil, err
	}
	if f.Donated != nil {
		p = p.Donate(f.Donated)
	}
	return p.Divide(p.Mesh, f.InputShardings, f.OutputShardings)
}

// Call adds what the function computes to the graph of its inputs and returns its results. One can go on from
// them like from any node, and differentiate through them, except through while. A function without inputs
// cannot be called; its module's [Module.Program] can be made. In a graph on the module's mesh values are divided as
// the function's text says, but for inputs and outputs, of which the graph has to say it; in others they are not.
//
// It panics with [graph.Error] unless the inputs have the function's shapes.
func (f *Func) Call(inputs ...*graph.Node) []*graph.Node {
	if len(inputs) != len(f.Inputs) || len(inputs) == 0 {
		graph.Errorf("stablehlo: the function %q takes %d inputs, got %d", f.Name, len(f.Inputs), len(inputs))
	}
	for i, x := range inputs {
		if x == nil {
			graph.Errorf("stablehlo: input %d of the function %q is nil", i, f.Name)
		}
		if s := x.Shape(); s.DType != f.Inputs[i].DType || !s.EqualDimensions(f.Inputs[i]) {
			graph.Errorf("stablehlo: input %d of the function %q must be %s, not %s", i, f.Name, f.Inputs[i], s)
		}
	}
	return f.emit(inputs[0].Graph(), inputs)
}

// emit adds the body of the function, which was checked when it was read, to the graph.
func (f *Func) emit(g *graph.Graph, in []*graph.Node) []*graph.Node {
	r := &reader{g: g, module: f.module, sizes: f.open || f.given != nil}
	return r.region(f.body, f.arguments(g, in), nil)
}

// arguments puts the inputs that are known between the others.
func (f *Func) arguments(g *graph.Graph, in []*graph.Node) []*graph.Node {
	args := make([]*graph.Node, len(f.body.args))
	for i := range args {
		if t := f.given[i]; t != nil {
			args[i] = graph.ConstTensor(g, t)
			continue
		}
		args[i], in = in[0], in[1:]
	}
	return args
}

// readError says what is wrong with an operation.
type readError struct {
	line    int
	inBytes bool // line is the number of an operation of bytecode
	text    string
	err     error // of the graph, if it found it
}

// Error writes line and reason.
func (e *readError) Error() string {
	switch {
	case e.line == 0:
		return e.text
	case e.inBytes:
		return fmt.Sprintf("operation %d of the bytecode: %s", e.line, e.text)
	}
	return fmt.Sprintf("line %d: %s", e.line, e.text)
}

// Unwrap returns the error of the graph that was built.
func (e *readError) Unwrap() error { return e.err }

// maxSize is how many operations a module may have once all calls are written out, and maxCalls how deep
// functions may call each other: a short text could ask for any number.
const (
	maxSize  = 1 << 20
	maxCalls = 64
)

func read(text string, given readOptions) (*Module, error) {
	m, err := verified(text)
	if err != nil {
		return nil, err
	}
	if err := m.complete(given); err != nil {
		return nil, err
	}
	return m, nil
}

// verified reads a text as far as no sizes are needed.
func verified(text string) (m *Module, err error) {
	inBytes := bytecode.Is(text)
	var top *region
	if inBytes {
		top, err = fromBytecode(text)
	} else {
		top, err = parse(text)
	}
	if err != nil {
		return nil, placed(err, inBytes)
	}
	if err := caught(func() { flatten(top) }); err != nil {
		return nil, placed(err, inBytes)
	}
	m = &Module{byName: map[string]*Func{}, meshes: map[string]*ir.Mesh{}, devices: 1, inBytes: inBytes}
	err = caught(func() {
		m.collect(top)
		if len(m.Funcs) == 0 {
			panic(&readError{text: "the text has no functions"})
		}
		for _, f := range m.Funcs {
			f.measure(nil)
			f.verify()
		}
	})
	return m, placed(err, inBytes)
}

// placed says that the place of an error is an operation of bytecode, which has no lines.
func placed(err error, inBytes bool) error {
	if e, ok := err.(*readError); ok {
		e.inBytes = inBytes
	}
	return err
}

// complete reads what is left, for sizes that are given or known from the text.
func (m *Module) complete(given readOptions) error {
	return placed(caught(func() {
		given.apply(m)
		for _, f := range m.Funcs {
			f.place()
			f.check()
		}
	}), m.inBytes)
}

// caught returns what is wrong with a text by f, which panics with it.
func caught(f func()) (err error) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *readError:
			err = e
		default:
			err = fmt.Errorf("%s%v", internal, e)
		}
	}()
	f()
	return nil
}

// internal begins the message of an error that is a mistake of this package.
const internal = "the reader broke down: "

// collect finds the functions.
func (m *Module) collect(r *region) {
	for _, op := range r.ops {
		switch op.name {
		case "builtin.module":
			for _, key := range []string{"mhlo.num_partitions", "mhlo.num_replicas"} {
				if n, ok := op.attrs[key].(int64); ok && n > 1 && n <= 1<<20 && m.devices <= 1<<20 {
					m.devices *= n
				}
			}
			for _, inner := range op.regions {
				m.collect(inner)
			}
		case "func.func":
			m.add(op)
		case "sdy.mesh":
			m.addMesh(op)
		default:
			panic(&readError{line: op.line, text: fmt.Sprintf("op %q stands outside of a function", op.name)})
		}
	}
}

func (m *Module) add(op *operation) {
	name, _ := op.attrs["sym_name"].(string)
	f := &Func{Name: name, module: m, line: op.line}
	fail := func(format string, args ...any) {
		panic(&readError{line: op.line, text: fmt.Sprintf("the function @%s ", name) + fmt.Sprintf(format, args...)})
	}
	switch {
	case m.byName[name] != nil:
		fail("is there twice: it is on line %d too", m.byName[name].line)
	case len(op.regions) != 1 || len(op.regions[0].ops) == 0:
		fail("has no body")
	}
	f.body, f.results, f.resultAttrs = op.regions[0], op.out, op.outAttrs
	names := map[string]bool{}
	for i, t := range f.body.types {
		if !t.tensor().DType.IsValid() {
			fail("has an input whose type cannot be read: %s", t.unknown())
		}
		if names[f.body.args[i]] || f.body.args[i] == "" {
			fail("has inputs without names of their own")
		}
		names[f.body.args[i]] = true
		f.Inputs = append(f.Inputs, t.tensor())
		f.open = f.open || !t.known()
	}
	for _, t := range op.out {
		if !t.tensor().DType.IsValid() {
			fail("has a result whose type cannot be read: %s", t.unknown())
		}
		f.Outputs = append(f.Outputs, t.tensor())
		f.open = f.open || !t.known()
	}
	m.Funcs = append(m.Funcs, f)
	m.byName[name] = f
}

// measure works out the size of a function and of those that it calls, path being those that call it.
func (f *Func) measure(path []*Func) {
	if f.size > 0 {
		return
	}
	for _, g := range path {
		if g == f {
			panic(&readError{line: f.line, text: fmt.Sprintf("the function @%s calls itself", f.Name)})
		}
	}
	if len(path) > maxCalls {
		panic(&readError{line: f.line, text: fmt.Sprintf("functions call each other more than %d deep", maxCalls)})
	}
	size := 1 + f.measureRegion(f.body, append(path, f))
	if size > maxSize {
		panic(&readError{line: f.line, text: fmt.Sprintf("the function @%s has more than %d operations once its calls are written out", f.Name, maxSize)})
	}
	f.size = size
	f.speaks = slices.ContainsFunc(f.body.ops, f.module.speaks)
	f.placed = slices.ContainsFunc(f.body.ops, f.module.places)
}

func (f *Func) measureRegion(r *region, path []*Func) (size int) {
	for _, op := range r.ops {
		size++
		f.open = f.open || slices.ContainsFunc(op.out, func(t mlirType) bool { return !t.known() })
		for _, key := range []string{"callee", "decomposition"} {
			if name, ok := op.attrs[key].(symbol); ok {
				if callee := f.module.byName[string(name)]; callee != nil {
					callee.measure(path)
					size += callee.size
					f.open = f.open || callee.open
				}
			}
		}
		for _, inner := range op.regions {
			size += f.measureRegion(inner, path)
		}
	}
	return size
}

// check builds the function in a graph of its own.
func (f *Func) check() {
	g := graph.NewGraph(nil, f.Name)
	if f.module.Mesh != nil {
		g.SetMesh(f.module.Mesh)
	}
	in := make([]*graph.Node, len(f.Inputs))
	for i, s := range f.Inputs {
		in[i] = graph.Parameter(g, fmt.Sprintf("p%d", i), s)
	}
	r := &reader{g: g, module: f.module, checking: true, sizes: f.open || f.given != nil}
	out := r.region(f.body, f.arguments(g, in), nil)
	last := f.body.ops[len(f.body.ops)-1]
	for i, n := range out {
		if want := f.results[i]; !want.fits(n.Shape(), true) {
			panic(&readError{line: last.line, text: fmt.Sprintf("result %d of the function @%s is %s, not %s", i, f.Name, tensorType(n.Shape()), want.text)})
		}
		f.Outputs[i] = shapes.Make(n.DType(), n.Shape().Dimensions...)
	}
}
