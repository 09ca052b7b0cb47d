package optimizers

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/linalg"
	"github.com/quire-ml/quire/graph/shapes"
)

// ShampooConfig is Shampoo or SOAP to be set up, see [Shampoo] and [SOAP]. It has all settings of an [Optimizer].
type ShampooConfig struct {
	settings[*ShampooConfig]
	beta1, beta2, keep, epsilon float64
	every, largest              int
}

// Shampoo returns the optimizer that takes out of the gradient of a matrix what its rows, and what its columns, have in common. For θ of
// [R, C], with g the gradient,
//
//	L ← L + g·gᵀ,   K ← K + gᵀ·g
//	d = (L + εI)^(-1/4) · g · (K + εI)^(-1/4)
//	m ← β · m + d
//	θ ← θ - rate · (m + weightDecay · θ)
//
// Roots are computed by eigenvalues, every so many steps ([ShampooConfig.Every], 1 unless set). A side of more than
// [ShampooConfig.LargestSide], 1024, has no matrix, and the root of the other is the square root; if both have none, and for
// vectors, the steps are those of [Adagrad]. Of more than two axes the first ones are taken together. The learning rate is
// 0.1, β is 0.9, ε is 1e-4.
//
// Source: Gupta, Koren and Singer, "Shampoo: Preconditioned Stochastic Tensor Optimization", 2018, arXiv:1802.09568, algorithm 1.
func Shampoo() *ShampooConfig {
	c := &ShampooConfig{beta1: 0.9, epsilon: 1e-4, every: 1, largest: 1024}
	c.settings = newSettings(c, "shampoo", c.shampoo)
	return c.LearningRate(0.1)
}

// SOAP returns [Adam] in the axes in which [Shampoo]'s matrices are diagonal. For a matrix θ of [R, C], with g the gradient in step t,
//
//	L ← γ · L + (1 - γ) · g·gᵀ,   K ← γ · K + (1 - γ) · gᵀ·g
//	P, Q: the eigenvectors of L and K in the first step; every ten steps then the orthogonal part of L·P and K·Q
//	m ← β₁ · m + (1 - β₁) · g,   v ← β₂ · v + (1 - β₂) · (Pᵀ·g·Q)²
//	d = P · ((Pᵀ·m·Q / (1 - β₁ᵗ)) / (√(v / (1 - β₂ᵗ)) + ε)) · Qᵀ
//	θ ← θ - rate · (d + weightDecay · θ)
//
// Sides of more than [ShampooConfig.LargestSide], 1024, keep their axes; vectors take steps of Adam. Of more than two axes the first
// ones are taken together. The learning rate is 0.003, β₁, β₂ and γ are 0.95, ε is 1e-8. The axes are found before the step that uses them, where
// the authors' program makes no step at first and then takes those of the step before.
//
// Source: Vyas et al., "SOAP: Improving and Stabilizing Shampoo using Adam", 2024, arXiv:2409.11321, algorithm 3.
func SOAP() *ShampooConfig {
	c := &ShampooConfig{beta1: 0.95, beta2: 0.95, keep: 0.95, epsilon: 1e-8, every: 10, largest: 1024}
	c.settings = newSettings(c, "soap", c.soap)
	return c.LearningRate(3e-3)
}

// Betas sets how slowly the means of steps and, in [SOAP], of squares move.
func (c *ShampooConfig) Betas(beta1, beta2 float64) *ShampooConfig {
	c.beta1, c.beta2 = beta1, beta2
	return c
}

// Epsilon sets what is added to the matrices of [Shampoo], and in [SOAP] to the root of the mean square.
func (c *ShampooConfig) Epsilon(epsilon float64) *ShampooConfig {
	c.epsilon = epsilon
	return c
}

// Every sets after how many steps roots or eigenvectors are computed anew.
func (c *ShampooConfig) Every(steps int) *ShampooConfig {
	c.every = steps
	return c
}

// LargestSide sets the number of rows or columns up to which these have a matrix.
func (c *ShampooConfig) LargestSide(n int) *ShampooConfig {
	c.largest = n
	return c
}

func (c *ShampooConfig) checkShampoo() {
	if !(c.beta1 >= 0 && c.beta1 < 1 && c.beta2 >= 0 && c.beta2 < 1) || c.every < 1 {
		graph.Errorf("%s: betas %g and %g must be in [0, 1), and there are %d steps between roots, want 1 or more", c.name, c.beta1, c.beta2, c.every)
	}
	checkEpsilon(c.name, c.epsilon)
}

// sides returns the gradient as a matrix, and which of its sides have matrices.
func (c *ShampooConfig) sides(u *Update) (g *graph.Node, rows, columns bool) {
	if u.Value.Rank() < 2 || u.Value.Shape().Size() == 0 {
		return u.Gradient, false, false
	}
	g = graph.Reshape(u.Gradient, -1, u.Gradient.Dim(-1))
	return g, g.Dim(0) <= c.largest, g.Dim(1) <= c.largest
}

