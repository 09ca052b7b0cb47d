package graph

import (
	"math"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/internal/elementary"
)

// Lgamma returns the logarithm of the gamma function's size, element by element:
//
//	y = log|Γ(x)|
//
// It is +∞ at 0, -1, -2, …. x must be a float.
func Lgamma(x *Node) *Node { return Apply(lgamma, nil, x) }

// Digamma returns the derivative of log Γ(x), element by element:
//
//	y = ψ(x) = Γ'(x) / Γ(x)
//
// It is NaN at 0, -1, -2, …. x must be a float.
func Digamma(x *Node) *Node { return Apply(digamma, nil, x) }

var lgamma, digamma *ir.Op

func init() {
	const zeros = "library functions differ in the last places, and next to zeros the parts of a difference"
	samples := []ir.Sample{
		{In: []ir.Input{ir.Array([]int{2, 3}, 0.125, 0.5, 3.5, 7.25, 12, 33)}},
		{Name: "between the poles", In: []ir.Input{ir.Values(-0.5, -1.25, -2.625, -3.75)}},
		{Name: "scalar", In: []ir.Input{ir.ScalarValue(0.75)}},
		{Name: "empty", In: []ir.Input{ir.Ramp(0, 3)}},
	}
	lgamma = Define(ir.Op{
		Name: "Lgamma", Family: "unary", Elementwise: true, Doc: "log|Γ(x)|", DTypes: dtypes.Floats, HLO: "chlo.lgamma",
		Infer: sameShape,
		Ref:   unaryRef(elementary.Lgamma, nil, nil, nil),
		Samples: append(samples,
			special("zeros and poles", []float64{1, 2, 0, -1, -2, inf, nan}, []float64{0, 0, inf, inf, inf, inf, nan})),
		Tol:      ir.ULP(64, zeros),
		Accuracy: beside(within(3), 0.5),
	}, Rule{
		Expand: inDouble(expandLgamma),
		VJP:    slopeOf(Digamma),
	})
	digamma = Define(ir.Op{
		Name: "Digamma", Family: "unary", Elementwise: true, Doc: "ψ(x) = Γ'(x) / Γ(x)", DTypes: dtypes.Floats, HLO: "chlo.digamma",
		Infer: sameShape,
		Ref:   unaryRef(elementary.Digamma, nil, nil, nil),
		Samples: append(samples,
			special("poles", []float64{0, -1, -2, inf, -inf, nan}, []float64{nan, nan, nan, inf, nan, nan})),
		Tol:      ir.ULP(256, zeros),
		Accuracy: beside(within(4), 8),
	}, Rule{
		Expand: inDouble(expandDigamma),
		VJP:    slopeOf(trigamma),
	})
}

// beside adds to promises so many epsilons that hold where they are more: next to zeros in which larger numbers cancel.
func beside(list []ir.Accuracy, epsilons float64) []ir.Accuracy {
	for i := range list {
		list[i].Abs = epsilons
	}
	return list
}

// lanczos are the coefficients of the gamma function's approximation with g = 7:
//
//	Γ(z + 1) = √(2π) · t^(z+½) · exp(-t) · (c[0] + Σ c[k]/(z + k)),  t = z + g + ½,  for z ≥ -½
//
// Source: Lanczos, "A precision approximation of the gamma function", 1964; the figures by Godfrey, 2001.
var lanczos = []float64{
	0.99999999999980993227684700473478, 676.520368121885098567009190444019, -1259.13921672240287047156078755283,
	771.3234287776530788486528258894, -176.61502916214059906584551354, 12.507343278686904814458936853,
	-0.13857109526572011689554707, 9.984369578019570859563e-6, 1.50563273514931155834e-7,
}

const lanczosG = 7

// reflected tells where x is less than ½, and returns z = x - 1, or -x there: what is left of the formulas' x.
func reflected(x *Node) (left, z *Node) {
	left = LessThan(x, Scalar(x.graph, x.DType(), 0.5))
	return left, Where(left, Neg(x), MinusOne(x))
}

