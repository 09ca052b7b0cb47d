package losses

import "github.com/quire-ml/quire/graph"

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
