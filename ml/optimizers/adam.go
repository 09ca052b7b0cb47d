package optimizers

import (
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/model"
)

// AdamConfig is Adam to be set up, see [Adam] and [AdamW].
type AdamConfig struct {
	settings
	beta1, beta2 float64
	epsilon      float64
}

// Adam returns the optimizer Adam: with g the gradient in step t, for each variable θ
//
//	m ← β₁ · m + (1 - β₁) · g
//	v ← β₂ · v + (1 - β₂) · g²
//	θ ← θ - rate · weightDecay · θ
//	θ ← θ - rate · (m / (1 - β₁ᵗ)) / (√(v / (1 - β₂ᵗ)) + ε)
//
// The learning rate is 0.001, β₁ and β₂ are 0.9 and 0.999, ε is 1e-8, the weight decay is 0. t counts the
// steps of each variable. Narrow variables are updated in float32, see the package's comment.
//
// Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2014, arXiv:1412.6980, algorithm 1;
// weight decay apart from the gradient as in Loshchilov and Hutter, see [AdamW].
func Adam() *AdamConfig {
	return &AdamConfig{settings: settings{name: "adam", learningRate: 1e-3}, beta1: 0.9, beta2: 0.999, epsilon: 1e-8}
}

// AdamW returns [Adam] with a weight decay of 0.01.
//
// Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2017, arXiv:1711.05101,
// algorithm 2, with the decay scaled by the learning rate as PyTorch does.
func AdamW() *AdamConfig { return Adam().WeightDecay(0.01) }

// LearningRate sets the step size; the hyperparameter "learning_rate" goes before it.
func (c *AdamConfig) LearningRate(value float64) *AdamConfig {
	c.learningRate = value
	return c
}

// Schedule lets the learning rate change with the steps.
func (c *AdamConfig) Schedule(schedule Schedule) *AdamConfig {
	c.schedule = schedule
	return c
}

// Betas sets how slowly the means of gradients and of their squares move.
func (c *AdamConfig) Betas(beta1, beta2 float64) *AdamConfig {
	c.beta1, c.beta2 = beta1, beta2
	return c
}

// Epsilon sets what is added to the root of the mean square.
func (c *AdamConfig) Epsilon(epsilon float64) *AdamConfig {
	c.epsilon = epsilon
	return c
}

// WeightDecay sets by how much variables shrink in a step, as a multiple of the learning rate.
func (c *AdamConfig) WeightDecay(value float64) *AdamConfig {
	c.decay = value
	return c
}

// DecayOnly restricts weight decay to the variables that filter accepts. Biases and gains of norms are
// often left out:
//
//	DecayOnly(func(v *model.Variable) bool { return v.Shape().Rank() > 1 })
func (c *AdamConfig) DecayOnly(filter func(v *model.Variable) bool) *AdamConfig {
	c.decayFilter = filter
	return c
}

// ClipGlobalNorm limits the norm of all gradients together, see [ClipGlobalNorm].
func (c *AdamConfig) ClipGlobalNorm(limit float64) *AdamConfig {
	c.clipNorm = limit
	return c
}

// ClipValue limits each element of the gradients, see [ClipValue].
func (c *AdamConfig) ClipValue(limit float64) *AdamConfig {
	c.clipValue = limit
	return c
}

// Done returns the optimizer.
func (c *AdamConfig) Done() Interface { return c }

// UpdateGraphWithGradients adds the update, see [Adam]. It panics with [graph.Error] if a setting makes no
// sense.
func (c *AdamConfig) UpdateGraphWithGradients(scope *model.Scope, variables []*model.Variable, gradients []*graph.Node) {
	c.check()
	if !(c.beta1 >= 0 && c.beta1 < 1 && c.beta2 >= 0 && c.beta2 < 1 && c.epsilon >= 0) {
		graph.Errorf("adam: betas %g and %g must be in [0, 1), epsilon %g not negative", c.beta1, c.beta2, c.epsilon)
	}
	if float32(c.epsilon) == 0 && c.epsilon > 0 {
		graph.Errorf("adam: epsilon %g is 0 as a float32: want %g or more, or exactly 0", c.epsilon, math.SmallestNonzeroFloat32)
	}
	updates, rate := c.begin(scope, variables, gradients, "m", "v")
	for _, u := range updates {
		x, g := u.x, u.gradient
		m, v := u.state("m"), u.state("v")
		m.SetNodeValue(average(m.NodeValue(g), g, c.beta1))
		v.SetNodeValue(average(v.NodeValue(g), graph.Square(g), c.beta2))

		mHat := graph.Div(m.NodeValue(g), as(x, biasCorrection(u.step, c.beta1)))
		root := graph.Sqrt(graph.Div(v.NodeValue(g), as(x, biasCorrection(u.step, c.beta2))))
		d := graph.Div(mHat, graph.AddScalar(root, c.epsilon))
		if c.decays(u.v) {
			d = graph.Add(d, graph.MulScalar(x, c.decay))
		}
		u.subtract(graph.Mul(as(x, rate), d))
	}
}

// average returns β·mean + (1-β)·x.
func average(mean, x *graph.Node, beta float64) *graph.Node {
	return graph.Add(graph.MulScalar(mean, beta), graph.MulScalar(x, 1-beta))
}

// biasCorrection returns 1 - βᵗ, as -expm1(t·log β), which stays exact for β near 1 in float32.
func biasCorrection(step *graph.Node, beta float64) *graph.Node {
	if beta == 0 {
		return graph.OnesLike(step)
	}
	return graph.Neg(graph.Expm1(graph.MulScalar(step, math.Log(beta))))
}
