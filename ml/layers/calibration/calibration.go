// Package calibration has layers that bring single features into a range, by functions that can be read and that may be told to rise.
//
//	x = calibration.PiecewiseLinear(scope.In("age"), x, []float64{0, 20, 40, 60}).Monotonic(true).Done()
package calibration

import (
	"math/rand/v2"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/model"
)

// PiecewiseLinearBuilder is a calibration to be set up, see [PiecewiseLinear].
type PiecewiseLinearBuilder struct {
	scope     *model.Scope
	x         *graph.Node
	keypoints []float64
	min, max  float64
	monotonic bool
}

// PiecewiseLinear maps each feature by a polygon of its own:
//
//	y = v[k] + (v[k+1] - v[k]) · (x - t[k]) / (t[k+1] - t[k])   for t[k] ≤ x ≤ t[k+1]
//
// x is [..., F], a float; the result has its shape. t are the keypoints, two or more, rising, such as quantiles of the data; v are learned, [F, keypoints],
// and begin evenly from 0 to 1. Beyond the ends y is v at the end. With Monotonic v rises within the range for certain:
//
//	v = min + (max - min) · cumulative sum of softmax(steps),   v[0] = min
//
// Source: Gupta et al., "Monotonic Calibrated Interpolated Look-Up Tables", 2016, section 5, with steps by a softmax as in GoMLX.
func PiecewiseLinear(scope *model.Scope, x *graph.Node, keypoints []float64) *PiecewiseLinearBuilder {
	if x.Rank() == 0 || !x.DType().IsFloat() || len(keypoints) < 2 {
		graph.Errorf("PiecewiseLinear %s over %d keypoints: want floats [..., features] and 2 keypoints or more", x.Shape(), len(keypoints))
	}
	for k := 1; k < len(keypoints); k++ {
		if !(keypoints[k] > keypoints[k-1]) {
			graph.Errorf("PiecewiseLinear: keypoint %d is %g, not above the one before, %g", k, keypoints[k], keypoints[k-1])
		}
	}
	return &PiecewiseLinearBuilder{scope: scope.Layer("PiecewiseLinear", x), x: x, keypoints: keypoints, max: 1}
}

// Range sets the least and the largest value, from which v begins evenly, and which it keeps if it is monotonic; 0 and 1 unless set.
func (b *PiecewiseLinearBuilder) Range(min, max float64) *PiecewiseLinearBuilder {
	b.min, b.max = min, max
	return b
}

// Monotonic says whether the polygons rise, or fall if the range does.
func (b *PiecewiseLinearBuilder) Monotonic(value bool) *PiecewiseLinearBuilder {
	b.monotonic = value
	return b
}

// Done adds the layer to the graph and returns its result.
func (b *PiecewiseLinearBuilder) Done() *graph.Node {
	x, g, d, n := b.x, b.x.Graph(), b.x.DType(), len(b.keypoints)
	features := x.Dim(-1)
	// How far x has come in each part, 0 to 1: y is v[0] and all steps that it has taken.
	inverse := make([]float64, n-1)
	for k := range inverse {
		inverse[k] = 1 / (b.keypoints[k+1] - b.keypoints[k])
	}
	row := func(v []float64) *graph.Node { return graph.ExpandLeftToRank(graph.ConstAsDType(g, d, v), x.Rank()+1) }
	part := graph.Mul(graph.Sub(graph.ExpandAxes(x, -1), row(b.keypoints[:n-1])), row(inverse))
	part = graph.ClipScalar(part, 0, 1) // [..., F, n-1]
	var first, steps *graph.Node        // [F] and [F, n-1]
	if b.monotonic {
		s := b.scope.WithInitializer(initializers.Zero).VariableWithShape("steps", shapes.Make(d, features, n-1)).NodeValue(g)
		steps = graph.MulScalar(graph.Softmax(s, -1), b.max-b.min)
		first = graph.FillScalar(g, shapes.Make(d, features), b.min)
	} else {
		v := b.scope.WithInitializer(b.even).VariableWithShape("values", shapes.Make(d, features, n)).NodeValue(g)
		first = graph.Squeeze(graph.SliceAxis(v, 1, graph.AxisRange(0, 1)), 1)
		steps = graph.Sub(graph.SliceAxis(v, 1, graph.AxisRangeToEnd(1)), graph.SliceAxis(v, 1, graph.AxisRange(0, n-1)))
	}
	taken := graph.ReduceSum(graph.Mul(part, graph.ExpandLeftToRank(steps, part.Rank())), -1)
	return b.scope.Result(graph.Add(taken, graph.ExpandLeftToRank(first, taken.Rank())))
}

// even fills each row evenly over the range.
func (b *PiecewiseLinearBuilder) even(_ *rand.Rand, _ shapes.Shape, out []float64) {
	n := len(b.keypoints)
	for i := range out {
		out[i] = b.min + (b.max-b.min)*float64(i%n)/float64(n-1)
	}
}
