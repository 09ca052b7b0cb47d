package random

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/internal/axes"
	"github.com/quire-ml/quire/graph/shapes"
)

// Some distributions are drawn from by proposing numbers until one is accepted: a loop whose turns propose one for every element, until all
// have theirs.

// untilAccepted calls propose with a state until every element has a proposal that was accepted. It returns the state after that, and the
// proposals.
func untilAccepted(state *graph.Node, shape shapes.Shape, propose func(state *graph.Node) (next, values, accepted *graph.Node)) (next, values *graph.Node) {
	g := state.Graph()
	if shape.Size() == 0 {
		return state, graph.Zeros(g, shape)
	}
	first, found, done := propose(state)
	begin := []*graph.Node{first, found, done}
	cond := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		return []*graph.Node{graph.LogicalNot(graph.ReduceLogicalAnd(parametersLike(g, begin)[2]))}
	})
	body := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		s := parametersLike(g, begin)
		next, values, accepted := propose(s[0])
		return []*graph.Node{next, graph.Where(s[2], s[1], values), graph.LogicalOr(s[2], accepted)}
	})
	end := graph.While(cond, body, begin...)
	return end[0], end[1]
}

// parametersLike returns parameters of a loop's function, of the shapes of its state.
func parametersLike(g *graph.Graph, state []*graph.Node) []*graph.Node {
	in := make([]*graph.Node, len(state))
	for i, x := range state {
		in[i] = graph.Parameter(g, "", x.Shape())
	}
	return in
}

// Gamma returns numbers of the gamma distribution of some shape parameter, alpha, and scale 1, with density x^(alpha-1)·exp(-x)/Γ(alpha).
// alpha is a positive float, broadcast to shape, of whose dtype the numbers are. Where alpha is not positive they are NaN.
//
// The gradient to alpha is the implicit one, dx/dalpha = -(∂P/∂alpha)/(∂P/∂x) with P the part of numbers below x, as jax.random.gamma and
// PyTorch have it; it is computed in float64, and has no gradient again.
//
// Source: Marsaglia and Tsang, "A simple method for generating gamma variables", 2000; Figurnov, Mohamed and Mnih, "Implicit
// reparameterization gradients", 2018, arXiv:1805.08498.
func Gamma(state, alpha *graph.Node, shape shapes.Shape) (next, values *graph.Node) {
	next, log := logGamma("random.Gamma", state, alpha, 1, shape)
	return next, narrow(graph.Exp(log), shape)
}

// Chi2 returns numbers of the chi-squared distribution, of the sum of squares of df normal numbers, with density proportional to
// x^(df/2-1)·exp(-x/2). df is a positive float, broadcast to shape, and need not be whole. Gradients flow to it as in [Gamma].
func Chi2(state, df *graph.Node, shape shapes.Shape) (next, values *graph.Node) {
	next, log := logGamma("random.Chi2", state, df, 0.5, shape)
	return next, narrow(graph.MulScalar(graph.Exp(log), 2), shape)
}

// StudentT returns numbers of Student's t distribution, z/√(v/df) with z normal and v of [Chi2]. df is a positive float, broadcast to shape.
// Gradients flow to it as in [Gamma].
func StudentT(state, df *graph.Node, shape shapes.Shape) (next, values *graph.Node) {
	next, log := logGamma("random.StudentT", state, df, 0.5, shape)
	next, z := graph.RandomNormal(next, log.Shape())
	half := graph.MulScalar(graph.BroadcastToDims(graph.ConvertDType(axes.Unnamed(df), log.DType()), shape.Dimensions...), 0.5)
	return next, narrow(graph.Mul(z, graph.Exp(graph.MulScalar(graph.Sub(graph.Log(half), log), 0.5))), shape)
}

// Beta returns numbers of the beta distribution, with density proportional to x^(a-1)·(1-x)^(b-1). a and b are positive floats, broadcast to
// shape. Gradients flow to them as in [Gamma].
func Beta(state, a, b *graph.Node, shape shapes.Shape) (next, values *graph.Node) {
	next, x := logGamma("random.Beta", state, a, 1, shape)
	next, y := logGamma("random.Beta", next, b, 1, shape)
	return next, narrow(graph.Sigmoid(graph.Sub(x, y)), shape)
}

