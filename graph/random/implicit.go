package random

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
)

// How a number of the gamma distribution moves with alpha is said by the distribution itself, however it was drawn: of P(x; alpha), the part
// of numbers below x, none may be gained or lost.
//
//	dx/dalpha = -(∂P/∂alpha) / (∂P/∂x)
//
// Source: Figurnov, Mohamed and Mnih, "Implicit reparameterization gradients", 2018, arXiv:1805.08498, section 3.

const (
	// largeAlpha is from where on the expansion for large alpha is as exact as the others: 1e-9.
	largeAlpha = 1e4
	// mostTerms ends the series, which has 1100 terms for alpha just below largeAlpha.
	mostTerms = 4000
)

// slopeOfLogGamma returns d log(x)/d alpha of numbers of the gamma distribution, given alpha and log(x), of one shape. The error is below 1e-9
// of it for all numbers that are ever drawn. It has no gradient of its own.
func slopeOfLogGamma(alpha, log *graph.Node) *graph.Node {
	d := log.DType()
	a, log := graph.StopGradient(graph.ConvertDType(alpha, dtypes.Float64)), graph.StopGradient(graph.ConvertDType(log, dtypes.Float64))
	one := graph.OnesLike(a)
	x := graph.Exp(log)
	large := graph.GreaterOrEqual(a, graph.ConstAs(a, largeAlpha))
	tail := graph.GreaterThan(x, graph.AddScalar(graph.Add(a, graph.MulScalar(graph.Sqrt(a), 2)), 2))
	// Where a way is not gone its numbers are 1, which all of them can take.
	only := func(where, v *graph.Node) *graph.Node { return graph.Where(where, v, one) }
	middle := graph.LogicalNot(graph.LogicalOr(large, tail))
	y := seriesSlope(only(middle, a), only(middle, x), graph.Where(middle, log, graph.ZerosLike(log)))
	y = graph.Where(tail, tailSlope(only(tail, a), only(tail, x), graph.Where(tail, log, graph.ZerosLike(log))), y)
	y = graph.Where(large, largeSlope(only(large, a), only(large, x)), y)
	valid := graph.IsFinite(log)
	return graph.ConvertDType(graph.Where(valid, y, log), d)
}

// seriesSlope is for x that are not far above alpha:
//
//	P = x^a·exp(-x)/Γ(a+1) · S,  S = Σ c[n],  c[n] = x^n / ((a+1)…(a+n))
//	d log(x)/da = -(S·(log(x) - ψ(a+1)) + S')/a,  S' = ∂S/∂a = Σ c[n]·e[n],  e[n] = -Σ_{k≤n} 1/(a+k)
func seriesSlope(a, x, log *graph.Node) *graph.Node {
	g, one, zero := a.Graph(), graph.OnesLike(a), graph.ZerosLike(a)
	begin := []*graph.Node{graph.ScalarZero(g, dtypes.Float64), one, zero, one, zero} // n, c, e, S, S'
	cond := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		s := parametersLike(g, begin)
		// NaN is greater than nothing, and ends the loop
		more := graph.GreaterThan(graph.Mul(s[1], graph.OneMinus(s[2])), graph.MulScalar(s[3], 1e-17))
		few := graph.LessThan(s[0], graph.ConstAs(s[0], mostTerms))
		return []*graph.Node{graph.LogicalAnd(few, graph.ReduceLogicalOr(more))}
	})
	body := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		s := parametersLike(g, begin)
		n := graph.OnePlus(s[0])
		by := graph.Reciprocal(graph.Add(a, n))
		c, e := graph.Mul(s[1], graph.Mul(x, by)), graph.Sub(s[2], by)
		return []*graph.Node{n, c, e, graph.Add(s[3], c), graph.Add(s[4], graph.Mul(c, e))}
	})
	end := graph.While(cond, body, begin...)
	y := graph.Add(graph.Mul(end[3], graph.Sub(log, graph.Digamma(graph.OnePlus(a)))), end[4])
	return graph.Neg(graph.Div(y, a))
}

