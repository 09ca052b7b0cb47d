package ir

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Sample is a call of an op that conformance, gradient and fuzz tests make. Its inputs are written
// once, as float64, and converted to each dtype that the op takes.
type Sample struct {
	Name   string
	In     []Input
	Attrs  any
	DTypes dtypes.Set // only for these dtypes of the typed operand; 0 means all of the row

	Kink bool // not differentiable here: values are checked, gradients are not
	Pole bool // infinite or undefined here: values are checked, gradients are not

	// Want, if set, are the values of the first result, worked out by hand; the reference is then
	// tested too.
	Want []float64

	// Build makes the call where operands and attributes alone do not describe it: where there are regions.
	Build func(b *Builder, in []Value) ([]Value, error)
}

// Apply makes the sample's call of op in a program that is being built, on values in the place of its inputs.
func (s Sample) Apply(b *Builder, op *Op, in []Value) ([]Value, error) {
	if s.Build != nil {
		return s.Build(b, in)
	}
	return b.Apply(op, s.Attrs, in...)
}

// Tensors returns the inputs as tensors of d, or of the dtypes that they have fixed.
func (s Sample) Tensors(d dtypes.DType) []*tensors.Tensor {
	in := make([]*tensors.Tensor, len(s.In))
	for i, x := range s.In {
		in[i] = x.Tensor(d)
	}
	return in
}

// Input is an operand of a Sample: row-major values. A DType other than Invalid is fixed, such as
// that of indices; Invalid follows the dtype under test. Converted to an integer type, values are
// rounded away from zero (so that only 0 becomes 0), and lose their sign for an unsigned one.
type Input struct {
	Dims  []int
	Data  []float64
	DType dtypes.DType
}

// Values is an operand with one axis.
func Values(data ...float64) Input { return Input{Dims: []int{len(data)}, Data: data} }

// ScalarValue is an operand without axes.
func ScalarValue(v float64) Input { return Input{Data: []float64{v}} }

// Array is an operand with the given dimensions and row-major values.
func Array(dims []int, data ...float64) Input { return Input{Dims: dims, Data: data} }

// maxSample is how many elements an operand of a sample may have.
const maxSample = 1 << 20

// Ramp is an operand of the given dimensions filled with distinct values from -2 to 2 in a fixed,
// scattered order, none of them zero.
func Ramp(dims ...int) Input {
	n := 1
	for _, d := range dims {
		if n *= d; d < 0 || n > maxSample {
			panic(fmt.Sprintf("ir: Ramp%v: an operand of a sample has at most %d elements", dims, maxSample))
		}
	}
	data := make([]float64, n)
	for i := range data { // the golden ratio scatters evenly and never repeats
		_, f := math.Modf(float64(i+1) * 0.6180339887498949)
		data[i] = 4*f - 2
	}
	return Input{Dims: dims, Data: data}
}

// As returns in with a fixed dtype.
func (in Input) As(d dtypes.DType) Input {
	in.DType = d
	return in
}

// Plus returns in with v added to every value, to keep a sample away from a pole.
func (in Input) Plus(v float64) Input {
	in.Data = slices.Clone(in.Data)
	for i := range in.Data {
		in.Data[i] += v
	}
	return in
}

// Tensor returns the operand as a tensor of its fixed dtype or, if it has none, of d.
func (in Input) Tensor(d dtypes.DType) *tensors.Tensor {
	if in.DType != dtypes.Invalid {
		d = in.DType
	}
	vals := slices.Clone(in.Data)
	if d.IsInt() {
		for i, v := range vals {
			if v = math.Copysign(math.Ceil(math.Abs(v)), v); d.IsUnsigned() {
				v = math.Abs(v)
			}
			vals[i] = v
		}
	}
	var t *tensors.Tensor
	if d.IsComplex() { // the imaginary part is another order of the same values, half as large
		c := make([]complex128, len(vals))
		for i, v := range vals {
			c[i] = complex(v, vals[len(vals)-1-i]/2)
		}
		t = tensors.FromFlatDataAndDimensions(c, in.Dims...)
	} else {
		t = tensors.FromFlatDataAndDimensions(vals, in.Dims...)
	}
	t, err := t.ConvertDType(d)
	if err != nil {
		panic(fmt.Sprintf("ir: sample: %v", err))
	}
	return t
}

// Tolerance is how far a backend's value may be from the reference, at the row's samples. The zero value asks for equal
// bits (any NaN equals any NaN, and 0 equals -0). How far values are from the true ones is said by [Accuracy].
type Tolerance struct {
	ULP float64 // in units of the dtype's epsilon, relative to the larger of |value| and 1e-3 of the tensor's largest
	Abs float64 // absolute, in units of the dtype's epsilon
	Why string  // the reason
}

// ULP allows n units in the last place, for the reason given.
func ULP(n float64, why string) Tolerance { return Tolerance{ULP: n, Why: why} }

// Program returns the program that makes the sample's call of op on inputs of dtype d, or of the dtypes that they have
// fixed.
func (s Sample) Program(op *Op, d dtypes.DType) (*Program, error) {
	if op == nil {
		return nil, errors.New("the op is nil")
	}
	b := NewBuilder(op.Name)
	in := make([]Value, len(s.In))
	for i, t := range s.Tensors(d) {
		var err error
		if in[i], err = b.Input(fmt.Sprintf("x%d", i), t.Shape()); err != nil {
			return nil, err
		}
	}
	out, err := s.Apply(b, op, in)
	if err != nil {
		return nil, err
	}
	p, err := b.Program(out...)
	if a, ok := s.Attrs.(ShardAttrs); ok && err == nil {
		return p.Divide(a.Mesh, nil, nil)
	}
	return p, err
}
