package stablehlo

import (
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
)

// Functions of complex numbers that are no rows are made of their parts, in complex128.

// complexFunctions adds the rules of operations that are rows for real numbers alone.
func complexFunctions() {
	for name, f := range map[string]struct {
		float, complex func(x *graph.Node) *graph.Node
	}{
		"chlo.asin":  {graph.Asin, func(z *graph.Node) *graph.Node { return arcs(z, arcSine) }},
		"chlo.acos":  {graph.Acos, func(z *graph.Node) *graph.Node { return arcs(z, arcCosine) }},
		"chlo.asinh": {graph.Asinh, arcHyperbolicSine},
		"chlo.acosh": {graph.Acosh, func(z *graph.Node) *graph.Node { return arcs(z, arcHyperbolicCosine) }},
		"chlo.atanh": {graph.Atanh, arcHyperbolicTangent},
		"chlo.atan": {graph.Atan, func(z *graph.Node) *graph.Node { // -i·atanh(i·z)
			w := arcHyperbolicTangent(graph.Complex(graph.Neg(graph.Imag(z)), graph.Real(z)))
			return graph.Complex(graph.Imag(w), graph.Neg(graph.Real(w)))
		}},
		"stablehlo.log_plus_one":          {graph.Log1p, graph.Log1p},
		"stablehlo.exponential_minus_one": {graph.Expm1, graph.Expm1},
	} {
		rules[name] = rule{1, true, one(func(c *reading) *graph.Node {
			if x := c.in[0]; !x.DType().IsComplex() {
				return f.float(x)
			}
			return widely(f.complex, c.in[0])
		})}
	}
	rules["chlo._asin_acos_kernel"] = rule{1, true, one(func(c *reading) *graph.Node {
		return widely(func(z *graph.Node) *graph.Node {
			q, l := kernel(graph.Abs(graph.Real(z)), graph.Abs(graph.Imag(z)))
			return graph.Complex(q, l)
		}, c.in[0])
	})}
	rules["chlo.square"] = rule{1, true, one(func(c *reading) *graph.Node { return square(c.in[0]) })}
	for name, largest := range map[string]bool{"stablehlo.maximum": true, "chlo.broadcast_maximum": true, "stablehlo.minimum": false, "chlo.broadcast_minimum": false} {
		real := rules[name].emit
		rules[name] = rule{2, true, func(c *reading) []*graph.Node {
			if !c.in[0].DType().IsComplex() {
				return real(c)
			}
			return []*graph.Node{furthest(c.in[0], c.in[1], largest)}
		}}
	}
	for _, name := range []string{"stablehlo.atan2", "chlo.broadcast_atan2"} {
		rules[name] = rule{2, true, one(func(c *reading) *graph.Node {
			if !c.in[0].DType().IsComplex() {
				return graph.Atan2(c.in[0], c.in[1])
			}
			return inDouble(c.in, func(in []*graph.Node) *graph.Node { return angle(in[0], in[1]) })
		})}
	}
}

// square is (x - y)·(x + y) + 2·x·y·i for x + y·i, whose real part is 0 where x and y are as far from 0, also where
// x + y is infinite.
func square(z *graph.Node) *graph.Node {
	if !z.DType().IsComplex() {
		return graph.Square(z)
	}
	x, y := graph.Real(z), graph.Imag(z)
	same := graph.LogicalAnd(graph.Equal(graph.Abs(x), graph.Abs(y)), graph.IsFinite(x))
	re := graph.Where(same, graph.ZerosLike(x), graph.Mul(graph.Sub(x, y), graph.Add(x, y)))
	xy := graph.Mul(x, y)
	return graph.Complex(re, graph.Add(xy, xy))
}

// furthest is the larger or the smaller of two complex numbers, by their real parts and where these are equal by the imaginary ones.
func furthest(x, y *graph.Node, largest bool) *graph.Node {
	before, after := y, x
	if !largest {
		before, after = x, y
	}
	re, im := graph.Real(before), graph.Imag(before)
	less := graph.LogicalOr(graph.LessThan(re, graph.Real(after)),
		graph.LogicalAnd(graph.Equal(re, graph.Real(after)), graph.LessOrEqual(im, graph.Imag(after))))
	y = graph.Where(graph.LogicalOr(less, graph.IsNaN(x)), x, y)
	return y
}

