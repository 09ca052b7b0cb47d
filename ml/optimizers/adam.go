package optimizers

import (
	"math"

	"github.com/quire-ml/quire/graph"
)

// AdamConfig is an optimizer of Adam's family to be set up, see [Adam], [AdamW], [AMSGrad], [Adamax], [NAdam], [RAdam] and [LAMB].
// It has all settings of an [Optimizer].
type AdamConfig struct {
	settings[*AdamConfig]
	beta1, beta2 float64
	epsilon      float64
}

// newAdam returns one of the family by its name and the method that is its rule.
func newAdam(name string, rule func(c *AdamConfig, u *Update) *graph.Node) *AdamConfig {
	c := &AdamConfig{beta1: 0.9, beta2: 0.999, epsilon: 1e-8}
	c.settings = newSettings(c, name, func(u *Update) *graph.Node {
		c.checkBetas()
		return rule(c, u)
	})
	return c
}

// Adam returns the optimizer Adam: with g the gradient in step t, for each variable θ
//
//	m ← β₁ · m + (1 - β₁) · g
//	v ← β₂ · v + (1 - β₂) · g²
//	d = (m / (1 - β₁ᵗ)) / (√(v / (1 - β₂ᵗ)) + ε)
//	θ ← θ - rate · (d + weightDecay · θ)
//
// The learning rate is 0.001, β₁ and β₂ are 0.9 and 0.999, ε is 1e-8, the weight decay is 0. t counts the
// steps of each variable. Narrow variables are updated in float32, see the package's comment.
//
// Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2014, arXiv:1412.6980, algorithm 1;
// weight decay apart from the gradient as in Loshchilov and Hutter, see [AdamW].
func Adam() *AdamConfig { return newAdam("adam", (*AdamConfig).direction) }

// AdamW returns [Adam] with a weight decay of 0.01.
//
// Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2017, arXiv:1711.05101,
// algorithm 2, with the decay scaled by the learning rate as PyTorch does.
func AdamW() *AdamConfig { return Adam().WeightDecay(0.01) }

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

// checkBetas panics with [graph.Error] if a setting of the family makes no sense.
func (c *AdamConfig) checkBetas() {
	if !(c.beta1 >= 0 && c.beta1 < 1 && c.beta2 >= 0 && c.beta2 < 1 && c.epsilon >= 0) {
		graph.Errorf("%s: betas %g and %g must be in [0, 1), epsilon %g not negative", c.name, c.beta1, c.beta2, c.epsilon)
	}
	checkEpsilon(c.name, c.epsilon)
}

// checkEpsilon panics with [graph.Error] if epsilon is lost where updates are computed.
func checkEpsilon(name string, epsilon float64) {
	switch {
	case !(epsilon >= 0):
		graph.Errorf("%s: epsilon is %g, want 0 or more", name, epsilon)
	case float32(epsilon) == 0 && epsilon > 0:
		graph.Errorf("%s: epsilon %g is 0 as a float32: want %g or more, or exactly 0", name, epsilon, math.SmallestNonzeroFloat32)
	}
}

// direction is the rule of Adam.
func (c *AdamConfig) direction(u *Update) *graph.Node {
	m := u.Average("m", u.Gradient, c.beta1)
	v := u.Average("v", graph.Square(u.Gradient), c.beta2)
	mean := u.unbiased(m, c.beta1)
	root := graph.Sqrt(u.unbiased(v, c.beta2))
	return graph.Div(mean, graph.AddScalar(root, c.epsilon))
}
