// Package norm has normalisations besides those of package layers: over groups of channels and single channels, of weights, and without
// statistics; and chooses one by its name.
//
//	x = norm.Group(scope.In("norm"), x, 8).Done() // [B, H, W, C]
//	x = norm.ByName(scope.In("last"), "rms", x)
package norm

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/names"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"
)

// GroupBuilder is a normalisation over groups of channels to be set up, see [Group].
type GroupBuilder struct {
	scope   *model.Scope
	x       *graph.Node
	groups  int
	epsilon float64
	gain    bool
	offset  bool
}

// Group normalises each example over groups of its channels and all places, and rescales it:
//
//	y = gain · (x - mean) / √(variance + epsilon) + offset
//
// x is [B, spatial…, C], a float; mean and variance are those of C/groups channels over all places, accumulated in float32 for narrower
// dtypes; gain and offset are [C]; the result has x's shape and dtype. epsilon is 1e-5 unless set.
//
// Source: Wu and He, "Group Normalization", 2018, arXiv:1803.08494, eq. 1 to 4.
func Group(scope *model.Scope, x *graph.Node, groups int) *GroupBuilder {
	if x.Rank() < 2 || !x.DType().IsFloat() || groups < 1 || x.Dim(-1)%groups != 0 || x.Dim(-1) == 0 {
		graph.Errorf("Group %s: %d groups: want floats [batch, spatial axes, channels] and a divisor of the channels", x.Shape(), groups)
	}
	return &GroupBuilder{scope: scope.Layer("Group", x), x: x, groups: groups, epsilon: 1e-5, gain: true, offset: true}
}

// Instance normalises each channel of each example over all places: it is [Group] with as many groups as channels.
//
//	y = gain · (x - mean) / √(variance + epsilon) + offset
//
// x is [B, spatial…, C], a float.
//
// Source: Ulyanov, Vedaldi and Lempitsky, "Instance Normalization", 2016, arXiv:1607.08022, eq. 1, with gain and offset.
func Instance(scope *model.Scope, x *graph.Node) *GroupBuilder {
	if x.Rank() < 3 {
		graph.Errorf("Instance %s: want floats [batch, spatial axes, channels]", x.Shape())
	}
	return Group(scope, x, x.Dim(-1))
}

// Epsilon sets what is added to the variance.
func (b *GroupBuilder) Epsilon(value float64) *GroupBuilder {
	b.epsilon = value
	return b
}

// LearnedGain says whether there is a gain.
func (b *GroupBuilder) LearnedGain(value bool) *GroupBuilder {
	b.gain = value
	return b
}

// LearnedOffset says whether there is an offset.
func (b *GroupBuilder) LearnedOffset(value bool) *GroupBuilder {
	b.offset = value
	return b
}

// Done adds the layer to the graph and returns its result.
func (b *GroupBuilder) Done() *graph.Node {
	channels := b.x.Dim(-1)
	each := channels / b.groups
	x := graph.Reshape(b.x, b.x.Dim(0), -1, b.groups, each)
	one := shapes.Make(x.DType(), x.Dim(1), each)
	g := x.Graph()
	x = graph.Transpose(x, 1, 2) // [B, groups, places, each], normalised over the last two
	x = graph.LayerNorm(x, graph.Ones(g, one), graph.Zeros(g, one), b.epsilon, 2, 3)
	y := graph.ReshapeWithShape(graph.Transpose(x, 1, 2), b.x.Shape())
	if b.gain {
		y = graph.Mul(y, vector(b.scope, y, "gain", initializers.One))
	}
	if b.offset {
		y = graph.Add(y, vector(b.scope, y, "offset", initializers.Zero))
	}
	return b.scope.Result(y)
}

// vector returns a variable with a number for each channel of x.
func vector(scope *model.Scope, x *graph.Node, name string, init initializers.Initializer) *graph.Node {
	return scope.WithInitializer(init).VariableWithShape(name, shapes.Make(x.DType(), x.Dim(-1))).NodeValue(x)
}

