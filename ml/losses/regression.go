package losses

import (
	"math"

	"github.com/quire-ml/quire/graph"
)

// MeanSquaredError returns the mean of
//
//	(prediction - label)²
//
// over all elements. Labels and predictions have the same shape and dtype, a float.
func MeanSquaredError(labels, predictions []*graph.Node) *graph.Node {
	y, p := samePair("MeanSquaredError", labels, predictions)
	return Reduce(graph.Square(graph.Sub(p, y)), labels)
}

// MeanAbsoluteError returns the mean of
//
//	|prediction - label|
//
// over all elements. Labels and predictions have the same shape and dtype, a float.
func MeanAbsoluteError(labels, predictions []*graph.Node) *graph.Node {
	y, p := samePair("MeanAbsoluteError", labels, predictions)
	return Reduce(graph.Abs(graph.Sub(p, y)), labels)
}

// MakeHuberLoss returns a loss that is quadratic for small errors d = prediction - label and linear for
// large ones, so that outliers pull with a limited force: the mean of
//
//	d²/2                      where |d| ≤ delta
//	delta · (|d| - delta/2)   elsewhere
//
// Labels and predictions have the same shape and dtype, a float; delta is above 0, and 1 is usual.
//
// Source: Huber, "Robust Estimation of a Location Parameter", 1964.
func MakeHuberLoss(delta float64) Fn {
	return func(labels, predictions []*graph.Node) *graph.Node {
		if !(delta > 0) {
			graph.Errorf("MakeHuberLoss: delta is %g, want more than 0", delta)
		}
		y, p := samePair("MakeHuberLoss", labels, predictions)
		d := graph.Abs(graph.Sub(p, y))
		near := graph.MinScalar(d, delta) // |d| where quadratic, delta where linear
		return Reduce(graph.Mul(near, graph.Sub(d, graph.MulScalar(near, 0.5))), labels)
	}
}

// EuclideanDistance returns, for labels and predictions [..., D] of the same float dtype, the mean over all but the last axis of
//
//	√(Σ_d (prediction_d - label_d)²)
//
// whose gradient is 0 where both are equal.
func EuclideanDistance(labels, predictions []*graph.Node) *graph.Node {
	y, p := classPair("EuclideanDistance", labels, predictions)
	return Reduce(length(graph.Sub(p, y)), labels)
}

// SquaredEuclideanDistance is [EuclideanDistance] without the root.
func SquaredEuclideanDistance(labels, predictions []*graph.Node) *graph.Node {
	y, p := classPair("SquaredEuclideanDistance", labels, predictions)
	return Reduce(graph.ReduceSum(graph.Square(graph.Sub(p, y)), -1), labels)
}

// length returns the norm over the last axis, with a gradient of 0 at 0.
func length(x *graph.Node) *graph.Node { return root(graph.ReduceSum(graph.Square(x), -1)) }

// root returns the root of what is not negative, with a gradient of 0 at 0.
func root(squares *graph.Node) *graph.Node {
	none := graph.IsZero(squares)
	return graph.Where(none, graph.ZerosLike(squares), graph.Sqrt(graph.Where(none, graph.OnesLike(squares), squares)))
}

// MakeAdaptivePowerLoss returns a loss of the distance d = |prediction - label| whose power depends on it, so that near and far errors pull as
// it is wanted: the mean of
//
//	d^power   with power = near + (far - near) · sigmoid(sharpness · (d - middle))
//
// in whose gradient the power counts as a constant. near and far are above 0: 2 and 1 make a loss like that of Huber. Labels and
// predictions have the same shape and dtype, a float.
//
// Source: GoMLX, MakeAdaptivePowerLoss.
func MakeAdaptivePowerLoss(near, far, middle, sharpness float64) Fn {
	return func(labels, predictions []*graph.Node) *graph.Node {
		if !(near > 0 && far > 0 && middle >= 0 && sharpness > 0) {
			graph.Errorf("MakeAdaptivePowerLoss: powers %g and %g and sharpness %g must be above 0, the middle %g not below", near, far, sharpness, middle)
		}
		y, p := samePair("MakeAdaptivePowerLoss", labels, predictions)
		d := graph.Abs(graph.Sub(p, y))
		power := graph.AddScalar(graph.MulScalar(graph.Sigmoid(graph.MulScalar(graph.AddScalar(d, -middle), sharpness)), far-near), near)
		none := graph.IsZero(d)
		loss := graph.Pow(graph.Where(none, graph.OnesLike(d), d), graph.StopGradient(power))
		return Reduce(graph.Where(none, graph.ZerosLike(d), loss), labels)
	}
}

