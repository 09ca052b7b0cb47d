package graph

import (
	"errors"
	"math"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/elementary"
)

// Add returns lhs + rhs, element by element, with broadcasting. Integers wrap around.
func Add(lhs, rhs *Node) *Node { return Apply(add, nil, lhs, rhs) }

// Sub returns lhs - rhs, element by element, with broadcasting. Integers wrap around.
func Sub(lhs, rhs *Node) *Node { return Apply(sub, nil, lhs, rhs) }

// Mul returns lhs · rhs, element by element, with broadcasting. Integers wrap around.
func Mul(lhs, rhs *Node) *Node { return Apply(mul, nil, lhs, rhs) }

// Neg returns -x, element by element. Integers wrap around, so unsigned ones give 2ⁿ - x.
func Neg(x *Node) *Node { return Apply(neg, nil, x) }

// Div returns lhs / rhs, element by element, with broadcasting. Integers are divided towards zero; a
// division by zero is an error when the graph runs, and the smallest integer divided by -1 wraps around to
// itself. Floats and complex numbers follow IEEE 754: 1/0 is +∞, 0/0 is NaN.
func Div(lhs, rhs *Node) *Node { return Apply(div, nil, lhs, rhs) }

// Rem returns the remainder of lhs / rhs, element by element, with broadcasting:
//
//	y = lhs - rhs·trunc(lhs/rhs)
//
// It has the sign of lhs and is exact. For integers rhs = 0 is an error when the graph runs; for floats it
// gives NaN, as an infinite lhs does. The operands must be integers or floats.
func Rem(lhs, rhs *Node) *Node { return Apply(rem, nil, lhs, rhs) }

// Pow returns lhs to the power of rhs, element by element, with broadcasting. Integers wrap around; with a
// negative exponent they give 0, but for the bases 1 and -1. For floats anything to the power 0 is 1, and a
// negative base with a broken exponent gives NaN. The gradient with respect to the exponent, y·log(lhs), is 0
// where lhs ≤ 0, where the power is not defined around rhs. Of complex numbers it is exp(rhs·log(lhs)), the principal
// value, made of other ops; 0 to a power whose real part is below 0, or which is imaginary, is NaN. The operands must be
// numbers.
func Pow(lhs, rhs *Node) *Node {
	if need("Pow", lhs, rhs); lhs.DType().IsComplex() {
		return complexPow(lhs, rhs)
	}
	return Apply(pow, nil, lhs, rhs)
}

// Max returns the larger of lhs and rhs, element by element, with broadcasting. If either is NaN, so is the
// result. Where both are equal, each gets half of the gradient. The operands must be integers or floats.
func Max(lhs, rhs *Node) *Node { return Apply(maxOp, nil, lhs, rhs) }

// Min returns the smaller of lhs and rhs, element by element, with broadcasting. If either is NaN, so is the
// result. Where both are equal, each gets half of the gradient. The operands must be integers or floats.
func Min(lhs, rhs *Node) *Node { return Apply(minOp, nil, lhs, rhs) }

// Atan2 returns the angle of the point (rhs, lhs), from -π to π, element by element, with broadcasting: the
// arc tangent of lhs/rhs in the right quadrant. The operands must be floats.
func Atan2(lhs, rhs *Node) *Node { return Apply(atan2, nil, lhs, rhs) }

// LogAddExp returns the logarithm of a sum of exponentials, element by element, with broadcasting:
//
//	y = log(exp(x) + exp(y)) = max(x, y) + log1p(exp(-|x - y|))
//
// without overflow; -∞ stands for a probability of 0. The operands must be floats.
func LogAddExp(x, y *Node) *Node { return Apply(logAddExp, nil, x, y) }

var add, sub, mul, neg, div, rem, pow, maxOp, minOp, atan2, logAddExp *ir.Op

var errDivide = errors.New("integer division by zero")

// smallestNormal returns the smallest number of float32 or float64 that is no denormal one.
func smallestNormal(d dtypes.DType) float64 {
	if d == dtypes.Float32 {
		return 0x1p-126
	}
	return 0x1p-1022
}

