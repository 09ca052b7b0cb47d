package stablehlo

import (
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/internal/elementary"
)

// Special functions of the CHLO dialect. All are computed in float64, whatever the dtype; TestTruth says how exactly.
// Where they have gradients of a closed form, these are used.

func init() {
	for name, f := range map[string]func(x *graph.Node) *graph.Node{
		"chlo.erfc": erfc, "chlo.erf_inv": erfInv, "chlo.lgamma": lgamma, "chlo.digamma": digamma,
	} {
		rules[name] = rule{1, true, one(func(c *reading) *graph.Node {
			return inDouble(c.in, func(in []*graph.Node) *graph.Node { return f(in[0]) })
		})}
	}
	rules["chlo.zeta"] = rule{2, true, one(func(c *reading) *graph.Node {
		return inDouble(alike(c.in...), func(in []*graph.Node) *graph.Node { return zeta(in[0], in[1]) })
	})}
	rules["chlo.polygamma"] = rule{2, true, one(func(c *reading) *graph.Node {
		return inDouble(alike(c.in...), func(in []*graph.Node) *graph.Node { return polygamma(in[0], in[1]) })
	})}
}

// inDouble computes f in float64, or in complex128.
func inDouble(in []*graph.Node, f func(in []*graph.Node) *graph.Node) *graph.Node {
	d := dtypes.Float64
	if in[0].DType().IsComplex() {
		d = dtypes.Complex128
	}
	wide := make([]*graph.Node, len(in))
	for i, x := range in {
		wide[i] = graph.ConvertDType(x, d)
	}
	return graph.ConvertDType(f(wide), in[0].DType())
}

// number returns a scalar that goes with x.
func number(x *graph.Node, v float64) *graph.Node { return graph.Scalar(x.Graph(), x.DType(), v) }

// withSlope is f with the gradient dy · slope(x).
func withSlope(x *graph.Node, f, slope func(x *graph.Node) *graph.Node) *graph.Node {
	return graph.WithCustomGradient([]*graph.Node{x}, func(in []*graph.Node) []*graph.Node { return []*graph.Node{f(in[0])} },
		func(in, _, dy []*graph.Node) []*graph.Node { return []*graph.Node{graph.Mul(dy[0], slope(in[0]))} })[0]
}

// erfc returns 1 - erf(x), with all digits also where erf(x) is close to 1.
func erfc(x *graph.Node) *graph.Node {
	return withSlope(x, func(x *graph.Node) *graph.Node {
		size := graph.Abs(x)
		t := graph.Div(number(x, 2), graph.AddScalar(size, 2))
		u := graph.AddScalar(graph.MulScalar(t, 4), -2) // twice the argument of the polynomials
		b, after := number(x, 0), number(x, 0)
		for k := len(elementary.ErfcSeries) - 1; k > 0; k-- { // Clenshaw's recurrence
			b, after = graph.AddScalar(graph.Sub(graph.Mul(u, b), after), elementary.ErfcSeries[k]), b
		}
		p := graph.AddScalar(graph.Sub(graph.MulScalar(graph.Mul(u, b), 0.5), after), elementary.ErfcSeries[0]/2)
		// exp(-x²) with the digits of x² that do not fit: the square of the upper half of x is exact.
		size = graph.Min(size, number(x, 100))
		upper := graph.Mul(size, number(x, 1<<27+1))
		upper = graph.Sub(upper, graph.Sub(upper, size))
		rest := graph.Mul(graph.Sub(size, upper), graph.Add(size, upper))
		y := graph.Mul(graph.Mul(t, graph.Exp(graph.Sub(p, rest))), graph.Exp(graph.Neg(graph.Square(upper))))
		y = graph.Where(graph.IsNaN(x), x, y)
		return graph.Where(graph.LessThan(x, number(x, 0)), graph.Sub(number(x, 2), y), y)
	}, func(x *graph.Node) *graph.Node {
		return graph.MulScalar(graph.Exp(graph.Neg(graph.Square(x))), -2/math.Sqrt(math.Pi))
	})
}

