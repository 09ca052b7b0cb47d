package viz

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz/internal/svg"
)

// Axis says how the axis of a loss is divided.
type Axis int

// The ways to divide an axis. Auto is logarithmic if all values are positive and the largest is more
// than thirty times the smallest.
const (
	Auto Axis = iota
	Linear
	Log
)

// CurveOptions say how curves are drawn. The zero value draws them well.
type CurveOptions struct {
	Axis Axis

	// Smooth is the width, as a fraction of the curve, over which the values of single batches are averaged, to both
	// sides, so that the curve does not lag; what was measured shows faintly behind. 0 means 0.04, a negative value none.
	Smooth float64

	// ColorBy names what was set ([Run.Set]) by which curves of several runs are coloured, such as the learning rate: from blue for
	// the smallest number to orange for the largest one, a colour each if they are no numbers. "" gives each run a colour.
	ColorBy string

	// The ends of the axes; what is outside is not drawn. NaN leaves an end to the data, and so does the zero value. YLimits are of the
	// charts of values that are no percentages.
	XLimits, YLimits [2]float64

	Width, Height float64 // of one chart in pixels; 380 by 250: two stand side by side in a notebook
}

// Curves returns the curves of one or several training runs: a chart per kind of metric, with training
// and evaluation, and, for a single run, the table of its epochs. Words have one meaning in it, and wherever runs are shown:
//
//	batch loss   the loss of one batch; the line called "batches" is smooth, what was measured shows faintly behind it
//	train loss   the mean over an epoch, in the table and as a dot in the middle of the epoch; before it ends, so far
//	test loss    of the data set "test", evaluated at that step
//
// Each run of several has a colour, beyond twelve with a pattern of dashes. Of more than five the training and each data set have charts
// of their own, and the table below is the legend; the line of the best run, by the last row of the text, is thick.
func Curves(runs ...*Run) Bundle { return CurvesWith(CurveOptions{}, runs...) }

