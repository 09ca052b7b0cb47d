package svg

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Series is one line of a [Chart]. X and Y have the same length; a point with a NaN or Inf is a gap in
// the line, and marked at the edge of the chart.
type Series struct {
	Name    string
	Color   int // number of the colour; series that belong together may share one
	X, Y    []float64
	Raw     []float64 // if set, what Y is a smoothed form of, drawn faintly; on RawX
	RawX    []float64 // X if nil
	Dashed  bool
	Points  bool // draw a dot per point
	NoLine  bool // only dots
	Labeled bool // write the last value beside the line
}

// Mark is a vertical line with a word beside it.
type Mark struct {
	X    float64
	Text string
	Icon string // "best" or "stop" at the top end, "save" for a notch on the axis instead of the line, or ""
}

// Chart is a plot of lines. The zero value of every field is usable.
type Chart struct {
	Title, XLabel string
	Width, Height float64 // 420 by 260 if zero
	Series        []Series
	Marks         []Mark
	LogX, LogY    bool
	Percent       bool     // Y is a fraction, written as a percentage
	XMax          *float64 // the axis goes at least that far
	Format        func(float64) string
}

const (
	smallFont  = 11.0
	legendRow  = 18.0
	axisHeight = 22.0
)

// SVG draws the chart.
func (ch Chart) SVG() string {
	w, h := ch.Width, ch.Height
	if w == 0 {
		w = 420
	}
	if h == 0 {
		h = 260
	}
	c := NewCanvas(w, h)
	c.Describe(ch.Title)
	label := Label
	if ch.Percent {
		label = percentLabel
	}
	if ch.Format != nil {
		label = ch.Format
	}
	top, bottom := 10.0, h-axisHeight
	if ch.XLabel != "" {
		bottom -= 14
	}
	rows := ch.legend(nil, 0, 0, w-20)
	if ch.Title != "" || rows > 0 {
		top = 10 + legendRow*float64(max(rows, 1))
	}
	top += 6
	for _, m := range ch.Marks {
		if m.Text != "" {
			top += 8
			break
		}
	}

	xlo, xhi, ylo, yhi := ch.bounds()
	_, yticks := newScale(ylo, yhi, bottom, top, ch.LogY, int((bottom-top)/38))
	left := 30.0
	for _, t := range yticks {
		left = max(left, textWidth(label(t), smallFont)+14)
	}
	right := w - 22
	for _, s := range ch.Series {
		if s.Labeled && len(s.Y) > 0 {
			right = min(right, w-12-textWidth(label(s.Y[len(s.Y)-1]), smallFont)-6)
		}
	}
	y, yticks := newScale(ylo, yhi, bottom, top, ch.LogY, int((bottom-top)/38))
	x, xticks := xscale(xlo, xhi, left, right, ch.LogX)

	if ch.Title != "" {
		c.Text(left, 18, "t", ch.Title)
	}
	ch.legend(c, left, top, right)
	for _, t := range yticks {
		c.Line(left, y.at(t), right, y.at(t), "g")
		c.Text(left-7, y.at(t)+4, "f e", label(t))
	}
	last := math.Inf(-1)
	for _, t := range xticks {
		p, s := x.at(t), Label(t)
		half := textWidth(s, smallFont) / 2
		c.Line(p, bottom, p, bottom+4, "a")
		if p-half < last+6 || p+half > w {
			continue
		}
		c.Text(p, bottom+16, "f m", s)
		last = p + half
	}
	c.Line(left, bottom, right, bottom, "a")
	if ch.XLabel != "" {
		c.Text((left+right)/2, h-5, "f m", ch.XLabel)
	}
	ch.marks(c, x, top, bottom)
	c.Clip("p", left-3, top-4, right-left+6, bottom-top+8)
	for _, s := range ch.Series { // all faint lines below all others
		if s.Raw != nil {
			xs := s.RawX
			if xs == nil {
				xs = s.X
			}
			c.Path(polyline(xs, s.Raw, x, y), class("r", s.Color))
		}
	}
	for _, s := range ch.Series {
		ch.series(c, s, x, y)
	}
	c.End()
	ch.badPoints(c, x, top)
	ch.lastValues(c, y, right, label)
	return c.String()
}