func init() {
	samples := []ir.Sample{
		{In: []ir.Input{ir.Ramp(2, 3), ir.Ramp(2, 3).Plus(0.25)}},
		{Name: "row", In: []ir.Input{ir.Ramp(2, 3), ir.Ramp(3)}},
		{Name: "column", In: []ir.Input{ir.Ramp(2, 1), ir.Ramp(1, 3)}},
		{Name: "scalar", In: []ir.Input{ir.ScalarValue(1.5), ir.Ramp(4)}},
		{Name: "empty", In: []ir.Input{ir.Ramp(0, 3), ir.Ramp(0, 3)}},
	}
	add = Define(ir.Op{
		Name: "Add", Family: "arithmetic", Elementwise: true, Simplify: firstOf(neutral(0, true), simplerAdd), Doc: "x + y", DTypes: dtypes.Numbers, HLO: "stablehlo.add",
		Infer:    broadcastRule,
		Ref:      binaryRef(func(x, y float64) float64 { return x + y }, func(x, y int64) int64 { return x + y }, func(x, y uint64) uint64 { return x + y }, func(x, y complex128) complex128 { return x + y }),
		Samples:  samples,
		Accuracy: within(0),
	}, Rule{
		JVP: jvpSum(false),
		VJP: func(y, dy *Node) []*Node {
			return []*Node{unbroadcast(dy, y.Input(0)), unbroadcast(dy, y.Input(1))}
		},
	})
	sub = Define(ir.Op{
		Name: "Sub", Family: "arithmetic", Elementwise: true, Simplify: firstOf(neutral(0, false), simplerSub), Doc: "x - y", DTypes: dtypes.Numbers, HLO: "stablehlo.subtract",
		Infer:    broadcastRule,
		Ref:      binaryRef(func(x, y float64) float64 { return x - y }, func(x, y int64) int64 { return x - y }, func(x, y uint64) uint64 { return x - y }, func(x, y complex128) complex128 { return x - y }),
		Samples:  samples,
		Accuracy: within(0),
	}, Rule{
		JVP: jvpSum(true),
		VJP: func(y, dy *Node) []*Node {
			return []*Node{unbroadcast(dy, y.Input(0)), unbroadcast(Neg(dy), y.Input(1))}
		},
	})
	mul = Define(ir.Op{
		Name: "Mul", Family: "arithmetic", Elementwise: true, Simplify: firstOf(neutral(1, true), simplerSigns), Doc: "x · y", DTypes: dtypes.Numbers, HLO: "stablehlo.multiply",
		Infer:    broadcastRule,
		Ref:      binaryRef(func(x, y float64) float64 { return x * y }, func(x, y int64) int64 { return x * y }, func(x, y uint64) uint64 { return x * y }, elementary.ComplexMul),
		Samples:  samples,
		Tol:      ir.ULP(2, "complex products may be fused"),
		Accuracy: withinNorm(0, 2),
	}, Rule{
		JVPMulti: multilinear,
		VJP: func(y, dy *Node) []*Node { // d(x·y)/dx = y
			a, b := y.Input(0), y.Input(1)
			return []*Node{unbroadcast(Mul(dy, b), a), unbroadcast(Mul(dy, a), b)}
		},
	})
	neg = Define(ir.Op{
		Name: "Neg", Family: "arithmetic", Elementwise: true, Simplify: undone, Doc: "-x", DTypes: dtypes.Numbers, HLO: "stablehlo.negate",
		Infer:   sameShape,
		Ref:     unaryRef(func(x float64) float64 { return -x }, func(x int64) int64 { return -x }, func(x uint64) uint64 { return -x }, func(x complex128) complex128 { return -x }),
		Samples: []ir.Sample{{In: []ir.Input{ir.Ramp(2, 3)}}, {Name: "zero", In: []ir.Input{ir.Values(0)}}},
		Exact:   "changes a sign",
	}, Rule{VJP: func(_, dy *Node) []*Node { return []*Node{Neg(dy)} }})
}

