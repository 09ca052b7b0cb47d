package stablehlo

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/sizes"
)

// Open is a text that leaves sizes open, such as jax.export writes of functions of symbolic shapes. It is read and verified once, and
// is a [Module] for any sizes that it allows. It is immutable and safe for several goroutines.
type Open struct {
	module   *Module
	inputs   []int // of main, those whose sizes are declared
	declared *sizes.Declaration
	given    readOptions
}

var errNotRead = errors.New("stablehlo: nothing was read: ReadOpen makes an Open")

// ReadOpen reads a text as [Read] does, without sizes of main's inputs. The values of inputs that stand for no data, such as that of the
// platform, are given once by [InputValue].
//
//	open, err := stablehlo.ReadOpen(text)
//	exec, err := graph.NewExec(backend, open.Call)
//
// The Exec then runs inputs of any sizes that the text allows, and compiles a program for each.
func ReadOpen(text string, options ...ReadOption) (*Open, error) {
	given, err := optionsOf(options)
	if err == nil && given.shapes != nil {
		err = fmt.Errorf("shapes are given to Open.At: a text that is read for one size alone is read by Read")
	}
	var m *Module
	if err == nil {
		m, err = verified(text)
	}
	if err == nil && m.Main() == nil {
		err = fmt.Errorf("the text has %d functions, and none is called main", len(m.Funcs))
	}
	if err != nil {
		return nil, fmt.Errorf("stablehlo.ReadOpen: %w", err)
	}
	o := &Open{module: m, given: given}
	o.declare()
	return o, nil
}

// Declared returns the sizes that the text declares, with their constraints, as [JAX] writes them into what it asserts: those of the
// inputs whose sizes are open, in their order. It is nil if the text says nothing of symbols.
//
// [JAX]: https://docs.jax.dev/en/latest/export/shape_poly.html
func (o *Open) Declared() *sizes.Declaration { return o.declared }

// At returns the module for inputs of given shapes, those of main without what [InputValue] gave. What the text asserts of sizes must
// hold.
func (o *Open) At(inputs ...shapes.Shape) (*Module, error) {
	if o == nil || o.module == nil {
		return nil, errNotRead
	}
	if err := o.fits(inputs); err != nil {
		return nil, fmt.Errorf("stablehlo: the function @%s: %w", o.module.Main().Name, err)
	}
	m := o.module.copied()
	given := o.given
	given.shapes = slices.Clone(inputs)
	if given.shapes == nil {
		given.shapes = []shapes.Shape{}
	}
	if err := m.complete(given); err != nil {
		return nil, fmt.Errorf("stablehlo: %w", err)
	}
	return m, nil
}

// Call adds what main computes of inputs to their graph, as [Func.Call] does, for the sizes that they have. It panics with
// [graph.Error] if the text does not allow these.
func (o *Open) Call(inputs []*graph.Node) []*graph.Node {
	if o == nil || o.module == nil {
		graph.Errorf("%v", errNotRead)
	}
	in := make([]shapes.Shape, len(inputs))
	for i, x := range inputs {
		if x == nil {
			graph.Errorf("stablehlo: input %d of the function %q is nil", i, o.module.Main().Name)
		}
		in[i] = shapes.Make(x.DType(), x.Shape().Dimensions...)
	}
	m, err := o.At(in...)
	if err != nil {
		graph.Errorf("%v", err)
	}
	return m.Main().Call(inputs...)
}

// fits checks sizes against those that are declared: a sentence with names, where what the text asserts would speak of arguments that
// are counted as Python does.
func (o *Open) fits(inputs []shapes.Shape) error {
	main := o.module.Main()
	if o.declared == nil || len(inputs)+len(o.given.values) != len(main.body.types) {
		return nil
	}
	var open [][]int
	left := inputs
	for i, t := range main.body.types {
		if _, known := o.given.values[i]; known {
			continue
		}
		s := left[0]
		if left = left[1:]; !slices.Contains(o.inputs, i) {
			continue
		}
		if !t.fits(s, true) {
			return nil // which says more
		}
		open = append(open, s.Dimensions)
	}
	_, err := o.declared.Solve(open...)
	return err
}

// What JAX writes into the messages of what it asserts.
var (
	specifications = regexp.MustCompile(`Using the following polymorphic shapes specifications: (.*?)\. Obtained dimension variables:`)
	condition      = regexp.MustCompile(`Input shapes do not match the symbolic shape constraint (.*?)\. Expected '`)
	smallest       = regexp.MustCompile(`Expected value >= (\d+) for dimension variable '([A-Za-z_0-9]+)'`)
)

// declare finds out what the text declares of its sizes. A text that says it in another way, or not at all, declares nothing; what it
// asserts holds all the same.
func (o *Open) declare() {
	main := o.module.Main()
	for i, t := range main.body.types {
		if _, known := o.given.values[i]; !known && !t.known() {
			o.inputs = append(o.inputs, i)
		}
	}
	var inputs, constraints []string
	for _, op := range main.body.ops {
		message, _ := op.attrs["error_message"].(string)
		if m := specifications.FindStringSubmatch(message); m != nil && inputs == nil {
			inputs = specified(m[1])
		}
		if m := condition.FindStringSubmatch(message); m != nil {
			constraints = append(constraints, m[1])
		}
		if m := smallest.FindStringSubmatch(message); m != nil {
			constraints = append(constraints, m[2]+" >= "+m[1])
		}
	}
	inputs = slices.DeleteFunc(inputs, func(s string) bool { // all of whose sizes are known
		shape, err := sizes.ParseShape(s)
		return err == nil && !slices.ContainsFunc(shape, func(e sizes.Expr) bool { return len(e.Symbols()) > 0 })
	})
	if len(inputs) == 0 || len(inputs) != len(o.inputs) {
		return
	}
	d, err := sizes.Declare(inputs, constraints...)
	if err != nil {
		return
	}
	for k, s := range d.Inputs() {
		if len(s) != len(main.body.types[o.inputs[k]].tensor().Dimensions) {
			return
		}
	}
	o.declared = d
}

// specified returns the shapes of specifications such as "args[0].shape = (2*b, 3),args[1].shape = (b, 3)".
func specified(text string) (list []string) {
	const key = ".shape = ("
	for {
		i := strings.Index(text, key)
		if i < 0 {
			return list
		}
		text = text[i+len(key):]
		depth, end := 1, 0
		for end < len(text) && depth > 0 {
			switch text[end] {
			case '(':
				depth++
			case ')':
				depth--
			}
			end++
		}
		if depth > 0 {
			return list
		}
		list = append(list, strings.TrimSuffix(text[:end-1], ",")) // of one axis: (b,)
		text = text[end:]
	}
}

// copied returns a module that can be completed, and leaves m as it is.
func (m *Module) copied() *Module {
	c := *m
	c.Funcs, c.byName, c.meshes = make([]*Func, len(m.Funcs)), make(map[string]*Func, len(m.Funcs)), maps.Clone(m.meshes)
	for i, f := range m.Funcs {
		g := *f
		g.module = &c
		g.Inputs, g.Outputs = slices.Clone(f.Inputs), slices.Clone(f.Outputs)
		c.Funcs[i], c.byName[g.Name] = &g, &g
	}
	return &c
}
