package template

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"sync/atomic"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/sizes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Trace is the program of a function for inputs of some sizes: what their symbols stand for.
type Trace struct {
	Program *ir.Program
	Values  sizes.Values
}

// Template makes the program of a function for any sizes. It is safe for several goroutines.
type Template struct {
	main   *part
	proved atomic.Bool // a program for sizes of no trace was made and checked
}

// part is a program, or a region of one.
type part struct {
	first  *ir.Program // of the traces
	dims   [][]maker   // per value, nil where no size depends on symbols
	instrs []instr
}

// instr is what of an instruction depends on symbols.
type instr struct {
	attrs   maker // nil if they do not
	regions []*part
}

// maker makes a number, or what has numbers in it, for given sizes.
type maker func(v sizes.Values) (reflect.Value, error)

// Derive compares traces of one function for sizes that differ: [NeededWithoutSquares] of them at least, or [Needed] if a number in them is a
// square of a size, each symbol at least 2 in each, and in no special position, or the error is [ErrFew].
func Derive(traces ...Trace) (*Template, error) {
	if len(traces) == 0 {
		return nil, ErrFew
	}
	var symbols []string
	for name := range traces[0].Values {
		symbols = append(symbols, name)
	}
	slices.Sort(symbols)
	var at []sizes.Values
	var programs []*ir.Program
	for _, t := range traces {
		if t.Program == nil || len(t.Values) != len(symbols) {
			return nil, errors.New("template.Derive: a trace has no program, or other symbols than the first")
		}
		for _, name := range symbols {
			if n, ok := t.Values[name]; !ok || n < 2 || n > math.MaxInt32 {
				return nil, fmt.Errorf("template.Derive: the size %s is %d: want it from 2 on", name, n)
			}
		}
		if t.Program.Mesh != nil {
			return nil, errors.New("template.Derive: a program on a mesh is not derived")
		}
		at, programs = append(at, t.Values), append(programs, t.Program)
	}
	err := ErrFew
	for _, fitter := range []func([]string, []sizes.Values) (*Fitter, error){NewFitterWithoutSquares, NewFitter} {
		f, few := fitter(symbols, at)
		if few != nil {
			continue
		}
		d := &deriver{Fitter: f, parts: map[*ir.Program]*part{}}
		main, failed := d.part(programs)
		if failed == nil {
			return &Template{main: main}, nil
		}
		if err = failed; !errors.Is(err, errNoPolynomial) {
			return nil, err
		}
	}
	if errors.Is(err, errNoPolynomial) && len(at) < Needed(len(symbols)) {
		return nil, ErrFew // there may be a square among the numbers
	}
	return nil, err
}

type deriver struct {
	*Fitter
	parts map[*ir.Program]*part // of regions, by that of the first trace
}

// part compares programs.
func (d *deriver) part(all []*ir.Program) (*part, error) {
	p := all[0]
	if known := d.parts[p]; known != nil {
		return known, nil
	}
	for _, q := range all[1:] {
		if len(q.Values) != len(p.Values) || len(q.Instrs) != len(p.Instrs) || !slices.Equal(q.Inputs, p.Inputs) || !slices.Equal(q.Outputs, p.Outputs) ||
			!slices.Equal(q.InputNames, p.InputNames) || !slices.Equal(q.Donated, p.Donated) {
			return nil, fmt.Errorf("the program %q is another one for other sizes: %d calls and %d", p.Name, len(p.Instrs), len(q.Instrs))
		}
	}
	out := &part{first: p, dims: make([][]maker, len(p.Values)), instrs: make([]instr, len(p.Instrs))}
	for v := range p.Values {
		var err error
		if out.dims[v], err = d.shape(all, ir.Value(v)); err != nil {
			return nil, fmt.Errorf("a value of the program %q: %w", p.Name, err)
		}
	}
	for i := range p.Instrs {
		x := &p.Instrs[i]
		list := make([]*ir.Instr, len(all))
		for k, q := range all {
			y := &q.Instrs[i]
			if list[k] = y; y.Op != x.Op || !slices.Equal(y.In, x.In) || !slices.Equal(y.Out, x.Out) || y.Captured != x.Captured || len(y.Regions) != len(x.Regions) {
				return nil, fmt.Errorf("%s: %s is another call for other sizes", x.Place, x.Op)
			}
		}
		err := d.call(&out.instrs[i], list)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", x.Place, x.Op, err)
		}
	}
	d.parts[p] = out
	return out, nil
}

