package optimizers

import (
	"math"

	"github.com/quire-ml/quire/graph"
)

// Schedule says by what the learning rate is multiplied in each step. Schedules are values that combine:
//
//	WarmUp(100, Cosine(10_000))
//	DownTo(0.1, Repeat(1000, Linear(1000)))
//
// Whatever has these two methods is one.
type Schedule interface {
	// Graph returns the factor for a step, numbered from 0; both are float32 scalars.
	Graph(step *graph.Node) *graph.Node

	// Value is Graph on the host, for plots and tests.
	Value(step float64) float64
}

// curve is a schedule by its formula, of t = step/length, once for nodes and once for numbers.
type curve struct {
	name   string
	length float64
	graph  func(t *graph.Node) *graph.Node
	value  func(t float64) float64
}

// Graph returns the factor for a step. It panics with [graph.Error] if the curve has no steps.
func (c *curve) Graph(step *graph.Node) *graph.Node {
	if !(c.length >= 1) {
		graph.Errorf("%s: %g steps, want 1 or more", c.name, c.length)
	}
	return c.graph(graph.DivScalar(step, c.length))
}

// Value returns the factor for a step.
func (c *curve) Value(step float64) float64 { return c.value(step / c.length) }

// ended is t up to 1, where a curve ends.
func ended(t *graph.Node) *graph.Node { return graph.ClipScalar(t, 0, 1) }

// constant is the schedule that [Constant] returns, and what nil counts as.
type constant struct{}

// Graph returns 1.
func (constant) Graph(step *graph.Node) *graph.Node { return graph.OnesLike(step) }

// Value returns 1.
func (constant) Value(float64) float64 { return 1 }

// orConstant returns s, [Constant] for nil.
func orConstant(s Schedule) Schedule {
	if s == nil {
		return constant{}
	}
	return s
}

// Constant keeps the learning rate as it is.
func Constant() *ScheduleConfig { return &ScheduleConfig{curve: constant{}} }

// Cosine lowers the learning rate to 0 on half a cosine wave, and keeps it there:
//
//	factor = (1 + cos(π · min(1, step/steps))) / 2
//
// Source: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2016,
// arXiv:1608.03983, eq. 5; with restarts: [Repeat].
func Cosine(steps int) *ScheduleConfig {
	return newSchedule("Cosine", steps, func(t *graph.Node) *graph.Node {
		return graph.MulScalar(graph.OnePlus(graph.Cos(graph.MulScalar(ended(t), math.Pi))), 0.5)
	}, func(t float64) float64 {
		return (1 + math.Cos(math.Pi*math.Min(1, t))) / 2
	})
}

// Linear lowers the learning rate to 0 on a straight line, and keeps it there:
//
//	factor = 1 - min(1, step/steps)
func Linear(steps int) *ScheduleConfig {
	return newSchedule("Linear", steps, func(t *graph.Node) *graph.Node { return graph.OneMinus(ended(t)) },
		func(t float64) float64 { return 1 - math.Min(1, t) })
}

// Polynomial lowers the learning rate to 0, the steeper at first the larger power is, and keeps it there:
//
//	factor = (1 - min(1, step/steps))^power
//
// power is above 0; with 1 it is [Linear].
func Polynomial(steps int, power float64) *ScheduleConfig {
	return newSchedule("Polynomial", steps, func(t *graph.Node) *graph.Node {
		if !(power > 0) {
			graph.Errorf("Polynomial: the power is %g, want more than 0", power)
		}
		return graph.Pow(graph.OneMinus(ended(t)), graph.ConstAs(t, power))
	}, func(t float64) float64 {
		return math.Pow(1-math.Min(1, t), power)
	})
}

// Exponential multiplies the learning rate by gamma in the course of every so many steps, a little in each:
//
//	factor = gamma^(step/every)
//
// gamma is above 0.
func Exponential(every int, gamma float64) *ScheduleConfig {
	return newSchedule("Exponential", every, func(t *graph.Node) *graph.Node {
		if !(gamma > 0) {
			graph.Errorf("Exponential: gamma is %g, want more than 0", gamma)
		}
		return graph.Exp(graph.MulScalar(t, math.Log(gamma)))
	}, func(t float64) float64 {
		return math.Pow(gamma, t)
	})
}

// Step multiplies the learning rate by gamma after every so many steps: factor = gamma^⌊step/every⌋.
func Step(every int, gamma float64) *ScheduleConfig {
	return newSchedule("Step", every, func(t *graph.Node) *graph.Node {
		return graph.Pow(graph.ConstAs(t, gamma), graph.Floor(t))
	}, func(t float64) float64 {
		return math.Pow(gamma, math.Floor(t))
	})
}

func newSchedule(name string, steps int, g func(t *graph.Node) *graph.Node, value func(t float64) float64) *ScheduleConfig {
	return &ScheduleConfig{curve: &curve{name, float64(steps), g, value}}
}

// ScheduleConfig is a schedule of this package. The zero value is [Constant], and so is nil.
type ScheduleConfig struct {
	curve  Schedule
	final  float64
	warmUp int
}

// Final is [DownTo] of s: it changes s and returns it.
//
// Deprecated: use DownTo(factor, s).
func (s *ScheduleConfig) Final(factor float64) *ScheduleConfig {
	s.final = factor
	return s
}

// WarmUp is [WarmUp] before s, after [ScheduleConfig.Final]: it changes s and returns it.
//
// Deprecated: use WarmUp(steps, s).
func (s *ScheduleConfig) WarmUp(steps int) *ScheduleConfig {
	s.warmUp = steps
	return s
}

// schedule returns what Final and WarmUp made of the curve.
func (s *ScheduleConfig) schedule() Schedule {
	if s == nil {
		return constant{}
	}
	return WarmUp(s.warmUp, DownTo(s.final, s.curve))
}

// Graph returns the factor for a step. It panics with [graph.Error] if the curve has no steps.
func (s *ScheduleConfig) Graph(step *graph.Node) *graph.Node { return s.schedule().Graph(step) }

// Value returns the factor for a step.
func (s *ScheduleConfig) Value(step float64) float64 { return s.schedule().Value(step) }