// MakeQuantileLoss returns a loss that is least where the prediction is a quantile of the labels, the pinball loss: with e = label - prediction the
// mean of
//
//	max(q · e, (q - 1) · e)
//
// q is between 0 and 1; of 1/2 it is half of [MeanAbsoluteError]. Labels and predictions have the same shape and dtype, a float.
//
// Source: Koenker and Bassett, "Regression Quantiles", 1978.
func MakeQuantileLoss(q float64) Fn {
	return func(labels, predictions []*graph.Node) *graph.Node {
		if !(q > 0 && q < 1) {
			graph.Errorf("MakeQuantileLoss: q is %g, want a number between 0 and 1", q)
		}
		y, p := samePair("MakeQuantileLoss", labels, predictions)
		e := graph.Sub(y, p)
		// |e|/2 + (q - 1/2)·e, whose slope at 0 is that of the middle.
		return Reduce(graph.Add(graph.MulScalar(graph.Abs(e), 0.5), graph.MulScalar(e, q-0.5)), labels)
	}
}

// LogCosh returns the mean of
//
//	log cosh(d)   with d = prediction - label
//
// which is near d²/2 for small errors and |d| - log 2 for large ones. Labels and predictions have the same shape and dtype, a float.
func LogCosh(labels, predictions []*graph.Node) *graph.Node {
	y, p := samePair("LogCosh", labels, predictions)
	d := graph.Sub(p, y)
	return Reduce(graph.AddScalar(graph.Add(d, graph.Softplus(graph.MulScalar(d, -2))), -math.Ln2), labels)
}

// Poisson returns, for predictions p that are rates of events, above 0, and labels y that are numbers of them, the mean of
//
//	p - y · log p
//
// with p kept above 1e-7: -log of the probability, up to what does not depend on p. Labels and predictions have the same shape
// and dtype, a float.
func Poisson(labels, predictions []*graph.Node) *graph.Node {
	y, p := samePair("Poisson", labels, predictions)
	return Reduce(graph.Sub(p, graph.Mul(y, logOf(p))), labels)
}

// PoissonLogits is [Poisson] of p = exp(x), for predictions x: exp(x) - y · x.
func PoissonLogits(labels, logits []*graph.Node) *graph.Node {
	y, x := samePair("PoissonLogits", labels, logits)
	return Reduce(graph.Sub(graph.Exp(x), graph.Mul(y, x)), labels)
}

// GaussianNegativeLogLikelihood returns, for two predictions, mean and variance v of a normal distribution for each label y, the mean of
//
//	(log v + (y - mean)² / v) / 2
//
// with v kept above 1e-6: -log of the density, without log(2π)/2. All have the same shape and dtype, a float.
//
// Source: Nix and Weigend, "Estimating the mean and variance of the target probability distribution", 1994, eq. 4.
func GaussianNegativeLogLikelihood(labels, predictions []*graph.Node) *graph.Node {
	const name = "GaussianNegativeLogLikelihood"
	y, mean := samePair(name, labels, predictions)
	v := second(name, "variances", labels, predictions)
	v = graph.MaxScalar(v, 1e-6)
	return Reduce(graph.MulScalar(graph.Add(graph.Log(v), graph.Div(graph.Square(graph.Sub(y, mean)), v)), 0.5), labels)
}

// second returns the second prediction, which must be like the first.
func second(name, what string, labels, predictions []*graph.Node) *graph.Node {
	if len(predictions) < 2 {
		graph.Errorf("%s: there are not two predictions: the second one is of %s", name, what)
	}
	a, b := predictions[0], predictions[1]
	if !a.Shape().Equal(b.Shape()) {
		graph.Errorf("%s: predictions %s and %s, of %s: they must have the same shape and dtype", name, a.Shape(), b.Shape(), what)
	}
	return values(b, labels)
}