func (d *deriver) shape(all []*ir.Program, v ir.Value) ([]maker, error) {
	x := all[0].Values[v]
	makers, some := make([]maker, x.Rank()), false
	for _, q := range all {
		if y := q.Values[v]; y.DType != x.DType || y.Rank() != x.Rank() || !slices.Equal(y.AxisNames, x.AxisNames) {
			return nil, fmt.Errorf("%s in one program is %s in another", x, y)
		}
	}
	for a := range makers {
		numbers := make([]int, len(all))
		for k, q := range all {
			numbers[k] = q.Values[v].Dimensions[a]
		}
		m, err := d.number(numbers, reflect.TypeFor[int]())
		if err != nil {
			return nil, err
		}
		makers[a], some = m, some || m != nil
	}
	if !some {
		return nil, nil
	}
	return makers, nil
}

// number returns how a number is made, nil if it is the same for all sizes.
func (d *deriver) number(numbers []int, t reflect.Type) (maker, error) {
	if !slices.ContainsFunc(numbers, func(n int) bool { return n != numbers[0] }) {
		return nil, nil
	}
	e, err := d.Fit(numbers)
	if err != nil {
		return nil, err
	}
	return func(v sizes.Values) (reflect.Value, error) {
		n, err := e.Eval(v)
		return reflect.ValueOf(n).Convert(t), err
	}, nil
}

// call compares calls of one op.
func (d *deriver) call(out *instr, list []*ir.Instr) (err error) {
	x := list[0]
	for i := range x.Regions {
		regions := make([]*ir.Program, len(list))
		for k, y := range list {
			regions[k] = y.Regions[i]
		}
		part, err := d.part(regions)
		if err != nil {
			return err
		}
		out.regions = append(out.regions, part)
	}
	if x.Attrs == nil {
		return nil
	}
	values := make([]reflect.Value, len(list))
	for k, y := range list {
		values[k] = reflect.ValueOf(y.Attrs)
		if !values[k].IsValid() || values[k].Type() != values[0].Type() {
			return errors.New("its settings are of several types")
		}
	}
	if _, ok := x.Attrs.(ir.ConstAttrs); ok {
		out.attrs, err = d.constant(list)
		return err
	}
	out.attrs, err = d.settings(values)
	return err
}

// settings compares values of one type, and returns how one is made, nil if they are the same.
func (d *deriver) settings(list []reflect.Value) (maker, error) {
	x := list[0]
	switch x.Kind() {
	case reflect.Int:
		numbers := make([]int, len(list))
		for k, y := range list {
			numbers[k] = int(y.Int())
		}
		return d.number(numbers, x.Type())
	case reflect.Slice, reflect.Array:
		for _, y := range list {
			if y.Len() != x.Len() {
				return nil, fmt.Errorf("a list of %d in one program has %d in another", x.Len(), y.Len())
			}
		}
		return d.several(list, x.Len(), reflect.Value.Index)
	case reflect.Struct:
		for i := range x.NumField() {
			if !x.Type().Field(i).IsExported() {
				return same(list)
			}
		}
		return d.several(list, x.NumField(), reflect.Value.Field)
	}
	return same(list)
}

// several compares the n parts of values.
func (d *deriver) several(list []reflect.Value, n int, at func(reflect.Value, int) reflect.Value) (maker, error) {
	makers, some := make([]maker, n), false
	for i := range n {
		parts := make([]reflect.Value, len(list))
		for k, y := range list {
			parts[k] = at(y, i)
		}
		m, err := d.settings(parts)
		if err != nil {
			return nil, err
		}
		makers[i], some = m, some || m != nil
	}
	if !some {
		return nil, nil
	}
	x := list[0]
	return func(v sizes.Values) (reflect.Value, error) {
		y := reflect.New(x.Type()).Elem()
		if x.Kind() == reflect.Slice {
			y.Set(reflect.MakeSlice(x.Type(), n, n))
		}
		for i, m := range makers {
			part := at(x, i)
			if m != nil {
				var err error
				if part, err = m(v); err != nil {
					return y, err
				}
			}
			at(y, i).Set(part)
		}
		return y, nil
	}, nil
}

