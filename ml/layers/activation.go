package layers

import (
	"maps"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/names"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/model"
)

// ParamActivation is the hyperparameter of [ActivationFromScope].
const ParamActivation = "activation"

// activations are the functions by name.
var activations = map[string]func(x *graph.Node) *graph.Node{
	"none":             func(x *graph.Node) *graph.Node { return x },
	"relu":             graph.Relu,
	"leaky_relu":       func(x *graph.Node) *graph.Node { return LeakyRelu(x, 0.01) },
	"elu":              func(x *graph.Node) *graph.Node { return Elu(x, 1) },
	"selu":             Selu,
	"gelu":             graph.Gelu,
	"gelu_approximate": graph.GeluApproximate,
	"silu":             graph.Silu,
	"sigmoid":          graph.Sigmoid,
	"hard_sigmoid":     HardSigmoid,
	"hard_swish":       HardSwish,
	"tanh":             graph.Tanh,
	"softplus":         graph.Softplus,
	"mish":             Mish,
	"softsign":         softsign,
	"celu":             func(x *graph.Node) *graph.Node { return Elu(x, 1) }, // with alpha 1 they are one
	"relu6":            func(x *graph.Node) *graph.Node { return graph.ClipScalar(x, 0, 6) },
	"hard_tanh":        func(x *graph.Node) *graph.Node { return graph.ClipScalar(x, -1, 1) },
	"log_sigmoid":      func(x *graph.Node) *graph.Node { return graph.Neg(graph.Softplus(graph.Neg(x))) },
	"tanh_shrink":      func(x *graph.Node) *graph.Node { return graph.Sub(x, graph.Tanh(x)) },
	"soft_shrink":      softShrink,
	"hard_shrink":      hardShrink,
	"squared_relu":     func(x *graph.Node) *graph.Node { return graph.Square(graph.Relu(x)) },
}

func init() {
	model.RegisterParam(ParamActivation, "relu", "activation function by name: "+strings.Join(ActivationNames(), ", "))
}

// ActivationNames returns the names that [Activation] knows, sorted.
func ActivationNames() []string { return slices.Sorted(maps.Keys(activations)) }

// Activation applies an activation function by name, such as "relu" or "gelu"; "none" is the identity.
// "swish" is another name of "silu". Those that have a function of their own are explained there; "celu" is Elu with alpha 1, and the
// thresholds of "soft_shrink" and "hard_shrink" are 1/2. It panics with [graph.Error] if the name is unknown.
func Activation(name string, x *graph.Node) *graph.Node {
	if name == "swish" {
		name = "silu"
	}
	fn := activations[name]
	if fn == nil {
		graph.Errorf("Activation %q is unknown%s (want one of %s)", name, names.Hint(name, ActivationNames()), strings.Join(ActivationNames(), ", "))
	}
	return fn(x)
}

// ActivationFromScope is [Activation] with the name of the hyperparameter "activation", "relu" unless set.
func ActivationFromScope(scope *model.Scope, x *graph.Node) *graph.Node {
	return Activation(model.GetParamOr(scope, ParamActivation, "relu"), x)
}

// LeakyRelu returns x where it is positive and alpha·x elsewhere. Its slope at 0 is alpha.
//
// Source: Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models", 2013.
func LeakyRelu(x *graph.Node, alpha float64) *graph.Node {
	return graph.Where(graph.IsPositive(x), x, graph.MulScalar(x, alpha))
}

// Elu returns x where it is positive and alpha·(exp(x) - 1) elsewhere. Its slope at 0 is alpha: with alpha 1 it is
// smooth.
//
// Source: Clevert, Unterthiner and Hochreiter, "Fast and Accurate Deep Network Learning by Exponential
// Linear Units", 2015, arXiv:1511.07289, eq. 15.
func Elu(x *graph.Node, alpha float64) *graph.Node {
	positive := graph.IsPositive(x)
	negative := graph.Where(positive, graph.ScalarZero(x.Graph(), x.DType()), x) // exp of a large x must not overflow, even where it is not chosen
	return graph.Where(positive, x, graph.MulScalar(graph.Expm1(negative), alpha))
}

// Selu returns scale·Elu(x, alpha) with the constants that keep mean 0 and variance 1 through layers
// initialised by LeCun. Its slope at 0 is scale·alpha, that of negative x.
//
// Source: Klambauer, Unterthiner, Mayr and Hochreiter, "Self-Normalizing Neural Networks", 2017,
// arXiv:1706.02515, eq. 2 and 14.
func Selu(x *graph.Node) *graph.Node {
	const alpha, scale = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
	return graph.MulScalar(Elu(x, alpha), scale)
}

// HardSigmoid returns x/6 + 1/2, limited to [0, 1]. Its slope is 1/6 from -3 to 3, the ends included.
//
// Source: Howard et al., "Searching for MobileNetV3", 2019, arXiv:1905.02244, section 5.2.
func HardSigmoid(x *graph.Node) *graph.Node {
	return graph.ClipScalar(graph.AddScalar(graph.DivScalar(x, 6), 0.5), 0, 1)
}

