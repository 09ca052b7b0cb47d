package optimizers

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/model"
)

// SophiaConfig is Sophia to be set up, see [Sophia]. It has all settings of an [Optimizer].
type SophiaConfig struct {
	settings[*SophiaConfig]
	beta1, beta2, gamma, epsilon float64
	every                        int
	logits                       func(g *graph.Graph) *graph.Node // nil for Hutchinson's estimate
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
// the part that comes from another graph, such as the sums of earlier batches where gradients are accumulated, curvature is 0. Steps between those that look at the curvature
// take no second derivatives. The
// learning rate is 1e-4, β₁ and β₂ are 0.965 and 0.99, γ is 0.01, ε is 1e-8, weight decay is 1e-4. [SophiaConfig.GaussNewton] estimates curvature otherwise.
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

// GaussNewton lets curvature be estimated as that of Gauss and Newton, for losses that are a cross entropy of logits: of N vectors of logits [..., C], with classes
// that are drawn as the model expects them,
//
//	ŷ ~ softmax(logits),   ĝ = the gradient of the mean of -log softmax(logits)[ŷ]
//	h ← β₂ · h + (1 - β₂) · N · ĝ ⊙ ĝ
//
// which is never below 0, and takes one more gradient of the first order where Hutchinson's takes one of the second. logits returns them in the graph of the step, for
// instance what the model has named:
//
//	optimizers.Sophia().GaussNewton(func(g *graph.Graph) *graph.Node { return losses.Output(g, "logits") })
//
// Leave out those that a mask hides from the loss. nil is Hutchinson's estimate.
//
// Source: Liu et al., 2023, arXiv:2305.14342, algorithm 2 (Gauss-Newton-Bartlett).
func (c *SophiaConfig) GaussNewton(logits func(g *graph.Graph) *graph.Node) *SophiaConfig {
	c.logits = logits
	return c
}

// directions is the rule, for all variables.
func (c *SophiaConfig) directions(updates []*Update) []*graph.Node {
	if !(c.beta1 >= 0 && c.beta1 < 1 && c.beta2 >= 0 && c.beta2 < 1 && c.gamma > 0) || c.every < 1 {
		graph.Errorf("sophia: betas %g and %g must be in [0, 1), gamma %g above 0, and the steps between curvatures, %d, 1 or more", c.beta1, c.beta2, c.gamma, c.every)
	}
	g := updates[0].Value.Graph()
	hs, out := make([]*State, len(updates)), make([]*graph.Node, len(updates))
	for i, u := range updates {
		m := u.unbiased(u.Average("m", u.Gradient, c.beta1), c.beta1)
		hs[i] = u.State("h")
		d := graph.Div(m, graph.MaxScalar(graph.MulScalar(hs[i].Value(), c.gamma), c.epsilon))
		out[i] = graph.ClipScalar(d, -1, 1)
	}
	// Between the steps that look at the curvature nothing is drawn and nothing differentiated: the variable of random numbers goes through the branch.
	updates[0].scope.RandomUniform(g, shapes.Make(dtypes.Float32)) // that it is there
	random := updates[0].scope.Store().GetVariable(model.RNGStatePath)
	estimate := hutchinson
	if c.logits != nil {
		x := c.logits(g) // which may ask for what belongs to the graph
		if x == nil || x.Rank() == 0 || !x.DType().IsFloat() {
			graph.Errorf("sophia: the logits are %s, want floats [..., C]", shapeOf(x))
		}
		estimate = func(updates []*Update, state *graph.Node) ([]*graph.Node, *graph.Node) {
			return bartlett(updates, x, state)
		}
	}
	due := graph.IsZero(graph.ModScalar(graph.AddScalar(updates[0].Step, -1), float32(c.every)))
	news := graph.If(due, graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		list, state := estimate(updates, random.NodeValue(g))
		for i, h := range hs {
			list[i] = average(h.Value(), list[i], c.beta2)
		}
		return append(list, state)
	}), graph.NewClosure(g, func(g *graph.Graph) (list []*graph.Node) {
		for _, h := range hs {
			list = append(list, h.Value())
		}
		return append(list, random.NodeValue(g))
	}))
	for i, h := range hs {
		h.Set(news[i])
	}
	random.SetNodeValue(news[len(hs)])
	return out
}

// hutchinson returns s ⊙ (H·s) for random signs s, in the dtype of the updates: an estimate of the diagonal of H, the second derivatives of what the
// gradients are the first ones of; and the state of the random generator after that.
func hutchinson(updates []*Update, state *graph.Node) ([]*graph.Node, *graph.Node) {
	var sum *graph.Node
	signs, at := make([]*graph.Node, len(updates)), make([]*graph.Node, len(updates))
	for i, u := range updates {
		var uniform *graph.Node
		state, uniform = graph.RandomUniform(state, u.Value.Shape())
		signs[i] = graph.Where(graph.LessThan(uniform, graph.ConstAs(uniform, 0.5)), graph.Neg(graph.OnesLike(uniform)), graph.OnesLike(uniform))
		at[i] = u.Variable.NodeBefore(state)
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
	return out, state
}

// bartlett returns N · ĝ ⊙ ĝ for classes that are drawn from N vectors of logits, in the dtype of the updates, and the state of the random generator
// after that.
func bartlett(updates []*Update, x, state *graph.Node) ([]*graph.Node, *graph.Node) {
	x = graph.ConvertDType(x, wide(x.DType()))
	// The largest of logits and noise of Gumbel's distribution is a draw from their softmax.
	state, uniform := graph.RandomUniform(state, x.Shape())
	noise := graph.Neg(graph.Log(graph.Neg(graph.Log(uniform))))
	drawn := graph.ArgMax(graph.Add(graph.StopGradient(x), noise), -1, dtypes.Int32)
	at := make([]*graph.Node, len(updates))
	for i, u := range updates {
		at[i] = u.Variable.NodeBefore(x)
	}
	out := graph.Gradient(graph.ReduceAllMean(graph.SoftmaxCrossEntropy(x, drawn)), at...)
	vectors := float64(x.Shape().Size() / max(1, x.Dim(-1)))
	for i, u := range updates {
		out[i] = graph.MulScalar(graph.Square(graph.ConvertDType(out[i], u.Value.DType())), vectors)
	}
	return out, state
}
