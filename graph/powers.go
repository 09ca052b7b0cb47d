package graph

import (
	"errors"
	"math"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/elementary"
)

// Powers and logarithms to base 2, further roots, and the next number.

// Log2 returns the logarithm of x to base 2, element by element: -∞ for 0, NaN for negative numbers, exactly k for 2ᵏ.
// Of a complex x it is the principal value, made of other ops. x must be a float or complex.
func Log2(x *Node) *Node {
	if need("Log2", x); x.DType().IsComplex() {
		return complexLog2(x)
	}
	return Apply(log2, nil, x)
}

// Exp2 returns 2ˣ, element by element, exactly for a whole x; of a complex x it is made of other ops. x must be a float or
// complex.
func Exp2(x *Node) *Node {
	if need("Exp2", x); x.DType().IsComplex() {
		return complexExp2(x)
	}
	return Apply(exp2, nil, x)
}

// Cbrt returns the cube root of x, element by element, with the sign of x. Its gradient at 0 is infinite. x must be a float.
func Cbrt(x *Node) *Node { return Apply(cbrt, nil, x) }

// Hypot returns the distance of the point (x, y) from the origin, element by element, with broadcasting:
//
//	z = √(x² + y²)
//
// without overflow on the way. If an operand is infinite, so is the result, also beside NaN. The gradient at (0, 0) is 0. The
// operands must be floats.
func Hypot(x, y *Node) *Node { return Apply(hypot, nil, x, y) }

// NextAfter returns the next number of x's dtype in the direction of y, element by element, with broadcasting: y where both are
// equal, NaN where one is NaN. The gradient is that of x. The operands must be floats.
func NextAfter(x, y *Node) *Node { return Apply(nextAfter, nil, x, y) }

var log2, exp2, cbrt, hypot, nextAfter *ir.Op

