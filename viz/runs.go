package viz

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quire-ml/quire/ml/train"
)

// setting is a choice that was made for a run.
type setting struct{ name, value string }

// Set notes a choice that was made for the run, such as the learning rate, by which [Runs] tells runs apart. A later value of a
// name takes the place of an earlier one.
func (r *Run) Set(name string, value any) {
	if r == nil {
		return
	}
	text := settingText(value)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.watch != nil {
		r.watch.Set(r.name, name, text)
	}
	for i := range r.settings {
		if r.settings[i].name == name {
			r.settings[i].value = text
			return
		}
	}
	r.settings = append(r.settings, setting{name, text})
}

func settingText(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case float32:
		return fmt.Sprintf("%g", v)
	case float64:
		return fmt.Sprintf("%g", v)
	case time.Duration:
		return duration(v)
	}
	return shortText(Render(value).Text())
}

// maxSetting bounds the text of a setting, in letters.
const maxSetting = 40

// shortText returns the first line of a text, or its beginning.
func shortText(text string) string {
	text = firstLine(text)
	if letters := []rune(text); len(letters) > maxSetting {
		return string(letters[:maxSetting-1]) + "…"
	}
	return text
}

// Setting returns what was set under a name, as [Runs] shows it; "" if nothing was.
func (r *Run) Setting(name string) string {
	if r == nil {
		return ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.value(name)
}

// value returns what was set, "" if nothing was.
func (r *Run) value(name string) string {
	for _, s := range r.settings {
		if s.name == name {
			return s.value
		}
	}
	return ""
}

// sparkWidth is the width of the small curves in tables, in letters.
const sparkWidth = 20

// Runs compares runs in a table: of what was set ([Run.Set]) only that in which they differ; the last value of each metric, and
// the best one of those that are measured by evaluating; and the course of the loss. The best of all runs stands out. A run that has
// not ended, or that ended before its time, says so.
//
// Metrics of single batches, which are noisy, are left out unless there are no others.
func Runs(runs ...*Run) Bundle {
	if len(runs) == 0 {
		return Plain("no runs")
	}
	runs = slices.Clone(runs)
	for i, r := range runs {
		if r == nil {
			return Error(fmt.Errorf("viz.Runs: run %d is nil", i))
		}
		runs[i] = r.snapshot()
	}
	g := &grid{styles: map[[2]int]string{}, rows: make([][]string, len(runs))}
	column := func(name string, left bool, cell func(i int, r *Run) string) {
		g.header, g.left = append(g.header, name), append(g.left, left)
		for i, r := range runs {
			g.rows[i] = append(g.rows[i], cell(i, r))
		}
	}
	column("run", true, func(i int, r *Run) string { return r.title(i) })
	for _, name := range differing(runs) {
		column(name, !inNumbers(runs, name), func(_ int, r *Run) string { return r.value(name) })
	}
	for _, m := range comparedMetrics(runs) {
		column(m.label, false, func(_ int, r *Run) string { return m.last(r) })
		g.standOut(runs, m, func(c *curve) float64 { return c.track.lastY })
		if m.evaluated {
			column("best "+m.label, false, func(_ int, r *Run) string { return m.best(r) })
			g.standOut(runs, m, func(c *curve) float64 { return c.best() })
		}
	}
	column("step", false, func(_ int, r *Run) string { return count(r.now.globalStep) })
	column("time", false, func(_ int, r *Run) string { return timeText(r.now.elapsed) })
	if label := lossLabel(runs); label != "" {
		column(label+" over steps", true, func(_ int, r *Run) string { return r.spark() })
	}
	if slices.ContainsFunc(runs, func(r *Run) bool { return r.state() != "" }) {
		column("", true, func(_ int, r *Run) string { return r.state() })
	}
	return HTML(g.html(), g.text())
}

func timeText(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return duration(d)
}

// differing returns the names of what was set and is not the same in all runs, in the order in which they were set.
func differing(runs []*Run) (names []string) {
	for _, r := range runs {
		for _, s := range r.settings {
			other := slices.ContainsFunc(runs, func(o *Run) bool { return o.value(s.name) != s.value })
			if other && !slices.Contains(names, s.name) {
				names = append(names, s.name)
			}
		}
	}
	return names
}

// inNumbers reports whether all that was set under a name is a number.
func inNumbers(runs []*Run, name string) bool {
	return !slices.ContainsFunc(runs, func(r *Run) bool {
		_, err := strconv.ParseFloat(r.value(name), 64)
		return err != nil && r.value(name) != ""
	})
}

// compared is a metric that is a column of the table.
type compared struct {
	label     string
	evaluated bool
}

// comparedMetrics returns the metrics of all runs: those of epochs and evaluations, of a run that has neither, those of its steps.
func comparedMetrics(runs []*Run) (list []compared) {
	for _, r := range runs {
		for _, c := range r.comparable() {
			m := compared{c.label(), c.dataset != ""}
			if !slices.Contains(list, m) {
				list = append(list, m)
			}
		}
	}
	return list
}

func (r *Run) comparable() []*curve {
	if len(r.train)+len(r.eval) > 0 {
		return slices.Concat(r.train, r.eval)
	}
	return r.curves()
}

// of returns the metric's curve in a run, nil if it has none.
func (m compared) of(r *Run) *curve {
	for _, c := range r.comparable() {
		if c.label() == m.label {
			return c
		}
	}
	return nil
}

func (m compared) last(r *Run) string {
	if c := m.of(r); c != nil {
		return metricValue(c.metric, c.track.lastY)
	}
	return ""
}

func (m compared) best(r *Run) string {
	if c := m.of(r); c != nil {
		return metricValue(c.metric, c.best())
	}
	return ""
}

// best returns the best value that was measured, NaN if there is none that is finite.
func (c *curve) best() float64 {
	best := math.NaN()
	for _, b := range c.track.buckets {
		if b.n == b.bad {
			continue
		}
		v := b.lo
		if c.metric.HigherIsBetter() {
			v = b.hi
		}
		if math.IsNaN(best) || better(c.metric, v, best) {
			best = v
		}
	}
	return best
}

// better reports whether a value of a metric is better than another one.
func better(m train.Metric, v, than float64) bool {
	if m.HigherIsBetter() {
		return v > than
	}
	return v < than
}

// standOut makes the best cells of the latest column bold, if there are several runs.
func (g *grid) standOut(runs []*Run, m compared, value func(*curve) float64) {
	best, found := math.NaN(), 0
	for _, r := range runs {
		c := m.of(r)
		if c == nil || math.IsNaN(value(c)) {
			continue
		}
		found++
		if v := value(c); math.IsNaN(best) || better(c.metric, v, best) {
			best = v
		}
	}
	if found < 2 {
		return
	}
	for i, r := range runs {
		if c := m.of(r); c != nil && value(c) == best {
			g.styles[[2]int{i, len(g.header) - 1}] = "font-weight:600"
		}
	}
}

// lossLabel names the column of small curves by what they are of, "" if there is none.
func lossLabel(runs []*Run) string {
	label := ""
	for _, r := range runs {
		if c := r.mainCurve(); c != nil {
			if label != "" && label != c.label() {
				return "loss"
			}
			label = c.label()
		}
	}
	return label
}

// mainCurve returns the curve by which a run is known: the first one of a loss, or the first one.
func (r *Run) mainCurve() *curve {
	all := r.curves()
	if i := slices.IndexFunc(all, func(c *curve) bool { return strings.Contains(strings.ToLower(kindOf(c.metric)), "loss") }); i >= 0 {
		return all[i]
	}
	if len(all) > 0 {
		return all[0]
	}
	return nil
}

// spark returns the course of the run in a few letters.
func (r *Run) spark() string {
	c := r.mainCurve()
	if c == nil {
		return ""
	}
	_, ys := c.track.means()
	return sparkline(ys, sparkWidth)
}

// state says in a word or two what is to be known of a run that has not simply ended.
func (r *Run) state() string {
	p := &r.now
	switch {
	case p.interrupted:
		return "interrupted"
	case p.err != nil:
		return shortText("error: " + p.err.Error())
	case p.early():
		return "stopped early"
	case p.ended:
		return ""
	case p.started:
		if f, ok := p.fraction(); ok {
			return "running, " + percent(f, 0)
		}
		return "running"
	}
	return "not started"
}
