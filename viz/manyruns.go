package viz

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/viz/internal/svg"
)

// fewRuns is how many runs have training and evaluation in one chart, and their names above it.
const fewRuns = 5

// chart returns a chart of curves without any.
func (o CurveOptions) chart(title string) svg.Chart {
	ch := svg.Chart{Title: title, XLabel: "step", Width: o.Width, Height: o.Height, XLimits: o.XLimits}
	if ch.Width == 0 {
		ch.Width = 380
	}
	if ch.Height == 0 {
		ch.Height = 250
	}
	return ch
}

// axis divides the y axis of a chart whose values go from lo to hi.
func (o CurveOptions) axis(ch *svg.Chart, lo, hi float64) {
	if !ch.Percent {
		ch.YLimits = o.YLimits
	}
	ch.LogY = lo > 0 && (o.Axis == Log || o.Axis == Auto && hi > 30*lo && !ch.Percent)
}

// checkLimits returns what is wrong with the limits of axes.
func checkLimits(o CurveOptions) error {
	for _, a := range []struct {
		name   string
		limits [2]float64
	}{{"XLimits", o.XLimits}, {"YLimits", o.YLimits}} {
		lo, hi := a.limits[0], a.limits[1]
		switch {
		case a.limits == [2]float64{}:
		case math.IsInf(lo, 0) || math.IsInf(hi, 0):
			return fmt.Errorf("%s from %v to %v: an axis has finite ends; NaN leaves an end to the data", a.name, lo, hi)
		case lo >= hi:
			return fmt.Errorf("%s from %v to %v: the second must be larger", a.name, lo, hi)
		}
	}
	return nil
}

// looks returns a series per run that has its colour and its dashes.
func looks(o CurveOptions, runs []*Run) ([]svg.Series, error) {
	out := make([]svg.Series, len(runs))
	for i := range out {
		out[i] = svg.Series{Color: i, Dash: i / svg.NumColors}
	}
	if o.ColorBy == "" {
		return out, nil
	}
	var names, values []string
	for _, r := range runs {
		for _, s := range r.settings {
			names = appendNew(names, s.name)
		}
		values = appendNew(values, r.value(o.ColorBy))
	}
	if !slices.Contains(names, o.ColorBy) {
		return nil, fmt.Errorf("ColorBy %q: no run has set it: they have set %q", o.ColorBy, names)
	}
	if !inNumbers(runs, o.ColorBy) {
		for i, r := range runs {
			k := slices.Index(values, r.value(o.ColorBy))
			out[i] = svg.Series{Color: k, Dash: k / svg.NumColors}
		}
		return out, nil
	}
	numbers := make([]float64, len(runs))
	for i, r := range runs {
		numbers[i] = math.NaN()
		if v, err := strconv.ParseFloat(r.value(o.ColorBy), 64); err == nil {
			numbers[i] = v
		}
	}
	for i, t := range graded(numbers) {
		if math.IsNaN(t) { // the run has not set it
			out[i] = svg.Series{Color: 7}
			continue
		}
		out[i] = svg.Series{Ink: svg.Graded(t)}
	}
	return out, nil
}

// graded returns the places of numbers from the smallest, at 0, to the largest, at 1: by their logarithms if they are positive and far
// apart. NaN stays.
func graded(numbers []float64) []float64 {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range numbers {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	of := func(v float64) float64 { return v }
	if lo > 0 && hi > 20*lo {
		of = math.Log
	}
	out := make([]float64, len(numbers))
	for i, v := range numbers {
		out[i] = math.NaN()
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			out[i] = svg.Unit(of(v), of(lo), of(hi))
		}
	}
	return out
}

// chartOfMany returns the chart of one kind of metric, measured on one source, of many runs: the best one last and thick. Their names
// stand elsewhere.
func chartOfMany(o CurveOptions, kind, source string, runs []*Run) svg.Chart {
	ch := o.chart(kind + ", " + strings.TrimPrefix(source, "on "))
	ch.NoLegend = true
	look, err := looks(o, runs)
	if err != nil {
		return ch
	}
	best, _ := bestRun(runs)
	lo, hi := math.Inf(1), math.Inf(-1)
	var highlight []svg.Series
	for i, r := range runs {
		for _, c := range r.curves() {
			if kindOf(c.metric) != kind || c.source() != source || c.epochs && len(r.steps) > 0 {
				continue
			}
			s := series(o, c)
			s.Raw, s.RawX, s.Points = nil, nil, len(s.X) == 1
			s.Name, s.Color, s.Ink, s.Dash = r.title(i), look[i].Color, look[i].Ink, look[i].Dash
			s.Thin, s.Thick = i != best, i == best
			ch.Percent = c.metric.Percent
			for _, v := range s.Y {
				if !math.IsNaN(v) && !math.IsInf(v, 0) {
					lo, hi = min(lo, v), max(hi, v)
				}
			}
			if i == best {
				s.Labeled = true
				highlight = append(highlight, s)
				continue
			}
			ch.Series = append(ch.Series, s)
		}
	}
	ch.Series = append(ch.Series, highlight...)
	o.axis(&ch, lo, hi)
	return ch
}

// bestRun returns which run is best, and by what: by the best value of the first loss that was evaluated, else of the first metric that
// was, else by the last value of the curve by which runs are known. It returns -1 if runs cannot be compared.
func bestRun(runs []*Run) (int, string) {
	metrics := comparedMetrics(runs)
	metrics = slices.DeleteFunc(metrics, func(m compared) bool { return !m.evaluated })
	isLoss := func(m compared) bool { return strings.Contains(m.label, "loss") }
	if i := slices.IndexFunc(metrics, isLoss); i >= 0 {
		metrics = metrics[i:]
	}
	of, label := func(r *Run) (*curve, float64) {
		c := r.mainCurve()
		if c == nil {
			return nil, math.NaN()
		}
		return c, c.track.lastY
	}, lossLabel(runs)
	if len(metrics) > 0 {
		m := metrics[0]
		label = m.label
		of = func(r *Run) (*curve, float64) {
			c := m.of(r)
			if c == nil {
				return nil, math.NaN()
			}
			return c, c.best()
		}
	}
	best, value, compared := -1, math.NaN(), 0
	for i, r := range runs {
		c, v := of(r)
		if c == nil || math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		compared++
		if best < 0 || better(c.metric, v, value) {
			best, value = i, v
		}
	}
	if compared < 2 {
		return -1, ""
	}
	return best, label
}
