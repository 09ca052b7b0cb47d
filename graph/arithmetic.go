package graph

import (
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Add returns lhs + rhs, element by element, with broadcasting. Integers wrap around.
func Add(lhs, rhs *Node) *Node { return Apply(add, nil, lhs, rhs) }

// Sub returns lhs - rhs, element by element, with broadcasting. Integers wrap around.
func Sub(lhs, rhs *Node) *Node { return Apply(sub, nil, lhs, rhs) }

// Mul returns lhs · rhs, element by element, with broadcasting. Integers wrap around.
func Mul(lhs, rhs *Node) *Node { return Apply(mul, nil, lhs, rhs) }

// Neg returns -x, element by element. Integers wrap around, so unsigned ones give 2ⁿ - x.
func Neg(x *Node) *Node { return Apply(neg, nil, x) }

var add, sub, mul, neg *Op

func init() {
	samples := []Sample{
		{In: []Input{Ramp(2, 3), Ramp(2, 3).Plus(0.25)}},
		{Name: "row", In: []Input{Ramp(2, 3), Ramp(3)}},
		{Name: "column", In: []Input{Ramp(2, 1), Ramp(1, 3)}},
		{Name: "scalar", In: []Input{ScalarValue(1.5), Ramp(4)}},
		{Name: "empty", In: []Input{Ramp(0, 3), Ramp(0, 3)}},
	}
	add = Define(Op{
		Name: "Add", Family: "arithmetic", Doc: "x + y", DTypes: dtypes.Numbers, HLO: "stablehlo.add",
		Infer: broadcastRule,
		Ref:   binaryRef(func(x, y float64) float64 { return x + y }, func(x, y int64) int64 { return x + y }, func(x, y uint64) uint64 { return x + y }, func(x, y complex128) complex128 { return x + y }),
		VJP: func(y, dy *Node) []*Node {
			return []*Node{unbroadcast(dy, y.Input(0)), unbroadcast(dy, y.Input(1))}
		},
		Samples: samples,
	})
	sub = Define(Op{
		Name: "Sub", Family: "arithmetic", Doc: "x - y", DTypes: dtypes.Numbers, HLO: "stablehlo.subtract",
		Infer: broadcastRule,
		Ref:   binaryRef(func(x, y float64) float64 { return x - y }, func(x, y int64) int64 { return x - y }, func(x, y uint64) uint64 { return x - y }, func(x, y complex128) complex128 { return x - y }),
		VJP: func(y, dy *Node) []*Node {
			return []*Node{unbroadcast(dy, y.Input(0)), unbroadcast(Neg(dy), y.Input(1))}
		},
		Samples: samples,
	})
	mul = Define(Op{
		Name: "Mul", Family: "arithmetic", Doc: "x · y", DTypes: dtypes.Numbers, HLO: "stablehlo.multiply",
		Infer: broadcastRule,
		Ref:   binaryRef(func(x, y float64) float64 { return x * y }, func(x, y int64) int64 { return x * y }, func(x, y uint64) uint64 { return x * y }, func(x, y complex128) complex128 { return x * y }),
		VJP: func(y, dy *Node) []*Node { // d(x·y)/dx = y
			a, b := y.Input(0), y.Input(1)
			return []*Node{unbroadcast(Mul(dy, b), a), unbroadcast(Mul(dy, a), b)}
		},
		Samples: samples,
		Tol:     ULP(2, "complex products may be fused"),
	})
	neg = Define(Op{
		Name: "Neg", Family: "arithmetic", Doc: "-x", DTypes: dtypes.Numbers, HLO: "stablehlo.negate",
		Infer:   sameShape,
		Ref:     unaryRef(func(x float64) float64 { return -x }, func(x int64) int64 { return -x }, func(x uint64) uint64 { return -x }, func(x complex128) complex128 { return -x }),
		VJP:     func(_, dy *Node) []*Node { return []*Node{Neg(dy)} },
		Samples: []Sample{{In: []Input{Ramp(2, 3)}}, {Name: "zero", In: []Input{Values(0)}}},
	})
}

// unaryRef is the meaning of an elementwise op of one operand, by kind of dtype; nil where the row does
// not take the kind. The result has the operand's kind.
func unaryRef(f func(float64) float64, s func(int64) int64, u func(uint64) uint64, c func(complex128) complex128) func(any, []*tensors.Tensor, []*tensors.Tensor) {
	return byKind(0, map1(f), map1(s), map1(u), map1(c))
}

func map1[T, R number](f func(T) R) func(any, []*tensors.Tensor, []*tensors.Tensor) {
	return func(_ any, out, in []*tensors.Tensor) { store(out[0], convert(load[T](in[0]), f)) }
}

// binaryRef is the meaning of an elementwise op of two operands, which are broadcast, by kind of dtype.
func binaryRef(f func(x, y float64) float64, s func(x, y int64) int64, u func(x, y uint64) uint64, c func(x, y complex128) complex128) func(any, []*tensors.Tensor, []*tensors.Tensor) {
	return byKind(0, map2(f), map2(s), map2(u), map2(c))
}

func map2[T, R number](f func(x, y T) R) func(any, []*tensors.Tensor, []*tensors.Tensor) {
	return func(_ any, out, in []*tensors.Tensor) {
		x, y := load[T](in[0]), load[T](in[1])
		ix, iy := broadcastIndex(out[0].Shape(), in[0].Shape()), broadcastIndex(out[0].Shape(), in[1].Shape())
		v := make([]R, out[0].Size())
		for i := range v {
			v[i] = f(x[ix(i)], y[iy(i)])
		}
		store(out[0], v)
	}
}

var _ shapes.HasShape = (*Node)(nil)
