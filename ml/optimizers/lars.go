package optimizers

import "github.com/quire-ml/quire/graph"

// LARSConfig is LARS to be set up, see [LARS]. It has all settings of an [Optimizer].
type LARSConfig struct {
	settings[*LARSConfig]
	momentum, trust, epsilon float64
}

// LARS returns stochastic gradient descent whose step of each variable is in proportion to it, for large batches:
//
//	g ← g + weightDecay · θ
//	m ← momentum · m + trust · ‖θ‖ / (‖g‖ + ε) · g                       g itself where one of the norms is 0
//	θ ← θ - rate · m
//
// The learning rate is 1, the momentum 0.9, trust is 0.001, ε is 0. Biases and gains of norms are often left to [SGD], see [Groups].
//
// Source: You, Gitman and Ginsburg, "Large Batch Training of Convolutional Networks", 2017, arXiv:1708.03888, algorithm 1, with the norm of
// the sum of gradient and decay as Optax has it.
func LARS() *LARSConfig {
	c := &LARSConfig{momentum: 0.9, trust: 0.001}
	c.settings = newSettings(c, "lars", c.direction)
	return c.LearningRate(1).CoupledDecay(true)
}

// Momentum sets how much of the last step goes on.
func (c *LARSConfig) Momentum(value float64) *LARSConfig {
	c.momentum = value
	return c
}

// Trust sets the length of a step as a part of that of the variable.
func (c *LARSConfig) Trust(value float64) *LARSConfig {
	c.trust = value
	return c
}

// Epsilon sets what is added to the norm of gradients.
func (c *LARSConfig) Epsilon(epsilon float64) *LARSConfig {
	c.epsilon = epsilon
	return c
}

// direction is the rule.
func (c *LARSConfig) direction(u *Update) *graph.Node {
	if !(c.momentum >= 0 && c.momentum < 1 && c.trust > 0) {
		graph.Errorf("lars: the momentum %g must be in [0, 1), trust %g above 0", c.momentum, c.trust)
	}
	checkEpsilon(c.name, c.epsilon)
	m := u.State("momentum")
	step := graph.Mul(u.Gradient, trustRatio(u.Value, u.Gradient, c.trust, c.epsilon))
	return m.Set(graph.Add(graph.MulScalar(m.Value(), c.momentum), step))
}
