package optimizers

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/initializers"
)

// AdagradConfig is Adagrad to be set up, see [Adagrad]. It has all settings of an [Optimizer].
type AdagradConfig struct {
	settings[*AdagradConfig]
	initial, epsilon float64
}

// Adagrad returns the optimizer that divides gradients by the root of the sum of all squares so far:
//
//	s ← s + g²
//	d = g / (√s + ε)
//	θ ← θ - rate · (d + weightDecay · θ)
//
// The learning rate is 0.01, ε is 1e-10, s begins with 0. What is seldom used keeps large steps.
//
// Source: Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization", 2011, of the
// diagonal; in the form of PyTorch.
func Adagrad() *AdagradConfig {
	c := &AdagradConfig{epsilon: 1e-10}
	c.settings = newSettings(c, "adagrad", c.direction)
	return c.LearningRate(0.01)
}

// Initial sets what the sum of squares begins with.
func (c *AdagradConfig) Initial(value float64) *AdagradConfig {
	c.initial = value
	return c
}

// Epsilon sets what is added to the root of the sum.
func (c *AdagradConfig) Epsilon(epsilon float64) *AdagradConfig {
	c.epsilon = epsilon
	return c
}

// direction is the rule.
func (c *AdagradConfig) direction(u *Update) *graph.Node {
	if !(c.initial >= 0) {
		graph.Errorf("adagrad: the sum of squares begins with %g, want 0 or more", c.initial)
	}
	checkEpsilon(c.name, c.epsilon)
	sum := u.StateOf("sum", Slot{Initial: initializers.ConstantFn(c.initial)})
	s := sum.Set(graph.Add(sum.Value(), graph.Square(u.Gradient)))
	return graph.Div(u.Gradient, graph.AddScalar(graph.Sqrt(s), c.epsilon))
}

// AdadeltaConfig is Adadelta to be set up, see [Adadelta]. It has all settings of an [Optimizer].
type AdadeltaConfig struct {
	settings[*AdadeltaConfig]
	rho, epsilon float64
}

// Adadelta returns the optimizer whose steps have the units of the variable, from the mean squares of gradients and of steps:
//
//	v ← ρ · v + (1 - ρ) · g²
//	d = g · √(w + ε) / √(v + ε)
//	w ← ρ · w + (1 - ρ) · d²
//	θ ← θ - rate · (d + weightDecay · θ)
//
// The learning rate is 1, ρ is 0.9, ε is 1e-6.
//
// Source: Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012, arXiv:1212.5701, algorithm 1.
func Adadelta() *AdadeltaConfig {
	c := &AdadeltaConfig{rho: 0.9, epsilon: 1e-6}
	c.settings = newSettings(c, "adadelta", c.direction)
	return c.LearningRate(1)
}

// Rho sets how slowly the mean squares move.
func (c *AdadeltaConfig) Rho(rho float64) *AdadeltaConfig {
	c.rho = rho
	return c
}

// Epsilon sets what is added to the mean squares.
func (c *AdadeltaConfig) Epsilon(epsilon float64) *AdadeltaConfig {
	c.epsilon = epsilon
	return c
}

// direction is the rule.
func (c *AdadeltaConfig) direction(u *Update) *graph.Node {
	if !(c.rho >= 0 && c.rho < 1 && c.epsilon > 0) {
		graph.Errorf("adadelta: rho %g must be in [0, 1), epsilon %g above 0", c.rho, c.epsilon)
	}
	checkEpsilon(c.name, c.epsilon)
	v := u.Average("v", graph.Square(u.Gradient), c.rho)
	steps := u.State("steps")
	size := graph.Sqrt(graph.Div(graph.AddScalar(steps.Value(), c.epsilon), graph.AddScalar(v, c.epsilon)))
	d := graph.Mul(u.Gradient, size)
	u.Average("steps", graph.Square(d), c.rho)
	return d
}