// DyT squashes values in the place of a norm, without statistics:
//
//	y = gain · tanh(alpha · x) + offset
//
// x is [..., C], a float; alpha is one number, which begins with 1/2, gain and offset are [C].
//
// Source: Zhu et al., "Transformers without Normalization", 2025, arXiv:2503.10622, eq. 4.
func DyT(scope *model.Scope, x *graph.Node) *graph.Node {
	if x.Rank() == 0 || !x.DType().IsFloat() {
		graph.Errorf("DyT %s: want floats [..., channels]", x.Shape())
	}
	scope = scope.Layer("DyT", x)
	alpha := scope.WithInitializer(initializers.ConstantFn(0.5)).VariableWithShape("alpha", shapes.Make(x.DType())).NodeValue(x)
	y := graph.Mul(vector(scope, x, "gain", initializers.One), graph.Tanh(graph.Mul(alpha, x)))
	return scope.Result(graph.Add(y, vector(scope, x, "offset", initializers.Zero)))
}

// ParamNormalization is the hyperparameter of [FromScope].
const ParamNormalization = "normalization"

// byName are the norms by name.
var byName = map[string]func(scope *model.Scope, x *graph.Node) *graph.Node{
	"none":     func(_ *model.Scope, x *graph.Node) *graph.Node { return x },
	"layer":    func(s *model.Scope, x *graph.Node) *graph.Node { return layers.LayerNorm(s, x).Done() },
	"rms":      func(s *model.Scope, x *graph.Node) *graph.Node { return layers.RMSNorm(s, x).Done() },
	"batch":    func(s *model.Scope, x *graph.Node) *graph.Node { return layers.BatchNorm(s, x, -1).Done() },
	"instance": func(s *model.Scope, x *graph.Node) *graph.Node { return Instance(s, x).Done() },
	"group": func(s *model.Scope, x *graph.Node) *graph.Node {
		groups := 1 // the largest power of two up to 32 that divides the channels
		for groups < 32 && x.Rank() > 0 && x.Dim(-1)%(2*groups) == 0 {
			groups *= 2
		}
		return Group(s, x, groups).Done()
	},
	"dyt": DyT,
}

func init() {
	model.RegisterParam(ParamNormalization, "layer", "normalization by name: "+strings.Join(Names(), ", "))
}

// Names returns the names that [ByName] knows, sorted.
func Names() []string { return slices.Sorted(maps.Keys(byName)) }

// ByName normalises x by the norm of that name, with its defaults; "none" is the identity. "group" has 32 groups, or the largest power
// of 2 that divides the channels:
//
//	y = norm(x)
//
// It panics with [graph.Error] if the name is unknown.
//
// Source: that of the norm.
func ByName(scope *model.Scope, name string, x *graph.Node) *graph.Node {
	fn := byName[name]
	if fn == nil {
		graph.Errorf("norm %q is unknown%s (want one of %s)", name, names.Hint(name, Names()), strings.Join(Names(), ", "))
	}
	return fn(scope, x)
}

// FromScope is [ByName] with the name of the hyperparameter "normalization", "layer" unless set:
//
//	y = norm(x)
//
// Source: that of the norm.
func FromScope(scope *model.Scope, x *graph.Node) *graph.Node {
	return ByName(scope, model.GetParamOr(scope, ParamNormalization, "layer"), x)
}

// wide is the dtype in which norms of weights are computed.
func wide(d dtypes.DType) dtypes.DType {
	if d == dtypes.Float64 {
		return d
	}
	return dtypes.Float32
}

// Weight returns weights whose length is learned apart from their direction:
//
//	w' = gain · w / ‖w‖
//
// w is [..., Out], a float; the norm is that over all axes but the last, gain is a vector of Out numbers. It begins with the norms of the weights if they
// are the variable at the scope's path, as they are in [model.Store.WrapVariables], else with 1.
//
// Source: Salimans and Kingma, "Weight Normalization", 2016, arXiv:1602.07868, eq. 2.
func Weight(scope *model.Scope, w *graph.Node) *graph.Node {
	scope = needWeights("Weight", scope, w)
	gain := Lengths(scope, "gain", w)
	return graph.Mul(w, graph.Div(gain, ColumnNorms(w)))
}

