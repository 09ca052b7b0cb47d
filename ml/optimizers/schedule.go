package optimizers

import (
	"math"

	"github.com/quire-ml/quire/graph"
)

// Schedule says by what the learning rate is multiplied in each step.
type Schedule interface {
	// Graph returns the factor for a step, numbered from 0; both are float32 scalars.
	Graph(step *graph.Node) *graph.Node

	// Value is Graph on the host, for plots and tests.
	Value(step float64) float64
}

// ScheduleConfig is a [Schedule] made of a curve and a warm-up before it.
type ScheduleConfig struct {
	warmUp float64
	final  float64
	steps  float64 // length of the curve, 0 for Constant
	kind   curve
	name   string
	gamma  float64
}

type curve int

const (
	constant curve = iota
	cosine
	linear
	stepwise
)

// Constant keeps the learning rate as it is.
func Constant() *ScheduleConfig { return &ScheduleConfig{kind: constant} }

// Cosine lowers the learning rate to [ScheduleConfig.Final], 0 unless set, on half a cosine wave:
//
//	factor = final + (1 - final) · (1 + cos(π · step/steps)) / 2
//
// and keeps it there.
//
// Source: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2016,
// arXiv:1608.03983, eq. 5, without restarts.
func Cosine(steps int) *ScheduleConfig { return newSchedule(cosine, "Cosine", steps) }

// Linear lowers the learning rate to [ScheduleConfig.Final], 0 unless set, on a straight line:
//
//	factor = 1 - (1 - final) · step/steps
//
// and keeps it there.
func Linear(steps int) *ScheduleConfig { return newSchedule(linear, "Linear", steps) }

// Step multiplies the learning rate by gamma after every so many steps: factor = gamma^⌊step/every⌋.
func Step(every int, gamma float64) *ScheduleConfig {
	s := newSchedule(stepwise, "Step", every)
	s.gamma = gamma
	return s
}

func newSchedule(kind curve, name string, steps int) *ScheduleConfig {
	return &ScheduleConfig{kind: kind, name: name, steps: float64(steps)}
}

// WarmUp puts so many steps before the curve in which the factor grows from 0 in equal steps:
//
//	factor = (step + 1) / (steps + 1)
//
// so that no step is lost to a learning rate of 0. The curve begins after them.
func (s *ScheduleConfig) WarmUp(steps int) *ScheduleConfig {
	s.warmUp = float64(max(0, steps))
	return s
}

// Final sets the factor at the end of Cosine and Linear.
func (s *ScheduleConfig) Final(factor float64) *ScheduleConfig {
	s.final = factor
	return s
}

// Value returns the factor for a step.
func (s *ScheduleConfig) Value(step float64) float64 {
	if step < s.warmUp {
		return (step + 1) / (s.warmUp + 1)
	}
	step -= s.warmUp
	switch s.kind {
	case cosine:
		return s.final + (1-s.final)*(1+math.Cos(math.Pi*math.Min(1, step/s.steps)))/2
	case linear:
		return 1 - (1-s.final)*math.Min(1, step/s.steps)
	case stepwise:
		return math.Pow(s.gamma, math.Floor(step/s.steps))
	}
	return 1
}

// Graph returns the factor for a step. It panics with [graph.Error] if the curve has no steps.
func (s *ScheduleConfig) Graph(step *graph.Node) *graph.Node {
	if s.kind != constant && s.steps < 1 {
		graph.Errorf("optimizers.%s: %g steps, want 1 or more", s.name, s.steps)
	}
	after := graph.AddScalar(step, -s.warmUp)
	factor := graph.OnesLike(step)
	if s.kind != constant {
		part := graph.DivScalar(after, s.steps)
		done := graph.ClipScalar(part, 0, 1)
		switch s.kind {
		case cosine:
			wave := graph.MulScalar(graph.OnePlus(graph.Cos(graph.MulScalar(done, math.Pi))), (1-s.final)/2)
			factor = graph.AddScalar(wave, s.final)
		case linear:
			factor = graph.OneMinus(graph.MulScalar(done, 1-s.final))
		case stepwise:
			factor = graph.Pow(graph.ConstAs(part, s.gamma), graph.Floor(part))
		}
	}
	if s.warmUp == 0 {
		return factor
	}
	rising := graph.DivScalar(graph.OnePlus(step), s.warmUp+1)
	return graph.Where(graph.LessThan(step, graph.ConstAs(step, s.warmUp)), rising, factor)
}
