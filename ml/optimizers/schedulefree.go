package optimizers

import "github.com/quire-ml/quire/graph"

// ScheduleFreeConfig is schedule-free AdamW to be set up, see [ScheduleFree]. It has all settings of an [Optimizer].
type ScheduleFreeConfig struct {
	settings[*ScheduleFreeConfig]
	beta1, beta2, epsilon float64
}

// ScheduleFree returns AdamW that averages its steps as it goes, so that the learning rate need not fall and the length of training need not be
// known. The variable is y, where gradients are taken; z makes the steps, and x, the mean of z, is the model:
//
//	v ← β₂ · v + (1 - β₂) · g²
//	z ← z - rate · (g / (√(v / (1 - β₂ᵗ)) + ε) + weightDecay · y)
//	r ← max(r, rate),   W ← W + r²,   x ← x + r²/W · (z - x)
//	y ← (1 - β₁) · z + β₁ · x
//
// Evaluate and save the model with x: see [UseAverages]. A [WarmUp] is usual. The learning rate is 0.0025, β₁ and β₂ are 0.9 and 0.999, ε is 1e-8.
//
// Source: Defazio et al., "The Road Less Scheduled", 2024, arXiv:2405.15682, algorithm 1, in the form of Optax.
func ScheduleFree() *ScheduleFreeConfig {
	c := &ScheduleFreeConfig{beta1: 0.9, beta2: 0.999, epsilon: 1e-8}
	c.settings = newSettings(c, "schedulefree", c.direction)
	return c.LearningRate(2.5e-3)
}

// Betas sets how near y is to the mean, and how slowly the mean of squares moves.
func (c *ScheduleFreeConfig) Betas(beta1, beta2 float64) *ScheduleFreeConfig {
	c.beta1, c.beta2 = beta1, beta2
	return c
}

// Epsilon sets what is added to the root of the mean square.
func (c *ScheduleFreeConfig) Epsilon(epsilon float64) *ScheduleFreeConfig {
	c.epsilon = epsilon
	return c
}

// direction is the rule. The steps are not those of y, so it says itself what y is next.
func (c *ScheduleFreeConfig) direction(u *Update) *graph.Node {
	if !(c.beta1 >= 0 && c.beta1 < 1 && c.beta2 >= 0 && c.beta2 < 1) {
		graph.Errorf("schedulefree: betas %g and %g must be in [0, 1)", c.beta1, c.beta2)
	}
	checkEpsilon(c.name, c.epsilon)
	v := u.Average("v", graph.Square(u.Gradient), c.beta2)
	d := graph.Div(u.Gradient, graph.AddScalar(graph.Sqrt(u.unbiased(v, c.beta2)), c.epsilon))
	if decay := u.TakeWeightDecay(); decay > 0 {
		d = graph.Add(d, graph.MulScalar(u.Value, decay))
	}
	rate := u.as(u.LearningRate)
	zs, xs := u.State("z"), u.State(averageState)
	// What somebody else has set since, or the first value, is where both begin. Rounding, of narrow state too, is less than a part of 64.
	from := func(s *State) *graph.Node {
		size := graph.Max(graph.Abs(zs.Value()), graph.Abs(xs.Value()))
		kept := graph.LessOrEqual(graph.Abs(graph.Sub(u.Value, average(xs.Value(), zs.Value(), c.beta1))), graph.MulScalar(size, 1./64))
		return graph.Where(graph.LogicalAnd(kept, graph.LogicalNot(u.first())), s.Value(), u.Value)
	}
	zBefore, xBefore := from(zs), from(xs)
	z := zs.Set(graph.Sub(zBefore, graph.Mul(rate, d)))
	largest, total := u.scalar("largest_rate"), u.scalar("total")
	r := largest.Set(graph.Max(largest.Value(), rate))
	w := total.Set(graph.Add(total.Value(), graph.Square(r)))
	part := graph.Where(graph.IsZero(w), w, graph.Div(graph.Square(r), graph.Where(graph.IsZero(w), graph.OnesLike(w), w)))
	x := xs.Set(graph.Add(xBefore, graph.Mul(part, graph.Sub(z, xBefore))))
	u.next = average(x, z, c.beta1)
	return d
}