// Dirichlet returns vectors of positive numbers whose sum is 1, of the Dirichlet distribution, with density proportional to
// Π x[k]^(alpha[k]-1). alpha is [b…, K], a positive float; the result is [samples…, b…, K]. Gradients flow to alpha as in [Gamma].
func Dirichlet(state, alpha *graph.Node, samples ...int) (next, values *graph.Node) {
	needState("random.Dirichlet", state)
	needFloat("random.Dirichlet", alpha, "alpha")
	if alpha.Rank() == 0 {
		graph.Errorf("random.Dirichlet: alpha is a scalar: its last axis is the parts")
	}
	shape := shapes.Make(alpha.DType(), append(append([]int(nil), samples...), alpha.Shape().Dimensions...)...)
	next, log := logGamma("random.Dirichlet", state, alpha, 1, shape)
	return next, narrow(graph.Softmax(log, -1), shape)
}

// logGamma returns the logarithms of numbers of the gamma distribution of alpha = factor·parameter, which for a small alpha are beyond what
// the dtype holds.
func logGamma(op string, state, parameter *graph.Node, factor float64, shape shapes.Shape) (next, log *graph.Node) {
	needState(op, state)
	needFloat(op, parameter, "the parameter")
	if err := shape.Check(); err != nil || !shape.DType.IsFloat() {
		graph.Errorf("%s: the shape of the numbers, %s, is none of floats", op, shape)
	}
	wide := shapes.Make(wideOf(shape.DType), shape.Dimensions...)
	alpha := broadcast(op, parameter, wide)
	if factor != 1 {
		alpha = graph.MulScalar(alpha, factor)
	}
	out := graph.WithCustomGradient([]*graph.Node{alpha}, func(in []*graph.Node) []*graph.Node {
		next, log := drawLogGamma(state, in[0])
		return []*graph.Node{next, log}
	}, func(in, out, dOut []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Mul(dOut[1], slopeOfLogGamma(in[0], out[1]))}
	})
	return out[0], out[1]
}

// drawLogGamma is logGamma of an alpha for each number.
func drawLogGamma(state, a *graph.Node) (next, log *graph.Node) {
	wide := a.Shape()
	valid := graph.IsPositive(a)
	a = graph.Where(valid, a, graph.OnesLike(a))
	// Of alpha below 1 that of alpha + 1, times a power of a uniform number.
	small := graph.LessThan(a, graph.OnesLike(a))
	d := graph.SubScalar(graph.Where(small, graph.OnePlus(a), a), 1.0/3)
	c := graph.Reciprocal(graph.Sqrt(graph.MulScalar(d, 9)))
	next, v := untilAccepted(state, wide, func(state *graph.Node) (next, values, accepted *graph.Node) {
		next, x := graph.RandomNormal(state, wide)
		next, u := graph.RandomUniform(next, wide)
		root := graph.OnePlus(graph.Mul(c, x))
		positive := graph.IsPositive(root)
		root = graph.Where(positive, root, graph.OnesLike(root))
		v := graph.Mul(graph.Square(root), root)
		bound := graph.Add(graph.MulScalar(graph.Square(x), 0.5), graph.Mul(d, graph.Add(graph.OneMinus(v), graph.Log(v))))
		return next, graph.Log(v), graph.LogicalAnd(positive, graph.LessThan(graph.Log(open(u)), bound))
	})
	next, u := graph.RandomUniform(next, wide)
	log = graph.Add(graph.Log(d), v)
	log = graph.Add(log, graph.Where(small, graph.Div(graph.Log(open(u)), a), graph.ZerosLike(a)))
	return next, graph.Where(valid, log, graph.Div(graph.ZerosLike(log), graph.ZerosLike(log)))
}

// Poisson returns numbers of the Poisson distribution, P(k) = rate^k·exp(-rate)/k!, as integers of shape. rate is a float that is not
// negative, broadcast to shape. It has no gradient. Where the rate is negative, NaN or infinite, it is -1, or the largest number of an
// unsigned dtype.
//
// Source: Hörmann, "The transformed rejection method for generating Poisson random variables", 1993 (PTRS), for rates from 10; below, times
// between events are added up.
func Poisson(state, rate *graph.Node, shape shapes.Shape) (next, values *graph.Node) {
	needState("random.Poisson", state)
	needFloat("random.Poisson", rate, "the rate")
	if err := shape.Check(); err != nil || !shape.DType.IsInt() {
		graph.Errorf("random.Poisson: the shape of the numbers, %s, is none of integers", shape)
	}
	wide := shapes.Make(wideOf(rate.DType()), shape.Dimensions...)
	r := graph.StopGradient(broadcast("random.Poisson", rate, wide))
	valid := graph.LogicalAnd(graph.IsFinite(r), graph.IsNonNegative(r))
	const many = 10
	large := graph.LogicalAnd(valid, graph.GreaterOrEqual(r, graph.ConstAs(r, many)))
	next, few := countedEvents(state, graph.Where(graph.LogicalAnd(valid, graph.LogicalNot(large)), r, graph.ZerosLike(r)))
	next, transformed := transformedRejection(next, graph.Where(large, r, graph.ConstAs(r, many)))
	y := graph.ConvertDType(graph.Where(large, transformed, few), shape.DType)
	return next, graph.Where(valid, y, graph.Neg(graph.OnesLike(y)))
}

