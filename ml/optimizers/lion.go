package optimizers

import "github.com/quire-ml/quire/graph"

// LionConfig is Lion to be set up, see [Lion]. It has all settings of an [Optimizer].
type LionConfig struct {
	settings[*LionConfig]
	beta1, beta2 float64
}

// Lion returns the optimizer Lion, which keeps half the state of [Adam]: with g the gradient, for each variable θ
//
//	d = sign(β₁ · m + (1 - β₁) · g)
//	m ← β₂ · m + (1 - β₂) · g
//	θ ← θ - rate · (d + weightDecay · θ)
//
// β₁ and β₂ are 0.9 and 0.99, the learning rate is 0.0001, a third to a tenth of what suits Adam.
//
// Source: Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023, arXiv:2302.06675, algorithm 2.
func Lion() *LionConfig {
	c := &LionConfig{beta1: 0.9, beta2: 0.99}
	c.settings = newSettings(c, "lion", c.direction)
	return c.LearningRate(1e-4)
}

// Betas sets how much of the mean the step takes, and how slowly the mean moves.
func (c *LionConfig) Betas(beta1, beta2 float64) *LionConfig {
	c.beta1, c.beta2 = beta1, beta2
	return c
}

// direction is the rule.
func (c *LionConfig) direction(u *Update) *graph.Node {
	d := graph.Sign(average(u.State("m").Value(), u.Gradient, c.beta1))
	u.Average("m", u.Gradient, c.beta2)
	return d
}