// laguerreNodes and laguerreWeights are those of Gauss-Laguerre quadrature with 24 points, ∫ f(s) ds = Σ w[i]·f(s[i]) from 0 to ∞: weights
// times exp(s). Source: numpy.polynomial.laguerre.laggauss of NumPy 2.4.6.
var laguerreNodes, laguerreWeights = []float64{
	0.05901985218150761, 0.3112391461984835, 0.7660969055459361, 1.4255975908036125, 2.2925620586321904, 3.3707742642089986,
	4.66508370346717, 6.181535118736765, 7.927539247172152, 9.912098015077705, 12.146102711729764, 14.642732289596674,
	17.417992646508978, 20.491460082616424, 23.887329848169735, 27.635937174332717, 31.776041352374722, 36.35840580165162,
	41.45172048487077, 47.153106445156325, 53.60857454469507, 61.05853144721876, 69.96224003510503, 81.49827923394889,
}, []float64{
	0.15149441285947607, 0.35325658252994724, 0.5567845632881602, 0.7626853176973266, 0.9718726322465883, 1.1853578930378479,
	1.404265627284459, 1.6298686157570939, 1.8636350553321366, 2.1072911510815437, 2.362905891042014, 2.6330087531639546,
	2.920757579727819, 3.230185133492504, 3.5665733773689343, 3.9370437554552575, 4.351531188863696, 4.824481854898143,
	5.378022079789261, 6.0484178126201815, 6.900898352180374, 8.069965156147983, 9.902793319484864, 13.820532094791075,
}

// tailSlope is for x that are well above alpha, where the series' parts cancel and these do not:
//
//	dx/da = (log(x) - ψ(a))·∫ f(t) dt + ∫ log(1 + t/x)·f(t) dt,  f(t) = (1 + t/x)^(a-1)·exp(-t),  from 0 to ∞
//
// t is s/r such that f falls as exp(-s) near 0: r = 1 - (a-1)/x for a from 1 on, else 1.
func tailSlope(a, x, log *graph.Node) *graph.Node {
	g := a.Graph()
	less := graph.MinusOne(a)
	rate := graph.OneMinus(graph.Div(graph.MaxScalar(less, 0), x))
	nodes, weights := graph.Const(g, laguerreNodes), graph.Const(g, laguerreWeights)
	sums := graph.ForI(len(laguerreNodes), []*graph.Node{graph.ZerosLike(a), graph.ZerosLike(a)}, func(i *graph.Node, sum []*graph.Node) []*graph.Node {
		at := func(list *graph.Node) *graph.Node {
			return graph.Reshape(graph.DynamicSlice(list, []*graph.Node{i}, []int{1}))
		}
		t := graph.Div(at(nodes), rate)
		l := graph.Log1p(graph.Div(t, x))
		f := graph.Mul(at(weights), graph.Exp(graph.Sub(graph.Mul(less, l), t)))
		return []*graph.Node{graph.Add(sum[0], f), graph.Add(sum[1], graph.Mul(f, l))}
	})
	y := graph.Add(graph.Mul(graph.Sub(log, graph.Digamma(a)), sums[0]), sums[1])
	return graph.Div(y, graph.Mul(rate, x))
}

// largeSlope is Cornish and Fisher's expansion of x in a normal number z, which stays when alpha moves:
//
//	x = a + z·√a + (z²-1)/3 + (z³-7z)/(36·√a) - (3z⁴+7z²-16)/(810·a) + …
//
// Source: Abramowitz and Stegun, "Handbook of mathematical functions", 26.4.16 and 26.2.49.
func largeSlope(a, x *graph.Node) *graph.Node {
	root := graph.Sqrt(a)
	terms := func(z *graph.Node) (second, third, fourth *graph.Node) {
		square := graph.Square(z)
		second = graph.DivScalar(graph.MinusOne(square), 3)
		third = graph.Div(graph.Mul(z, graph.SubScalar(square, 7)), graph.MulScalar(root, 36))
		fourth = graph.Div(graph.SubScalar(graph.Mul(square, graph.AddScalar(graph.MulScalar(square, 3), 7)), 16), graph.MulScalar(a, 810))
		return second, third, fourth
	}
	const turns = 10 // each leaves z/(30 …) of the error
	z := graph.ForI(turns, []*graph.Node{graph.Div(graph.Sub(x, a), root)}, func(_ *graph.Node, z []*graph.Node) []*graph.Node {
		second, third, fourth := terms(z[0])
		return []*graph.Node{graph.Div(graph.Add(graph.Sub(graph.Sub(graph.Sub(x, a), second), third), fourth), root)}
	})[0]
	_, third, fourth := terms(z)
	y := graph.OnePlus(graph.Div(z, graph.MulScalar(root, 2)))
	y = graph.Add(graph.Sub(y, graph.Div(third, graph.MulScalar(a, 2))), graph.Div(fourth, a))
	return graph.Div(y, x)
}