// angle is -i·log((x + i·y)/√(x² + y²)).
func angle(y, x *graph.Node) *graph.Node {
	i := graph.Complex(number(graph.Real(x), 0), number(graph.Real(x), 1))
	w := graph.Log(graph.Div(graph.Add(x, graph.Mul(i, y)), graph.Sqrt(graph.Add(square(x), square(y)))))
	return graph.Complex(graph.Imag(w), graph.Neg(graph.Real(w)))
}

// kernel returns for x, y ≥ 0 what the inverse sines and cosines of x + i·y are made of:
//
//	q = √(a² - x²),  l = log(a + √(a² - 1)),  a = (r + s)/2,  r = |z + 1|,  s = |z - 1|
//
// a - 1 is y²·h for x ≤ 1, where h = (1/(r + x + 1) + 1/(s + 1 - x))/2, and (y²/(r + x + 1) + s + x - 1)/2 beyond: nothing cancels in
// either. q is y·a/√((a - 1)·(a + 1)). Far away q is y and l = log(2·|z|).
//
// Source: Hull, Fairgrieve and Tang, "Implementing the complex arcsine and arccosine functions using exception handling", 1997, and
// x²/a² + y²/(a² - 1) = 1.
func kernel(x, y *graph.Node) (q, l *graph.Node) {
	n := func(v float64) *graph.Node { return number(x, v) }
	far := graph.GreaterThan(graph.Max(x, y), n(0x1p100))
	inside := graph.LessOrEqual(x, n(1))
	at := graph.LogicalAnd(graph.Equal(x, n(1)), graph.LessThan(y, n(0x1p-500))) // where q and l are √y
	zero := graph.LogicalAnd(graph.Equal(y, n(0)), graph.LogicalNot(inside))     // q is 0, whatever the division says

	// Where another form is taken these go on with other numbers, so that no gradient is NaN.
	nx, ny := graph.Where(far, n(0.5), graph.Where(at, n(0.5), x)), graph.Where(graph.LogicalOr(far, at), n(0.5), y)
	r, s := graph.Hypot(graph.OnePlus(nx), ny), graph.Hypot(graph.MinusOne(nx), ny)
	a := graph.MulScalar(graph.Add(r, s), 0.5)
	more := graph.OnePlus(a)
	right := graph.Add(r, graph.OnePlus(nx))

	ix := graph.Where(inside, nx, n(0.5))
	is := graph.Where(inside, s, n(1))
	h := graph.MulScalar(graph.Add(graph.Reciprocal(right), graph.Reciprocal(graph.Add(is, graph.OneMinus(ix)))), 0.5)
	root := graph.Sqrt(graph.Mul(h, more))
	insideQ := graph.Div(a, root)
	insideL := graph.Log1p(graph.Add(graph.Mul(ny, graph.Mul(ny, h)), graph.Mul(ny, root)))

	ox := graph.Where(inside, n(2), nx)
	os := graph.Where(inside, n(2), s)
	less := graph.MulScalar(graph.Add(graph.Mul(ny, graph.Div(ny, right)), graph.Add(os, graph.MinusOne(ox))), 0.5)
	root = graph.Sqrt(graph.Mul(less, more))
	outsideQ := graph.Where(zero, graph.ZerosLike(y), graph.Mul(ny, graph.Div(a, root)))
	outsideL := graph.Log1p(graph.Add(less, root))

	half := n(0.5)
	q = graph.Where(inside, insideQ, outsideQ)
	l = graph.Where(inside, insideL, outsideL)
	tip := graph.Sqrt(graph.Where(at, y, n(1)))
	q, l = graph.Where(at, tip, q), graph.Where(at, tip, l)
	fx, fy := graph.Where(far, x, n(1)), graph.Where(far, y, n(1))
	distance := graph.AddScalar(graph.Log(graph.Hypot(graph.Mul(fx, half), graph.Mul(fy, half))), 2*math.Ln2)
	q, l = graph.Where(far, y, q), graph.Where(far, distance, l)
	nan := graph.LogicalOr(graph.IsNaN(x), graph.IsNaN(y))
	infinite := graph.LogicalOr(graph.Equal(x, n(math.Inf(1))), graph.Equal(y, n(math.Inf(1))))
	q = graph.Where(nan, n(math.NaN()), q)
	l = graph.Where(infinite, n(math.Inf(1)), graph.Where(nan, n(math.NaN()), l))
	return q, l
}

