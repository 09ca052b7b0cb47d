package optimizers

import "github.com/quire-ml/quire/graph"

// SGDConfig is stochastic gradient descent to be set up, see [SGD]. It has all settings of an [Optimizer].
type SGDConfig struct {
	settings[*SGDConfig]
	momentum float64
	nesterov bool
}

// SGD returns stochastic gradient descent: with g the gradient, for each variable θ
//
//	g ← g + weightDecay · θ
//	m ← momentum · m + g
//	θ ← θ - rate · m                    or, with Nesterov,
//	θ ← θ - rate · (g + momentum · m)
//
// The learning rate is 0.01, the others are 0. Without momentum there is no m, and θ ← θ - rate · g.
// Narrow variables are updated in float32, see the package's comment.
//
// Source: Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep
// learning", 2013, in the form that PyTorch gives it.
func SGD() *SGDConfig {
	c := &SGDConfig{}
	c.settings = newSettings(c, "sgd", c.direction)
	return c.LearningRate(0.01).CoupledDecay(true)
}

// Momentum sets how much of the last step goes on; 0.9 is usual.
func (c *SGDConfig) Momentum(value float64) *SGDConfig {
	c.momentum = value
	return c
}

// Nesterov chooses Nesterov's form of momentum.
func (c *SGDConfig) Nesterov() *SGDConfig {
	c.nesterov = true
	return c
}

// direction is the rule.
func (c *SGDConfig) direction(u *Update) *graph.Node {
	if c.nesterov && c.momentum == 0 {
		graph.Errorf("sgd: Nesterov needs a momentum, such as Momentum(0.9)")
	}
	if c.momentum == 0 {
		return u.Gradient
	}
	state := u.State("momentum")
	m := state.Set(graph.Add(graph.MulScalar(state.Value(), c.momentum), u.Gradient))
	if c.nesterov {
		return graph.Add(u.Gradient, graph.MulScalar(m, c.momentum))
	}
	return m
}
