package layers

import (
	"maps"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph"
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
}

func init() {
	model.RegisterParam(ParamActivation, "relu", "activation function by name: "+strings.Join(ActivationNames(), ", "))
}

// ActivationNames returns the names that [Activation] knows, sorted.
func ActivationNames() []string { return slices.Sorted(maps.Keys(activations)) }

// Activation applies an activation function by name, such as "relu" or "gelu"; "none" is the identity.
// "swish" is another name of "silu". It panics with [graph.Error] if the name is unknown.
func Activation(name string, x *graph.Node) *graph.Node {
	if name == "swish" {
		name = "silu"
	}
	fn := activations[name]
	if fn == nil {
		graph.Errorf("Activation %q is unknown: want one of %s", name, strings.Join(ActivationNames(), ", "))
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

// SwiGLU splits the last axis of x, [..., 2C], into a and b and returns silu(a)·b, [..., C].
//
// Source: Shazeer, "GLU Variants Improve Transformer", 2020, arXiv:2002.05202, eq. 5, without the projections.
func SwiGLU(x *graph.Node) *graph.Node {
	if x.Rank() == 0 || x.Dim(-1)%2 != 0 {
		graph.Errorf("SwiGLU %s: want an even last axis", x.Shape())
	}
	parts := graph.Split(x, -1, 2)
	return graph.Mul(graph.Silu(parts[0]), parts[1])
}
