package graph

import (
	"math"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/internal/elementary"
)

// Erfc returns the complementary error function of x, element by element, with all digits also where [Erf] is close to 1:
//
//	y = 1 - erf(x) = 2/√π · ∫ₓ^∞ exp(-t²) dt
//
// x must be a float.
func Erfc(x *Node) *Node { return Apply(erfc, nil, x) }

// ErfInv returns the number whose error function is x, element by element; ±∞ at ±1, NaN beyond. x must be a float.
//
// √2·ErfInv(2p - 1) is the quantile of the normal distribution for a probability p.
func ErfInv(x *Node) *Node { return Apply(erfInv, nil, x) }

var erfc, erfInv *ir.Op

func init() {
	erfc = Define(ir.Op{
		Name: "Erfc", Family: "unary", Elementwise: true, Doc: "1 - erf(x)", DTypes: dtypes.Floats, HLO: "chlo.erfc",
		Infer: sameShape,
		Ref:   unaryRef(elementary.Erfc, nil, nil, nil),
		Samples: around(ir.Sample{Name: "tails", In: []ir.Input{ir.Values(-3, 3, 2, 2.5, 0.125)}},
			special("NaN, infinite and large", []float64{nan, inf, -inf, 0, 100, -100}, []float64{nan, 0, 2, 1, 0, 2})),
		Tol:      ir.ULP(32, library+", and exp(-x²) shows how the square was rounded"),
		Accuracy: within(3),
	}, Rule{
		Expand: ofOne(func(x *Node) *Node {
			high, low := halfSquare(ClipScalar(x, -erfcEnd, erfcEnd))
			tail := erfcTail(Abs(ClipScalar(x, -erfcEnd, erfcEnd)), MulScalar(high, 2), MulScalar(low, 2))
			return Where(IsNegative(x), Sub(Scalar(x.graph, x.DType(), 2), tail), tail)
		}),
		VJP: slopeOf(func(x *Node) *Node {
			high, low := halfSquare(ClipScalar(x, -erfcEnd, erfcEnd))
			return MulScalar(Mul(Exp(MulScalar(high, -2)), Exp(MulScalar(low, -2))), -2/math.Sqrt(math.Pi))
		}),
	})
	erfInv = Define(ir.Op{
		Name: "ErfInv", Family: "unary", Elementwise: true, Doc: "the number whose error function is x", DTypes: dtypes.Floats, HLO: "chlo.erf_inv",
		Infer: sameShape,
		Ref:   unaryRef(elementary.ErfInv, nil, nil, nil),
		Samples: []ir.Sample{
			{In: []ir.Input{ir.Array([]int{2, 3}, -0.875, -0.5, -0.125, 0.25, 0.625, 0.9375)}},
			{Name: "small", In: []ir.Input{ir.Values(1e-4, -1e-4, 3e-5, 0.01)}},
			{Name: "scalar", In: []ir.Input{ir.ScalarValue(-0.75)}},
			{Name: "empty", In: []ir.Input{ir.Ramp(0, 3)}},
			special("poles, and beyond them", []float64{1, -1, 0, 2, -inf, nan}, []float64{inf, -inf, 0, nan, nan, nan}),
		},
		Tol:      ir.ULP(32, library),
		Accuracy: within(3),
	}, Rule{
		Expand: inDouble(expandErfInv),
		VJP: slopeOf(func(x *Node) *Node { // √π/2 · exp(y²)
			return MulScalar(Exp(Square(ErfInv(x))), math.Sqrt(math.Pi)/2)
		}),
	})
}

// erfcEnd is from where on erfc is 0 in every dtype.
const erfcEnd = 28

// erfcTail is erfc(size), for size ≥ 0 and size² = high + low, by a Chebyshev series.
func erfcTail(size, high, low *Node) *Node {
	t := Div(Scalar(size.graph, size.DType(), 2), AddScalar(size, 2))
	terms := len(elementary.ErfcSeries)
	if size.DType() == dtypes.Float32 {
		terms = 16
	}
	p := clenshaw(elementary.ErfcSeries[:terms], MulScalar(t, 2), -1)
	p = AddScalar(p, -elementary.ErfcSeries[0]/2) // of which the first counts half
	return Mul(t, Mul(Exp(Neg(high)), Exp(Sub(p, low))))
}

// clenshaw returns the sum of c[k]·T_k(t + shift).
func clenshaw(c []float64, t *Node, shift float64) *Node {
	u := AddScalar(MulScalar(t, 2), 2*shift)
	b, after := ZerosLike(t), ZerosLike(t)
	for k := len(c) - 1; k > 0; k-- {
		b, after = AddScalar(Sub(Mul(u, b), after), c[k]), b
	}
	return AddScalar(Sub(MulScalar(Mul(u, b), 0.5), after), c[0])
}

// expandErfInv is Winitzki's guess, then three steps of Halley's method. Beyond ½ it solves erfc(x) = 1 - |y| instead, which has
// all digits where erf is close to 1.
//
// Source of the first guess: Winitzki, "A handy approximation for the error function and its inverse", 2008, eq. 7.
func expandErfInv(y *Node) *Node {
	number := func(v float64) *Node { return Scalar(y.graph, y.DType(), v) }
	size := Abs(y)
	inside := LessThan(size, number(1))
	safe := Where(inside, size, number(0))
	beyond := GreaterThan(safe, number(0.5))
	const a = 0.147
	log := Add(Log1p(safe), Log1p(Neg(safe))) // log(1 - y²)
	t := AddScalar(MulScalar(log, 0.5), 2/(math.Pi*a))
	x := Sqrt(Sub(Sqrt(Sub(Square(t), MulScalar(log, 1/a))), t))
	for range 3 { // f = erf(x) - y, f'/f'' = -1/(2x): x -= u / (1 + x·u) for u = f/f'
		f := Where(beyond, Sub(OneMinus(safe), Erfc(x)), Sub(Erf(x), safe))
		u := Mul(f, MulScalar(Exp(Square(x)), math.Sqrt(math.Pi)/2))
		x = Sub(x, Div(u, OnePlus(Mul(x, u))))
	}
	edge := Where(Equal(size, number(1)), number(inf), number(nan))
	return oddly(y, Where(inside, x, edge))
}
