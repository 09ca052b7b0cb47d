// Package random draws from distributions. Uniform, normal, Bernoulli and whole numbers, permutations and shuffles have functions in package
// graph, [graph.RandomUniform] and its kin, which engines have kernels for; those here are made of them.
//
// All take the state of a generator, which they return advanced: whoever draws twice from one state gets the same numbers twice. States
// come from [graph.RNGStateFromSeedForGraph], or a model's scope, and split. The same state gives the same numbers on every engine, but for
// the rounding of functions. Parameters are broadcast to the shape of the numbers. Where numbers are a smooth function of
// a parameter and of noise that does not depend on it, gradients flow to the parameter; doc says so where none does.
//
// The functions panic with [graph.Error] if shapes or dtypes do not fit.
//
// JAX's own generators are in packages threefry and rbg.
package random

import (
	"math"
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/internal/axes"
	"github.com/quire-ml/quire/graph/shapes"
)

// mostStates is of how many states each is a node of its own.
const mostStates = 1 << 16

// Split returns n states whose numbers have nothing to do with each other, nor with those of state.
func Split(state *graph.Node, n int) []*graph.Node {
	needState("random.Split", state)
	if n < 0 || n > mostStates {
		graph.Errorf("random.Split: there cannot be %d states: want 0 to %d", n, mostStates)
	}
	states := make([]*graph.Node, n)
	for i := range states {
		state, states[i] = graph.RNGStateSplit(state)
	}
	return states
}

// Exponential returns numbers of the exponential distribution of rate 1, with density exp(-x): -log(1 - u), u uniform over [0, 1).
// Divided by a rate they have that rate. The dtype is a float; for float32 the largest is 16.6.
func Exponential(state *graph.Node, shape shapes.Shape) (next, values *graph.Node) {
	next, u := uniform("random.Exponential", state, shape)
	return next, narrow(graph.Neg(graph.Log1p(graph.Neg(u))), shape)
}

// Gumbel returns numbers of the standard Gumbel distribution, of the largest of many: -log(-log(u)), u uniform over (0, 1). The dtype is a
// float. The place of the largest of logits with Gumbel numbers added is a draw of [Categorical].
func Gumbel(state *graph.Node, shape shapes.Shape) (next, values *graph.Node) {
	next, u := uniform("random.Gumbel", state, shape)
	return next, narrow(gumbelOf(u), shape)
}

func gumbelOf(u *graph.Node) *graph.Node { return graph.Neg(graph.Log(graph.Neg(graph.Log(open(u))))) }

// Laplace returns numbers of the Laplace distribution of mean 0 and scale 1, with density exp(-|x|)/2. The dtype is a float.
func Laplace(state *graph.Node, shape shapes.Shape) (next, values *graph.Node) {
	next, u := uniform("random.Laplace", state, shape)
	u = graph.MinusOne(graph.MulScalar(open(u), 2)) // over (-1, 1)
	return next, narrow(graph.Neg(graph.Mul(graph.Sign(u), graph.Log1p(graph.Neg(graph.Abs(u))))), shape)
}

// TruncatedNormal returns numbers of the standard normal distribution of which only those from lower to upper are kept. The dtype is a
// float.
//
//	y = √2 · erf⁻¹(v),  v uniform between erf(lower/√2) and erf(upper/√2)
func TruncatedNormal(state *graph.Node, lower, upper float64, shape shapes.Shape) (next, values *graph.Node) {
	if !(lower < upper) {
		graph.Errorf("random.TruncatedNormal: the range is from %v to %v: the first must be the smaller one", lower, upper)
	}
	next, u := uniform("random.TruncatedNormal", state, shape)
	from, to := math.Erf(lower/math.Sqrt2), math.Erf(upper/math.Sqrt2)
	v := graph.AddScalar(graph.MulScalar(open(u), to-from), from)
	y := graph.MulScalar(graph.ErfInv(v), math.Sqrt2)
	return next, narrow(graph.ClipScalar(y, lower, upper), shape)
}

// Categorical returns the numbers of categories, int32, each drawn with the probability that softmax gives it:
//
//	P(y = k) = exp(logits[…, k]) / Σ_j exp(logits[…, j])
//
// logits is [b…, K], a float; the result is [samples…, b…]. A logit of -∞ is never drawn. It has no gradient.
func Categorical(state, logits *graph.Node, samples ...int) (next, values *graph.Node) {
	needState("random.Categorical", state)
	needFloat("random.Categorical", logits, "the logits")
	if logits.Rank() == 0 {
		graph.Errorf("random.Categorical: the logits are a scalar: their last axis is the categories")
	}
	shape := shapes.Make(wideOf(logits.DType()), append(append([]int(nil), samples...), logits.Shape().Dimensions...)...)
	next, noise := Gumbel(state, shape)
	return next, graph.ArgMax(graph.Add(graph.ConvertDType(axes.Unnamed(logits), shape.DType), noise), -1)
}