func xscale(lo, hi, from, to float64, log bool) (scale, []float64) {
	want := max(2, int((to-from)/70))
	if log && lo > 0 {
		return newScale(lo, hi, from, to, true, want)
	}
	if !(hi > lo) {
		hi = lo + 1
		if math.IsInf(lo, 0) || math.IsNaN(lo) {
			lo, hi = 0, 1
		}
	}
	return scale{lo, hi, from, to, false}, linearTicks(lo, hi, want)
}

func (ch Chart) bounds() (xlo, xhi, ylo, yhi float64) {
	xlo, xhi, ylo, yhi = math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, s := range ch.Series {
		for i, v := range s.Y {
			if finite(s.X[i]) && (!ch.LogX || s.X[i] > 0) {
				xlo, xhi = min(xlo, s.X[i]), max(xhi, s.X[i])
			}
			if finite(v) && (!ch.LogY || v > 0) {
				ylo, yhi = min(ylo, v), max(yhi, v)
			}
		}
		lo, hi := robust(s.Raw, ch.LogY)
		ylo, yhi = min(ylo, lo), max(yhi, hi)
	}
	for _, m := range ch.Marks {
		if finite(m.X) {
			xlo, xhi = min(xlo, m.X), max(xhi, m.X)
		}
	}
	if ch.XMax != nil {
		xhi = max(xhi, *ch.XMax)
	}
	return
}

