package svg

import (
	"image"
	"math"
)

// Series is one set of points of a [Chart]: a line, dots, or bars. X and Y have the same length; a point with a NaN or
// Inf is a gap in the line, and marked at the edge of the chart.
type Series struct {
	Name    string
	Color   int // number of the colour; series that belong together may share one
	X, Y    []float64
	Raw     []float64 // if set, what Y is a smoothed form of, drawn faintly; on RawX
	RawX    []float64 // X if nil
	Dashed  bool
	Dash    int       // above 0, the number of a pattern of dashes that tells lines of one colour apart
	Ink     [2]string // if set, the colour on light and on dark pages, in place of that of Color
	Thick   bool      // the line stands out
	Thin    bool      // the line steps back
	Points  bool      // draw a dot per point
	NoLine  bool      // only dots
	Bars    float64   // if above 0, bars from zero, of that width in units of X, in place of the line
	Labeled bool      // write the last value beside the line

	Low, High []float64 // if set, the ends of an error bar per point
	Segments  bool      // two points each are a line of their own
	Filled    bool      // the points are the border of a pale area
}

// Box is a box of a box plot: the quartiles, and whiskers.
type Box struct {
	X, Width                        float64
	Low, Lower, Median, Upper, High float64
	Color                           int
}

// Mark is a vertical line with a word beside it.
type Mark struct {
	X    float64
	Text string
	Icon string // "best" or "stop" at the top end, "save" for a notch on the axis instead of the line, or ""
}

// Backdrop is a picture over a part of the plane, below all else.
type Backdrop struct {
	Image          image.Image
	X0, X1, Y0, Y1 float64 // its left, right, lower and upper side
}

// Limits are the ends of an axis. NaN at an end leaves it to the data, and so does the zero value.
type Limits [2]float64

// Chart is a plot of lines, dots, bars and boxes. The zero value of every field is usable.
//
// Names never lie on what is drawn: title and legend are above it, what does not fit is cut, and a legend of many rows
// makes the picture higher.
type Chart struct {
	Title, XLabel, YLabel string
	Width, Height         float64 // 420 by 260 if zero
	Series                []Series
	Boxes                 []Box
	Marks                 []Mark
	Backdrop              *Backdrop
	Names                 []string // of the places 0, 1, … of the x axis, in place of numbers
	SomeNames             bool     // where there is no room for all names some are enough
	Notes                 []string // a line above the plot, at the right
	NoLegend              bool     // names of series stand elsewhere
	LogX, LogY            bool
	Percent               bool     // Y is a fraction, written as a percentage
	XMax                  *float64 // the axis goes at least that far
	XLimits, YLimits      Limits
	Tight                 bool // no air at the ends of the axes
}

const (
	smallFont = 11.0
	titleFont = 13.0
	legendRow = 18.0
	margin    = 8.0 // kept free around what is written
	tickRoom  = 22.0
	tickGap   = 7.0
	lastGap   = 6.0
	leastPlot = 0.6 // of the height, whatever stands above and below
)

// plane is the part of a chart that data is drawn in, and its axes.
type plane struct {
	left, right, top, bottom float64
	x, y                     scale
	xticks, yticks           []float64
	xlabels, ylabels         []string
	upright                  bool // names of places are written upwards
}

// SVG draws the chart.
func (ch Chart) SVG() string {
	w, h := ch.Width, ch.Height
	if !(w > 0) {
		w = 420
	}
	if !(h > 0) {
		h = 260
	}
	w, h = clamp(w, 120, 4000), clamp(h, 80, 4000)
	ch.LogY = ch.LogY && ch.anyPositive(func(s Series) []float64 { return s.Y })
	ch.LogX = ch.LogX && ch.anyPositive(func(s Series) []float64 { return s.X })
	ch, inks := ch.mixed()
	l := ch.legend(w)
	var p plane
	p.top = l.bottom + 10
	if ch.hasMarkText() {
		p.top += 14
	}
	below := tickRoom
	if ch.XLabel != "" {
		below += 14
	}
	least := leastPlot * h
	h = max(h, p.top+least+below)
	p.bottom = h - below
	ch.vertical(&p)
	ch.horizontal(&p, w)
	if p.upright { // names take their height from the plot
		below += ch.nameHeight() - 10
		h = max(h, p.top+least+below)
		p.bottom = h - below
		ch.vertical(&p)
		ch.horizontal(&p, w)
	}

	c := NewCanvas(w, h)
	c.Describe(ch.Title)
	c.Style(inks)
	ch.drawLegend(c, l)
	ch.axes(c, p, w, h)
	ch.marks(c, p.x, p.top, p.bottom, w)
	ch.data(c, p)
	ch.lastValues(c, p)
	return c.String()
}