func init() {
	apart := []ir.Sample{ // no divisor near 0, no two operands alike
		{In: []ir.Input{ir.Ramp(2, 3), ir.Ramp(2, 3).Plus(2.5)}},
		{Name: "row", In: []ir.Input{ir.Ramp(2, 3), ir.Values(-1.5, 0.75, 2.25)}},
		{Name: "column", In: []ir.Input{ir.Ramp(2, 1), ir.Array([]int{1, 3}, 2, -3, 0.875)}},
		{Name: "scalar", In: []ir.Input{ir.ScalarValue(1.5), ir.Values(-3, 0.625, 2)}},
		{Name: "empty", In: []ir.Input{ir.Ramp(0, 3), ir.Ramp(0, 3)}},
	}
	smallest := func(want float64) ir.Sample {
		return ir.Sample{Name: "the smallest integer by -1", DTypes: dtypes.SetOf(dtypes.Int8), In: []ir.Input{ir.Values(-128), ir.Values(-1)}, Want: []float64{want}}
	}
	signs := func(want ...float64) ir.Sample {
		return ir.Sample{Name: "signs", DTypes: dtypes.Signed, In: []ir.Input{ir.Values(7, -7, 7, -7), ir.Values(2, 2, -2, -2)}, Want: want}
	}
	poles := func(x, y, want []float64) ir.Sample {
		return ir.Sample{Name: "NaN, infinities and zeros", Pole: true, DTypes: dtypes.Floats, In: []ir.Input{ir.Values(x...), ir.Values(y...)}, Want: want}
	}
	div = Define(ir.Op{
		Name: "Div", Family: "arithmetic", Elementwise: true, Simplify: firstOf(neutral(1, false), simplerSigns, simplerQuotient), Doc: "x / y, integers towards zero", DTypes: dtypes.Numbers, HLO: "stablehlo.divide",
		Infer: broadcastRule,
		Ref:   binaryRef(func(x, y float64) float64 { return x / y }, divInt[int64], divInt[uint64], elementary.ComplexDiv),
		Samples: append(apart, smallest(-128), signs(3, -3, -3, 3),
			poles([]float64{1, -1, 0, nan, inf, 1, inf}, []float64{0, 0, 0, 1, 2, inf, inf}, []float64{inf, -inf, nan, nan, inf, 0, nan})),
		Tol:      ir.ULP(4, "complex division is done in several ways"),
		Accuracy: withinNorm(0, 4),
	}, Rule{
		VJP: func(y, dy *Node) []*Node { // d(a/b)/db = -(a/b)/b
			a, b := y.Input(0), y.Input(1)
			db := Neg(Mul(dy, Div(y, b))) // not dy/b·y: where b is tiny 1/b may be too large
			return []*Node{unbroadcast(Div(dy, b), a), unbroadcast(db, b)}
		},
	})
	rem = Define(ir.Op{
		Name: "Rem", Family: "arithmetic", Elementwise: true, Doc: "x - y·trunc(x/y), with the sign of x", DTypes: dtypes.Reals, HLO: "stablehlo.remainder",
		Infer: broadcastRule,
		Ref:   binaryRef(math.Mod, remInt[int64], remInt[uint64], nil),
		Samples: append(apart, smallest(0), signs(1, -1, 1, -1),
			poles([]float64{1, inf, 1, nan, 3, -3}, []float64{0, 2, inf, 1, 3, 3}, []float64{nan, nan, 1, nan, 0, 0})),
		Accuracy: within(0),
	}, Rule{
		VJP: func(y, dy *Node) []*Node {
			a, b := y.Input(0), y.Input(1)
			trunc := Round(Div(Sub(a, y), b)) // a - y is a multiple of b, but for rounding
			return []*Node{unbroadcast(dy, a), unbroadcast(Neg(Mul(dy, trunc)), b)}
		},
	})
	pow = Define(ir.Op{
		Name: "Pow", Family: "arithmetic", Elementwise: true, Simplify: firstOf(neutral(1, false), simplerPower), Doc: "x to the power of y", DTypes: dtypes.Reals, HLO: "stablehlo.power",
		Infer: broadcastRule,
		Ref:   binaryRef(elementary.Pow, powInt[int64], powInt[uint64], nil),
		Samples: []ir.Sample{
			{In: []ir.Input{ir.Values(0.25, 0.5, 1, 1.5, 3), ir.Values(2, -1.5, 0.5, 3, -2)}},
			{Name: "broadcast", In: []ir.Input{ir.Ramp(2, 1).Plus(2.25), ir.Ramp(1, 3)}},
			{Name: "scalar exponent", In: []ir.Input{ir.Values(0.5, 1, 2), ir.ScalarValue(3)}},
			{Name: "negative base", Kink: true, DTypes: dtypes.Floats | dtypes.Signed, In: []ir.Input{ir.Values(-2, -2, -1, -3, 0, 0), ir.Values(3, 2, 5, 1, 2, 0)}, Want: []float64{-8, 4, -1, -3, 0, 1}},
			{Name: "negative exponents of integers", DTypes: dtypes.Signed, In: []ir.Input{ir.Values(2, 1, -1, -1, 0, -2), ir.Values(-1, -3, -3, -2, -1, -2)}, Want: []float64{0, 1, -1, 1, 0, 0}},
			{Name: "integers wrap around", DTypes: dtypes.SetOf(dtypes.Int8, dtypes.Uint8), In: []ir.Input{ir.Values(2, 3), ir.Values(8, 5)}},
			{Name: "empty", In: []ir.Input{ir.Ramp(0, 3), ir.Ramp(0, 3)}},
			poles([]float64{nan, 0, 0, inf, -8, nan}, []float64{2, -1, 2, 2, 0.5, 0}, []float64{nan, inf, 0, inf, nan, 1}),
		},
		Tol:      ir.ULP(16, library),
		Accuracy: within(1),
	}, Rule{
		VJP: func(y, dy *Node) []*Node {
			a, b := y.Input(0), y.Input(1)
			d := a.DType()
			wa, wb := wide(a), wide(b) // 16 bits do not hold b - 1
			one, zero := ScalarOne(wa.graph, wa.DType()), ScalarZero(wa.graph, wa.DType())
			// d(aᵇ)/da = b·aᵇ⁻¹, but where that is 0·∞, at b = 0 of an a without a reciprocal, it is 0.
			tiny := LessOrEqual(Abs(wa), Scalar(wa.graph, wa.DType(), smallestNormal(wa.DType())))
			e := Where(LogicalAnd(tiny, IsZero(wb)), one, wb)
			da := ConvertDType(Mul(wb, Pow(wa, MinusOne(e))), d)
			// d(aᵇ)/db = aᵇ·log(a), 0 where there is no logarithm.
			positive := LogicalNot(IsNonPositive(wa)) // or NaN
			wy := y
			if d.IsHalf() {
				wy = Pow(wa, wb)
			}
			log := Where(positive, Log(Where(positive, wa, one)), zero)
			db := ConvertDType(Where(positive, Mul(wy, log), zero), d)
			return []*Node{unbroadcast(Mul(dy, da), a), unbroadcast(Mul(dy, db), b)}
		},
	})
	extremes := func(want ...float64) []ir.Sample {
		return append(apart,
			ir.Sample{Name: "ties", Kink: true, In: []ir.Input{ir.Values(1, 2, 0), ir.Values(1, 2, 0)}},
			poles([]float64{nan, 1, inf, -inf, nan}, []float64{1, nan, nan, 3, -inf}, want))
	}
	maxOp = Define(ir.Op{
		Name: "Max", Family: "arithmetic", Elementwise: true, Simplify: both, Doc: "the larger of x and y, NaN if either is", DTypes: dtypes.Reals, HLO: "stablehlo.maximum",
		Infer:   broadcastRule,
		Ref:     binaryRef(larger[float64], larger[int64], larger[uint64], nil),
		Samples: extremes(nan, nan, nan, 3, nan),
		Exact:   "one of the operands",
	}, Rule{
		VJP: func(y, dy *Node) []*Node { return shareVJP(y, dy, GreaterThan, GreaterOrEqual) },
	})
	minOp = Define(ir.Op{
		Name: "Min", Family: "arithmetic", Elementwise: true, Simplify: both, Doc: "the smaller of x and y, NaN if either is", DTypes: dtypes.Reals, HLO: "stablehlo.minimum",
		Infer:   broadcastRule,
		Ref:     binaryRef(smaller[float64], smaller[int64], smaller[uint64], nil),
		Samples: extremes(nan, nan, nan, -inf, nan),
		Exact:   "one of the operands",
	}, Rule{
		VJP: func(y, dy *Node) []*Node { return shareVJP(y, dy, LessThan, LessOrEqual) },
	})
	atan2 = Define(ir.Op{
		Name: "Atan2", Family: "arithmetic", Elementwise: true, Doc: "the angle of the point (y, x)", DTypes: dtypes.Floats, HLO: "stablehlo.atan2",
		Infer: broadcastRule,
		Ref:   binaryRef(elementary.Atan2, nil, nil, nil),
		Samples: append(apart,
			poles([]float64{0, 0, 1, -1, nan}, []float64{1, -1, 0, 0, 1}, []float64{0, math.Pi, math.Pi / 2, -math.Pi / 2, nan})),
		Tol:      ir.ULP(8, library),
		Accuracy: within(2),
	}, Rule{
		VJP: func(y, dy *Node) []*Node {
			a, b := y.Input(0), y.Input(1)
			// d = a/(a² + b²), by the larger of both, since squares overflow and vanish early
			m := StopGradient(Max(Abs(a), Abs(b)))
			m = Where(IsFinite(m), m, ScalarOne(m.graph, m.DType()))
			u, v := Div(a, m), Div(b, m)
			n := Mul(Add(Square(u), Square(v)), m)
			return []*Node{unbroadcast(Mul(dy, Div(v, n)), a), unbroadcast(Neg(Mul(dy, Div(u, n))), b)}
		},
	})
	logAddExp = Define(ir.Op{
		Name: "LogAddExp", Family: "arithmetic", Elementwise: true, Doc: "log(exp(x) + exp(y))", DTypes: dtypes.Floats,
		Infer: broadcastRule,
		Ref:   binaryRef(elementary.LogAddExp, nil, nil, nil),
		Samples: append(apart,
			ir.Sample{Name: "smooth where both are equal", In: []ir.Input{ir.Values(1, -2), ir.Values(1, -2)}},
			poles([]float64{-inf, -inf, inf, inf, nan, 1000, 3}, []float64{-inf, 2, inf, 2, 1, 2, -inf}, []float64{-inf, 2, inf, inf, nan, 1000, 3})),
		Tol:      ir.ULP(8, library),
		Accuracy: []ir.Accuracy{{ULP: 1, Abs: 0x1p-9}},
	}, Rule{
		Expand: inWide(func(_ any, in []*Node) *Node {
			return Add(Max(in[0], in[1]), Log1p(Exp(Neg(Abs(differ(in[0], in[1]))))))
		}),
		VJP: func(y, dy *Node) []*Node {
			d := differ(y.Input(0), y.Input(1))
			return []*Node{unbroadcast(Mul(dy, Sigmoid(d)), y.Input(0)), unbroadcast(Mul(dy, Sigmoid(Neg(d))), y.Input(1))}
		},
	})
}