// erfInv returns the x with erf(x) = y: Winitzki's guess, then three steps of Halley's method. Beyond ½ it solves
// erfc(x) = 1 - |y| instead, which has all digits where erf is close to 1.
//
// Source of the first guess: Winitzki, "A handy approximation for the error function and its inverse", 2008, eq. 7.
func erfInv(y *graph.Node) *graph.Node {
	return withSlope(y, func(y *graph.Node) *graph.Node {
		size, zero := graph.Abs(y), number(y, 0)
		inside := graph.LessThan(size, number(y, 1))
		safe := graph.Where(inside, size, zero)
		beyond := graph.GreaterThan(safe, number(y, 0.5))
		const a = 0.147
		log := graph.Add(graph.Log1p(safe), graph.Log1p(graph.Neg(safe))) // log(1 - y²)
		t := graph.AddScalar(graph.MulScalar(log, 0.5), 2/(math.Pi*a))
		x := graph.Sqrt(graph.Sub(graph.Sqrt(graph.Sub(graph.Square(t), graph.MulScalar(log, 1/a))), t))
		for range 3 { // f = erf(x) - y, f'/f'' = -1/(2x): x -= u / (1 + x·u) for u = f/f'
			f := graph.Where(beyond, graph.Sub(graph.OneMinus(safe), erfc(x)), graph.Sub(graph.Erf(x), safe))
			u := graph.Mul(f, graph.MulScalar(graph.Exp(graph.Square(x)), math.Sqrt(math.Pi)/2))
			x = graph.Sub(x, graph.Div(u, graph.OnePlus(graph.Mul(x, u))))
		}
		infinity := graph.Infinity(y.Graph(), y.DType(), 1)
		edge := graph.Where(graph.Equal(size, number(y, 1)), infinity, number(y, math.NaN()))
		return odd(y, graph.Where(inside, x, edge))
	}, func(y *graph.Node) *graph.Node { // √π/2 · exp(x²)
		return graph.MulScalar(graph.Exp(graph.Square(erfInv(y))), math.Sqrt(math.Pi)/2)
	})
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
func reflected(x *graph.Node) (left, z *graph.Node) {
	left = graph.LessThan(x, number(x, 0.5))
	return left, graph.Where(left, graph.Neg(x), graph.MinusOne(x))
}

// lgamma returns log|Γ(x)|; for x < ½ by Γ(x)·Γ(1-x) = π/sin(πx).
func lgamma(x *graph.Node) *graph.Node {
	return withSlope(x, func(x *graph.Node) *graph.Node {
		left, z := reflected(x)
		sum := number(x, lanczos[0])
		for k, c := range lanczos[1:] {
			sum = graph.Add(sum, graph.Div(number(x, c), graph.AddScalar(z, k+1)))
		}
		log := graph.AddScalar(graph.Log1p(graph.DivScalar(z, lanczosG+0.5)), math.Log(lanczosG+0.5))
		// (z + ½)·log t - t, of which the two large parts are brought together before they lose digits
		t := graph.AddScalar(z, lanczosG+0.5)
		y := graph.Mul(graph.Sub(graph.AddScalar(z, 0.5), graph.Div(t, log)), log)
		y = graph.Add(graph.AddScalar(y, math.Log(2*math.Pi)/2), graph.Log(sum))
		size := graph.Abs(x)
		part := graph.Sub(size, graph.Floor(size))
		near := graph.Min(part, graph.OneMinus(part))
		sine := graph.DivScalar(graph.Sin(graph.MulScalar(near, math.Pi)), math.Pi)
		// next to a pole sin(πx)/π is x, all digits of which count: πx of a denormal number has few
		sine = graph.Where(graph.LessThan(near, number(x, 1e-9)), near, sine)
		mirrored := graph.Neg(graph.Add(graph.Log(sine), y))
		y = graph.Where(left, mirrored, y)
		infinity := graph.Infinity(x.Graph(), x.DType(), 1)
		pole := graph.LogicalAnd(left, graph.Equal(part, number(x, 0)))
		return graph.Where(graph.LogicalOr(pole, graph.Equal(size, infinity)), infinity, y)
	}, digamma)
}

// digamma returns the derivative of log Γ(x); NaN for 0, -1, -2, ….
func digamma(x *graph.Node) *graph.Node {
	return withSlope(x, func(x *graph.Node) *graph.Node {
		left, z := reflected(x)
		sum, slope := number(x, lanczos[0]), number(x, 0)
		for k, c := range lanczos[1:] {
			inverse := graph.Reciprocal(graph.AddScalar(z, k+1))
			part := graph.MulScalar(inverse, c)
			sum, slope = graph.Add(sum, part), graph.Sub(slope, graph.Mul(part, inverse))
		}
		t := graph.AddScalar(z, lanczosG+0.5)
		log := graph.AddScalar(graph.Log1p(graph.DivScalar(z, lanczosG+0.5)), math.Log(lanczosG+0.5))
		y := graph.Sub(graph.Add(log, graph.Div(slope, sum)), graph.Div(number(x, lanczosG), t))
		angle := graph.MulScalar(graph.Sub(x, graph.Round(x)), math.Pi)
		y = graph.Where(left, graph.Sub(y, graph.Div(number(x, math.Pi), graph.Tan(angle))), y)
		pole := graph.LogicalAnd(left, graph.Equal(x, graph.Round(x)))
		return graph.Where(pole, number(x, math.NaN()), y)
	}, trigamma)
}

// trigamma is the derivative of digamma; for x < ½ by ψ'(x) + ψ'(1-x) = (π/sin(πx))².
func trigamma(x *graph.Node) *graph.Node {
	left, z := reflected(x)
	y := zeta(number(x, 2), graph.OnePlus(z))
	angle := graph.MulScalar(graph.Sub(x, graph.Round(x)), math.Pi)
	return graph.Where(left, graph.Sub(graph.Square(graph.Div(number(x, math.Pi), graph.Sin(angle))), y), y)
}

// zetaTerms is how many terms of ζ are summed before the rest is estimated.
const zetaTerms = 12

// bernoulli are B₂ₖ/(2k)! for k = 1, 2, ….
var bernoulli = []float64{
	1.0 / 12, -1.0 / 720, 1.0 / 30240, -1.0 / 1209600, 1.0 / 47900160, -691.0 / 1307674368000, 1.0 / 74724249600,
	-3617.0 / 10670622842880000, 43867.0 / 5109094217170944000,
}

// zeta returns Hurwitz's ζ(s, q) = Σ (q + k)^-s for s > 1 and q > 0: the first terms, and for the others the integral
// and its corrections by Euler and Maclaurin. It is infinite for s = 1 and at q = 0, -1, …, and NaN for other s < 1 or
// q < 0.
func zeta(s, q *graph.Node) *graph.Node {
	g, d := q.Graph(), q.DType()
	sum := number(q, 0)
	for k := range zetaTerms {
		sum = graph.Add(sum, graph.Pow(graph.AddScalar(q, k), graph.Neg(s)))
	}
	a := graph.AddScalar(q, zetaTerms)
	power := graph.Pow(a, graph.Neg(s)) // a^-s, and a power less at each step
	sum = graph.Add(sum, graph.Add(graph.Div(graph.Pow(a, graph.OneMinus(s)), graph.MinusOne(s)), graph.MulScalar(power, 0.5)))
	factor := graph.Mul(s, graph.Div(power, a))
	rest := number(q, 0)
	for k, b := range bernoulli {
		rest = graph.Add(rest, graph.MulScalar(factor, b))
		more := graph.Mul(graph.Div(graph.AddScalar(s, 2*k+1), a), graph.Div(graph.AddScalar(s, 2*k+2), a))
		factor = graph.Mul(factor, more)
	}
	// Where the power has vanished, so has the rest, whatever overflows in it.
	sum = graph.Add(sum, graph.Where(graph.GreaterThan(power, number(q, 0)), rest, number(q, 0)))
	zero, one := graph.ScalarZero(g, d), graph.ScalarOne(g, d)
	pole := graph.LogicalOr(graph.Equal(s, one), graph.LogicalAnd(graph.LessOrEqual(q, zero), graph.Equal(q, graph.Round(q))))
	undefined := graph.LogicalOr(graph.LessThan(s, one), graph.LessThan(q, zero))
	sum = graph.Where(undefined, number(q, math.NaN()), sum)
	sum = graph.Where(graph.LogicalAnd(pole, graph.GreaterOrEqual(s, one)), graph.Infinity(g, d, 1), sum)
	return graph.Where(graph.IsNaN(q), q, sum)
}

// polygamma returns the derivative of order n of digamma, (-1)^(n+1) · n! · ζ(n+1, x), for whole n ≥ 0 and x > 0.
func polygamma(n, x *graph.Node) *graph.Node {
	next := graph.OnePlus(n)
	even := graph.Equal(graph.Floor(graph.MulScalar(n, 0.5)), graph.MulScalar(n, 0.5))
	y := graph.Mul(graph.Exp(lgamma(next)), zeta(next, x))
	y = graph.Where(even, graph.Neg(y), y)
	whole := graph.LogicalAnd(graph.Equal(n, graph.Floor(n)), graph.GreaterOrEqual(n, number(n, 0)))
	y = graph.Where(whole, y, number(n, math.NaN()))
	return graph.Where(graph.Equal(n, number(n, 0)), digamma(x), y)
}
