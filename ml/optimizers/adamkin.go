package optimizers

import (
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/ml/initializers"
)

// AMSGrad returns [Adam] whose step sizes never grow again: the root is of the largest mean square so far,
//
//	m ← β₁ · m + (1 - β₁) · g,   v ← β₂ · v + (1 - β₂) · g²,   w ← max(w, v)
//	d = (m / (1 - β₁ᵗ)) / (√(w / (1 - β₂ᵗ)) + ε)
//
// with the settings of Adam.
//
// Source: Reddi, Kale and Kumar, "On the Convergence of Adam and Beyond", 2018, arXiv:1904.09237, algorithm 2, with Adam's
// corrections as PyTorch has it.
func AMSGrad() *AdamConfig { return newAdam("amsgrad", (*AdamConfig).amsgrad) }

func (c *AdamConfig) amsgrad(u *Update) *graph.Node {
	m := u.Average("m", u.Gradient, c.beta1)
	v := u.Average("v", graph.Square(u.Gradient), c.beta2)
	largest := u.State("largest")
	w := largest.Set(graph.Max(largest.Value(), v))
	return graph.Div(u.unbiased(m, c.beta1), graph.AddScalar(graph.Sqrt(u.unbiased(w, c.beta2)), c.epsilon))
}

// Adamax returns [Adam] by the largest gradient in place of the mean square:
//
//	m ← β₁ · m + (1 - β₁) · g,   w ← max(β₂ · w, |g| + ε)
//	d = (m / (1 - β₁ᵗ)) / w
//
// with the settings of Adam, and a learning rate of 0.002.
//
// Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2014, arXiv:1412.6980, algorithm 2, with PyTorch's ε.
func Adamax() *AdamConfig { return newAdam("adamax", (*AdamConfig).adamax).LearningRate(2e-3) }

func (c *AdamConfig) adamax(u *Update) *graph.Node {
	if c.epsilon == 0 {
		graph.Errorf("adamax: epsilon is 0: want more, it is what keeps 0 from being divided by 0")
	}
	m := u.Average("m", u.Gradient, c.beta1)
	largest := u.State("largest")
	w := largest.Set(graph.Max(graph.MulScalar(largest.Value(), c.beta2), graph.AddScalar(graph.Abs(u.Gradient), c.epsilon)))
	return graph.Div(u.unbiased(m, c.beta1), w)
}

// NAdam returns [Adam] with Nesterov's momentum, which grows to β₁ in the course of training:
//
//	μₜ = β₁ · (1 - 0.96^(0.004·t) / 2),   P ← P · μₜ
//	m ← β₁ · m + (1 - β₁) · g,   v ← β₂ · v + (1 - β₂) · g²
//	d = (μₜ₊₁ · m / (1 - P · μₜ₊₁) + (1 - μₜ) · g / (1 - P)) / (√(v / (1 - β₂ᵗ)) + ε)
//
// with the settings of Adam, and a learning rate of 0.002.
//
// Source: Dozat, "Incorporating Nesterov Momentum into Adam", 2016, algorithm 2, with the course of μ of its section 3 and the constants of
// PyTorch.
func NAdam() *AdamConfig { return newAdam("nadam", (*AdamConfig).nadam).LearningRate(2e-3) }

func (c *AdamConfig) nadam(u *Update) *graph.Node {
	const growth = 0.004
	t := u.step64()
	momentum := func(t *graph.Node) *graph.Node {
		return graph.MulScalar(graph.OneMinus(graph.MulScalar(graph.Exp(graph.MulScalar(t, growth*math.Log(0.96))), 0.5)), c.beta1)
	}
	now, next := momentum(t), momentum(graph.OnePlus(t))
	state := u.StateOf("product", Slot{Dims: []int{}, Initial: initializers.One})
	product := graph.Mul(graph.ConvertDType(state.Value(), dtypes.Float64), now)
	state.Set(u.as(product))
	m := u.Average("m", u.Gradient, c.beta1)
	v := u.Average("v", graph.Square(u.Gradient), c.beta2)
	ofMean := u.as(graph.Div(next, graph.OneMinus(graph.Mul(product, next))))
	ofGradient := u.as(graph.Div(graph.OneMinus(now), graph.OneMinus(product)))
	ahead := graph.Add(graph.Mul(m, ofMean), graph.Mul(u.Gradient, ofGradient))
	return graph.Div(ahead, graph.AddScalar(graph.Sqrt(u.unbiased(v, c.beta2)), c.epsilon))
}