// withSign gives |y| the sign of x, that of zero too.
func withSign(y, x *graph.Node) *graph.Node {
	return graph.Where(negative(x), graph.Neg(y), y)
}

// negative reports whether the sign of a float64 is set.
func negative(x *graph.Node) *graph.Node {
	bits := graph.Bitcast(x, dtypes.Int64)
	return graph.LessThan(bits, graph.ScalarZero(bits.Graph(), bits.DType()))
}

// arcs computes one of the inverse functions whose kernel is that of z.
func arcs(z *graph.Node, of func(x, y, q, l *graph.Node) *graph.Node) *graph.Node {
	x, y := graph.Real(z), graph.Imag(z)
	q, l := kernel(graph.Abs(x), graph.Abs(y))
	return of(x, y, q, l)
}

func arcSine(x, y, q, l *graph.Node) *graph.Node {
	return graph.Complex(graph.Atan2(x, q), withSign(l, y))
}

func arcCosine(x, y, q, l *graph.Node) *graph.Node {
	return graph.Complex(graph.Atan2(q, x), graph.Neg(withSign(l, y)))
}

func arcHyperbolicCosine(x, y, q, l *graph.Node) *graph.Node {
	return graph.Complex(l, withSign(graph.Atan2(q, x), y))
}

// arcHyperbolicSine is -i·asin(i·z).
func arcHyperbolicSine(z *graph.Node) *graph.Node {
	x, y := graph.Real(z), graph.Imag(z)
	q, l := kernel(graph.Abs(y), graph.Abs(x))
	return graph.Complex(withSign(l, x), graph.Atan2(y, q))
}

// arcHyperbolicTangent is, for x = |re z| and y = |im z|,
//
//	log1p(4·x/((1 - x)² + y²))/4 + i·atan2(2·y, (1 - x)·(1 + x) - y²)/2
//
// with the signs of z's parts. Far away it is x/|z|² + i·π/2, and beside 1 the real part is log(2/y)/2.
//
// Source: Kahan, "Branch cuts for complex elementary functions", 1987.
func arcHyperbolicTangent(z *graph.Node) *graph.Node {
	re, im := graph.Real(z), graph.Imag(z)
	x, y := graph.Abs(re), graph.Abs(im)
	n := func(v float64) *graph.Node { return number(x, v) }
	far := graph.GreaterThan(graph.Max(x, y), n(0x1p100))
	at := graph.LogicalAnd(graph.Equal(x, n(1)), graph.LessThan(y, n(0x1p-500)))
	other := graph.LogicalOr(far, at)
	nx, ny := graph.Where(other, n(0.5), x), graph.Where(other, n(0.5), y)
	left := graph.OneMinus(nx)
	real := graph.MulScalar(graph.Log1p(graph.Div(graph.MulScalar(nx, 4), graph.Add(graph.Square(left), graph.Square(ny)))), 0.25)
	turn := graph.MulScalar(graph.Atan2(graph.Add(ny, ny), graph.Sub(graph.Mul(left, graph.OnePlus(nx)), graph.Square(ny))), 0.5)

	ty := graph.Where(at, y, n(1))
	real = graph.Where(at, graph.MulScalar(graph.Sub(n(math.Ln2), graph.Log(ty)), 0.5), real)
	turn = graph.Where(at, graph.Where(graph.Equal(y, n(0)), graph.ZerosLike(y), n(math.Pi/4)), turn)
	fx, fy := graph.Where(far, x, n(1)), graph.Where(far, y, n(1))
	distance := graph.Hypot(fx, fy)
	away := graph.Div(graph.Div(fx, distance), distance)
	endless := graph.LogicalOr(graph.Equal(x, n(math.Inf(1))), graph.Equal(y, n(math.Inf(1))))
	real = graph.Where(far, graph.Where(endless, graph.ZerosLike(x), away), real)
	turn = graph.Where(far, n(math.Pi/2), turn)
	nan := graph.LogicalOr(graph.IsNaN(x), graph.IsNaN(y))
	real = graph.Where(graph.LogicalAnd(nan, graph.LogicalNot(endless)), n(math.NaN()), real)
	turn = graph.Where(graph.LogicalAnd(nan, graph.LogicalNot(endless)), n(math.NaN()), turn)
	return graph.Complex(withSign(real, re), withSign(turn, im))
}
