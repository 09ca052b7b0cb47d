package viz

import (
	"errors"
	"fmt"
	"math"

	"github.com/quire-ml/quire/ml/search"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz/internal/svg"
)

// RateFinder draws what [train.FindRate] found: the loss over the learning rate, on a logarithmic axis, smoothed and, faintly, as it was, with a line
// at the rate that is suggested. What lies more than twice as far above the least smoothed loss as the first one is cut off, where training diverges.
//
//	curve, err := train.FindRate(trainer, trainSet, train.RateRange{})
//	viz.Show(viz.RateFinder(curve))
func RateFinder(c *train.RateCurve) Bundle {
	switch {
	case c == nil || len(c.Rates) == 0:
		return Error(errors.New("viz.RateFinder: no rates were tried"))
	case len(c.Losses) != len(c.Rates) || len(c.Smoothed) != len(c.Rates):
		return Error(fmt.Errorf("viz.RateFinder: %d rates, %d losses and %d smoothed ones: want as many of each", len(c.Rates), len(c.Losses), len(c.Smoothed)))
	}
	ch := svg.Chart{XLabel: "learning rate", YLabel: "loss", Width: 460, Height: 280, LogX: true,
		Series: []svg.Series{{Name: "loss, smoothed", X: c.Rates, Y: c.Smoothed, Raw: c.Losses}}}
	least := 0
	for i, v := range c.Smoothed {
		if v < c.Smoothed[least] || math.IsNaN(c.Smoothed[least]) {
			least = i
		}
	}
	lo, first := c.Smoothed[least], c.Smoothed[0]
	if span := first - lo; span > 0 && c.Diverged {
		ch.YLimits = svg.Limits{lo - span/10, first + span}
	}
	g := &grid{header: []string{"", "learning rate", "loss"}, left: []bool{true}}
	row := func(name string, i int) {
		g.rows = append(g.rows, []string{name, number(c.Rates[i]), number(c.Smoothed[i])})
	}
	for i, rate := range c.Rates {
		if rate == c.Suggested {
			ch.Marks = append(ch.Marks, svg.Mark{X: rate, Text: "suggested " + number(rate), Icon: "best"})
			row("suggested: falls fastest", i)
		}
	}
	row("least", least)
	row("first", 0)
	row("last", len(c.Rates)-1)
	g.note = c.String()
	return HTML(tag("div", "", inline(picture(ch.SVG(), "loss over learning rate"))+inline(g.html())), g.text()).drawn(ch)
}

// SearchRuns returns the trials of a search as runs, for [Sweep], [SweepScatter] and [Runs]: each with its hyperparameters, and its value. What goes
// wrong in a trial is told by its run, which has no value.
//
//	trials, err := search.Run(ctx, search.Options{Trials: 30}, space, fn)
//	viz.Show(viz.Sweep(viz.SearchRuns(trials)...))
func SearchRuns(trials search.Trials) (runs []*Run) {
	kind := "loss"
	if trials.Maximize() {
		kind = "score"
	}
	for _, t := range trials.All {
		if t == nil {
			continue
		}
		r := NewRun(fmt.Sprintf("trial %d", t.Number))
		for _, name := range trials.Names() {
			r.Set(name, t.Params[name])
		}
		step := int64(max(t.Steps, 1))
		r.Add(train.Event{Kind: train.Start})
		if t.Err == nil {
			r.Add(train.Event{Kind: train.Eval, GlobalStep: step, Step: int(step), Elapsed: t.Duration, Dataset: "search", Metrics: []train.Metric{{Name: "value", Short: "value", Kind: kind, Value: t.Value}}})
		}
		r.Add(train.Event{Kind: train.End, GlobalStep: step, Step: int(step), Elapsed: t.Duration, Err: t.Err})
		runs = append(runs, r)
	}
	return runs
}
