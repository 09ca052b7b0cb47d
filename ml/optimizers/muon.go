package optimizers

import (
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/model"
)

// MuonConfig is Muon to be set up, see [Muon]. It has all settings of an [Optimizer].
type MuonConfig struct {
	settings[*MuonConfig]
	momentum, rms float64
	nesterov      bool
	steps         int
	matrix        func(v *model.Variable) bool
	others        *AdamConfig
}

// Muon returns the optimizer whose steps of matrices are orthogonal: all singular values of a step are near 1. For a matrix θ of [R, C],
// with g the gradient in step t,
//
//	m ← β · m + (1 - β) · g
//	x = β · m / (1 - βᵗ⁺¹) + (1 - β) · g / (1 - βᵗ)                    without Nesterov x = m / (1 - βᵗ)
//	x ← x / ‖x‖,   five times x ← 3.4445 · x - 4.7750 · (xxᵀ)x + 2.0315 · (xxᵀ)²x
//	d = 0.2 · √max(R, C) · x
//	θ ← θ - rate · (d + weightDecay · θ)
//
// so that a step is about as large as one of [Adam], and one learning rate, 0.001, serves both: variables that are no matrices, of
// less than two axes, take steps of Adam. Of more axes the first ones are taken together. β is 0.95. Embeddings and the last layer are
// often left to Adam too, see [MuonConfig.Only].
//
// Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024; the scale: Liu et al., "Muon is Scalable for
// LLM Training", 2025, arXiv:2502.16982, eq. 4; corrected for its beginning as Optax has it.
func Muon() *MuonConfig {
	c := &MuonConfig{momentum: 0.95, rms: 0.2, nesterov: true, steps: 5, others: Adam()}
	c.settings = newSettings(c, "muon", c.direction)
	return c
}

// Momentum sets β.
func (c *MuonConfig) Momentum(value float64) *MuonConfig {
	c.momentum = value
	return c
}

// Nesterov says whether the step looks ahead, as it does unless set.
func (c *MuonConfig) Nesterov(ahead bool) *MuonConfig {
	c.nesterov = ahead
	return c
}

// RMS sets the root mean square of steps, 0.2 unless set.
func (c *MuonConfig) RMS(value float64) *MuonConfig {
	c.rms = value
	return c
}

// Only restricts orthogonal steps to the variables that filter accepts; others take steps of Adam.
//
//	Only(func(v *model.Variable) bool { return !strings.Contains(v.Path(), "embedding") })
func (c *MuonConfig) Only(filter func(v *model.Variable) bool) *MuonConfig {
	c.matrix = filter
	return c
}

// direction is the rule.
func (c *MuonConfig) direction(u *Update) *graph.Node {
	if !(c.momentum >= 0 && c.momentum < 1 && c.rms > 0) {
		graph.Errorf("muon: the momentum %g must be in [0, 1), RMS %g above 0", c.momentum, c.rms)
	}
	if u.Value.Rank() < 2 || c.matrix != nil && !c.matrix(u.Variable) {
		return c.others.direction(u)
	}
	m := u.Average("momentum", u.Gradient, c.momentum)
	x := u.unbiased(m, c.momentum)
	if c.nesterov {
		next := u.as(graph.Reciprocal(graph.OneMinus(graph.MulScalar(u.power(c.momentum), c.momentum))))
		if c.momentum == 0 {
			next = graph.OnesLike(next)
		}
		x = graph.Add(graph.MulScalar(graph.Mul(m, next), c.momentum), graph.MulScalar(u.unbiased(u.Gradient, c.momentum), 1-c.momentum))
	}
	columns := x.Dim(-1)
	x = graph.Reshape(x, -1, columns)
	scale := c.rms * math.Sqrt(float64(max(x.Dim(0), columns)))
	return graph.Reshape(graph.MulScalar(orthogonal(x, c.steps), scale), u.Value.Shape().Dimensions...)
}

// orthogonal returns about UVᵀ of a matrix USVᵀ, with singular values from 0.7 to 1.2: by iterations of Newton and Schulz whose polynomial
// is steep at 0.
func orthogonal(x *graph.Node, steps int) *graph.Node {
	const a, b, c = 3.4445, -4.7750, 2.0315 // Jordan: the steepest at 0 that stay in that range
	tall := x.Dim(0) > x.Dim(1)
	if tall {
		x = graph.Transpose(x, 0, 1)
	}
	x = graph.Div(x, graph.AddScalar(GlobalNorm([]*graph.Node{x}), 1e-8)) // Optax's; of zeros it makes zeros
	for range steps {
		s := graph.MatMul(x, graph.Transpose(x, 0, 1))
		s = graph.Add(graph.MulScalar(s, b), graph.MulScalar(graph.MatMul(s, s), c))
		x = graph.Add(graph.MulScalar(x, a), graph.MatMul(s, x))
	}
	if tall {
		x = graph.Transpose(x, 0, 1)
	}
	return x
}
