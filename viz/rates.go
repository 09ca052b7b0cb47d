package viz

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/quire-ml/quire/viz/internal/svg"
)

// Rate is what depends on the step of training, as a learning rate does: the schedules of package optimizers are rates.
type Rate interface {
	Value(step float64) float64
}

// RateFunc is a function of the step as a [Rate].
type RateFunc func(step float64) float64

// Value calls f. That of a nil function is NaN.
func (f RateFunc) Value(step float64) float64 {
	if f == nil {
		return math.NaN()
	}
	return f(step)
}

// NamedRate is a [Rate] with a name for [Schedule].
type NamedRate struct {
	Rate
	Name string
}

// Value returns the rate of a step, NaN if there is none.
func (r NamedRate) Value(step float64) float64 {
	if r.Rate == nil {
		return math.NaN()
	}
	return r.Rate.Value(step)
}

// ratePoints is how many steps of a schedule are looked at: more than a chart has pixels.
const ratePoints = 1000

// Schedule draws rates over the steps 0 to steps-1, such as what a learning rate is multiplied by, each with its first, largest and last
// value:
//
//	viz.Show(viz.Schedule(10_000, optimizers.WarmUp(500, optimizers.Cosine(10_000))))
//
// Of more than a thousand steps evenly spaced ones are looked at, with the first and the last one.
func Schedule(steps int, rates ...Rate) Bundle {
	switch {
	case steps < 1:
		return Error(fmt.Errorf("viz.Schedule: %d steps: want one or more", steps))
	case len(rates) == 0:
		return Error(errors.New("viz.Schedule: no schedule"))
	}
	ch := svg.Chart{XLabel: "step", Width: 420, Height: 250}
	g := &grid{header: []string{"schedule", "over steps", "first", "largest", "at", "last"}, left: []bool{true, true}}
	at := pick(steps, ratePoints)
	for i, r := range rates {
		if isNil(r) {
			return Error(fmt.Errorf("viz.Schedule: schedule %d is nil", i))
		}
		name := ""
		if n, ok := r.(NamedRate); ok {
			if name = n.Name; isNil(n.Rate) {
				return Error(fmt.Errorf("viz.Schedule: the schedule %q is nil", n.Name))
			}
		}
		if name == "" && len(rates) > 1 {
			name = fmt.Sprintf("schedule %d", i+1)
		}
		s := svg.Series{Name: name, Color: i, Dash: i / svg.NumColors, Labeled: len(rates) == 1}
		largest := 0
		for k, step := range at {
			v := r.Value(float64(step))
			s.X, s.Y = append(s.X, float64(step)), append(s.Y, v)
			if v > s.Y[largest] || math.IsNaN(s.Y[largest]) {
				largest = k
			}
		}
		ch.Series = append(ch.Series, s)
		g.rows = append(g.rows, []string{name, sparkline(s.Y, 40), number(s.Y[0]), number(s.Y[largest]), count(int64(at[largest])), number(s.Y[len(s.Y)-1])})
	}
	if len(rates) == 1 && strings.TrimSpace(g.rows[0][0]) == "" {
		g.header, g.left, g.rows[0] = g.header[1:], g.left[1:], g.rows[0][1:]
	}
	return HTML(tag("div", "", inline(picture(ch.SVG(), "schedule over steps")), inline(g.html())), g.text()).drawn(ch)
}
