package optimizers

import (
	"math"

	"github.com/quire-ml/quire/graph"
)

// AdafactorConfig is Adafactor to be set up, see [Adafactor]. It has all settings of an [Optimizer].
type AdafactorConfig struct {
	settings[*AdafactorConfig]
	power, threshold         float64
	smallest, smallestOfNorm float64
}

// Adafactor returns the optimizer that keeps two vectors in place of [Adam]'s mean squares of a matrix. For θ of [..., R, C], in step t,
//
//	w = t^-0.8
//	r ← r + w · (mean of g² over C - r),   c ← c + w · (mean of g² over R - c)
//	v = r · c / mean of r over R                       for vectors v ← v + w · (g² - v)
//	u = g / √v
//	d = max(1e-3, RMS(θ)) · min(1, 1/(rate · √t)) · u / max(1, RMS(u))
//	θ ← θ - rate · (d + weightDecay · θ)
//
// so that steps are relative to what they change. The learning rate, which is the largest relative step, is 0.01. √v is at least 2⁻²³,
// the mean of r too.
//
// Source: Shazeer and Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", 2018, arXiv:1804.04235, algorithms 4 and 5, in
// the form of PyTorch.
func Adafactor() *AdafactorConfig {
	c := &AdafactorConfig{power: -0.8, threshold: 1, smallest: math.Exp2(-23), smallestOfNorm: 1e-3}
	c.settings = newSettings(c, "adafactor", c.direction)
	return c.LearningRate(0.01)
}

// Decay sets the power of t that w is, -0.8 unless set: 0 forgets all, what is near -1 nothing.
func (c *AdafactorConfig) Decay(power float64) *AdafactorConfig {
	c.power = power
	return c
}

// Threshold sets the root mean square that steps u are limited to, 1 unless set.
func (c *AdafactorConfig) Threshold(rms float64) *AdafactorConfig {
	c.threshold = rms
	return c
}

// Epsilons sets the least √v, and the least root mean square that a variable counts with: one of zeros moves nevertheless.
func (c *AdafactorConfig) Epsilons(root, rms float64) *AdafactorConfig {
	c.smallest, c.smallestOfNorm = root, rms
	return c
}

// direction is the rule.
func (c *AdafactorConfig) direction(u *Update) *graph.Node {
	if !(c.power <= 0 && c.threshold > 0 && c.smallest > 0 && c.smallestOfNorm >= 0) {
		graph.Errorf("adafactor: the power %g must not be above 0, the threshold %g and the epsilons %g and %g not below", c.power, c.threshold, c.smallest, c.smallestOfNorm)
	}
	if float32(c.smallest*c.smallest) == 0 {
		graph.Errorf("adafactor: the square of epsilon %g is 0 as a float32: want 1e-22 or more", c.smallest)
	}
	newest := u.as(graph.Exp(graph.MulScalar(graph.Log(u.step64()), c.power)))
	move := func(s *State, x *graph.Node) *graph.Node {
		return s.Set(graph.Add(s.Value(), graph.Mul(newest, graph.Sub(x, s.Value()))))
	}
	squares, rank := graph.Square(u.Gradient), u.Value.Rank()
	var v *graph.Node
	if rank < 2 {
		v = move(u.State("v"), squares)
	} else {
		dims := u.Value.Shape().Dimensions
		columns := append(append([]int{}, dims[:rank-2]...), dims[rank-1])
		r := move(u.StateOf("rows", Slot{Dims: append([]int{}, dims[:rank-1]...)}), graph.ReduceMean(squares, -1))
		k := move(u.StateOf("columns", Slot{Dims: columns}), graph.ReduceMean(squares, -2))
		mean := graph.MaxScalar(graph.ExpandAxes(graph.ReduceMean(r, -1), -1), c.smallest)
		v = graph.Mul(graph.ExpandAxes(graph.Div(r, mean), -1), graph.ExpandAxes(k, -2))
	}
	d := graph.Mul(u.Gradient, graph.Rsqrt(graph.MaxScalar(v, c.smallest*c.smallest)))
	d = graph.Div(d, graph.MaxScalar(graph.DivScalar(rms(d), c.threshold), 1))
	relative := graph.MaxScalar(rms(u.Value), c.smallestOfNorm)
	slower := graph.MinScalar(graph.Reciprocal(graph.Mul(u.LearningRate, graph.Sqrt(u.Step))), 1)
	return graph.Mul(d, graph.Mul(relative, u.as(slower)))
}

// rms returns the root of the mean square, 0 of nothing.
func rms(x *graph.Node) *graph.Node {
	if x.Shape().Size() == 0 {
		return graph.ScalarZero(x.Graph(), x.DType())
	}
	return graph.Sqrt(graph.ReduceAllMean(graph.Square(x)))
}
