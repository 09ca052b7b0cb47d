package graph

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Op is one row of the table of operations: all there is to know of one of them. Everything that
// must hold for every operation (conformance, gradient checks, fuzzing, the op reference) is driven
// by these rows, and asks them rather than keeping lists of its own.
//
// Exactly one of Infer and InferMulti is set, and one of Ref, Expand and Bodies (Ref may stand
// beside Expand). Of VJP, VJPMulti, ZeroGrad and NoGrad at most one is set; an op with Expand and
// none of them is differentiated through its expansion.
type Op struct {
	Name   string
	Family string     // heading of the op reference: "unary", "reduce", …
	Doc    string     // one line for the op reference: the equation, with x, y, … the operands
	DTypes dtypes.Set // what the operand In[Typed] may be; other operands follow Infer's rules
	Typed  int        // index of the operand that DTypes speaks of; without operands, of the result
	Attrs  any        // a zero value of the attributes' struct, nil if there are none

	// Infer returns the shape of the result, or what is wrong with the operands. Op, shapes and the
	// caller's line are put before its error.
	Infer      func(attrs any, in []shapes.Shape) (shapes.Shape, error)
	InferMulti func(attrs any, in []shapes.Shape) ([]shapes.Shape, error) // for several results

	// Ref computes what the op means, slowly and plainly: the truth that backends are tested against.
	// out holds tensors of the inferred shapes, to be filled. A value that has no answer (an integer
	// division by zero) is reported by panicking with an error.
	Ref func(attrs any, out, in []*tensors.Tensor)

	// Expand builds the same value from other ops. A backend that does not lower the op gets that.
	Expand func(attrs any, in []*Node) []*Node

	// Bodies is the number of functions that the op runs (If has two). Backends give it its meaning.
	Bodies int

	// VJP returns, per operand, the gradient of the loss with respect to it, given dy, the gradient
	// with respect to the result y; nil where none flows.
	VJP      func(y, dy *Node) []*Node
	VJPMulti func(ys, dys []*Node) []*Node // for several results; dys holds nil where none arrives
	ZeroGrad string                        // why the gradient is zero ("piecewise constant")
	NoGrad   string                        // why there is no gradient; asking for one is an error

	HLO     string // StableHLO mnemonic, "" if there is no single one
	Samples []Sample
	Tol     Tolerance // between backends

	// Accuracy is how close the values of Ref and of the go engine are to the true ones; all lines that apply hold.
	// Elementwise rows whose values are floats have it, or Exact, the reason why no table of true values is needed.
	Accuracy []Accuracy
	Exact    string
}

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

	// Build makes the call where attributes alone cannot describe it (If, While, Call).
	Build func(in []*Node) []*Node
}

// Apply makes the sample's call of op in g, on nodes in the place of its inputs.
func (s Sample) Apply(g *Graph, op *Op, in []*Node) []*Node {
	switch {
	case s.Build != nil:
		return s.Build(in)
	case op.InferMulti != nil:
		return ApplyMulti(op, s.Attrs, in...)
	}
	return []*Node{ApplyIn(g, op, s.Attrs, in...)}
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
			panic(fmt.Sprintf("graph: Ramp%v: an operand of a sample has at most %d elements", dims, maxSample))
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
		panic(fmt.Sprintf("graph: sample: %v", err))
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

var table = map[string]*Op{}

// Define adds a row to the table of operations and returns it. It panics if the row is incomplete
// or its name is taken. It is called from init functions.
func Define(op Op) *Op {
	switch {
	case op.Name == "" || table[op.Name] != nil:
		panic(fmt.Sprintf("graph: op %q is defined twice or has no name", op.Name))
	case (op.Infer == nil) == (op.InferMulti == nil):
		panic("graph: op " + op.Name + ": one of Infer and InferMulti must be set")
	case op.Ref == nil && op.Expand == nil && op.Bodies == 0:
		panic("graph: op " + op.Name + " has no meaning: set Ref, Expand or Bodies")
	}
	p := &op
	table[op.Name] = p
	return p
}

// Ops returns the rows of the table, sorted by name.
func Ops() []*Op {
	ops := make([]*Op, 0, len(table))
	for _, op := range table {
		ops = append(ops, op)
	}
	slices.SortFunc(ops, func(a, b *Op) int { return strings.Compare(a.Name, b.Name) })
	return ops
}

// OpByName returns the row with the given name, nil if there is none.
func OpByName(name string) *Op { return table[name] }

// String returns the op's name.
func (op *Op) String() string { return op.Name }

// infer runs the op's shape rule, with what holds for every op checked first and last.
func (op *Op) infer(attrs any, in []shapes.Shape) ([]shapes.Shape, error) {
	if op.DTypes != 0 && op.Typed < len(in) && !op.DTypes.Has(in[op.Typed].DType) {
		return nil, fmt.Errorf("%s is not a dtype that it takes: %s", in[op.Typed].DType, op.DTypes)
	}
	if reflect.TypeOf(attrs) != reflect.TypeOf(op.Attrs) {
		return nil, fmt.Errorf("its attributes are a %T, got a %T", op.Attrs, attrs)
	}
	var out []shapes.Shape
	var err error
	if op.InferMulti != nil {
		out, err = op.InferMulti(attrs, in)
	} else {
		var s shapes.Shape
		s, err = op.Infer(attrs, in)
		out = []shapes.Shape{s}
	}
	if err != nil {
		return nil, err
	}
	for _, s := range out {
		if err := s.Check(); err != nil {
			return nil, fmt.Errorf("the result cannot be made: %w", err)
		}
	}
	return out, nil
}