// CurvesWith is [Curves] with options.
func CurvesWith(o CurveOptions, runs ...*Run) Bundle {
	if len(runs) == 0 {
		return Plain("no runs")
	}
	runs = slices.Clone(runs)
	for i, r := range runs {
		if r == nil {
			return Error(fmt.Errorf("viz.Curves: run %d is nil", i))
		}
		runs[i] = r.snapshot()
	}
	if err := checkLimits(o); err != nil {
		return Error(fmt.Errorf("viz.Curves: %w", err))
	}
	if len(runs) == 1 {
		r := runs[0]
		return HTML(r.warningNotes()+charts(o, runs)+r.table().html(), r.curveText()).drawn(chartsOf(o, runs)...)
	}
	look, err := looks(o, runs)
	if err != nil {
		return Error(fmt.Errorf("viz.Curves: %w", err))
	}
	g := &grid{header: []string{"run"}, left: []bool{true}, icons: map[[2]int]string{}, styles: map[[2]int]string{}}
	if o.ColorBy != "" {
		g.header, g.left = append(g.header, o.ColorBy), append(g.left, !inNumbers(runs, o.ColorBy))
	}
	g.header = append(g.header, "step", "time")
	var names []string
	for _, r := range runs {
		for _, c := range r.curves() {
			if n := c.label(); !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	g.header = append(g.header, names...)
	best, by := bestRun(runs)
	for i, r := range runs {
		row := []string{r.title(i)}
		if o.ColorBy != "" {
			row = append(row, r.value(o.ColorBy))
		}
		row = append(row, count(r.now.globalStep), timeText(r.now.elapsed))
		if len(runs) > fewRuns {
			g.icons[[2]int{i, 0}] = picture(svg.Swatch(look[i]), r.title(i))
		}
		if i == best {
			g.styles[[2]int{i, 0}] = "font-weight:600"
		}
		for _, n := range names {
			v := ""
			for _, c := range r.curves() {
				if c.label() == n {
					v = metricValue(c.metric, c.track.lastY)
				}
			}
			row = append(row, v)
		}
		g.rows = append(g.rows, row)
	}
	if best >= 0 {
		g.note = "best by " + by + ": " + runs[best].title(best)
	}
	return HTML(charts(o, runs)+g.html(), g.text()).drawn(chartsOf(o, runs)...)
}

// Bundle returns the curves of the run and the table of its epochs.
func (r *Run) Bundle() Bundle {
	if r == nil {
		return Plain("nil run")
	}
	return CurvesWith(r.options, r)
}

func (r *Run) title(i int) string {
	if r.name != "" {
		return r.name
	}
	return fmt.Sprintf("run %d", i+1)
}

// label names a curve in tables: "batch loss", "train loss" or "test loss".
func (c *curve) label() string {
	switch {
	case c.dataset != "":
		return c.set() + " " + c.short()
	case c.own:
		return c.short()
	}
	return trainName(c.metric)
}

// batchPrefix begins the names of what was measured on a single batch.
const batchPrefix = "Batch "

// trainName names a metric of training: that of a batch, or the mean over the epoch, so far or in all.
func trainName(m train.Metric) string {
	rest, ok := strings.CutPrefix(m.Name, batchPrefix)
	switch {
	case !ok:
		return "train " + shortName(m)
	case strings.HasPrefix(m.Short, "batch "):
		return m.Short
	}
	return "batch " + rest
}

// curves returns the curves that are drawn: what was measured on batches, epochs, evaluations. Means over the epoch so far, which
// begin anew with every epoch, are drawn only where there is nothing else yet.
func (r *Run) curves() []*curve {
	var out []*curve
	for _, c := range r.steps {
		better := func(b *curve) bool { return b.isBatchOf(c) }
		ofEpochs := func(e *curve) bool { return e.metric.Name == c.metric.Name }
		if !slices.ContainsFunc(r.steps, better) && !slices.ContainsFunc(r.train, ofEpochs) {
			out = append(out, c)
		}
	}
	return slices.Concat(out, r.train, r.eval)
}

// isBatchOf reports whether b has the values of batches whose mean c is.
func (b *curve) isBatchOf(c *curve) bool {
	rest, ok := strings.CutPrefix(b.metric.Name, batchPrefix)
	return ok && b != c && !b.own && (strings.EqualFold(rest, c.short()) || strings.EqualFold(rest, c.metric.Name))
}

// set names the data set of an evaluation: "test" for "digits/test".
func (c *curve) set() string { return c.dataset[strings.LastIndexByte(c.dataset, '/')+1:] }

// short is the metric's name in narrow places, whatever it was measured on.
func (c *curve) short() string {
	if c.dataset == "" && !c.epochs && !c.own && strings.HasPrefix(c.metric.Name, batchPrefix) {
		return strings.TrimPrefix(trainName(c.metric), "batch ")
	}
	return shortName(c.metric)
}

func shortName(m train.Metric) string {
	if m.Short != "" {
		return m.Short
	}
	return m.Name
}

func kindOf(m train.Metric) string {
	if m.Kind != "" {
		return m.Kind
	}
	return m.Name
}

// charts returns a picture per kind of metric, side by side.
func charts(o CurveOptions, runs []*Run) string {
	var b strings.Builder
	for _, ch := range chartsOf(o, runs) {
		b.WriteString(`<div style="display:inline-block;vertical-align:top;margin:2px 8px 4px 0;max-width:100%">` + picture(ch.SVG(), ch.Title+" over steps") + "</div>")
	}
	return tag("div", "margin:2px 0", b.String())
}

// chartsOf returns the charts: one per kind of metric, and of more than a few runs one per kind and data set.
func chartsOf(o CurveOptions, runs []*Run) (list []svg.Chart) {
	var kinds, sources []string
	for _, r := range runs {
		for _, c := range r.curves() {
			kinds, sources = appendNew(kinds, kindOf(c.metric)), appendNew(sources, c.source())
		}
	}
	for _, k := range kinds {
		if len(runs) <= fewRuns {
			list = append(list, chart(o, k, runs, sources))
			continue
		}
		for _, s := range sources {
			if ch := chartOfMany(o, k, s, runs); len(ch.Series) > 0 {
				list = append(list, ch)
			}
		}
	}
	return list
}

// source says what a curve was measured on, which gives it its colour.
func (c *curve) source() string {
	if c.dataset != "" {
		return "on " + c.dataset
	}
	return "train"
}

// legendName names a curve in the chart of its kind.
func (c *curve) legendName() string {
	switch {
	case c.dataset != "":
		return c.set()
	case c.own: // the chart's title has it
		return ""
	case !c.epochs && strings.HasPrefix(c.metric.Name, batchPrefix):
		return "batches"
	}
	return "train"
}

// chart returns the chart of all metrics of one kind. A curve's colour is the number of its source, so that it is
// the same in all charts: training is one, at steps a line and over epochs dots. A further metric of that source in one chart
// takes a colour that no source has.
func chart(o CurveOptions, kind string, runs []*Run, sources []string) svg.Chart {
	ch := o.chart(kind)
	var look []svg.Series
	if len(runs) > 1 {
		look, _ = looks(o, runs) // what is wrong with it has been said
	}
	names := map[string]bool{}
	for _, r := range runs {
		for _, c := range r.curves() {
			if kindOf(c.metric) == kind {
				names[strings.ToLower(c.short())] = true
				ch.Percent = c.metric.Percent
			}
		}
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	type use struct{ source, metric string }
	spare, colors, taken := len(sources), map[use]int{}, map[int]bool{}
	for i, r := range runs {
		for _, c := range r.curves() {
			if kindOf(c.metric) != kind || len(runs) > 1 && c.epochs && len(r.steps) > 0 {
				continue
			}
			s := series(o, c)
			if c.epochs && slices.ContainsFunc(r.steps, func(b *curve) bool { return b.isBatchOf(c) }) {
				s.NoLine = s.Points // the line is that of the batches; one between means would lie above a curve that falls
			}
			name := c.legendName()
			if len(names) > 1 {
				name = strings.TrimSpace(name + " " + c.short())
			}
			if len(runs) > 1 {
				name = r.title(i)
				if len(names) > 1 {
					name += " " + c.short()
				}
				s.Color, s.Ink, s.Dashed = look[i].Color, look[i].Ink, c.dataset != "" // a run, a colour
				if s.Dashed {                                                          // explained once, not per run
					ch.XLabel, name = "step (dashed: "+c.set()+")", ""
				}
			} else {
				key := use{c.source(), strings.ToLower(c.short())}
				color, known := colors[key]
				if !known {
					if color = slices.Index(sources, c.source()); taken[color] {
						color = spare
						spare++
					}
					colors[key], taken[color] = color, true
				}
				s.Color = color
				s.Labeled = c.dataset != "" || c.epochs || len(r.train) == 0
			}
			s.Name = name
			ch.Series = append(ch.Series, s)
			for _, v := range s.Y {
				if !math.IsNaN(v) && !math.IsInf(v, 0) {
					lo, hi = min(lo, v), max(hi, v)
				}
			}
		}
	}
	o.axis(&ch, lo, hi)
	if len(runs) == 1 {
		ch.Marks = runs[0].chartMarks()
		if n := runs[0].planned(); n > 0 {
			ch.XMax = &n
		}
	}
	return ch
}

// series returns one curve: smoothed with the measured values behind it, if there are many.
func series(o CurveOptions, c *curve) svg.Series {
	xs, ys := c.track.means()
	s := svg.Series{X: xs, Y: ys}
	switch {
	case c.dataset != "":
		s.Points = len(xs) <= 60
		return s
	case c.epochs:
		s.Points = len(xs) <= 60
		return s
	}
	width := o.Smooth
	if width == 0 {
		width = 0.04
	}
	if width > 0 && len(xs) >= 30 {
		s.Y = smooth(ys, width*float64(len(ys)))
		s.RawX, s.Raw = c.track.extremes()
	}
	return s
}

// planned returns the last step of the run if it is under way and its end is known: the axis then shows
// how much is still to come.
func (r *Run) planned() float64 {
	if p := &r.now; p.steps > 0 && !p.ended {
		return float64(p.globalStep) + float64(p.steps-p.step)
	}
	return 0
}

func (r *Run) chartMarks() []svg.Mark {
	var marks []svg.Mark
	for _, m := range r.marks {
		s := svg.Mark{X: float64(m.step), Text: m.text, Icon: "save"}
		switch {
		case m.kind == train.End:
			s.Icon = "stop"
		case m.best:
			s.Icon, s.Text = "best", "best"
		}
		marks = append(marks, s)
	}
	return marks
}

// table returns the table of epochs, or of evaluations in a run by steps.
func (r *Run) table() *grid {
	byEpoch := r.now.epochs > 0 || slices.ContainsFunc(r.rows, func(line epochRow) bool { return !line.partial })
	g := &grid{header: []string{"step"}}
	if byEpoch {
		g.header = []string{"epoch", "step"}
	}
	inTable := r.train
	if len(inTable) == 0 { // no epoch has ended
		for _, c := range r.steps {
			if !strings.HasPrefix(c.metric.Name, batchPrefix) && len(r.rows) > 0 {
				inTable = append(inTable, c)
			}
		}
	}
	for _, c := range inTable {
		g.header = append(g.header, c.label())
	}
	for _, c := range r.eval {
		g.header = append(g.header, c.label())
	}
	g.header = append(g.header, "time")
	best := r.best()
	g.styles = map[[2]int]string{}
	rows, skipped := r.rows, r.cut
	const shown = 60
	if len(rows) > shown {
		skipped += len(rows) - shown
		rows = slices.Concat(rows[:shown/2], rows[len(rows)-shown/2:])
	}
	for i, line := range rows {
		if skipped > 0 && i == shown/2 {
			g.rows = append(g.rows, []string{fmt.Sprintf("… %d more", skipped)})
		}
		row := []string{count(line.step)}
		if byEpoch {
			e := fmt.Sprint(line.epoch)
			if line.partial {
				e = ""
			}
			row = append([]string{e}, row...)
		}
		for _, c := range inTable {
			row = append(row, metricOf(line.train, c.metric))
		}
		for k, c := range r.eval {
			if best[k] == line.step && len(r.rows) > 1 {
				g.styles[[2]int{len(g.rows), len(row)}] = "font-weight:600"
			}
			row = append(row, metricOf(line.eval[c.dataset], c.metric))
		}
		took := ""
		if line.took > 0 {
			took = duration(line.took)
		}
		g.rows = append(g.rows, append(row, took))
	}
	if len(g.rows) == 0 {
		g.header = nil
	}
	return g
}

// best returns, per evaluation curve, the step at which it was best.
func (r *Run) best() map[int]int64 {
	out := map[int]int64{}
	for k, c := range r.eval {
		sign := -1.0
		if c.metric.HigherIsBetter() {
			sign = 1
		}
		value := math.Inf(-1)
		for _, line := range r.rows {
			for _, m := range line.eval[c.dataset] {
				if m.Name == c.metric.Name && sign*m.Value > value {
					value, out[k] = sign*m.Value, line.step
				}
			}
		}
	}
	return out
}

func metricOf(list []train.Metric, want train.Metric) string {
	for _, m := range list {
		if m.Name == want.Name {
			return metricValue(m, m.Value)
		}
	}
	return ""
}

// metricValue writes a value with the digits that are worth reading.
func metricValue(m train.Metric, v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return number(v)
	case m.Percent:
		return percent(v, 2)
	case v != 0 && (math.Abs(v) < 1e-3 || math.Abs(v) >= 1e5):
		return fmt.Sprintf("%.2e", v)
	}
	return fmt.Sprintf("%.4f", v)
}

// duration writes a time for people: 3.2 ms, 12.4s, 3m05s, 2h07m.
func duration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%dµs", d.Microseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1fms", d.Seconds()*1e3)
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

// curveText is the text form: where the run is, each curve as a line of blocks, and the table.
func (r *Run) curveText() string {
	var b strings.Builder
	b.WriteString(r.now.statusText() + "\n")
	for _, w := range r.warnings {
		b.WriteString("warning: " + w + "\n")
	}
	width := 0
	for _, c := range r.curves() {
		width = max(width, textWidth(c.label()))
	}
	for _, c := range r.curves() {
		_, ys := c.track.means()
		name := c.label()
		fmt.Fprintf(&b, "%s%s  %s  %s → %s\n", name, strings.Repeat(" ", width-textWidth(name)), sparkline(ys, 40),
			metricValue(c.metric, ys[0]), metricValue(c.metric, c.track.lastY))
	}
	if t := r.table(); len(t.rows) > 0 {
		b.WriteString(t.text())
	}
	return b.String()
}

// sparkline draws values as blocks of eight heights; × stands for NaN and infinities.
func sparkline(ys []float64, width int) string {
	n := min(width, len(ys))
	if n == 0 {
		return ""
	}
	means, lo, hi := make([]float64, n), math.Inf(1), math.Inf(-1)
	for i := range n {
		from, to := i*len(ys)/n, (i+1)*len(ys)/n
		for _, v := range ys[from:to] {
			means[i] += v / float64(to-from)
		}
		if v := means[i]; !math.IsNaN(v) && !math.IsInf(v, 0) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	var b strings.Builder
	for _, v := range means {
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0):
			b.WriteRune('×')
		case hi == lo:
			b.WriteRune('▄')
		default:
			b.WriteRune([]rune("▁▂▃▄▅▆▇█")[max(0, min(7, int(svg.Unit(v, lo, hi)*8)))])
		}
	}
	return b.String()
}
