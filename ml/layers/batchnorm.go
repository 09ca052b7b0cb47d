package layers

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/model"
)

// BatchNormBuilder is a batch normalisation to be set up, see [BatchNorm].
type BatchNormBuilder struct {
	scope    *model.Scope
	x        *graph.Node
	axis     int
	momentum float64
	epsilon  float64
	gain     bool
	offset   bool
	frozen   bool
}

// BatchNorm normalises each feature over the batch, and rescales it:
//
//	y = gain · (x - mean) / √(variance + epsilon) + offset
//
// While training, mean and (biased) variance are those of the batch, over all axes but featureAxis, and
// the averages that evaluation uses move towards them:
//
//	average ← momentum · average + (1 - momentum) · batch
//
// x is a float; gain, offset and the averages are [size of featureAxis], the latter in float32 (float64
// for float64), as is all that is summed. momentum is 0.9, epsilon 1e-5 unless set. Averages begin with
// mean 0 and variance 1.
//
// Source: Ioffe and Szegedy, "Batch Normalization", 2015, arXiv:1502.03167, algorithms 1 and 2, with
// moving averages for the population's statistics.
func BatchNorm(scope *model.Scope, x *graph.Node, featureAxis int) *BatchNormBuilder {
	needFloat("BatchNorm", x)
	if x.Rank() < 2 {
		graph.Errorf("BatchNorm %s: want a batch axis and a feature axis", x.Shape())
	}
	return &BatchNormBuilder{scope: scope.Layer("BatchNorm", x), x: x, axis: graph.MustAdjustAxis(featureAxis, x), momentum: 0.9, epsilon: 1e-5, gain: true, offset: true}
}

// Momentum sets how slowly the averages move.
func (b *BatchNormBuilder) Momentum(value float64) *BatchNormBuilder {
	b.momentum = value
	return b
}

// Epsilon sets what is added to the variance.
func (b *BatchNormBuilder) Epsilon(value float64) *BatchNormBuilder {
	b.epsilon = value
	return b
}

// LearnedGain says whether there is a gain.
func (b *BatchNormBuilder) LearnedGain(value bool) *BatchNormBuilder {
	b.gain = value
	return b
}

// LearnedOffset says whether there is an offset.
func (b *BatchNormBuilder) LearnedOffset(value bool) *BatchNormBuilder {
	b.offset = value
	return b
}

// FrozenAverages lets training use the averages too, and leave them as they are.
func (b *BatchNormBuilder) FrozenAverages(value bool) *BatchNormBuilder {
	b.frozen = value
	return b
}

// Done adds the layer to the graph and returns its result.
func (b *BatchNormBuilder) Done() *graph.Node {
	if !(b.momentum >= 0 && b.momentum <= 1 && b.epsilon >= 0) {
		graph.Errorf("BatchNorm: momentum %g must be in [0, 1], epsilon %g not negative", b.momentum, b.epsilon)
	}
	g := b.x.Graph()
	x := graph.ConvertDType(b.x, wide(b.x.DType()))
	average := func(name string, init initializers.Initializer) *model.Variable {
		return b.scope.WithInitializer(init).VariableWithShape(name, shapes.Make(x.DType(), x.Dim(b.axis))).SetTrainable(false)
	}
	meanVar, varianceVar := average("mean", initializers.Zero), average("variance", initializers.One)
	mean, variance := meanVar.NodeValue(g), varianceVar.NodeValue(g)
	if b.scope.IsTraining(g) && !b.frozen {
		mean, variance = moments(x, b.axis) // [C]
		b.move(meanVar, mean)
		b.move(varianceVar, variance)
	}
	y := graph.Mul(graph.Sub(x, b.expand(mean)), graph.Rsqrt(graph.AddScalar(b.expand(variance), b.epsilon)))
	y = graph.ConvertDType(y, b.x.DType())
	return b.scope.Result(affine(b.scope, y, []int{b.axis}, b.gain, b.offset))
}

// move moves an average towards the batch's value.
func (b *BatchNormBuilder) move(v *model.Variable, batch *graph.Node) {
	old := graph.MulScalar(v.NodeValue(batch), b.momentum)
	v.SetNodeValue(graph.Add(old, graph.MulScalar(graph.StopGradient(batch), 1-b.momentum)))
}

// expand gives a vector of features the rank of x.
func (b *BatchNormBuilder) expand(v *graph.Node) *graph.Node {
	dims := make([]int, b.x.Rank())
	for i := range dims {
		dims[i] = 1
	}
	dims[b.axis] = b.x.Dim(b.axis)
	return graph.Reshape(v, dims...)
}

// moments returns mean and biased variance over all axes but one, in two passes.
func moments(x *graph.Node, axis int) (mean, variance *graph.Node) {
	var axes []int
	for i := range x.Rank() {
		if i != axis {
			axes = append(axes, i)
		}
	}
	centre := graph.ReduceAndKeep(x, graph.ReduceMean, axes...)
	return graph.Reshape(centre, x.Dim(axis)), graph.ReduceMean(graph.Square(graph.Sub(x, centre)), axes...)
}

// affine returns gain·y + offset, variables over the given axes of y, each if asked for.
func affine(scope *model.Scope, y *graph.Node, axes []int, gain, offset bool) *graph.Node {
	var dims []int
	full := make([]int, y.Rank())
	for i := range full {
		full[i] = 1
	}
	for _, a := range axes {
		dims = append(dims, y.Dim(a))
		full[a] = y.Dim(a)
	}
	variable := func(name string, init initializers.Initializer) *graph.Node {
		v := scope.WithInitializer(init).VariableWithShape(name, shapes.Make(y.DType(), dims...))
		return graph.Reshape(v.NodeValue(y), full...)
	}
	if gain {
		y = graph.Mul(y, variable("gain", initializers.One))
	}
	if offset {
		y = graph.Add(y, variable("offset", initializers.Zero))
	}
	return y
}

// wide returns the dtype in which statistics are computed: float32 for narrower floats.
func wide(dtype dtypes.DType) dtypes.DType {
	if dtype == dtypes.Float64 {
		return dtype
	}
	return dtypes.Float32
}
