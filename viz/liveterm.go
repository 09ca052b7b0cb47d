package viz

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/quire-ml/quire/ml/train"
)

// liveText shows a run as text: in a terminal a progress bar that is written over, elsewhere lines.
type liveText struct {
	run     *Run
	w       io.Writer
	options LiveOptions
	width   func() int // of the terminal; nil if it is none
	last    time.Time
	pending *epochRow // finished epoch whose evaluation may still come
}

func (t *liveText) event(e train.Event) {
	t.run.mu.Lock()
	defer t.run.mu.Unlock()
	switch e.Kind {
	case train.Start:
		t.last = e.Time
	case train.Step:
		t.flushRow()
		every := t.options.Report
		if t.width != nil {
			every = max(minInterval, t.options.Refresh)
		}
		if e.Time.Sub(t.last) >= every {
			t.last = e.Time
			t.line(false)
		}
	case train.Epoch, train.Eval:
		if n := len(t.run.rows); n > 0 {
			row := t.run.rows[n-1]
			t.pending = &row
		}
	case train.End:
		t.flushRow()
		t.line(true)
	default:
		if e.Err != nil {
			t.print(fmt.Sprintf("warning: step %s: %v", count(e.GlobalStep), e.Err))
		}
	}
}

// print writes a line that stays.
func (t *liveText) print(line string) {
	clear := ""
	if t.width != nil {
		clear = "\r\x1b[K"
	}
	fmt.Fprintf(t.w, "%s%s\n", clear, line)
}

// finish ends the progress line of a run that is still going on.
func (t *liveText) finish() {
	t.run.mu.Lock()
	defer t.run.mu.Unlock()
	if t.run.now.started && !t.run.now.ended {
		t.flushRow()
		t.line(true)
	}
}

// flushRow prints the line of an epoch, once nothing can be added to it any more.
func (t *liveText) flushRow() {
	r := t.pending
	if r == nil {
		return
	}
	t.pending = nil
	var parts []string
	if r.partial {
		parts = append(parts, "step "+count(r.step))
	} else {
		parts = append(parts, fmt.Sprintf("epoch %d", r.epoch))
	}
	parts = append(parts, t.run.trainText(r.train)...)
	var sets []string
	for name := range r.eval {
		sets = append(sets, name)
	}
	slices.Sort(sets)
	for _, name := range sets {
		short := (&curve{dataset: name}).set()
		parts = append(parts, strings.TrimSpace(short+" "+strings.Join(metricsText(r.eval[name]), " ")))
	}
	if r.took > 0 {
		parts = append(parts, duration(r.took))
	}
	t.print(strings.Join(parts, "  "))
}

// line writes the progress: over itself in a terminal.
func (t *liveText) line(final bool) {
	p := &t.run.now
	text := p.statusText()
	if m := t.run.trainText(p.metrics); len(m) > 0 {
		text += " · " + strings.Join(m, " ")
	}
	if t.width == nil {
		fmt.Fprintln(t.w, text)
		return
	}
	room := t.width() - 1
	if f, ok := p.fraction(); ok {
		text = bar(f, max(8, min(30, room-textWidth(text)-1))) + " " + text
	}
	if r := []rune(text); len(r) > room && !final {
		text = string(r[:max(0, room-1)]) + "…"
	}
	end := ""
	if final {
		end = "\n"
	}
	fmt.Fprintf(t.w, "\r\x1b[K%s%s", text, end)
}

// bar draws a fraction as a bar of the given width, to an eighth of a column.
func bar(f float64, width int) string {
	eighths := int(f*float64(width)*8 + 0.5)
	s := strings.Repeat("█", eighths/8)
	if part := eighths % 8; part > 0 {
		s += string([]rune(" ▏▎▍▌▋▊▉")[part])
	}
	return s + strings.Repeat("░", max(0, width-textWidth(s)))
}

// trainText writes the metrics of training: the means over the epoch, or of the batch where there are no others.
func (r *Run) trainText(list []train.Metric) []string {
	if r.own {
		return metricsText(list)
	}
	means := slices.DeleteFunc(slices.Clone(list), func(m train.Metric) bool { return strings.HasPrefix(m.Name, batchPrefix) })
	if len(means) == 0 {
		means = list
	}
	var out []string
	for _, m := range means {
		out = append(out, trainName(m)+" "+metricValue(m, m.Value))
	}
	return out
}

func metricsText(list []train.Metric) []string {
	var out []string
	for _, m := range list {
		out = append(out, shortName(m)+" "+metricValue(m, m.Value))
	}
	return out
}
