package optimizers

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/model"
)

// SGDConfig is stochastic gradient descent to be set up, see [SGD].
type SGDConfig struct {
	settings
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
	return &SGDConfig{settings: settings{name: "sgd", learningRate: 0.01}}
}

// LearningRate sets the step size; the hyperparameter "learning_rate" goes before it.
func (c *SGDConfig) LearningRate(value float64) *SGDConfig {
	c.learningRate = value
	return c
}

// Schedule lets the learning rate change with the steps.
func (c *SGDConfig) Schedule(schedule Schedule) *SGDConfig {
	c.schedule = schedule
	return c
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

// WeightDecay adds value·θ to the gradient.
func (c *SGDConfig) WeightDecay(value float64) *SGDConfig {
	c.decay = value
	return c
}

// DecayOnly restricts weight decay to the variables that filter accepts.
func (c *SGDConfig) DecayOnly(filter func(v *model.Variable) bool) *SGDConfig {
	c.decayFilter = filter
	return c
}

// ClipGlobalNorm limits the norm of all gradients together, see [ClipGlobalNorm].
func (c *SGDConfig) ClipGlobalNorm(limit float64) *SGDConfig {
	c.clipNorm = limit
	return c
}

// ClipValue limits each element of the gradients, see [ClipValue].
func (c *SGDConfig) ClipValue(limit float64) *SGDConfig {
	c.clipValue = limit
	return c
}

// Done returns the optimizer.
func (c *SGDConfig) Done() Interface { return c }

// UpdateGraphWithGradients adds the update, see [SGD]. It panics with [graph.Error] if a setting makes no
// sense.
func (c *SGDConfig) UpdateGraphWithGradients(scope *model.Scope, variables []*model.Variable, gradients []*graph.Node) {
	c.check()
	if c.nesterov && c.momentum == 0 {
		graph.Errorf("sgd: Nesterov needs a momentum, such as Momentum(0.9)")
	}
	var states []string
	if c.momentum != 0 {
		states = []string{"momentum"}
	}
	updates, rate := c.begin(scope, variables, gradients, states...)
	for _, u := range updates {
		g := u.gradient
		if c.decays(u.v) {
			g = graph.Add(g, graph.MulScalar(u.x, c.decay))
		}
		if c.momentum != 0 {
			m := u.state("momentum")
			m.SetNodeValue(graph.Add(graph.MulScalar(m.NodeValue(g), c.momentum), g))
			if c.nesterov {
				g = graph.Add(g, graph.MulScalar(m.NodeValue(g), c.momentum))
			} else {
				g = m.NodeValue(g)
			}
		}
		u.subtract(graph.Mul(as(u.x, rate), g))
	}
}