// MultivariateNormal returns vectors of the normal distribution of some mean and covariance:
//
//	y = mean + L·z,  L·Lᴴ = covariance,  z standard normal
//
// mean is [b…, N], covariance [b…, N, N], positive definite, float32 or float64; the result is [samples…, b…, N]. Gradients flow to both.
func MultivariateNormal(state, mean, covariance *graph.Node, samples ...int) (next, values *graph.Node) {
	needState("random.MultivariateNormal", state)
	needFloat("random.MultivariateNormal", mean, "the mean")
	needFloat("random.MultivariateNormal", covariance, "the covariance")
	n := mean.Rank()
	if n == 0 || covariance.Rank() != n+1 || mean.DType() != covariance.DType() || !slices.Equal(covariance.Shape().Dimensions, append(append([]int(nil), mean.Shape().Dimensions...), mean.Dim(-1))) {
		graph.Errorf("random.MultivariateNormal %s · %s: a mean of [b…, N] needs a covariance of [b…, N, N], of its dtype", mean.Shape(), covariance.Shape())
	}
	mean, covariance = axes.Unnamed(mean), axes.Unnamed(covariance)
	shape := shapes.Make(mean.DType(), append(append([]int(nil), samples...), mean.Shape().Dimensions...)...)
	next, z := graph.RandomNormal(state, shape)
	factor := graph.Cholesky(covariance, true)
	moved := graph.Squeeze(graph.MatMul(factor, graph.ExpandAxes(z, -1)), -1)
	return next, graph.Add(mean, moved)
}

// Choice returns n parts of x along its leading axis, drawn with probabilities p, a vector of floats whose sum need not be 1, or all alike:
// with replacement, the same part perhaps more than once, or without. The gradient goes back to the parts.
func Choice(state, x *graph.Node, n int, replace bool, p ...*graph.Node) (next, values *graph.Node) {
	needState("random.Choice", state)
	switch {
	case x == nil:
		graph.Errorf("random.Choice: what to choose from is nil")
	case x.Rank() == 0:
		graph.Errorf("random.Choice: what to choose from is a scalar: it needs a leading axis")
	case n < 0 || !replace && n > x.Dim(0) || n > 0 && x.Dim(0) == 0:
		graph.Errorf("random.Choice %s: %d parts cannot be chosen from %d", x.Shape(), n, x.Dim(0))
	case len(p) > 1:
		graph.Errorf("random.Choice: %d arrays of probabilities were given, not one", len(p))
	case len(p) == 1:
		needFloat("random.Choice", p[0], "the probabilities")
		if p[0].Rank() != 1 || p[0].Dim(0) != x.Dim(0) {
			graph.Errorf("random.Choice %s · %s: each of the %d parts needs a probability", x.Shape(), p[0].Shape(), x.Dim(0))
		}
	}
	var at *graph.Node
	switch {
	case len(p) == 0 && replace && n > 0:
		next, at = graph.RandomIntN(state, x.Dim(0), shapes.Make(dtypes.Int32, n))
	case len(p) == 0:
		next, at = graph.RandomPermutation(state, x.Dim(0))
		at = graph.SliceAxis(at, 0, graph.AxisRange(0, n))
	case replace:
		next, at = Categorical(state, graph.Log(p[0]), n)
	default: // the n largest of logits with Gumbel numbers: those drawn one after the other
		var noise *graph.Node
		next, noise = Gumbel(state, p[0].Shape().WithDType(wideOf(p[0].DType())))
		_, at = graph.TopK(graph.Add(graph.Log(graph.ConvertDType(p[0], noise.DType())), noise), n, 0)
	}
	return next, graph.Gather(axes.Unnamed(x), graph.ExpandAxes(at, -1))
}

// uniform returns numbers over [0, 1), of float32 or wider.
func uniform(op string, state *graph.Node, shape shapes.Shape) (next, u *graph.Node) {
	needState(op, state)
	if err := shape.Check(); err != nil || !shape.DType.IsFloat() {
		graph.Errorf("%s: the shape of the numbers, %s, is none of floats", op, shape)
	}
	return graph.RandomUniform(state, shape.WithDType(wideOf(shape.DType)))
}

// open moves u off 0: to half of its smallest step.
func open(u *graph.Node) *graph.Node {
	least := 0x1p-25
	if u.DType() == dtypes.Float64 {
		least = 0x1p-54
	}
	return graph.MaxScalar(u, least)
}

func wideOf(d dtypes.DType) dtypes.DType {
	if d == dtypes.Float64 {
		return d
	}
	return dtypes.Float32
}

func narrow(x *graph.Node, shape shapes.Shape) *graph.Node { return graph.ConvertDType(x, shape.DType) }

func needState(op string, state *graph.Node) {
	if state == nil {
		graph.Errorf("%s: the state is nil: take one of graph.RNGStateFromSeedForGraph, or of a scope", op)
	}
}

func needFloat(op string, x *graph.Node, what string) {
	switch {
	case x == nil:
		graph.Errorf("%s: %s: nil", op, what)
	case !x.DType().IsFloat():
		graph.Errorf("%s: %s: %s is not a float (convert it with ConvertDType)", op, what, x.Shape())
	}
}