func same(list []reflect.Value) (maker, error) {
	for _, y := range list[1:] {
		if !reflect.DeepEqual(y.Interface(), list[0].Interface()) {
			return nil, fmt.Errorf("the setting %v in one program is %v in another", list[0], y)
		}
	}
	return nil, nil
}

// maxNumbers is how many elements a constant may have that depends on sizes.
const maxNumbers = 64

// constant compares constants. Those of a few numbers may depend on sizes: numbers that are polynomials of these, or their reciprocals.
func (d *deriver) constant(list []*ir.Instr) (maker, error) {
	var all []*tensors.Tensor
	differ := false
	for _, in := range list {
		t := in.Attrs.(ir.ConstAttrs).Value
		all = append(all, t)
		differ = differ || !sameBytes(t, all[0])
	}
	x := all[0]
	if !differ {
		return nil, nil
	}
	if x.Size() > maxNumbers || x.DType().IsComplex() || x.DType().Bits()%8 != 0 {
		return nil, fmt.Errorf("a constant %s depends on the sizes", x.Shape())
	}
	makers := make([]func(v sizes.Values) (float64, error), x.Size())
	for i := range makers {
		values := make([]float64, len(all))
		for k, t := range all {
			if !t.Shape().Equal(x.Shape()) {
				return nil, fmt.Errorf("a constant %s is %s for other sizes", x.Shape(), t.Shape())
			}
			values[k] = t.Float64At(i)
		}
		m, err := d.element(values, x)
		if err != nil {
			return nil, err
		}
		makers[i] = m
	}
	return func(v sizes.Values) (reflect.Value, error) {
		numbers := make([]float64, len(makers))
		for i, m := range makers {
			n, err := m(v)
			if err != nil {
				return reflect.Value{}, err
			}
			numbers[i] = n
		}
		t, err := rounded(numbers, x)
		return reflect.ValueOf(ir.ConstAttrs{Value: t}), err
	}, nil
}

// rounded returns numbers in the shape and dtype of x.
func rounded(numbers []float64, x *tensors.Tensor) (*tensors.Tensor, error) {
	t, err := tensors.FromAnyValue(numbers)
	if err == nil {
		t, err = t.Reshaped(x.Shape().Dimensions...)
	}
	if err == nil {
		t, err = t.ConvertDType(x.DType())
	}
	if err == nil && x.Shape().HasNames() {
		t, err = t.WithAxisNames(x.Shape().AxisNames...)
	}
	return t, err
}

// element returns how an element of a constant is made.
func (d *deriver) element(values []float64, x *tensors.Tensor) (func(sizes.Values) (float64, error), error) {
	if !slices.ContainsFunc(values, func(v float64) bool { return math.Float64bits(v) != math.Float64bits(values[0]) }) {
		return func(sizes.Values) (float64, error) { return values[0], nil }, nil
	}
	for i, f := range []func(float64) float64{
		func(n float64) float64 { return n },
		func(n float64) float64 { return 1 / n },
	} {
		numbers := make([]int, len(values))
		exact := i == 0 || slices.ContainsFunc(values, func(v float64) bool { // a factor of powers of two alone was a divisor
			fraction, _ := math.Frexp(v)
			return math.Abs(fraction) != 0.5
		})
		for k, v := range values {
			n := math.Round(f(v))
			if exact = exact && math.Abs(n) < 1<<53; !exact {
				break
			}
			numbers[k] = int(n)
			t, err := rounded([]float64{f(n)}, tensors.FromScalar(float64(0)))
			if err == nil {
				t, err = t.ConvertDType(x.DType())
			}
			exact = err == nil && t.Float64At(0) == v
			if !exact {
				break
			}
		}
		if !exact {
			continue
		}
		if e, err := d.Fit(numbers); err == nil {
			return func(v sizes.Values) (float64, error) {
				n, err := e.Eval(v)
				return f(float64(n)), err
			}, nil
		}
	}
	return nil, fmt.Errorf("the constants %v %w of the sizes, nor are their reciprocals", values, errNoPolynomial)
}

