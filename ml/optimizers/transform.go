package optimizers

import (
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/ml/model"
)

// Transform changes what is done to variables: the gradients before an optimizer's rule sees them, or the directions that it returns. xs has a node
// of the variable's shape for each update, and so has the result. Transforms may keep state, see [Update.State], under names that the rule
// does not use. They are given to any optimizer, in their order:
//
//	optimizers.Adam().Gradients(optimizers.Centralize(), optimizers.LimitNorm(1)).Directions(optimizers.LimitValue(10)).Done()
type Transform func(updates []*Update, xs []*graph.Node) []*graph.Node

// each is the transform of one node by another.
func each(fn func(u *Update, x *graph.Node) *graph.Node) Transform {
	return func(updates []*Update, xs []*graph.Node) []*graph.Node {
		for i, u := range updates {
			xs[i] = fn(u, xs[i])
		}
		return xs
	}
}

// LimitValue limits each element to [-limit, limit], as [ClipValue].
func LimitValue(limit float64) Transform {
	return func(_ []*Update, xs []*graph.Node) []*graph.Node {
		positive("LimitValue", "the limit", limit)
		return ClipValue(xs, limit)
	}
}

// LimitNorm limits the Euclidean norm of each variable's node by itself: x · min(1, limit/‖x‖).
func LimitNorm(limit float64) Transform {
	return each(func(_ *Update, x *graph.Node) *graph.Node {
		positive("LimitNorm", "the limit", limit)
		return ClipGlobalNorm([]*graph.Node{x}, limit)[0]
	})
}

// LimitGlobalNorm limits the norm of all nodes together, as [ClipGlobalNorm].
func LimitGlobalNorm(limit float64) Transform {
	return func(_ []*Update, xs []*graph.Node) []*graph.Node {
		positive("LimitGlobalNorm", "the limit", limit)
		return ClipGlobalNorm(xs, limit)
	}
}

// Decay adds amount · θ for the variables that filter accepts, all if it is nil. Of gradients that is a penalty amount/2 · Σ θ², of directions a
// weight decay; several of them decay different variables by different amounts.
func Decay(amount float64, filter func(v *model.Variable) bool) Transform {
	return each(func(u *Update, x *graph.Node) *graph.Node {
		if !(amount >= 0) {
			graph.Errorf("Decay: the amount is %g, want 0 or more", amount)
		}
		if filter != nil && !filter(u.Variable) {
			return x
		}
		return graph.Add(x, graph.MulScalar(u.Value, amount))
	})
}

// Centralize subtracts from the gradient of each matrix, or of what has more axes, the mean over all axes but the last, which is that of
// outputs.
//
// Source: Yong et al., "Gradient Centralization: A New Optimization Technique for Deep Neural Networks", 2020, arXiv:2004.01461, eq. 1.
func Centralize() Transform {
	return each(func(_ *Update, x *graph.Node) *graph.Node {
		if x.Rank() < 2 || x.Shape().Size() == 0 {
			return x
		}
		axes := make([]int, x.Rank()-1)
		for i := range axes {
			axes[i] = i
		}
		return graph.Sub(x, graph.ReduceAndKeep(x, graph.ReduceMean, axes...))
	})
}

// Noise adds noise of the normal distribution, which becomes less with the steps t: of the variance
//
//	eta / (1 + t)^gamma
//
// with t from 1. eta is from 0.01 to 1, gamma 0.55. The store's random generator makes it.
//
// Source: Neelakantan et al., "Adding Gradient Noise Improves Learning for Very Deep Networks", 2015, arXiv:1511.06807, eq. 1.
func Noise(eta, gamma float64) Transform {
	return each(func(u *Update, x *graph.Node) *graph.Node {
		if !(eta >= 0 && gamma >= 0) {
			graph.Errorf("Noise: eta %g and gamma %g must be 0 or more", eta, gamma)
		}
		deviation := graph.MulScalar(graph.Exp(graph.MulScalar(graph.Log1p(u.step64()), -gamma/2)), math.Sqrt(eta))
		return graph.Add(x, graph.Mul(u.scope.RandomNormal(x.Graph(), x.Shape()), u.as(deviation)))
	})
}

// positive panics with [graph.Error] if a setting is not above 0.
func positive(name, what string, value float64) {
	if !(value > 0) {
		graph.Errorf("%s: %s is %g, want more than 0", name, what, value)
	}
}
