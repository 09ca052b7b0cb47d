package stablehlo

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// ReadOption says what a text leaves open: see [InputShapes] and [InputValue].
type ReadOption func(*readOptions)

type readOptions struct {
	shapes []shapes.Shape
	values map[int]any
}

func optionsOf(options []ReadOption) (readOptions, error) {
	given := readOptions{values: map[int]any{}}
	for i, o := range options {
		if o == nil {
			return given, fmt.Errorf("option %d is nil", i)
		}
		o(&given)
	}
	return given, nil
}

// InputShapes gives the shapes of main's inputs, in their order, without those that [InputValue] gives. They must have
// the dtypes and the sizes that the text does not leave open.
func InputShapes(inputs ...shapes.Shape) ReadOption {
	return func(o *readOptions) { o.shapes = slices.Clone(inputs) }
}

// InputValue gives input i of main, counted from 0 in the text, a value, from which it is no input any more: sizes that
// are inputs, as JAX's dimension variables are, and the index of the platform that JAX puts first in exports for
// several, where 0 is the first of jax.export's platforms. The value is a number, a slice or a tensor, which is converted
// to the input's dtype.
func InputValue(i int, value any) ReadOption {
	return func(o *readOptions) { o.values[i] = value }
}

// apply gives main what the options say, and leaves it alone in the module if they say anything.
func (o readOptions) apply(m *Module) {
	main := m.Main()
	if len(o.values) > 0 || o.shapes != nil {
		if main == nil {
			panic(&readError{line: m.Funcs[0].line, text: "shapes and values of inputs are main's, and there is no function @main"})
		}
		m.Funcs = []*Func{main}
	}
	if main != nil {
		main.give(o)
	}
	m.Funcs = slices.DeleteFunc(m.Funcs, func(f *Func) bool { return (f.open || f.placed && m.devices > 1) && f != main })
}

// give takes the inputs that have values from the others, and gives these their shapes.
func (f *Func) give(o readOptions) {
	fail := func(format string, args ...any) {
		panic(&readError{line: f.line, text: fmt.Sprintf("the function @%s ", f.Name) + fmt.Sprintf(format, args...)})
	}
	f.Inputs = nil
	var types []mlirType // of the inputs that are left
	for i, t := range f.body.types {
		value, known := o.values[i]
		if !known {
			types = append(types, t)
			continue
		}
		v, err := tensors.FromAnyValue(value)
		if err == nil {
			v, err = v.ConvertDType(t.tensor().DType)
		}
		if err != nil || !t.fits(v.Shape(), true) {
			fail("has an input %d of type %s, which %v is not", i, t.text, value)
		}
		if f.given == nil {
			f.given = map[int]*tensors.Tensor{}
		}
		f.given[i] = v
	}
	for i := range o.values {
		if i < 0 || i >= len(f.body.types) {
			fail("has %d inputs, and a value is given for input %d", len(f.body.types), i)
		}
	}
	if o.shapes != nil && len(o.shapes) != len(types) {
		fail("has %d inputs without values, and %d shapes are given", len(types), len(o.shapes))
	}
	for i, t := range types {
		if o.shapes != nil {
			if err := o.shapes[i].Check(); err != nil {
				fail("cannot take the shape %s given for input %d: %v", o.shapes[i], i, err)
			}
		}
		switch {
		case o.shapes != nil && !t.fits(o.shapes[i], true):
			fail("has an input of type %s, and the shape %s is given for it", t.text, o.shapes[i])
		case o.shapes != nil:
			f.Inputs = append(f.Inputs, o.shapes[i])
		case !t.known():
			fail("leaves sizes of an input open, %s: give Read the shapes of the inputs (stablehlo.InputShapes)", t.text)
		default:
			f.Inputs = append(f.Inputs, t.shape)
		}
	}
}