// robust returns the range of raw values without the outliers of a noisy beginning: a single
// spike must not press the curve flat.
func robust(raw []float64, log bool) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	var sum, sq, n float64
	for _, v := range raw {
		if finite(v) && (!log || v > 0) {
			sum, sq, n = sum+v, sq+v*v, n+1
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	if n < 20 {
		return
	}
	mean := sum / n
	sd := math.Sqrt(max(0, sq/n-mean*mean))
	return max(lo, mean-4*sd), min(hi, mean+4*sd)
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// legend draws the names of the series from the right end of the title's line, and returns the number
// of rows. With a nil canvas it only counts.
func (ch Chart) legend(c *Canvas, left, top, right float64) int {
	type entry struct {
		s Series
		w float64
	}
	var entries []entry
	for _, s := range ch.Series {
		if s.Name != "" {
			entries = append(entries, entry{s, textWidth(s.Name, smallFont) + 26})
		}
	}
	if len(entries) == 0 {
		return 0
	}
	total := 0.0
	for _, e := range entries {
		total += e.w + 6
	}
	room := right - left - textWidth(ch.Title, 13) - 40
	if c == nil {
		room = right - 60 - textWidth(ch.Title, 13) - 40
	}
	x, y, rows := right-total, 18.0, 1
	if total > room { // not beside the title: rows of its own
		x, rows = left, 1
		if ch.Title != "" {
			y += legendRow
			rows = 2
		}
		limit := right
		if c == nil {
			x, limit = 40, right
		}
		start := x
		for _, e := range entries {
			if x+e.w > limit && x > start {
				x, y, rows = start, y+legendRow, rows+1
			}
			ch.key(c, e.s, x, y)
			x += e.w + 6
		}
		return rows
	}
	for _, e := range entries {
		ch.key(c, e.s, x, y)
		x += e.w + 6
	}
	return rows
}

func (ch Chart) key(c *Canvas, s Series, x, y float64) {
	if c == nil {
		return
	}
	if !s.NoLine {
		cl := class("l", s.Color)
		if s.Dashed {
			cl += " dash"
		}
		c.Line(x, y-4, x+18, y-4, cl)
	}
	if s.Points || s.NoLine {
		c.Circle(x+9, y-4, 3, class("f", s.Color))
	}
	c.Text(x+23, y, "", s.Name)
}

func (ch Chart) series(c *Canvas, s Series, x, y scale) {
	if !s.NoLine {
		cl := class("l", s.Color)
		if s.Dashed {
			cl += " dash"
		}
		c.Path(polyline(s.X, s.Y, x, y), cl)
	}
	if s.Points || s.NoLine || len(s.Y) == 1 {
		r := 3.0
		if len(s.Y) > 40 {
			r = 2
		}
		for i, v := range s.Y {
			if x.shows(s.X[i]) && y.shows(v) {
				c.Circle(x.at(s.X[i]), y.at(v), r, class("f", s.Color))
			}
		}
	}
}

// polyline returns the path through the points, broken where one has no place, without points that
// would not be seen. It counts in tenths of a pixel, relative to the point before, to be short.
func polyline(xs, ys []float64, x, y scale) string {
	var b strings.Builder
	pen := false
	var px, py int
	for i, v := range ys {
		if !x.shows(xs[i]) || !y.shows(v) {
			pen = false
			continue
		}
		// far outside of the clip the exact place does not matter, but the number must stay short
		nx, ny := int(math.Round(10*x.at(xs[i]))), int(math.Round(10*clamp(y.at(v), -2000, 2000)))
		switch {
		case !pen:
			b.WriteString("M" + tenths(nx) + " " + tenths(ny))
		case nx != px || ny != py:
			dy := tenths(ny - py)
			if dy[0] != '-' {
				dy = " " + dy
			}
			b.WriteString("l" + tenths(nx-px) + dy)
		}
		pen, px, py = true, nx, ny
	}
	return b.String()
}

// tenths writes n/10 as short as SVG allows: 12.5, .5, -.5.
func tenths(n int) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	switch {
	case n%10 == 0:
		return sign + itoa(n/10)
	case n < 10:
		return sign + "." + itoa(n)
	}
	return sign + itoa(n/10) + "." + itoa(n%10)
}

func clamp(v, lo, hi float64) float64 { return max(lo, min(hi, v)) }

// badPoints puts a red cross at the top edge where a series is NaN or infinite.
func (ch Chart) badPoints(c *Canvas, x scale, top float64) {
	drawn := 0
	for _, s := range ch.Series {
		for i, v := range s.Y {
			if finite(v) || !x.shows(s.X[i]) || drawn >= 50 {
				continue
			}
			p, q := x.at(s.X[i]), top+2
			c.Path(fmt.Sprintf("M%s %sl6 6m0 -6l-6 6", num(p-3), num(q-3)), class("l", 4))
			drawn++
		}
	}
}

func (ch Chart) marks(c *Canvas, x scale, top, bottom float64) {
	last := math.Inf(-1)
	for _, m := range ch.Marks {
		if !x.shows(m.X) {
			continue
		}
		p := x.at(m.X)
		if m.Icon == "save" { // there are many of them: no more than a notch on the axis
			c.Path("M"+num(p-3)+" "+num(bottom)+"h6l-3 -5z", class("f", 7))
			continue
		}
		c.Line(p, top, p, bottom, "k")
		switch m.Icon {
		case "best":
			c.Path("M"+num(p)+" "+num(top-9)+"l1.5 3.4 3.7.3-2.8 2.4.9 3.6-3.3-2-3.3 2 .9-3.6-2.8-2.4 3.7-.3z", class("f", 6))
		case "stop":
			c.Rect(p-3.5, top-8, 7, 7, 1, class("f", 4), "")
		}
		w := textWidth(m.Text, smallFont)
		if m.Text != "" && p-w-9 > last {
			c.Text(p-8, top-1, "f e", m.Text)
			last = p
		}
	}
}

// lastValues writes the final value of labelled series at the right edge, moved apart where they would meet.
func (ch Chart) lastValues(c *Canvas, y scale, right float64, label func(float64) string) {
	type entry struct {
		y float64
		s Series
	}
	var list []entry
	for _, s := range ch.Series {
		if n := len(s.Y); s.Labeled && n > 0 && y.shows(s.Y[n-1]) {
			list = append(list, entry{y.at(s.Y[n-1]), s})
		}
	}
	slices.SortFunc(list, func(a, b entry) int { return cmp.Compare(b.y, a.y) }) // the lowest first
	const line = 12.0
	for i := 1; i < len(list); i++ {
		list[i].y = min(list[i].y, list[i-1].y-line)
	}
	for _, e := range list {
		c.Text(right+6, e.y+4, class("f", e.s.Color)+" b", label(e.s.Y[len(e.s.Y)-1]))
	}
}
