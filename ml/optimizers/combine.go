package optimizers

import (
	"math"

	"github.com/quire-ml/quire/graph"
)

// WarmUp puts so many steps before a schedule in which the factor grows from 0 in equal steps:
//
//	factor = (step + 1) / (steps + 1)
//
// so that no step is lost to a learning rate of 0. The schedule begins after them; nil is [Constant].
func WarmUp(steps int, after Schedule) Schedule {
	n := float64(max(0, steps))
	return Then(steps, &formula{
		graph: func(step *graph.Node) *graph.Node { return graph.DivScalar(graph.OnePlus(step), n+1) },
		value: func(step float64) float64 { return (step + 1) / (n + 1) },
	}, after)
}

// Then is first for so many steps, and after them the other schedule from its beginning. nil is [Constant].
func Then(steps int, first, after Schedule) Schedule {
	first, after = orConstant(first), orConstant(after)
	if steps <= 0 {
		return after
	}
	n := float64(steps)
	return &formula{
		graph: func(step *graph.Node) *graph.Node {
			later := after.Graph(graph.MaxScalar(graph.AddScalar(step, -n), 0))
			return graph.Where(graph.LessThan(step, graph.ConstAs(step, n)), first.Graph(step), later)
		},
		value: func(step float64) float64 {
			if step < n {
				return first.Value(step)
			}
			return after.Value(step - n)
		},
	}
}

// Repeat begins a schedule anew after every so many steps. It panics with [graph.Error] in a graph if they are not 1 or
// more. nil is [Constant].
//
// Source: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2016, arXiv:1608.03983,
// of [Cosine], with periods of one length.
func Repeat(every int, s Schedule) Schedule {
	s = orConstant(s)
	n := float64(every)
	return &formula{
		graph: func(step *graph.Node) *graph.Node {
			if every < 1 {
				graph.Errorf("Repeat: every %d steps, want 1 or more", every)
			}
			whole := graph.MulScalar(graph.Floor(graph.DivScalar(step, n)), n)
			return s.Graph(graph.Sub(step, whole))
		},
		value: func(step float64) float64 { return s.Value(step - n*math.Floor(step/n)) },
	}
}

// DownTo raises what a schedule lowers, so that instead of 0 it ends at final: factor = final + (1 - final) · factor.
// nil is [Constant].
func DownTo(final float64, s Schedule) Schedule {
	s = orConstant(s)
	if final == 0 {
		return s
	}
	return &formula{
		graph: func(step *graph.Node) *graph.Node {
			return graph.AddScalar(graph.MulScalar(s.Graph(step), 1-final), final)
		},
		value: func(step float64) float64 { return final + (1-final)*s.Value(step) },
	}
}

// formula is a schedule of two functions that say the same.
type formula struct {
	graph func(step *graph.Node) *graph.Node
	value func(step float64) float64
}

// Graph returns the factor for a step.
func (f *formula) Graph(step *graph.Node) *graph.Node { return f.graph(step) }

// Value returns the factor for a step.
func (f *formula) Value(step float64) float64 { return f.value(step) }
