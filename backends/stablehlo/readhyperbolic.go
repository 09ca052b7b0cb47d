package stablehlo

import (
	"math"

	"github.com/quire-ml/quire/graph"
)

// Circular and hyperbolic functions of the CHLO dialect, by their equations. Halves are computed with in float32, and
// complex64 in complex128, so that they are rounded once. Each keeps the sign of zero and is NaN outside of its domain.

func init() {
	type function = func(x *graph.Node) *graph.Node
	one := func(x *graph.Node) *graph.Node { return number(x, 1) }
	over := func(f function) function { return func(x *graph.Node) *graph.Node { return graph.Reciprocal(f(x)) } }
	for name, f := range map[string]struct{ value, slope function }{
		"chlo.asin":  {func(x *graph.Node) *graph.Node { return graph.Atan2(x, besideOne(x)) }, over(besideOne)},
		"chlo.acos":  {func(x *graph.Node) *graph.Node { return graph.Atan2(besideOne(x), x) }, func(x *graph.Node) *graph.Node { return graph.Neg(over(besideOne)(x)) }},
		"chlo.atan":  {func(x *graph.Node) *graph.Node { return graph.Atan2(x, one(x)) }, func(x *graph.Node) *graph.Node { return over(graph.OnePlus)(graph.Square(x)) }},
		"chlo.asinh": {asinh, func(x *graph.Node) *graph.Node { return graph.Rsqrt(graph.OnePlus(graph.Square(x))) }},
		"chlo.acosh": {acosh, func(x *graph.Node) *graph.Node {
			return graph.Mul(graph.Rsqrt(graph.MinusOne(x)), graph.Rsqrt(graph.OnePlus(x)))
		}},
		"chlo.atanh": {atanh, func(x *graph.Node) *graph.Node {
			return graph.Reciprocal(graph.Mul(graph.OneMinus(x), graph.OnePlus(x)))
		}},
		"chlo.sinh": {sinh, func(x *graph.Node) *graph.Node { return cosh(x) }},
		"chlo.cosh": {cosh, func(x *graph.Node) *graph.Node { return sinh(x) }},
	} {
		rules[name] = rule{1, true, func(c *reading) []*graph.Node {
			if c.in[0].DType().IsComplex() {
				return []*graph.Node{widely(map[string]function{"chlo.sinh": complexSinh, "chlo.cosh": complexCosh}[name], c.in[0])}
			}
			return []*graph.Node{inSingle(c.in, func(in []*graph.Node) *graph.Node { return withSlope(in[0], f.value, f.slope) })}
		}}
	}
}

// atanh is (log(1 + x) - log(1 - x))/2, of which both parts have the sign of x: nothing cancels.
func atanh(x *graph.Node) *graph.Node {
	return graph.MulScalar(graph.Sub(graph.Log1p(x), graph.Log1p(graph.Neg(x))), 0.5)
}

// besideOne is √(1 - x²), without cancellation near 1.
func besideOne(x *graph.Node) *graph.Node {
	return graph.Sqrt(graph.Mul(graph.OneMinus(x), graph.OnePlus(x)))
}

// odd gives y, which was computed of |x|, the sign of x, that of zero too.
func odd(x, y *graph.Node) *graph.Node {
	zero := number(x, 0)
	return graph.Where(graph.Equal(x, zero), x, graph.Where(graph.LessThan(x, zero), graph.Neg(y), y))
}

// asinh is log1p(|x| + x²/(1 + √(1 + x²))), log|x| + log 2 where x² overflows, with the sign of x.
func asinh(x *graph.Node) *graph.Node {
	size := graph.Abs(x)
	square := graph.Square(size)
	y := graph.Log1p(graph.Add(size, graph.Div(square, graph.OnePlus(graph.Sqrt(graph.OnePlus(square))))))
	return odd(x, graph.Where(graph.IsFinite(square), y, graph.AddScalar(graph.Log(size), math.Ln2)))
}

