package graph

import (
	"fmt"
	"math"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

var constant *ir.Op

func init() {
	constant = Define(ir.Op{
		Name: "Const", Family: "constants", Doc: "a fixed value", DTypes: dtypes.Any | dtypes.Storage, Attrs: ir.ConstAttrs{}, HLO: "stablehlo.constant",
		Infer: func(attrs any, _ []shapes.Shape) (shapes.Shape, error) {
			v := attrs.(ir.ConstAttrs).Value
			if v == nil || !v.Ok() {
				return shapes.Shape{}, fmt.Errorf("the value is nil or was finalized")
			}
			return v.Shape(), nil
		},
		Ref: func(attrs any, out, _ []*tensors.Tensor) {
			copyRef(nil, out, []*tensors.Tensor{attrs.(ir.ConstAttrs).Value})
		},
		Samples: []ir.Sample{{Attrs: ir.ConstAttrs{Value: tensors.FromFlatDataAndDimensions([]float32{1, 2, 3, 4, 5, 6}, 2, 3)}, DTypes: dtypes.SetOf(dtypes.Float32)}},
	}, Rule{ZeroGrad: "it is a constant"})
}

// Const returns a constant: a tensor, or a Go scalar or (nested) slice of them. An int counts as int64.
// The tensor must not change or be finalized as long as the graph is used.
func Const(g *Graph, x any) *Node {
	if n, ok := x.(*Node); ok {
		g.fail("Const", []shapes.Shape{n.Shape()}, fmt.Errorf("got a node, which is a value already"))
	}
	t, err := tensors.FromAnyValue(x)
	if err != nil {
		g.fail("Const", nil, err)
	}
	return ConstTensor(g, t)
}

// ConstTensor returns t as a constant. It must not change or be finalized as long as the graph is used.
func ConstTensor(g *Graph, t *tensors.Tensor) *Node {
	return ApplyIn(g, constant, ir.ConstAttrs{Value: t})
}

// ConstAsDType returns x, as [Const] takes it, in dtype. Go numbers keep their value, rounded for a float dtype; one that
// dtype does not hold (0.5 or 300 for an int8, 70000 for a float16) is an error rather than another number, see
// [dtypes.Fit]. A tensor is converted as [ConvertDType] does.
func ConstAsDType(g *Graph, dtype dtypes.DType, x any) *Node { return constAs("Const", g, dtype, x) }

// constAs is ConstAsDType for op.
func constAs(op string, g *Graph, dtype dtypes.DType, x any) *Node {
	t, err := tensors.FromAnyValue(x)
	if err == nil && t.DType() != dtype {
		if _, given := x.(*tensors.Tensor); given {
			t, err = t.ConvertDType(dtype)
		} else {
			t, err = t.FitDType(dtype)
		}
	}
	if err != nil {
		g.fail(op, nil, err)
	}
	return ConstTensor(g, t)
}

// ConstAs returns x, as [ConstAsDType] takes it, in base's dtype, in base's graph.
func ConstAs(base *Node, x any) *Node { return ConstAsDType(base.graph, base.DType(), x) }

// Scalar returns value as a constant scalar of the given dtype, rounded for a float dtype; one that dtype does not hold
// is an error, see [ConstAsDType].
func Scalar[N dtypes.Scalar](g *Graph, dtype dtypes.DType, value N) *Node {
	return scalarOf("Scalar", g, dtype, value)
}

// scalarOf is Scalar for op; in are the shapes of its operands.
func scalarOf(op string, g *Graph, dtype dtypes.DType, value any, in ...shapes.Shape) *Node {
	key, known := numberOf(dtype, value)
	if t := g.made().numbers[key]; t != nil && known {
		return ConstTensor(g, t)
	}
	v, err := dtypes.Fit(value, dtype)
	if err != nil {
		if len(in) > 0 {
			err = fmt.Errorf("%w (convert x with ConvertDType first)", err)
		}
		g.fail(op, in, err)
	}
	t := tensors.MustFromAnyValue(v)
	if known && len(g.numbers) < maxNumbers {
		if g.numbers == nil {
			g.numbers = map[goNumber]*tensors.Tensor{}
		}
		g.numbers[key] = t
	}
	return ConstTensor(g, t)
}

// goNumber is a Go number that became a constant of a dtype. An optimizer takes the same few for each variable: nodes of equal ones share
// a tensor.
type goNumber struct {
	dtype dtypes.DType
	float bool
	bits  uint64
}

// maxNumbers is how many a graph knows.
const maxNumbers = 64

// numberOf returns the key of a number, if it is of the types that Go's constants have.
func numberOf(dtype dtypes.DType, value any) (n goNumber, ok bool) {
	switch v := value.(type) {
	case float64:
		return goNumber{dtype, true, math.Float64bits(v)}, true
	case int:
		return goNumber{dtype, false, uint64(v)}, true
	}
	return goNumber{}, false
}

// ScalarZero returns 0 of the given dtype.
func ScalarZero(g *Graph, dtype dtypes.DType) *Node { return Scalar(g, dtype, 0) }

// ScalarOne returns 1 of the given dtype.
func ScalarOne(g *Graph, dtype dtypes.DType) *Node { return Scalar(g, dtype, 1) }

// FillScalar returns a tensor of the given shape in which every element is value, which its dtype must hold, see
// [ConstAsDType].
func FillScalar(g *Graph, shape shapes.Shape, value float64) *Node {
	return BroadcastToShape(scalarOf("FillScalar", g, shape.DType, value), shape)
}

// Zeros returns a tensor of zeros.
func Zeros(g *Graph, shape shapes.Shape) *Node { return FillScalar(g, shape, 0) }

// ZerosLike returns zeros of x's shape and dtype.
func ZerosLike(x *Node) *Node { return Zeros(x.graph, x.Shape()) }

// Ones returns a tensor of ones.
func Ones(g *Graph, shape shapes.Shape) *Node { return FillScalar(g, shape, 1) }

// OnesLike returns ones of x's shape and dtype.
func OnesLike(x *Node) *Node { return Ones(x.graph, x.Shape()) }