// divInt divides towards zero; Go lets the smallest number divided by -1 wrap around.
func divInt[T int64 | uint64](x, y T) T {
	if y == 0 {
		panic(errDivide)
	}
	return x / y
}

func remInt[T int64 | uint64](x, y T) T {
	if y == 0 {
		panic(errDivide)
	}
	return x % y
}

// powInt multiplies by squares.
func powInt[T int64 | uint64](x, y T) T {
	minusOne := T(0) - 1
	switch {
	case y < 0 && x == minusOne:
		return 1 - 2*(y&1)
	case y < 0 && x != 1:
		return 0
	case y < 0:
		return 1
	}
	p := T(1)
	for ; y > 0; y >>= 1 {
		if y&1 == 1 {
			p *= x
		}
		x *= x
	}
	return p
}

func larger[T float64 | int64 | uint64](x, y T) T  { return max(x, y) }
func smaller[T float64 | int64 | uint64](x, y T) T { return min(x, y) }

// shareVJP gives dy to the operand that won, and half of it to each where neither did.
func shareVJP(y, dy *Node, wins, winsOrTies func(x, y *Node) *Node) []*Node {
	a, b := y.Input(0), y.Input(1)
	share := func(a, b *Node) *Node {
		w := Add(ConvertDType(wins(a, b), dy.DType()), ConvertDType(winsOrTies(a, b), dy.DType()))
		return Mul(dy, MulScalar(w, 0.5))
	}
	return []*Node{unbroadcast(share(a, b), a), unbroadcast(share(b, a), b)}
}

// differ returns x - y, 0 for equal infinities.
func differ(x, y *Node) *Node {
	alike := LogicalAnd(Equal(x, y), LogicalNot(IsFinite(x)))
	return Where(alike, ScalarZero(x.graph, x.DType()), Sub(x, y))
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