func sameBytes(x, y *tensors.Tensor) (same bool) {
	if !x.Shape().Identical(y.Shape()) {
		return false
	}
	if x.Storage() == y.Storage() {
		return true
	}
	_ = x.ConstBytes(func(a []byte) {
		_ = y.ConstBytes(func(b []byte) { same = string(a) == string(b) })
	})
	return same
}

// At returns the program for given sizes. It is an error if a call does not fit them, by its op's shape rule: a slice may be longer than what is left
// at one size, and not at another. Elementwise calls are checked in the first program alone: shapes that are the same polynomials stay so.
func (t *Template) At(v sizes.Values) (*ir.Program, error) {
	m := &making{v: v, made: map[*part]*ir.Program{}, checks: !t.proved.Load()}
	p, err := t.main.at(m)
	if err == nil {
		t.proved.Store(true)
	}
	return p, err
}

// making is a program on its way.
type making struct {
	v      sizes.Values
	made   map[*part]*ir.Program
	checks bool
}

func (p *part) at(m *making) (*ir.Program, error) {
	if q := m.made[p]; q != nil {
		return q, nil
	}
	v := m.v
	b := ir.NewBuilder(p.first.Name)
	b.Grow(len(p.first.Instrs))
	values := make([]ir.Value, len(p.first.Values))
	for i, in := range p.first.Inputs {
		s, err := p.shape(in, v)
		if err != nil {
			return nil, err
		}
		if values[in], err = b.Input(p.first.InputNames[i], s); err != nil {
			return nil, err
		}
	}
	for i := range p.first.Instrs {
		if err := p.call(b, i, m, values); err != nil {
			return nil, err
		}
	}
	outputs := make([]ir.Value, len(p.first.Outputs))
	for i, y := range p.first.Outputs {
		outputs[i] = values[y]
	}
	q, err := b.Program(outputs...)
	if err != nil {
		return nil, err
	}
	if p.first.Donated != nil {
		q = q.Donate(p.first.Donated)
	}
	m.made[p] = q
	return q, nil
}

// shape returns the shape of a value.
func (p *part) shape(of ir.Value, v sizes.Values) (shapes.Shape, error) {
	s := p.first.Values[of]
	if p.dims[of] == nil {
		return s, nil
	}
	s = s.Clone()
	for a, m := range p.dims[of] {
		if m == nil {
			continue
		}
		n, err := m(v)
		if err != nil {
			return s, err
		}
		s.Dimensions[a] = int(n.Int())
	}
	return s, s.Check()
}

func (p *part) call(b *ir.Builder, i int, m *making, values []ir.Value) error {
	in, of, v := &p.first.Instrs[i], &p.instrs[i], m.v
	attrs := in.Attrs
	if of.attrs != nil {
		a, err := of.attrs(v)
		if err != nil {
			return err
		}
		attrs = a.Interface()
	}
	var regions []*ir.Program
	for _, r := range of.regions {
		q, err := r.at(m)
		if err != nil {
			return err
		}
		regions = append(regions, q)
	}
	args := make([]ir.Value, len(in.In))
	for k, x := range in.In {
		args[k] = values[x]
	}
	b.At(in.Place)
	if !m.checks && in.Op.Elementwise && of.attrs == nil {
		results := make([]shapes.Shape, len(in.Out))
		for k, y := range in.Out {
			var err error
			if results[k], err = p.shape(y, v); err != nil {
				return err
			}
		}
		for k, y := range b.Known(in.Op, attrs, args, in.Captured, regions, results) {
			values[in.Out[k]] = y
		}
		return nil
	}
	out, err := b.Call(in.Op, attrs, args, in.Captured, regions...)
	if err != nil {
		return err
	}
	for k, y := range out {
		want, err := p.shape(in.Out[k], v)
		if err != nil {
			return err
		}
		if got := b.Shape(y); !got.Identical(want) {
			return fmt.Errorf("%s: %s is %s for %s, not %s", in.Place, in.Op, got, v, want)
		}
		values[in.Out[k]] = y
	}
	return nil
}