// due returns what compute makes of the state, in the first step and every so many after it, and the state elsewhere.
func (c *ShampooConfig) due(u *Update, s *State, compute func() *graph.Node) *graph.Node {
	if c.every == 1 {
		return s.Set(compute())
	}
	since := graph.ModScalar(graph.AddScalar(u.Step, -1), float32(c.every))
	old := s.Value()
	now := graph.NewClosure(u.Value.Graph(), func(*graph.Graph) []*graph.Node { return []*graph.Node{compute()} })
	later := graph.NewClosure(u.Value.Graph(), func(*graph.Graph) []*graph.Node { return []*graph.Node{graph.Identity(old)} })
	return s.Set(graph.If(graph.IsZero(since), now, later)[0])
}

// shampoo is the rule of Shampoo.
func (c *ShampooConfig) shampoo(u *Update) *graph.Node {
	c.checkShampoo()
	if c.epsilon == 0 {
		graph.Errorf("shampoo: epsilon is 0, want more: the matrices have no inverse at first")
	}
	g, rows, columns := c.sides(u)
	d := g
	if !rows && !columns {
		sum := u.State("sum")
		d = graph.Div(g, graph.Sqrt(graph.AddScalar(sum.Set(graph.Add(sum.Value(), graph.Square(g))), c.epsilon)))
	}
	power := -0.25
	if rows != columns {
		power = -0.5
	}
	root := func(name string, square *graph.Node) *graph.Node {
		dims := square.Shape().Dimensions
		sum := u.StateOf(name, Slot{Dims: dims})
		total := sum.Set(graph.Add(sum.Value(), square))
		return c.due(u, u.StateOf(name+"_root", Slot{Dims: dims}), func() *graph.Node { return matrixPower(total, c.epsilon, power) })
	}
	if rows {
		d = graph.MatMul(root("rows", graph.MatMul(g, graph.Transpose(g, 0, 1))), d)
	}
	if columns {
		d = graph.MatMul(d, root("columns", graph.MatMul(graph.Transpose(g, 0, 1), g)))
	}
	d = graph.Reshape(d, u.Value.Shape().Dimensions...)
	if c.beta1 == 0 {
		return d
	}
	m := u.State("momentum")
	return m.Set(graph.Add(graph.MulScalar(m.Value(), c.beta1), d))
}

// matrixPower returns (a + εI)^p of a symmetric matrix without negative eigenvalues.
func matrixPower(a *graph.Node, epsilon, p float64) *graph.Node {
	w, v := linalg.Eigh(a)
	w = graph.AddScalar(graph.MaxScalar(w, 0), epsilon)
	w = graph.Pow(w, graph.ConstAs(w, p))
	return graph.MatMul(graph.Mul(v, graph.ExpandAxes(w, 0)), graph.Transpose(v, 0, 1))
}

// soap is the rule of SOAP.
func (c *ShampooConfig) soap(u *Update) *graph.Node {
	c.checkShampoo()
	g, rows, columns := c.sides(u)
	axes := func(name string, square *graph.Node) *graph.Node {
		dims := square.Shape().Dimensions
		mean := u.StateOf(name, Slot{Dims: dims})
		a := mean.Set(average(mean.Value(), square, c.keep))
		basis := u.StateOf(name+"_axes", Slot{Dims: dims})
		return c.due(u, basis, func() *graph.Node {
			first := graph.NewClosure(a.Graph(), func(*graph.Graph) []*graph.Node {
				_, v := linalg.Eigh(a)
				return []*graph.Node{v}
			})
			next := graph.NewClosure(a.Graph(), func(*graph.Graph) []*graph.Node {
				q, _ := linalg.QR(graph.MatMul(a, basis.Value()))
				return []*graph.Node{q}
			})
			return graph.If(u.first(), first, next)[0]
		})
	}
	transposed := func(x *graph.Node) *graph.Node { return graph.Transpose(x, 0, 1) }
	into, back := func(x *graph.Node) *graph.Node { return x }, func(x *graph.Node) *graph.Node { return x }
	if rows {
		p := axes("rows", graph.MatMul(g, transposed(g)))
		into, back = func(x *graph.Node) *graph.Node { return graph.MatMul(transposed(p), x) }, func(x *graph.Node) *graph.Node { return graph.MatMul(p, x) }
	}
	if columns {
		q, rowsInto, rowsBack := axes("columns", graph.MatMul(transposed(g), g)), into, back
		into, back = func(x *graph.Node) *graph.Node { return graph.MatMul(rowsInto(x), q) }, func(x *graph.Node) *graph.Node { return graph.MatMul(rowsBack(x), transposed(q)) }
	}
	like := func(x *graph.Node, s shapes.Shape) *graph.Node { return graph.Reshape(x, s.Dimensions...) }
	m := like(u.Average("m", u.Gradient, c.beta1), g.Shape())
	v := u.Average("v", like(graph.Square(into(g)), u.Value.Shape()), c.beta2)
	root := like(graph.AddScalar(graph.Sqrt(u.unbiased(v, c.beta2)), c.epsilon), g.Shape())
	return like(back(graph.Div(into(u.unbiased(m, c.beta1)), root)), u.Value.Shape())
}