func (ch Chart) anyPositive(of func(Series) []float64) bool {
	for _, s := range ch.Series {
		for _, v := range of(s) {
			if v > 0 && finite(v) {
				return true
			}
		}
	}
	return false
}

// vertical sets the y axis.
func (ch Chart) vertical(p *plane) {
	_, _, lo, hi := ch.bounds()
	want := max(2, int((p.bottom-p.top)/38))
	lo, hi, given := ch.YLimits.apply(lo, hi, ch.LogY)
	if given || ch.Tight {
		p.y, p.yticks = exactScale(lo, hi, p.bottom, p.top, ch.LogY, want)
	} else {
		p.y, p.yticks = newScale(lo, hi, p.bottom, p.top, ch.LogY, want)
	}
	switch {
	case ch.Percent:
		p.ylabels = percentLabels(p.yticks)
	case p.y.log:
		p.ylabels = logLabels(p.yticks)
	default:
		p.ylabels = Labels(p.yticks)
	}
}

// horizontal sets the x axis, between the labels of the y axis, which are known, and the last values.
func (ch Chart) horizontal(p *plane, w float64) {
	p.left = 30
	for _, s := range p.ylabels {
		p.left = max(p.left, margin+textWidth(s, smallFont)+tickGap)
	}
	if ch.YLabel != "" {
		p.left += 16
	}
	p.right = w - 14
	for _, s := range ch.Series {
		if v, ok := s.last(); ok {
			p.right = min(p.right, w-margin-Width(ch.lastLabel(v, *p), smallFont, true)-lastGap)
		}
	}
	p.left = min(p.left, w/2)
	p.right = max(p.right, p.left+40)
	lo, hi, _, _ := ch.bounds()
	lo, hi, _ = ch.XLimits.apply(lo, hi, ch.LogX)
	if n := len(ch.Names); n > 0 {
		lo, hi = -0.5, float64(n)-0.5
		p.x = scale{lo, hi, p.left, p.right, false}
		p.upright = p.upright || ch.nameStep(*p, false) > 1 && !ch.SomeNames
		return
	}
	// As many ticks as there is room for their labels, which depends on the ticks.
	for want := max(2, int((p.right-p.left)/64)); ; want-- {
		p.x, p.xticks = exactScale(lo, hi, p.left, p.right, ch.LogX, want)
		p.xlabels = Labels(p.xticks)
		if p.x.log {
			p.xlabels = logLabels(p.xticks)
		}
		widest := 0.0
		for _, s := range p.xlabels {
			widest = max(widest, textWidth(s, smallFont)+12)
		}
		if want <= 1 || widest*float64(len(p.xlabels)) <= p.right-p.left+widest {
			return
		}
	}
}

// apply returns the ends of an axis whose data goes from lo to hi, and whether any was given.
func (l Limits) apply(lo, hi float64, log bool) (float64, float64, bool) {
	if l == (Limits{}) {
		return lo, hi, false
	}
	given := false
	for i, v := range l {
		if !finite(v) || log && v <= 0 {
			continue
		}
		given = true
		if i == 0 {
			lo = v
		} else {
			hi = v
		}
	}
	if !(lo < hi) { // one end was given, and all data is beyond it
		lo, hi = min(lo, hi), max(lo, hi)
		if !finite(lo) || !finite(hi) {
			lo, hi = 0, 1
		}
	}
	return lo, hi, given
}

// bounds returns where the data is.
func (ch Chart) bounds() (xlo, xhi, ylo, yhi float64) {
	xlo, xhi, ylo, yhi = math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	x := func(v float64) {
		if finite(v) && (!ch.LogX || v > 0) {
			xlo, xhi = min(xlo, v), max(xhi, v)
		}
	}
	y := func(v float64) {
		if finite(v) && (!ch.LogY || v > 0) {
			ylo, yhi = min(ylo, v), max(yhi, v)
		}
	}
	for _, s := range ch.Series {
		for i, v := range s.Y {
			x(s.X[i] - s.Bars/2)
			x(s.X[i] + s.Bars/2)
			y(v)
		}
		for i := range s.Low {
			y(s.Low[i])
			y(s.High[i])
		}
		if s.Bars > 0 {
			y(0)
		}
		lo, hi := robust(s.Raw, ch.LogY)
		ylo, yhi = min(ylo, lo), max(yhi, hi)
	}
	if ch.LogY && ch.hasBars() {
		ylo /= 2 // the smallest bar is seen too
	}
	for _, b := range ch.Boxes {
		x(b.X - b.Width)
		x(b.X + b.Width)
		y(b.Low)
		y(b.High)
	}
	if b := ch.Backdrop; b != nil {
		x(b.X0)
		x(b.X1)
		y(b.Y0)
		y(b.Y1)
	}
	for _, m := range ch.Marks {
		x(m.X)
	}
	if ch.XMax != nil {
		xhi = max(xhi, *ch.XMax)
	}
	return
}

