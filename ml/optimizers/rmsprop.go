package optimizers

import "github.com/quire-ml/quire/graph"

// RMSPropConfig is RMSProp to be set up, see [RMSProp]. It has all settings of an [Optimizer].
type RMSPropConfig struct {
	settings[*RMSPropConfig]
	decay, momentum, epsilon float64
	centered                 bool
}

// RMSProp returns the optimizer that divides gradients by the root of their mean square:
//
//	v ← α · v + (1 - α) · g²
//	d = g / (√v + ε)                      with a momentum  b ← momentum · b + g / (√v + ε),  d = b
//	θ ← θ - rate · (d + weightDecay · θ)
//
// Centered puts v - a², the variance, in place of v, where a ← α · a + (1 - α) · g. The learning rate is 0.01, α is 0.99, ε is 1e-8.
//
// Source: Tieleman and Hinton, "Lecture 6.5", 2012; centered: Graves, "Generating Sequences With Recurrent Neural Networks", 2013,
// arXiv:1308.0850, eq. 38; in the form of PyTorch.
func RMSProp() *RMSPropConfig {
	c := &RMSPropConfig{decay: 0.99, epsilon: 1e-8}
	c.settings = newSettings(c, "rmsprop", c.direction)
	return c.LearningRate(0.01)
}

// Alpha sets how slowly the mean square moves.
func (c *RMSPropConfig) Alpha(alpha float64) *RMSPropConfig {
	c.decay = alpha
	return c
}

// Momentum sets how much of the last step goes on; 0.9 is usual.
func (c *RMSPropConfig) Momentum(value float64) *RMSPropConfig {
	c.momentum = value
	return c
}

// Epsilon sets what is added to the root of the mean square.
func (c *RMSPropConfig) Epsilon(epsilon float64) *RMSPropConfig {
	c.epsilon = epsilon
	return c
}

// Centered divides by the deviation in place of the root of the mean square.
func (c *RMSPropConfig) Centered() *RMSPropConfig {
	c.centered = true
	return c
}

// direction is the rule.
func (c *RMSPropConfig) direction(u *Update) *graph.Node {
	if !(c.decay >= 0 && c.decay < 1 && c.momentum >= 0 && c.momentum < 1) {
		graph.Errorf("rmsprop: alpha %g and momentum %g must be in [0, 1)", c.decay, c.momentum)
	}
	checkEpsilon(c.name, c.epsilon)
	v := u.Average("v", graph.Square(u.Gradient), c.decay)
	if c.centered {
		v = graph.MaxScalar(graph.Sub(v, graph.Square(u.Average("mean", u.Gradient, c.decay))), 0)
	}
	d := graph.Div(u.Gradient, graph.AddScalar(graph.Sqrt(v), c.epsilon))
	if c.momentum == 0 {
		return d
	}
	b := u.State("momentum")
	return b.Set(graph.Add(graph.MulScalar(b.Value(), c.momentum), d))
}
