package layers

import (
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
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
	needFloat("LayerNorm", x)
	return &LayerNormBuilder{scope: scope, x: x, axes: normAxes("LayerNorm", x, normalizingAxes), epsilon: 1e-5, gain: true, offset: true}
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
	x, epsilon := inRange(b.x, b.axes, b.epsilon)
	x = graph.Sub(x, graph.ReduceAndKeep(x, graph.ReduceMean, b.axes...))
	variance := graph.ReduceAndKeep(graph.Square(x), graph.ReduceMean, b.axes...)
	y := graph.Mul(x, graph.Rsqrt(graph.Add(variance, epsilon)))
	return affine(b.scope, graph.ConvertDType(y, b.x.DType()), b.axes, b.gain, b.offset)
}

// inRange returns x and epsilon as norms compute with them, in float32 for a narrower x. Float32 has no more range than
// bfloat16, and cannot square its large numbers: these are made smaller by a power of two, which the norm does not show,
// and epsilon, nothing beside them, only keeps 0/0 away.
func inRange(x *graph.Node, axes []int, epsilon float64) (y, eps *graph.Node) {
	y = graph.ConvertDType(x, wide(x.DType()))
	eps = graph.ConstAs(y, epsilon)
	if x.DType() != dtypes.BFloat16 {
		return y, eps
	}
	largest := graph.StopGradient(graph.ReduceAndKeep(graph.Abs(y), graph.ReduceMax, axes...))
	large := graph.GreaterThan(largest, graph.ConstAs(y, 0x1p44))
	scale := graph.Where(large, graph.ConstAs(y, 0x1p-70), graph.ConstAs(y, 1))
	return graph.Mul(y, scale), graph.Where(large, graph.ConstAs(y, 0x1p-120), eps)
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
	needFloat("RMSNorm", x)
	return &RMSNormBuilder{scope: scope, x: x, axes: normAxes("RMSNorm", x, nil), epsilon: 1e-6, gain: true}
}

// Axes sets other axes than the last.
func (b *RMSNormBuilder) Axes(axes ...int) *RMSNormBuilder {
	b.axes = normAxes("RMSNorm", b.x, axes)
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
	x, epsilon := inRange(b.x, b.axes, b.epsilon)
	square := graph.ReduceAndKeep(graph.Square(x), graph.ReduceMean, b.axes...)
	y := graph.Mul(x, graph.Rsqrt(graph.Add(square, epsilon)))
	return affine(b.scope, graph.ConvertDType(y, b.x.DType()), b.axes, b.gain, false)
}
