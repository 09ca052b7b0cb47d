package layers

import (
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/model"
)

// LayerNormBuilder is a layer normalisation to be set up, see [LayerNorm].
type LayerNormBuilder struct {
	scope   *model.Scope
	x       *graph.Node
	axes    []int
	epsilon float64
	gain    bool
	offset  bool
}

// LayerNorm normalises each example over the given axes, the last one if none are given, and rescales it:
//
//	y = gain · (x - mean) / √(variance + epsilon) + offset
//
// x is a float; gain and offset have the sizes of the axes; the result has x's shape and dtype. Mean and
// variance are accumulated in float32 for narrower dtypes. epsilon is 1e-5 unless set.
//
// Source: Ba, Kiros and Hinton, "Layer Normalization", 2016, arXiv:1607.06450, eq. 4, with epsilon.
func LayerNorm(scope *model.Scope, x *graph.Node, normalizingAxes ...int) *LayerNormBuilder {
	needFloat(ops.LayerNorm.Name, x)
	return &LayerNormBuilder{scope: scope.Layer(ops.LayerNorm.Name, x), x: x, axes: normAxes(ops.LayerNorm.Name, x, normalizingAxes), epsilon: 1e-5, gain: true, offset: true}
}

// normAxes returns the axes sorted and counted from 0, the last one if there are none.
func normAxes(name string, x *graph.Node, axes []int) (out []int) {
	if len(axes) == 0 {
		axes = []int{-1}
	}
	for _, a := range axes {
		out = append(out, graph.MustAdjustAxis(a, x))
	}
	slices.Sort(out)
	if len(slices.Compact(slices.Clone(out))) != len(out) {
		graph.Errorf("%s %s: an axis stands twice in %v", name, x.Shape(), axes)
	}
	return out
}

// Epsilon sets what is added to the variance.
func (b *LayerNormBuilder) Epsilon(value float64) *LayerNormBuilder {
	b.epsilon = value
	return b
}

// LearnedGain says whether there is a gain.
func (b *LayerNormBuilder) LearnedGain(value bool) *LayerNormBuilder {
	b.gain = value
	return b
}

// LearnedOffset says whether there is an offset.
func (b *LayerNormBuilder) LearnedOffset(value bool) *LayerNormBuilder {
	b.offset = value
	return b
}

// Done adds the layer to the graph and returns its result.
func (b *LayerNormBuilder) Done() *graph.Node {
	gain := normScale(b.scope, b.x, b.axes, b.gain, "gain", initializers.One, graph.Ones)
	offset := normScale(b.scope, b.x, b.axes, b.offset, "offset", initializers.Zero, graph.Zeros)
	return b.scope.Result(graph.LayerNorm(b.x, gain, offset, b.epsilon, b.axes...))
}

// normScale returns a variable with the sizes of the axes, or, where none is learned, what such a one begins with.
func normScale(scope *model.Scope, x *graph.Node, axes []int, learned bool, name string, init initializers.Initializer, fixed func(*graph.Graph, shapes.Shape) *graph.Node) *graph.Node {
	s := shapes.Make(x.DType())
	for _, a := range axes {
		s.Dimensions = append(s.Dimensions, x.Dim(a))
	}
	if !learned {
		return fixed(x.Graph(), s)
	}
	return scope.WithInitializer(init).VariableWithShape(name, s).NodeValue(x)
}

// RMSNormBuilder is a root-mean-square normalisation to be set up, see [RMSNorm].
type RMSNormBuilder struct {
	scope   *model.Scope
	x       *graph.Node
	axes    []int
	epsilon float64
	gain    bool
}

// RMSNorm divides each example by its root mean square over the last axis, and rescales it:
//
//	y = gain · x / √(mean(x²) + epsilon)
//
// x is [..., C], a float; gain is [C]; the result has x's shape and dtype. The mean is accumulated in
// float32 for narrower dtypes. epsilon is 1e-6 unless set.
//
// Source: Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019, arXiv:1910.07467, eq. 4, with epsilon.
func RMSNorm(scope *model.Scope, x *graph.Node) *RMSNormBuilder {
	needFloat(ops.RMSNorm.Name, x)
	return &RMSNormBuilder{scope: scope.Layer(ops.RMSNorm.Name, x), x: x, axes: normAxes(ops.RMSNorm.Name, x, nil), epsilon: 1e-6, gain: true}
}

// Axes sets other axes than the last.
func (b *RMSNormBuilder) Axes(axes ...int) *RMSNormBuilder {
	b.axes = normAxes(ops.RMSNorm.Name, b.x, axes)
	return b
}

// Epsilon sets what is added to the mean square.
func (b *RMSNormBuilder) Epsilon(value float64) *RMSNormBuilder {
	b.epsilon = value
	return b
}

// LearnedGain says whether there is a gain.
func (b *RMSNormBuilder) LearnedGain(value bool) *RMSNormBuilder {
	b.gain = value
	return b
}

// Done adds the layer to the graph and returns its result.
func (b *RMSNormBuilder) Done() *graph.Node {
	gain := normScale(b.scope, b.x, b.axes, b.gain, "gain", initializers.One, graph.Ones)
	return b.scope.Result(graph.RMSNorm(b.x, gain, b.epsilon, b.axes...))
}