// HardSwish returns x·HardSigmoid(x). Its slope is (2x + 3)/6 from -3 to 3, the ends included.
//
// Source: Howard et al. 2019, section 5.2.
func HardSwish(x *graph.Node) *graph.Node {
	c := graph.ClipScalar(x, -3, 3) // x·1 and x·0 outside, of infinite x too
	y := graph.Mul(c, graph.AddScalar(graph.DivScalar(c, 6), 0.5))
	return graph.Where(graph.GreaterThan(x, graph.ConstAs(x, 3)), x, y)
}

// Mish returns x·tanh(softplus(x)), smooth, and a little below 0 for moderate negative x.
//
// Source: Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", 2019, arXiv:1908.08681, eq. 4.
func Mish(x *graph.Node) *graph.Node {
	// tanh(softplus(x)) = n/(n + 2) with n = e·(e + 2), e = exp(x): one exponential, and of no large number, since beyond 20 the
	// quotient is 1 in all dtypes.
	e := graph.Exp(graph.MinScalar(graph.ConvertDType(x, wide(x.DType())), 20))
	n := graph.Mul(e, graph.AddScalar(e, 2))
	return graph.Mul(x, graph.ConvertDType(graph.Div(n, graph.AddScalar(n, 2)), x.DType()))
}

// softsign returns x/(1 + |x|).
//
// Source: Glorot and Bengio 2010, section 3.
func softsign(x *graph.Node) *graph.Node { return graph.Div(x, graph.OnePlus(graph.Abs(x))) }

// shrinkBy is the lambda of softShrink and hardShrink, that of PyTorch.
const shrinkBy = 0.5

// softShrink moves x by 1/2 towards 0, and not beyond it.
func softShrink(x *graph.Node) *graph.Node {
	return graph.Sub(x, graph.ClipScalar(x, -shrinkBy, shrinkBy))
}

// hardShrink returns x, but 0 where x is within ±1/2.
func hardShrink(x *graph.Node) *graph.Node {
	return graph.Where(graph.GreaterThan(graph.Abs(x), graph.ConstAs(x, shrinkBy)), x, graph.ZerosLike(x))
}

// PRelu returns x where it is positive, and elsewhere x times a slope that is learned, one for each channel:
//
//	y = max(0, x) + slopes · min(0, x)
//
// x is [..., C], a float; slopes are [C] and begin with 1/4.
//
// Source: He, Zhang, Ren and Sun, "Delving Deep into Rectifiers", 2015, arXiv:1502.01852, eq. 1.
func PRelu(scope *model.Scope, x *graph.Node) *graph.Node {
	needFloat("PRelu", x)
	if x.Rank() == 0 {
		graph.Errorf("PRelu %s: want a channels axis", x.Shape())
	}
	scope = scope.Layer("PRelu", x)
	slopes := scope.WithInitializer(initializers.ConstantFn(0.25)).VariableWithShape("slopes", shapes.Make(x.DType(), x.Dim(-1))).NodeValue(x)
	return scope.Result(graph.Where(graph.IsPositive(x), x, graph.Mul(x, slopes)))
}

// gated splits the last axis into a and b and returns fn(a)·b.
func gated(name string, x *graph.Node, fn func(a *graph.Node) *graph.Node) *graph.Node {
	if x.Rank() == 0 || x.Dim(-1)%2 != 0 {
		graph.Errorf("%s %s: want an even last axis", name, x.Shape())
	}
	parts := graph.Split(x, -1, 2)
	return graph.Mul(fn(parts[0]), parts[1])
}

// GLU splits the last axis of x, [..., 2C], into a and b and returns a·sigmoid(b), [..., C].
//
// Source: Dauphin, Fan, Auli and Grangier, "Language Modeling with Gated Convolutional Networks", 2016, arXiv:1612.08083, eq. 1.
func GLU(x *graph.Node) *graph.Node {
	if x.Rank() == 0 || x.Dim(-1)%2 != 0 {
		graph.Errorf("GLU %s: want an even last axis", x.Shape())
	}
	parts := graph.Split(x, -1, 2)
	return graph.Mul(parts[0], graph.Sigmoid(parts[1]))
}

// GeGLU splits the last axis of x, [..., 2C], into a and b and returns gelu(a)·b, [..., C].
//
// Source: Shazeer, "GLU Variants Improve Transformer", 2020, arXiv:2002.05202, eq. 5, without the projections.
func GeGLU(x *graph.Node) *graph.Node { return gated("GeGLU", x, graph.Gelu) }

// ReGLU splits the last axis of x, [..., 2C], into a and b and returns relu(a)·b, [..., C].
//
// Source: Shazeer 2020, eq. 5, without the projections.
func ReGLU(x *graph.Node) *graph.Node { return gated("ReGLU", x, graph.Relu) }

// SwiGLU splits the last axis of x, [..., 2C], into a and b and returns silu(a)·b, [..., C].
//
// Source: Shazeer, "GLU Variants Improve Transformer", 2020, arXiv:2002.05202, eq. 5, without the projections.
func SwiGLU(x *graph.Node) *graph.Node { return gated("SwiGLU", x, graph.Silu) }