func init() {
	log2 = Define(ir.Op{
		Name: "Log2", Family: "unary", Elementwise: true, Doc: "log(x) / log(2)", DTypes: dtypes.Floats,
		Infer: sameShape,
		Ref:   unaryRef(elementary.Log2, nil, nil, nil),
		Samples: []ir.Sample{
			{In: []ir.Input{ir.Values(0.01, 0.5, 1, 2.5, 10, 8)}},
			{Name: "two axes", In: []ir.Input{ir.Ramp(2, 3).Plus(2.25)}},
			{Name: "scalar", In: []ir.Input{ir.ScalarValue(0.75)}},
			{Name: "empty", In: []ir.Input{ir.Ramp(0, 3)}},
			special("poles", []float64{0, negZero, -1, inf, nan, 1}, []float64{-inf, -inf, nan, inf, nan, 0}),
		},
		Tol:      ir.ULP(8, library),
		Accuracy: within(1),
	}, Rule{
		Expand: ofOne(func(x *Node) *Node { return MulScalar(Log(x), math.Log2E) }),
		VJP:    slopeOf(func(x *Node) *Node { return Reciprocal(MulScalar(x, math.Ln2)) }),
	})
	exp2 = Define(ir.Op{
		Name: "Exp2", Family: "unary", Elementwise: true, Doc: "2ˣ", DTypes: dtypes.Floats,
		Infer: sameShape,
		Ref:   unaryRef(elementary.Exp2, nil, nil, nil),
		Samples: around(ir.Sample{Name: "far out", In: []ir.Input{ir.Values(-9.5, 5, 8.25, -6)}},
			special("NaN, infinite and large", []float64{nan, inf, -inf, 0, 2000, -2000}, []float64{nan, inf, 0, 1, inf, 0})),
		Tol:      ir.ULP(8, library),
		Accuracy: within(1),
	}, Rule{
		Expand: ofOne(expandExp2),
		VJP:    slopeOf(func(x *Node) *Node { return MulScalar(Exp2(x), math.Ln2) }),
	})
	cbrt = Define(ir.Op{
		Name: "Cbrt", Family: "unary", Elementwise: true, Doc: "∛x", DTypes: dtypes.Floats, HLO: "stablehlo.cbrt",
		Infer: sameShape,
		Ref:   unaryRef(elementary.Cbrt, nil, nil, nil),
		Samples: around(ir.Sample{Name: "far out", In: []ir.Input{ir.Values(-27, 8, 1000, -0.001)}},
			special("NaN, infinities and the pole of the slope", []float64{nan, inf, -inf, 0, negZero}, []float64{nan, inf, -inf, 0, 0})),
		Tol:      ir.ULP(8, library),
		Accuracy: within(1),
	}, Rule{
		Expand: inDouble(expandCbrt),
		VJP:    slopeOf(func(x *Node) *Node { return Reciprocal(MulScalar(Square(Cbrt(x)), 3)) }),
	})
	pairs := []ir.Sample{
		{In: []ir.Input{ir.Ramp(2, 3), ir.Ramp(2, 3).Plus(2.5)}},
		{Name: "row", In: []ir.Input{ir.Ramp(2, 3), ir.Values(-1.5, 0.75, 2.25)}},
		{Name: "column", In: []ir.Input{ir.Ramp(2, 1), ir.Array([]int{1, 3}, 2, -3, 0.875)}},
		{Name: "scalar", In: []ir.Input{ir.ScalarValue(1.5), ir.Values(-3, 0.625, 2)}},
		{Name: "empty", In: []ir.Input{ir.Ramp(0, 3), ir.Ramp(0, 3)}},
	}
	poles := func(x, y, want []float64) ir.Sample {
		return ir.Sample{Name: "NaN, infinities and zeros", Pole: true, DTypes: dtypes.Floats, In: []ir.Input{ir.Values(x...), ir.Values(y...)}, Want: want}
	}
	hypot = Define(ir.Op{
		Name: "Hypot", Family: "arithmetic", Elementwise: true, Doc: "√(x² + y²)", DTypes: dtypes.Floats,
		Infer: broadcastRule,
		Ref:   binaryRef(elementary.Hypot, nil, nil, nil),
		Samples: append(pairs, poles([]float64{0, nan, nan, inf, 3, -5, 16384}, []float64{0, -inf, 1, 2, nan, 12, 16384},
			[]float64{0, inf, nan, inf, nan, 13, 16384 * math.Sqrt2})),
		Tol:      ir.ULP(8, library),
		Accuracy: within(1),
	}, Rule{
		Expand: inWide(func(_ any, in []*Node) *Node {
			x, y := Abs(in[0]), Abs(in[1])
			one := ScalarOne(x.graph, x.DType())
			large, small := Max(x, y), Min(x, y)
			regular := LogicalAnd(IsFinite(large), IsPositive(large))
			r := Where(regular, Div(small, Where(regular, large, one)), one)
			z := Where(regular, Mul(large, Sqrt(OnePlus(Square(r)))), large) // 0, or NaN
			infinity := Infinity(x.graph, x.DType(), 1)
			return Where(LogicalOr(Equal(x, infinity), Equal(y, infinity)), infinity, z)
		}),
		VJP: func(z, dz *Node) []*Node { // dz/dx = x/z
			x, y := z.Input(0), z.Input(1)
			r := Hypot(wide(x), wide(y))
			zero, one := ScalarZero(r.graph, r.DType()), ScalarOne(r.graph, r.DType())
			far := Equal(r, Infinity(r.graph, r.DType(), 1))
			r = Where(LogicalOr(IsZero(r), far), one, r)
			part := func(x *Node) *Node {
				w := wide(x)
				slope := Where(far, Where(IsFinite(w), zero, Sign(w)), Div(w, r))
				return unbroadcast(Mul(dz, ConvertDType(slope, dz.DType())), x)
			}
			return []*Node{part(x), part(y)}
		},
	})
	nextAfter = Define(ir.Op{
		Name: "NextAfter", Family: "arithmetic", Elementwise: true, Doc: "the next number after x in the direction of y", DTypes: dtypes.Floats, HLO: "chlo.next_after",
		Infer: broadcastRule,
		Ref: func(attrs any, out, in []*tensors.Tensor) {
			binaryRef(nextIn(in[0].DType()), nil, nil, nil)(attrs, out, in)
		},
		Samples: append(pairs, poles([]float64{nan, 1, inf, -inf, 1, -2}, []float64{1, nan, inf, -inf, 1, -2}, []float64{nan, nan, inf, -inf, 1, -2})),
		Exact:   "one step of the bits",
	}, Rule{
		Expand: func(_ any, in []*Node) []*Node { return []*Node{expandNext(in[0], in[1])} },
		VJP:    func(z, dz *Node) []*Node { return []*Node{unbroadcast(dz, z.Input(0)), nil} },
	})
}