func needWeights(name string, scope *model.Scope, w *graph.Node) *model.Scope {
	if w.Rank() < 1 || !w.DType().IsFloat() {
		graph.Errorf("%s %s: want floats [..., outputs]", name, w.Shape())
	}
	return scope.Layer(name, w)
}

// ColumnNorms returns √(Σ w²) over all axes of w but the last, a vector of Out numbers in w's dtype; at least 1e-15, of a float16 2⁻¹⁴, its least
// normal number, so that a column of zeros is divided by, and has a gradient, that is a number.
func ColumnNorms(w *graph.Node) *graph.Node {
	d := w.DType()
	x := graph.Reshape(graph.ConvertDType(w, wide(d)), -1, w.Dim(-1))
	square := graph.ReduceSum(graph.Square(x), 0)
	least := graph.ConstAs(square, 1e-30)
	if d == dtypes.Float16 {
		least = graph.ConstAs(square, math.Exp2(-28))
	}
	return graph.ConvertDType(graph.Sqrt(graph.Max(square, least)), d)
}

// Lengths returns the variable of the given name that holds a number for each output of weights w: it begins with [ColumnNorms] of the variable at
// the scope's path, or with 1 if there is none:
//
//	lengths[o] = √(Σ w[..., o]²)
//
// Source: Salimans and Kingma 2016, section 2.
func Lengths(scope *model.Scope, name string, w *graph.Node) *graph.Node {
	out := w.Dim(-1)
	v := scope.Store().GetVariable(scope.Path())
	// Where one dtype is computed in and another one kept, w has the first and the variable the second.
	if v == nil || scope.GetVariable(name) != nil || !v.Shape().EqualDimensions(w.Shape()) {
		return vector(scope, w, name, initializers.One)
	}
	value, err := v.Value()
	if err != nil {
		graph.Errorf("%w", err)
	}
	norms := make([]float64, out)
	for i := range value.Size() {
		x := value.Float64At(i)
		norms[i%out] += x * x
	}
	return vector(scope, w, name, func(_ *rand.Rand, _ shapes.Shape, first []float64) {
		for i, n := range norms {
			first[i] = math.Sqrt(n)
		}
	})
}

// Spectral returns weights divided by their largest singular value:
//
//	v ← wᵀu / ‖wᵀu‖,   u ← w·v / ‖w·v‖        one step in each graph that trains
//	w' = w / (uᵀ·w·v)
//
// w is [..., Out], a float, read as a matrix [Out, all others]; u, a vector of Out numbers, is kept in a variable that is not trained, and begins at random.
//
// Source: Miyato, Kataoka, Koyama and Yoshida, "Spectral Normalization for Generative Adversarial Networks", 2018, arXiv:1802.05957,
// algorithm 1.
func Spectral(scope *model.Scope, w *graph.Node) *graph.Node {
	scope = needWeights("Spectral", scope, w)
	g, d := w.Graph(), wide(w.DType())
	m := graph.Reshape(graph.ConvertDType(w, d), -1, w.Dim(-1)) // [all others, Out]
	uVar := scope.WithInitializer(initializers.RandomNormalFn(1)).VariableWithShape("u", shapes.Make(d, w.Dim(-1))).SetTrainable(false)
	unit := func(x *graph.Node) *graph.Node {
		return graph.Div(x, graph.MaxScalar(graph.Sqrt(graph.ReduceAllSum(graph.Square(x))), 1e-12)) // 1e-12: PyTorch's
	}
	u, fixed := unit(uVar.NodeValue(g)), graph.StopGradient(m) // the first u has any length
	v := unit(graph.MatMul(fixed, u))                          // [all others]
	if scope.IsTraining(g) {
		u = unit(graph.MatMul(v, fixed))
		uVar.SetNodeValue(u)
	}
	sigma := graph.DotProduct(graph.MatMul(graph.StopGradient(v), m), graph.StopGradient(u))
	return graph.ReshapeWithShape(graph.ConvertDType(graph.Div(m, sigma), w.DType()), w.Shape())
}