// countedEvents counts, for each rate, how many times between events, of the exponential distribution, have a sum below it.
func countedEvents(state, rate *graph.Node) (next, counts *graph.Node) {
	g, shape := state.Graph(), rate.Shape()
	if shape.Size() == 0 {
		return state, rate
	}
	begin := []*graph.Node{state, graph.ZerosLike(rate), graph.ZerosLike(rate), graph.IsPositive(rate)}
	cond := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		return []*graph.Node{graph.ReduceLogicalOr(parametersLike(g, begin)[3])}
	})
	body := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		s := parametersLike(g, begin)
		next, wait := Exponential(s[0], shape)
		passed := graph.Add(s[1], wait)
		goes := graph.LogicalAnd(s[3], graph.LessThan(passed, rate))
		return []*graph.Node{next, passed, graph.Where(goes, graph.OnePlus(s[2]), s[2]), goes}
	})
	end := graph.While(cond, body, begin...)
	return end[0], end[2]
}

// transformedRejection is PTRS, for rates of 10 and more.
func transformedRejection(state, rate *graph.Node) (next, counts *graph.Node) {
	shape := rate.Shape()
	logRate := graph.Log(rate)
	b := graph.AddScalar(graph.MulScalar(graph.Sqrt(rate), 2.53), 0.931)
	a := graph.SubScalar(graph.MulScalar(b, 0.02483), 0.059)
	inverseAlpha := graph.AddScalar(graph.MulScalar(graph.Reciprocal(graph.SubScalar(b, 3.4)), 1.1328), 1.1239)
	vr := graph.AddScalar(graph.MulScalar(graph.Reciprocal(graph.SubScalar(b, 2)), -3.6224), 0.9277)
	return untilAccepted(state, shape, func(state *graph.Node) (next, values, accepted *graph.Node) {
		next, u := graph.RandomUniform(state, shape)
		next, v := graph.RandomUniform(next, shape)
		u, v = graph.SubScalar(open(u), 0.5), open(v)
		us := graph.OneMinus(graph.AddScalar(graph.Abs(u), 0.5)) // 0.5 - |u|
		us = graph.MaxScalar(us, 0x1p-26)
		k := graph.Floor(graph.AddScalar(graph.Add(graph.Mul(graph.Add(graph.Div(graph.MulScalar(a, 2), us), b), u), rate), 0.43))
		at := func(x *graph.Node, v float64) *graph.Node { return graph.ConstAs(x, v) }
		quick := graph.LogicalAnd(graph.GreaterOrEqual(us, at(us, 0.07)), graph.LessOrEqual(v, vr))
		out := graph.LogicalOr(graph.IsNegative(k), graph.LogicalAnd(graph.LessThan(us, at(us, 0.013)), graph.GreaterThan(v, us)))
		left := graph.Log(graph.Div(graph.Mul(v, inverseAlpha), graph.Add(graph.Div(a, graph.Square(us)), b)))
		kk := graph.MaxScalar(k, 0)
		right := graph.Sub(graph.Sub(graph.Mul(kk, logRate), rate), graph.Lgamma(graph.OnePlus(kk)))
		return next, k, graph.LogicalOr(quick, graph.LogicalAnd(graph.LogicalNot(out), graph.LessOrEqual(left, right)))
	})
}

// broadcast returns a parameter as an array of shape.
func broadcast(op string, x *graph.Node, shape shapes.Shape) *graph.Node {
	if err := x.Shape().BroadcastableTo(shape.Dimensions...); err != nil {
		graph.Errorf("%s %s: the parameter cannot be broadcast to %s: %v", op, x.Shape(), shape.Dims(), err)
	}
	return graph.BroadcastToDims(graph.ConvertDType(axes.Unnamed(x), shape.DType), shape.Dimensions...)
}
