package optimizers

import (
	"github.com/quire-ml/quire/graph"
)

// SophiaConfig is Sophia to be set up, see [Sophia]. It has all settings of an [Optimizer].
type SophiaConfig struct {
	settings[*SophiaConfig]
	beta1, beta2, gamma, epsilon float64
	every                        int
}

// Sophia returns the optimizer that divides the mean gradient by an estimate of the loss's curvature, and limits what comes out: with g the
// gradient in step t, for each variable θ
//
//	m ← β₁ · m + (1 - β₁) · g
//	d = clip(m / (1 - β₁ᵗ) / max(γ · h, ε), -1, 1)
//	h ← β₂ · h + (1 - β₂) · s ⊙ (H·s)             in the first and every tenth step after it
//	θ ← θ - rate · (d + weightDecay · θ)
//
// H·s is the product of the loss's second derivatives with random signs s, the gradient of g·s: Hutchinson's estimate of their diagonal, over
// all variables at once. It takes a gradient that is a function of the variables' values in the same graph, as that of [Minimize] and trainers is: for
// the part that comes from another graph, such as the sums of earlier batches where gradients are accumulated, curvature is 0. The
// learning rate is 1e-4, β₁ and β₂ are 0.965 and 0.99, γ is 0.01, ε is 1e-8, weight decay is 1e-4.
//
// Source: Liu et al., "Sophia: A Scalable Stochastic Second-order Optimizer for Language Model Pre-training", 2023, arXiv:2305.14342,
// algorithms 1 (Hutchinson) and 3, in the order of Optax.
func Sophia() *SophiaConfig {
	c := &SophiaConfig{beta1: 0.965, beta2: 0.99, gamma: 0.01, epsilon: 1e-8, every: 10}
	c.settings = newSettings[*SophiaConfig](c, "sophia", nil)
	c.joint = c.directions
	return c.LearningRate(1e-4).WeightDecay(1e-4)
}

// Betas sets how slowly the means of gradients and of curvature move.
func (c *SophiaConfig) Betas(beta1, beta2 float64) *SophiaConfig {
	c.beta1, c.beta2 = beta1, beta2
	return c
}

// Gamma sets the part of the curvature that gradients are divided by: the smaller, the more elements take a full step.
func (c *SophiaConfig) Gamma(gamma float64) *SophiaConfig {
	c.gamma = gamma
	return c
}

// Every sets after how many steps the curvature is looked at again.
func (c *SophiaConfig) Every(steps int) *SophiaConfig {
	c.every = steps
	return c
}

// directions is the rule, for all variables.
func (c *SophiaConfig) directions(updates []*Update) []*graph.Node {
	if !(c.beta1 >= 0 && c.beta1 < 1 && c.beta2 >= 0 && c.beta2 < 1 && c.gamma > 0) || c.every < 1 {
		graph.Errorf("sophia: betas %g and %g must be in [0, 1), gamma %g above 0, and the steps between curvatures, %d, 1 or more", c.beta1, c.beta2, c.gamma, c.every)
	}
	curvature := hutchinson(updates)
	out := make([]*graph.Node, len(updates))
	for i, u := range updates {
		m := u.unbiased(u.Average("m", u.Gradient, c.beta1), c.beta1)
		h := u.State("h")
		d := graph.Div(m, graph.MaxScalar(graph.MulScalar(h.Value(), c.gamma), c.epsilon))
		out[i] = graph.ClipScalar(d, -1, 1)
		since := graph.ModScalar(graph.AddScalar(u.Step, -1), float32(c.every))
		h.Set(graph.Where(graph.IsZero(since), average(h.Value(), curvature[i], c.beta2), h.Value()))
	}
	return out
}

// hutchinson returns s ⊙ (H·s) for random signs s, in the dtype of the updates: an estimate of the diagonal of H, the second derivatives of what the
// gradients are the first ones of.
func hutchinson(updates []*Update) []*graph.Node {
	g := updates[0].Value.Graph()
	var sum *graph.Node
	signs, at := make([]*graph.Node, len(updates)), make([]*graph.Node, len(updates))
	for i, u := range updates {
		uniform := u.scope.RandomUniform(g, u.Value.Shape())
		signs[i] = graph.Where(graph.LessThan(uniform, graph.ConstAs(uniform, 0.5)), graph.Neg(graph.OnesLike(uniform)), graph.OnesLike(uniform))
		at[i] = u.Variable.NodeBefore(g)
		term := graph.ConvertDType(graph.ReduceAllSum(graph.Mul(graph.ConvertDType(u.raw, u.Value.DType()), signs[i])), wide(updates[0].Value.DType()))
		if sum == nil {
			sum = term
		} else {
			sum = graph.Add(sum, term)
		}
	}
	out := graph.Gradient(sum, at...)
	for i, u := range updates {
		out[i] = graph.Mul(graph.ConvertDType(out[i], u.Value.DType()), signs[i])
	}
	return out
}
