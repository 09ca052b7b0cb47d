package optimizers

import (
	"github.com/quire-ml/quire/graph"
)

// LBFGSConfig is L-BFGS to be set up, see [LBFGS]. It has all settings of an [Optimizer].
type LBFGSConfig struct {
	settings[*LBFGSConfig]
	history int
}

// LBFGS returns the quasi-Newton method with limited memory, over all variables together, for losses without noise: full batches, fits of curves,
// physics-informed networks at their end. From the last 10 pairs of steps s = θ - θ' and changes of gradients y = g - g',
//
//	q = g;   from the newest pair to the oldest:  a = s·q / (s·y),  q ← q - a · y
//	d = q · (s·y) / (y·y) of the newest pair;   from the oldest to the newest:  b = y·d / (s·y),  d ← d + (a - b) · s
//	θ ← θ - rate · d
//
// of which the first step is the gradient, divided by the sum of its absolute values if that is above 1. Pairs without curvature, s·y ≤ 1e-10, are left out. There is
// no line search, since a step has one gradient: [FitLBFGS] has one. The learning rate is 1; lower it where the loss rises.
//
// Source: Nocedal and Wright, "Numerical Optimization", 2006, algorithm 7.4, in the form of PyTorch with one iteration a step.
func LBFGS() *LBFGSConfig {
	c := &LBFGSConfig{history: 10}
	c.settings = newSettings[*LBFGSConfig](c, "lbfgs", nil)
	c.joint = c.directions
	return c.LearningRate(1)
}

// History sets the number of pairs that are kept.
func (c *LBFGSConfig) History(pairs int) *LBFGSConfig {
	c.history = pairs
	return c
}

// directions is the rule, for all variables.
func (c *LBFGSConfig) directions(updates []*Update) []*graph.Node {
	if c.history < 1 {
		graph.Errorf("lbfgs: a history of %d pairs, want 1 or more", c.history)
	}
	dtype := wide(updates[0].Value.DType())
	for _, u := range updates {
		if u.Value.DType() != dtype {
			graph.Errorf("lbfgs: the variables %s and %s are updated in %s and %s: want one dtype", updates[0].Variable.Path(), u.Variable.Path(), dtype, u.Value.DType())
		}
	}
	pairs := c.pairs(updates)
	q := make([]*graph.Node, len(updates))
	for i, u := range updates {
		q[i] = u.Gradient
	}
	alphas := make([]*graph.Node, len(pairs))
	for k := len(pairs) - 1; k >= 0; k-- {
		p := pairs[k]
		alphas[k] = p.over(dot(p.s, q))
		q = plus(q, graph.Neg(alphas[k]), p.y)
	}
	last := pairs[len(pairs)-1] // new ones are put behind the others
	scale := graph.Div(last.curvature, graph.MaxScalar(dot(last.y, last.y), smallest))
	scale = graph.Where(graph.IsZero(last.curvature), graph.OnesLike(scale), scale)
	for i := range q {
		q[i] = graph.Mul(q[i], scale)
	}
	for k, p := range pairs {
		q = plus(q, graph.Sub(alphas[k], p.over(dot(p.y, q))), p.s)
	}
	return c.begin(updates, q)
}

// smallest keeps what is divided by above 0.
const smallest = 1e-30

// pair is a step and the change of the gradients that it made, of all variables.
type pair struct {
	s, y      []*graph.Node
	curvature *graph.Node // s·y, 0 if there is no pair
}

// over returns x/(s·y), 0 if there is no pair.
func (p *pair) over(x *graph.Node) *graph.Node {
	none := graph.IsZero(p.curvature)
	return graph.Where(none, graph.ZerosLike(x), graph.Div(x, graph.Where(none, graph.OnesLike(x), p.curvature)))
}

// pairs returns those before the step, oldest first, the one that the last step made among them.
func (c *LBFGSConfig) pairs(updates []*Update) []*pair {
	fresh := &pair{}
	var begins *graph.Node // whether it is the first step of a variable
	for _, u := range updates {
		if first := u.first(); begins == nil {
			begins = first
		} else {
			begins = graph.LogicalOr(begins, first)
		}
		value, gradient := u.State("value"), u.State("gradient")
		fresh.s = append(fresh.s, graph.Sub(u.Value, value.Value()))
		fresh.y = append(fresh.y, graph.Sub(u.Gradient, gradient.Value()))
		value.Set(u.Value)
		gradient.Set(u.Gradient)
	}
	fresh.curvature = dot(fresh.s, fresh.y)
	good := graph.LogicalAnd(graph.LogicalNot(begins), graph.GreaterThan(fresh.curvature, graph.ConstAs(fresh.curvature, 1e-10)))
	shifted := func(u *Update, name string, newest *graph.Node) (rows []*graph.Node) {
		dims := append([]int{c.history}, newest.Shape().Dimensions...)
		s := u.StateOf(name, Slot{Dims: dims})
		old := s.Value()
		next := graph.Concatenate([]*graph.Node{graph.SliceAxis(old, 0, graph.AxisRange(1, c.history)), graph.ExpandAxes(newest, 0)}, 0)
		all := s.Set(graph.Where(good, next, old))
		for k := range c.history {
			rows = append(rows, graph.Squeeze(graph.SliceAxis(all, 0, graph.AxisRange(k, k+1)), 0))
		}
		return rows
	}
	pairs := make([]*pair, c.history)
	for k := range pairs {
		pairs[k] = &pair{}
	}
	for i, u := range updates {
		s, y := shifted(u, "steps", fresh.s[i]), shifted(u, "changes", fresh.y[i])
		for k, p := range pairs {
			p.s, p.y = append(p.s, s[k]), append(p.y, y[k])
		}
	}
	for _, p := range pairs {
		p.curvature = dot(p.s, p.y)
	}
	return pairs
}

// begin returns the gradients in the first step, made shorter, and d in others.
func (c *LBFGSConfig) begin(updates []*Update, d []*graph.Node) []*graph.Node {
	var sum *graph.Node
	for _, u := range updates {
		s := graph.ReduceAllSum(graph.Abs(u.Gradient))
		if sum == nil {
			sum = s
		} else {
			sum = graph.Add(sum, s)
		}
	}
	shorter := graph.Reciprocal(graph.MaxScalar(sum, 1))
	out := make([]*graph.Node, len(d))
	for i, u := range updates {
		out[i] = graph.Where(updates[0].first(), graph.Mul(u.Gradient, shorter), d[i])
	}
	return out
}

// dot returns the scalar product of two lists of nodes.
func dot(a, b []*graph.Node) (sum *graph.Node) {
	for i := range a {
		x := graph.ReduceAllSum(graph.Mul(a[i], b[i]))
		if sum == nil {
			sum = x
		} else {
			sum = graph.Add(sum, x)
		}
	}
	return sum
}

// plus returns x + a·y of lists of nodes.
func plus(x []*graph.Node, a *graph.Node, y []*graph.Node) []*graph.Node {
	out := make([]*graph.Node, len(x))
	for i := range x {
		out[i] = graph.Add(x[i], graph.Mul(a, y[i]))
	}
	return out
}
