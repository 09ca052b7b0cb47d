package stablehlo

import (
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
)

// Special functions of the CHLO dialect that are no rows. All are computed in float64, whatever the dtype; TestTruth says how
// exactly.

func init() {
	for name, f := range map[string]func(x, y *graph.Node) *graph.Node{"chlo.zeta": zeta, "chlo.polygamma": polygamma} {
		rules[name] = rule{2, true, one(func(c *reading) *graph.Node {
			return inDouble(alike(c.in...), func(in []*graph.Node) *graph.Node { return f(in[0], in[1]) })
		})}
		rules[broadcasting(name)] = rule{2, true, one(func(c *reading) *graph.Node {
			return inDouble(met(c.in...), func(in []*graph.Node) *graph.Node { return f(in[0], in[1]) })
		})}
	}
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

// odd gives y, which was computed of |x|, the sign of x, that of zero too.
func odd(x, y *graph.Node) *graph.Node {
	zero := number(x, 0)
	return graph.Where(graph.Equal(x, zero), x, graph.Where(graph.LessThan(x, zero), graph.Neg(y), y))
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
	y := graph.Mul(graph.Exp(graph.Lgamma(next)), zeta(next, x))
	y = graph.Where(even, graph.Neg(y), y)
	whole := graph.LogicalAnd(graph.Equal(n, graph.Floor(n)), graph.GreaterOrEqual(n, number(n, 0)))
	y = graph.Where(whole, y, number(n, math.NaN()))
	return graph.Where(graph.Equal(n, number(n, 0)), graph.Digamma(x), y)
}

// met broadcasts values to one shape, their last axes over each other.
func met(xs ...*graph.Node) []*graph.Node {
	var dims []int
	for _, x := range xs {
		s := x.Shape().Dimensions
		for len(dims) < len(s) {
			dims = append([]int{1}, dims...)
		}
		for i, n := range s {
			if d := &dims[len(dims)-len(s)+i]; *d == 1 {
				*d = n
			}
		}
	}
	out := make([]*graph.Node, len(xs))
	for i, x := range xs {
		out[i] = graph.BroadcastToDims(x, dims...)
	}
	return out
}