// RAdam returns [Adam] that waits with its adaptive steps until the mean square has seen enough, and makes those of momentum before:
//
//	ρ∞ = 2/(1 - β₂) - 1,   ρ = ρ∞ - 2 · t · β₂ᵗ / (1 - β₂ᵗ)
//	d = m̂ · √((ρ - 4)(ρ - 2)ρ∞ / ((ρ∞ - 4)(ρ∞ - 2)ρ)) / ((√v + ε) / √(1 - β₂ᵗ))     where ρ > 5
//	d = m̂                                                                            elsewhere
//
// with m̂ = m / (1 - β₁ᵗ), m and v, and the settings of Adam.
//
// Source: Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond", 2019, arXiv:1908.03265, algorithm 2, from ρ = 5 on
// as PyTorch has it.
func RAdam() *AdamConfig { return newAdam("radam", (*AdamConfig).radam) }

func (c *AdamConfig) radam(u *Update) *graph.Node {
	if c.beta2 == 0 {
		graph.Errorf("radam: the second beta is 0, want more: ρ has no meaning without it")
	}
	m := u.unbiased(u.Average("m", u.Gradient, c.beta1), c.beta1)
	v := u.Average("v", graph.Square(u.Gradient), c.beta2)
	longest := 2/(1-c.beta2) - 1
	power := u.power(c.beta2)
	correction := graph.OneMinus(power)
	rho := graph.AddScalar(graph.Neg(graph.Div(graph.MulScalar(graph.Mul(u.step64(), power), 2), correction)), longest)
	enough := graph.GreaterThan(rho, graph.ConstAs(rho, 5))
	safe := graph.Where(enough, rho, graph.ConstAs(rho, 6))
	of := func(r *graph.Node) *graph.Node { // (r-4)(r-2)/r
		return graph.Div(graph.Mul(graph.AddScalar(r, -4), graph.AddScalar(r, -2)), r)
	}
	scale := graph.Sqrt(graph.Div(of(safe), of(graph.ConstAs(rho, longest))))
	scale = u.as(graph.Mul(scale, graph.Sqrt(correction)))
	adaptive := graph.Div(graph.Mul(m, scale), graph.AddScalar(graph.Sqrt(v), c.epsilon))
	return graph.Where(enough, adaptive, m)
}

// LAMB returns [Adam] whose step, weight decay and all, is as long as the variable, for large batches:
//
//	r = (m / (1 - β₁ᵗ)) / (√(v / (1 - β₂ᵗ)) + ε) + weightDecay · θ
//	d = r · ‖θ‖ / ‖r‖                                                    r itself where one of the norms is 0
//
// with the settings of Adam, and an ε of 1e-6.
//
// Source: You et al., "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes", 2019, arXiv:1904.00962, algorithm 2
// with φ(z) = z.
func LAMB() *AdamConfig { return newAdam("lamb", (*AdamConfig).lamb).Epsilon(1e-6) }

func (c *AdamConfig) lamb(u *Update) *graph.Node {
	r := c.direction(u)
	if decay := u.TakeWeightDecay(); decay > 0 {
		r = graph.Add(r, graph.MulScalar(u.Value, decay))
	}
	return graph.Mul(r, trustRatio(u.Value, r, 1, 0))
}

// trustRatio returns factor · ‖θ‖/(‖d‖ + ε), 1 where one of the norms is 0.
func trustRatio(value, direction *graph.Node, factor, epsilon float64) *graph.Node {
	norm, length := GlobalNorm([]*graph.Node{value}), GlobalNorm([]*graph.Node{direction})
	none := graph.LogicalOr(graph.IsZero(norm), graph.IsZero(length))
	one := graph.OnesLike(norm)
	ratio := graph.Div(graph.MulScalar(norm, factor), graph.AddScalar(graph.Where(none, one, length), epsilon))
	return graph.Where(none, one, ratio)
}
