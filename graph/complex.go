package graph

import (
	"fmt"
	"math/cmplx"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Complex returns real + i·imag, element by element, with broadcasting. Both operands are float32, which
// makes complex64, or both float64, which makes complex128.
func Complex(real, imag *Node) *Node { return Apply(complexOp, nil, real, imag) }

// Real returns the real part of x, element by element; a real x is returned as it is.
func Real(x *Node) *Node {
	if !x.DType().IsComplex() {
		return x
	}
	return Apply(realOp, nil, x)
}

// Imag returns the imaginary part of x, element by element; of a real x it is 0.
func Imag(x *Node) *Node {
	if !x.DType().IsComplex() {
		return ZerosLike(x)
	}
	return Apply(imagOp, nil, x)
}

// Conj returns the complex conjugate of x, element by element; a real x is returned as it is.
func Conj(x *Node) *Node {
	if !x.DType().IsComplex() {
		return x
	}
	return Apply(conj, nil, x)
}

var complexOp, realOp, imagOp, conj *ir.Op

func partRule(_ any, in []shapes.Shape) (shapes.Shape, error) {
	return in[0].WithDType(in[0].DType.Real()), nil
}

// Gradients follow the convention of [Gradient]: with G = ∂L/∂a - i ∂L/∂b for x = a + ib, a change dx makes
// dL = Re(G·dx), and what is linear in dx or its parts is written in that form.
func init() {
	samples := []ir.Sample{
		{In: []ir.Input{ir.Ramp(2, 3)}},
		{Name: "scalar", In: []ir.Input{ir.ScalarValue(-0.75)}},
		{Name: "empty", In: []ir.Input{ir.Ramp(0, 3)}},
	}
	complexOp = Define(ir.Op{
		Name: "Complex", Family: "complex", Elementwise: true, Doc: "x + i·y", DTypes: dtypes.SetOf(dtypes.Float32, dtypes.Float64), HLO: "stablehlo.complex",
		Infer: func(_ any, in []shapes.Shape) (shapes.Shape, error) {
			s, err := shapes.Broadcast(in...)
			if err != nil {
				return s, err
			}
			switch s.DType {
			case dtypes.Float32:
				return s.WithDType(dtypes.Complex64), nil
			case dtypes.Float64:
				return s.WithDType(dtypes.Complex128), nil
			}
			return s, fmt.Errorf("no complex dtype has parts of %s", s.DType)
		},
		Ref: func(attrs any, out, in []*tensors.Tensor) {
			map2(func(a, b float64) complex128 { return complex(a, b) })(attrs, out, in)
		},
		Samples: []ir.Sample{
			{In: []ir.Input{ir.Ramp(2, 3), ir.Ramp(2, 3).Plus(0.25)}},
			{Name: "row", In: []ir.Input{ir.Ramp(3), ir.Ramp(2, 1)}},
			{Name: "scalar", In: []ir.Input{ir.ScalarValue(1.5), ir.Ramp(4)}},
		},
		Exact: "moves numbers",
	}, Rule{
		JVPMulti: linear,
		VJP: func(y, dy *Node) []*Node { // dL = Re(G·(da + i·db))
			return []*Node{unbroadcast(Real(dy), y.Input(0)), unbroadcast(Neg(Imag(dy)), y.Input(1))}
		},
	})
	realOp = Define(ir.Op{
		Name: "Real", Family: "complex", Elementwise: true, Simplify: partOfComplex(0), Doc: "the real part of x", DTypes: dtypes.Complexes, HLO: "stablehlo.real",
		Infer:   partRule,
		Ref:     map1(func(x complex128) float64 { return real(x) }),
		Samples: samples,
		Exact:   "moves numbers",
	}, Rule{
		JVPMulti: linear,
		VJP: func(_, dy *Node) []*Node { // dL = G·Re(dx)
			return []*Node{Complex(dy, ZerosLike(dy))}
		},
	})
	imagOp = Define(ir.Op{
		Name: "Imag", Family: "complex", Elementwise: true, Simplify: partOfComplex(1), Doc: "the imaginary part of x", DTypes: dtypes.Complexes, HLO: "stablehlo.imag",
		Infer:   partRule,
		Ref:     map1(func(x complex128) float64 { return imag(x) }),
		Samples: samples,
		Exact:   "moves numbers",
	}, Rule{
		JVPMulti: linear,
		VJP: func(_, dy *Node) []*Node { // dL = G·Im(dx) = Re(-iG·dx)
			return []*Node{Complex(ZerosLike(dy), Neg(dy))}
		},
	})
	conj = Define(ir.Op{
		Name: "Conj", Family: "complex", Elementwise: true, Simplify: undone, Doc: "the complex conjugate of x", DTypes: dtypes.Complexes,
		Infer:   sameShape,
		Ref:     map1(cmplx.Conj),
		Samples: samples,
		Exact:   "changes a sign",
	}, Rule{
		JVPMulti: linear,
		Expand:   func(_ any, in []*Node) []*Node { return []*Node{Complex(Real(in[0]), Neg(Imag(in[0])))} },
		VJP: func(_, dy *Node) []*Node { // dL = Re(G·conj(dx)) = Re(conj(G)·dx)
			return []*Node{Conj(dy)}
		},
	})
}