// expandLgamma is Lanczos' approximation, for x < ½ by Γ(x)·Γ(1-x) = π/sin(πx).
func expandLgamma(x *Node) *Node {
	number := func(v float64) *Node { return Scalar(x.graph, x.DType(), v) }
	left, z := reflected(x)
	sum := number(lanczos[0])
	for k, c := range lanczos[1:] {
		sum = Add(sum, Div(number(c), AddScalar(z, k+1)))
	}
	log := AddScalar(Log1p(DivScalar(z, lanczosG+0.5)), math.Log(lanczosG+0.5))
	// (z + ½)·log t - t, of which the two large parts are brought together before they lose digits
	t := AddScalar(z, lanczosG+0.5)
	y := Mul(Sub(AddScalar(z, 0.5), Div(t, log)), log)
	y = Add(AddScalar(y, math.Log(2*math.Pi)/2), Log(sum))
	size := Abs(x)
	part := Sub(size, Floor(size))
	near := Min(part, OneMinus(part))
	sine := DivScalar(Sin(MulScalar(near, math.Pi)), math.Pi)
	// next to a pole sin(πx)/π is x, all digits of which count: πx of a denormal number has few
	sine = Where(LessThan(near, number(1e-9)), near, sine)
	y = Where(left, Neg(Add(Log(sine), y)), y)
	one, two := number(1), number(2)
	y = Where(LogicalOr(Equal(x, one), Equal(x, two)), number(0), y)
	pole := LogicalAnd(left, IsZero(part))
	return Where(LogicalOr(pole, Equal(size, number(inf))), number(inf), y)
}

// expandDigamma is the derivative of Lanczos' approximation, for x < ½ by ψ(1-x) - ψ(x) = π·cot(πx).
func expandDigamma(x *Node) *Node {
	number := func(v float64) *Node { return Scalar(x.graph, x.DType(), v) }
	left, z := reflected(x)
	sum, slope := number(lanczos[0]), number(0)
	for k, c := range lanczos[1:] {
		inverse := Reciprocal(AddScalar(z, k+1))
		part := MulScalar(inverse, c)
		sum, slope = Add(sum, part), Sub(slope, Mul(part, inverse))
	}
	t := AddScalar(z, lanczosG+0.5)
	log := AddScalar(Log1p(DivScalar(z, lanczosG+0.5)), math.Log(lanczosG+0.5))
	y := Sub(Add(log, Div(slope, sum)), Div(number(lanczosG), t))
	r := Sub(x, Round(x))
	near := LessThan(Abs(r), number(1e-9)) // π·r of a denormal number has few digits
	cot := Where(near, Reciprocal(r), Div(number(math.Pi), Tan(MulScalar(r, math.Pi))))
	y = Where(left, Sub(y, cot), y)
	return Where(LogicalAnd(left, IsZero(r)), number(nan), y)
}

// trigammaTerms is how many terms of ψ'(x) = Σ 1/(x + k)² are added before the rest is estimated.
const trigammaTerms = 10

// trigammaTail are Bernoulli's numbers B₂ₖ for k = 1, 2, ….
var trigammaTail = []float64{1. / 6, -1. / 30, 1. / 42, -1. / 30, 5. / 66, -691. / 2730, 7. / 6, -3617. / 510}

// trigamma is the derivative of the digamma function: some terms of its sum, then the asymptotic series (Abramowitz and Stegun,
// 6.4.12); for x < ½ by ψ'(x) + ψ'(1-x) = (π/sin(πx))².
func trigamma(x *Node) *Node {
	number := func(v float64) *Node { return Scalar(x.graph, x.DType(), v) }
	left, z := reflected(x)
	z = OnePlus(z)
	sum := ZerosLike(z)
	for k := range trigammaTerms {
		sum = Add(sum, Square(Reciprocal(AddScalar(z, k))))
	}
	inverse := Reciprocal(AddScalar(z, trigammaTerms))
	square := Square(inverse)
	tail := ZerosLike(z)
	for k := len(trigammaTail) - 1; k >= 0; k-- {
		tail = Mul(square, AddScalar(tail, trigammaTail[k]))
	}
	y := Add(sum, Mul(inverse, AddScalar(Add(tail, MulScalar(inverse, 0.5)), 1)))
	r := Where(left, Sub(x, Round(x)), number(0.5))
	sine := Square(Div(number(math.Pi), Sin(MulScalar(r, math.Pi))))
	return Where(left, Sub(sine, y), y)
}