// acosh is log1p(z + √(z·(z + 2))) for z = x - 1, log x + log 2 where the square overflows, for x ≥ 1.
func acosh(x *graph.Node) *graph.Node {
	z := graph.MinusOne(x)
	inside := graph.Mul(z, graph.AddScalar(z, 2))
	y := graph.Log1p(graph.Add(z, graph.Sqrt(inside)))
	y = graph.Where(graph.IsFinite(inside), y, graph.AddScalar(graph.Log(x), math.Ln2))
	return graph.Where(graph.LessThan(x, number(x, 1)), number(x, math.NaN()), y)
}

// sinh is (e + e/(e+1))/2 for e = exp|x| - 1, and exp(|x|/2)²/2 where that overflows, with the sign of x.
func sinh(x *graph.Node) *graph.Node {
	size := graph.Abs(x)
	e, h := graph.Expm1(size), graph.Exp(graph.MulScalar(size, 0.5))
	y := graph.MulScalar(graph.Add(e, graph.Div(e, graph.OnePlus(e))), 0.5)
	return odd(x, graph.Where(graph.IsFinite(e), y, graph.Mul(graph.MulScalar(h, 0.5), h)))
}

// cosh is (e + 1/e)/2 for e = exp|x|, and exp(|x|/2)²/2 where that overflows.
func cosh(x *graph.Node) *graph.Node {
	size := graph.Abs(x)
	e, h := graph.Exp(size), graph.Exp(graph.MulScalar(size, 0.5))
	y := graph.MulScalar(graph.Add(e, graph.Reciprocal(e)), 0.5)
	return graph.Where(graph.IsFinite(e), y, graph.Mul(graph.MulScalar(h, 0.5), h))
}

// complexSinh is sinh a · cos b + i · cosh a · sin b for a + ib, and complexCosh cosh a · cos b + i · sinh a · sin b.
func complexSinh(x *graph.Node) *graph.Node {
	a, b := graph.Real(x), graph.Imag(x)
	return graph.Complex(infiniteBeside(a, timesSinh(a, graph.Cos(b))), timesCosh(a, graph.Sin(b)))
}

func complexCosh(x *graph.Node) *graph.Node {
	a, b := graph.Real(x), graph.Imag(x)
	return graph.Complex(infiniteBeside(a, timesCosh(a, graph.Cos(b))), timesSinh(a, graph.Sin(b)))
}

// timesCosh is cosh a · c, and 0 if c is, whatever a.
func timesCosh(a, c *graph.Node) *graph.Node {
	return graph.Where(graph.Equal(c, number(c, 0)), c, growing(a, c, cosh(a)))
}

// timesSinh is sinh a · c, and 0 if either factor is, whatever the other.
func timesSinh(a, c *graph.Node) *graph.Node {
	negative := graph.LessThan(a, number(a, 0))
	signed := graph.Where(negative, graph.Neg(c), c)
	y := graph.Where(graph.Equal(c, number(c, 0)), signed, growing(a, signed, sinh(graph.Abs(a))))
	still := graph.LogicalAnd(graph.Equal(a, number(a, 0)), graph.IsNaN(c))
	return graph.Where(graph.Equal(a, number(a, 0)), graph.Where(still, a, graph.Mul(a, c)), y)
}

// growing is f · c for f = sinh |a| or cosh a, also where f overflows and the product does not.
func growing(a, c, f *graph.Node) *graph.Node {
	size := graph.Abs(a)
	h := graph.Exp(graph.MulScalar(size, 0.5))
	large := graph.Mul(graph.Mul(graph.MulScalar(h, 0.5), c), h)
	return graph.Where(graph.LessThan(size, number(a, 700)), graph.Mul(f, c), large)
}

// infiniteBeside is y, infinite where a is and y has no sign.
func infiniteBeside(a, y *graph.Node) *graph.Node {
	infinity := graph.Infinity(a.Graph(), a.DType(), 1)
	return graph.Where(graph.LogicalAnd(graph.Equal(graph.Abs(a), infinity), graph.IsNaN(y)), infinity, y)
}
