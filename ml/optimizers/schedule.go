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

// OneCycle raises the learning rate from 1/25 on half a cosine wave in the first 3/10 of the steps, and lowers it on another to 1/250,000 in the
// others:
//
//	factor = 1/25 + (1 - 1/25) · (1 - cos(π · step/up)) / 2                          for step ≤ up = 0.3 · steps - 1
//	factor = ε + (1 - ε) · (1 + cos(π · (step - up)/(steps - 1 - up))) / 2         after it, with ε = 1/250,000
//
// where it stays. The learning rate is the largest one.
//
// Source: Smith and Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates", 2017, arXiv:1708.07120, in
// the form and with the constants of PyTorch, without its change of momentum.
func OneCycle(steps int) *ScheduleConfig {
	const part, first, last = 0.3, 1. / 25, 1. / 25 / 1e4
	n := float64(steps)
	up := max(0, part*n-1)
	down := n - 1 - up
	return &ScheduleConfig{curve: &formula{
		graph: func(step *graph.Node) *graph.Node {
			if steps < 2 {
				graph.Errorf("OneCycle: %d steps, want 2 or more", steps)
			}
			wave := func(t *graph.Node, a, b float64) *graph.Node { // from a at t = 0 to b at t = 1
				half := graph.MulScalar(graph.OnePlus(graph.Cos(graph.MulScalar(ended(t), math.Pi))), 0.5)
				return graph.AddScalar(graph.MulScalar(half, a-b), b)
			}
			rising := wave(graph.DivScalar(step, max(up, 1e-9)), first, 1)
			falling := wave(graph.DivScalar(graph.AddScalar(step, -up), down), 1, last)
			return graph.Where(graph.LessOrEqual(step, graph.ConstAs(step, up)), rising, falling)
		},
		value: func(step float64) float64 {
			wave := func(t, a, b float64) float64 {
				return b + (a-b)*(1+math.Cos(math.Pi*math.Max(0, math.Min(1, t))))/2
			}
			if step <= up {
				return wave(step/max(up, 1e-9), first, 1)
			}
			return wave((step-up)/down, 1, last)
		},
	}}
}

// InverseSqrt grows in so many steps from near 0 to 1, and falls then as the root of the number of steps: with n = step + 1,
//
//	factor = min(n/warmUp, √(warmUp/n))
//
// warmUp is 1 or more.
//
// Source: Vaswani et al., "Attention Is All You Need", 2017, arXiv:1706.03762, section 5.3, divided by its largest value.
func InverseSqrt(warmUp int) *ScheduleConfig {
	return newSchedule("InverseSqrt", warmUp, func(t *graph.Node) *graph.Node {
		n := graph.AddScalar(t, 1/float64(warmUp))
		return graph.Min(n, graph.Rsqrt(n))
	}, func(t float64) float64 {
		n := t + 1/float64(warmUp)
		return math.Min(n, 1/math.Sqrt(n))
	})
}

// WSD warms up, stays and decays, so that it need not be known at the beginning when training ends: a training that stayed longer goes on from
// before the decay. It is [WarmUp], then 1 for so many steps, and then in the last ones
//
//	factor = 1 - √(t)                 for t = step/decay, counted from there
//
// Source: Hu et al., "MiniCPM", 2024, arXiv:2404.06395, section 4; the form of the decay: Hägele et al., "Scaling Laws and Compute-Optimal Training
// Beyond Fixed Training Durations", 2024, arXiv:2405.18392, eq. 1.
func WSD(warmUp, steady, decay int) Schedule {
	return WarmUp(warmUp, Then(steady, nil, newSchedule("WSD", decay, func(t *graph.Node) *graph.Node {
		return graph.OneMinus(graph.Sqrt(ended(t)))
	}, func(t float64) float64 {
		return 1 - math.Sqrt(math.Max(0, math.Min(1, t)))
	})))
}

// CosineRestarts is [Cosine] that begins anew after the first so many steps, and each time takes growth times as many as before. With growth 1 it is
// Repeat(first, Cosine(first)).
//
// Source: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2016, arXiv:1608.03983, with T_mult = growth.
func CosineRestarts(first, growth int) Schedule {
	if first < 1 || growth < 1 {
		return newSchedule("CosineRestarts", min(first, growth), func(t *graph.Node) *graph.Node { return t }, func(float64) float64 { return math.NaN() })
	}
	if growth == 1 {
		return Repeat(first, Cosine(first))
	}
	const most = 1 << 24 // after more steps a float32 counts no single ones
	var periods []int
	for n, end := first, 0; end < most; n *= min(growth, most) {
		periods = append(periods, n)
		if n >= most {
			break
		}
		end += n
	}
	s := Schedule(Cosine(periods[len(periods)-1]))
	for i := len(periods) - 2; i >= 0; i-- {
		s = Then(periods[i], Cosine(periods[i]), s)
	}
	return s
}

// StepAt multiplies the learning rate by gamma at each of the given steps, in ascending order: factor = gamma^(number of them that are not above
// step).
func StepAt(gamma float64, steps ...int) *ScheduleConfig {
	return &ScheduleConfig{curve: &formula{
		graph: func(step *graph.Node) *graph.Node {
			factor := graph.OnesLike(step)
			for i, at := range steps {
				if i > 0 && at < steps[i-1] {
					graph.Errorf("StepAt: step %d stands behind step %d: want them in ascending order", at, steps[i-1])
				}
				factor = graph.Where(graph.GreaterOrEqual(step, graph.ConstAs(step, at)), graph.MulScalar(factor, gamma), factor)
			}
			return factor
		},
		value: func(step float64) float64 {
			factor := 1.0
			for _, at := range steps {
				if step >= float64(at) {
					factor *= gamma
				}
			}
			return factor
		},
	}}
}