func (ch Chart) hasBars() bool {
	for _, s := range ch.Series {
		if s.Bars > 0 {
			return true
		}
	}
	return false
}

// robust returns the range of raw values without the outliers of a noisy beginning: a single
// spike must not press the curve flat.
func robust(raw []float64, log bool) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	var mean, sq, n float64
	for _, v := range raw {
		if finite(v) && (!log || v > 0) {
			n++
			d := v - mean
			mean += d / n
			sq += d * (v - mean)
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	if sd := math.Sqrt(sq / n); n >= 20 && finite(sd) {
		return max(lo, mean-4*sd), min(hi, mean+4*sd)
	}
	return lo, hi
}

// axes draws the grid, the axes and what stands at them.
func (ch Chart) axes(c *Canvas, p plane, w, h float64) {
	for i, t := range p.yticks {
		y := p.y.at(t)
		c.Line(p.left, y, p.right, y, "g")
		c.Text(p.left-tickGap, y+4, "f e", p.ylabels[i])
	}
	if ch.YLabel != "" {
		c.TextUp(margin+8, (p.top+p.bottom)/2, "f m", fit(ch.YLabel, p.bottom-p.top, smallFont, false))
	}
	if len(ch.Names) > 0 {
		ch.names(c, p)
	}
	last := math.Inf(-1)
	for i, t := range p.xticks {
		x, s := p.x.at(t), p.xlabels[i]
		half := textWidth(s, smallFont) / 2
		c.Line(x, p.bottom, x, p.bottom+4, "a")
		x = clamp(x, half+2, w-half-2)
		if x-half >= last+4 {
			c.Text(x, p.bottom+16, "f m", s)
			last = x + half
		}
	}
	c.Line(p.left, p.bottom, p.right, p.bottom, "a")
	if ch.XLabel != "" {
		label := fit(ch.XLabel, w-2*margin, smallFont, false)
		half := textWidth(label, smallFont) / 2
		c.Text(clamp((p.left+p.right)/2, margin+half, w-margin-half), h-6, "f m", label)
	}
}

// mostNameHeight bounds names that are written upwards.
const mostNameHeight = 110.0

// nameStep returns how many places are from one name to the next, if names are written across or upwards.
func (ch Chart) nameStep(p plane, upright bool) int {
	room := (p.right - p.left) / float64(len(ch.Names))
	if upright {
		return stride(room, smallFont+3)
	}
	widest := 0.0
	for _, s := range ch.Names {
		widest = max(widest, textWidth(fit(s, mostNameHeight, smallFont, false), smallFont)+8)
	}
	return stride(room, widest)
}

// nameHeight is the room that names take which are written upwards.
func (ch Chart) nameHeight() float64 {
	most := 0.0
	for _, s := range ch.Names {
		most = max(most, textWidth(fit(s, mostNameHeight, smallFont, false), smallFont))
	}
	return most
}

// names writes the names of the places below the axis.
func (ch Chart) names(c *Canvas, p plane) {
	every := ch.nameStep(p, p.upright)
	for i := 0; i < len(ch.Names); i += every {
		s := fit(ch.Names[i], mostNameHeight, smallFont, false)
		x := p.x.at(float64(i))
		if p.upright {
			c.TextUp(x+4, p.bottom+6, "f e", s)
			continue
		}
		half := textWidth(s, smallFont) / 2
		c.Text(clamp(x, half+2, c.width-half-2), p.bottom+16, "f m", s)
	}
}

// stride returns how many cells apart labels of the given size are: 1, 2, 5, 10, ….
func stride(cell, size float64) int {
	if !(cell > 0) {
		return 1 << 30
	}
	for unit := 1; unit < 1<<30; unit *= 10 {
		for _, n := range [...]int{1, 2, 5} {
			if float64(n*unit)*cell >= size {
				return n * unit
			}
		}
	}
	return 1 << 30
}

func clamp(v, lo, hi float64) float64 { return max(lo, min(hi, v)) }

// Extent returns limits of the axes that hold all data, with a little air.
func (ch Chart) Extent() (x, y Limits) {
	xlo, xhi, ylo, yhi := ch.bounds()
	ends := func(lo, hi float64, log bool, given Limits) Limits {
		lo, hi, _ = given.apply(lo, hi, log)
		s, _ := newScale(lo, hi, 0, 1, log, 2)
		out := Limits{s.lo, s.hi}
		if s.log {
			out = Limits{pow10(s.lo), min(pow10(s.hi), math.MaxFloat64)}
		}
		for i := range given {
			if given != (Limits{}) && finite(given[i]) {
				out[i] = given[i]
			}
		}
		return out
	}
	return ends(xlo, xhi, ch.LogX, ch.XLimits), ends(ylo, yhi, ch.LogY, ch.YLimits)
}