// inDouble is the expansion by f of a function of one operand, computed in float64 whatever the dtype is.
func inDouble(f func(x *Node) *Node) func(any, []*Node) []*Node {
	return func(_ any, in []*Node) []*Node {
		return []*Node{ConvertDType(f(ConvertDType(in[0], dtypes.Float64)), in[0].DType())}
	}
}

// expandExp2 is 2ⁿ·exp(f·log 2) for a whole n and |f| ≤ ½. 2ⁿ is made in two halves, by its bits.
func expandExp2(x *Node) *Node {
	d := x.DType()
	whole, bits, bias := dtypes.Int32, 23, 127
	if d == dtypes.Float64 {
		whole, bits, bias = dtypes.Int64, 52, 1023
	}
	end := float64(bias + bits + 30) // 0 or infinite from there on
	x = ClipScalar(x, -end, end)
	n := StopGradient(Round(Where(IsNaN(x), ScalarZero(x.graph, d), x)))
	f := Sub(x, n)
	low := Floor(MulScalar(n, 0.5))
	power := func(n *Node) *Node {
		exponent := AddScalar(ConvertDType(n, whole), bias)
		return Bitcast(BitwiseShiftLeftScalar(exponent, bits), d)
	}
	return Mul(Mul(Exp(MulScalar(f, math.Ln2)), power(low)), power(Sub(n, low)))
}

// expandCbrt is a power, mended by a step of Newton's method so that float64 itself loses nothing. Numbers near the ends are
// brought nearer to 1 by a power of 8.
func expandCbrt(x *Node) *Node {
	number := func(v float64) *Node { return Scalar(x.graph, x.DType(), v) }
	size := Abs(x)
	tiny := LessThan(size, number(0x1p-900))
	size = Where(tiny, MulScalar(size, 0x1p300), size)
	regular := LogicalAnd(IsPositive(size), IsFinite(size))
	y := Where(regular, Pow(size, number(1.0/3)), number(1))
	y = Sub(y, DivScalar(Sub(y, Div(Div(size, y), y)), 3))
	y = Where(regular, y, size)
	return oddly(x, Where(tiny, MulScalar(y, 0x1p-100), y))
}

// nextIn returns the meaning of NextAfter among the numbers of d.
func nextIn(d dtypes.DType) func(x, y float64) float64 {
	switch d {
	case dtypes.Float64:
		return math.Nextafter
	case dtypes.Float32:
		return func(x, y float64) float64 { return float64(math.Nextafter32(float32(x), float32(y))) }
	case dtypes.Float16:
		return func(x, y float64) float64 {
			return next16(x, y, float16.FromFloat64(x).Bits(), func(b uint16) float64 { return float16.FromBits(b).Float64() })
		}
	case dtypes.BFloat16:
		return func(x, y float64) float64 {
			return next16(x, y, bfloat16.FromFloat64(x).Bits(), func(b uint16) float64 { return bfloat16.FromBits(b).Float64() })
		}
	}
	panic(errors.New("it takes floats"))
}

// next16 returns the number after x, a float of 16 bits with the given ones, in the direction of y.
func next16(x, y float64, bits uint16, of func(bits uint16) float64) float64 {
	switch {
	case x != x || y != y:
		return nan
	case x == y:
		return y
	case x == 0:
		return math.Copysign(of(1), y)
	case (y > x) == (x > 0): // away from 0
		return of(bits + 1)
	}
	return of(bits - 1)
}

// expandNext is next16 on the bits of floats of any size.
func expandNext(x, y *Node) *Node {
	d := x.DType()
	whole := map[int]dtypes.DType{2: dtypes.Int16, 4: dtypes.Int32, 8: dtypes.Int64}[d.Size()]
	bits := Bitcast(x, whole)
	toward := LogicalXor(GreaterThan(y, x), IsPositive(x)) // 0
	step := Where(toward, AddScalar(bits, -1), AddScalar(bits, 1))
	least := Bitcast(ScalarOne(x.graph, whole), d)
	z := Where(IsZero(x), Where(IsNegative(y), Neg(least), least), Bitcast(step, d))
	z = Where(Equal(x, y), y, z)
	return Where(LogicalOr(IsNaN(x), IsNaN(y)), Scalar(x.graph, d, nan), z)
}
