package svg

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// data draws what is inside of the axes, and nothing outside of them.
func (ch Chart) data(c *Canvas, p plane) {
	c.Clip("p", p.left-3, p.top-4, p.right-p.left+6, p.bottom-p.top+8)
	if b := ch.Backdrop; b != nil && p.x.shows(b.X0) && p.x.shows(b.X1) && p.y.shows(b.Y0) && p.y.shows(b.Y1) {
		x0, x1, y0, y1 := p.x.at(b.X0), p.x.at(b.X1), p.y.at(b.Y0), p.y.at(b.Y1)
		c.Image(x0, y1, x1-x0, y0-y1, PNG(b.Image))
	}
	for _, s := range ch.Series { // all faint lines below all others
		if s.Raw != nil {
			xs := s.RawX
			if xs == nil {
				xs = s.X
			}
			c.Path(polyline(xs, s.Raw, p.x, p.y), class("r", s.Color))
		}
	}
	for _, b := range ch.Boxes {
		b.draw(c, p.x, p.y)
	}
	for _, s := range ch.Series {
		if s.Bars > 0 {
			s.drawBars(c, p)
		} else {
			s.draw(c, p.x, p.y)
		}
	}
	ch.badPoints(c, p.x, p.top)
	c.End()
}

// lineClass names the rules of the series' line.
func (s Series) lineClass() string {
	cl := class("l", s.Color)
	if s.Dashed {
		cl += " dash"
	}
	if s.Dash > 0 {
		cl += " d" + itoa(1+(s.Dash-1)%len(dashes))
	}
	switch {
	case s.Thick:
		cl += " thick"
	case s.Thin:
		cl += " thin"
	}
	return cl
}

func (s Series) draw(c *Canvas, x, y scale) {
	s.drawErrors(c, x, y)
	switch {
	case s.NoLine:
	case s.Segments:
		var d strings.Builder
		for i := 0; i+1 < len(s.Y); i += 2 {
			d.WriteString(polyline(s.X[i:i+2], s.Y[i:i+2], x, y))
		}
		c.Path(d.String(), s.lineClass())
	case s.Filled:
		d := polyline(s.X, s.Y, x, y)
		c.Path(d+"z", class("f", s.Color)+" pale")
		c.Path(d, s.lineClass())
	default:
		c.Path(polyline(s.X, s.Y, x, y), s.lineClass())
	}
	if s.Points || s.NoLine || len(s.Y) == 1 {
		r := 3.0
		if len(s.Y) > 40 {
			r = 2
		}
		for i, v := range s.Y {
			if x.shows(s.X[i]) && y.shows(v) && onPage(x.at(s.X[i])) && onPage(y.at(v)) {
				c.Circle(x.at(s.X[i]), y.at(v), r, class("f", s.Color))
			}
		}
	}
}

// drawErrors draws the error bars.
func (s Series) drawErrors(c *Canvas, x, y scale) {
	var d strings.Builder
	for i := range s.Low {
		if !x.shows(s.X[i]) || !y.shows(s.Low[i]) || !y.shows(s.High[i]) {
			continue
		}
		p, a, b := x.at(s.X[i]), y.at(s.Low[i]), y.at(s.High[i])
		if onPage(p) && onPage(a) && onPage(b) {
			fmt.Fprintf(&d, "M%s %sH%sM%s %sV%sM%s %sH%s", num(p-3), num(a), num(p+3), num(p), num(a), num(b), num(p-3), num(b), num(p+3))
		}
	}
	if d.Len() > 0 {
		c.Path(d.String(), class("l", s.Color)+" bars")
	}
}

// drawBars draws bars from zero, or from the bottom of a logarithmic axis. A NaN or Inf is a cross at the top.
func (s Series) drawBars(c *Canvas, p plane) {
	if len(s.Y) == 0 { // for the legend alone
		return
	}
	zero := p.bottom
	if !p.y.log {
		zero = clamp(p.y.at(0), p.top-4, p.bottom+4)
		c.Line(p.left, zero, p.right, zero, "a")
	}
	for i, v := range s.Y {
		if !p.y.shows(v) || !p.x.shows(s.X[i]) {
			continue
		}
		a, b := p.x.at(s.X[i]-s.Bars/2), p.x.at(s.X[i]+s.Bars/2)
		gap := min((b-a)*0.1, 1)
		top := clamp(p.y.at(v), p.top-10, p.bottom+10)
		if lo, hi := min(top, zero), max(top, zero); hi > lo && onPage(a) && onPage(b) {
			c.Rect(a+gap/2, lo, max(b-a-gap, 0.3), hi-lo, 0, class("f", s.Color), "")
		}
	}
}

func (b Box) draw(c *Canvas, x, y scale) {
	for _, v := range []float64{b.Low, b.Lower, b.Median, b.Upper, b.High} {
		if !y.shows(v) || !onPage(y.at(v)) {
			return
		}
	}
	mid := x.at(b.X)
	half := min(40, x.at(b.X+b.Width/2)-mid) // a box wider than that looks like a bar
	left, right := mid-half, mid+half
	foot := (right - left) / 4
	cl := class("l", b.Color)
	for _, whisker := range [][2]float64{{b.Low, b.Lower}, {b.High, b.Upper}} {
		c.Line(mid, y.at(whisker[0]), mid, y.at(whisker[1]), cl)
		c.Line(mid-foot, y.at(whisker[0]), mid+foot, y.at(whisker[0]), cl)
	}
	top, height := y.at(b.Upper), y.at(b.Lower)-y.at(b.Upper)
	c.Rect(left, top, right-left, height, 0, class("f", b.Color)+" pale", "")
	c.Path(fmt.Sprintf("M%s %sH%sV%sH%sz", num(left), num(top), num(right), num(top+height), num(left)), cl)
	c.Path(fmt.Sprintf("M%s %sH%s", num(left), num(y.at(b.Median)), num(right)), cl+" thick")
}

// farAway is how far outside of a picture coordinates may be: more only makes numbers longer.
const farAway = 9000.0

func onPage(v float64) bool { return v > -farAway && v < farAway }

// polyline returns the path through the points, broken where one has no place, without points that
// would not be seen. It counts in tenths of a pixel, relative to the point before, to be short.
func polyline(xs, ys []float64, x, y scale) string {
	var b strings.Builder
	pen := false
	var px, py int           // where the pen is, in tenths of a pixel
	var lastX, lastY float64 // the point before, which may be far outside
	known := false
	for i, v := range ys {
		if !x.shows(xs[i]) || !y.shows(v) {
			pen, known = false, false
			continue
		}
		fx, fy := x.at(xs[i]), y.at(v)
		ax, ay, bx, by, ok := fx, fy, fx, fy, onPage(fx) && onPage(fy)
		if known {
			ax, ay, bx, by, ok = clipped(lastX, lastY, fx, fy)
		}
		wasKnown := known
		lastX, lastY, known = fx, fy, true
		if !ok {
			pen = false
			continue
		}
		nx, ny := int(math.Round(10*bx)), int(math.Round(10*by))
		if !pen {
			px, py = int(math.Round(10*ax)), int(math.Round(10*ay))
			b.WriteString("M" + tenths(px) + " " + tenths(py))
		}
		if (nx != px || ny != py) && wasKnown {
			dy := tenths(ny - py)
			if dy[0] != '-' {
				dy = " " + dy
			}
			b.WriteString("l" + tenths(nx-px) + dy)
		}
		px, py = nx, ny
		pen = bx == fx && by == fy
	}
	return b.String()
}

// clipped returns the part of a line that is not far outside of the picture, and whether there is any.
//
// Source: Liang and Barsky, "A new concept and method for line clipping", 1984.
func clipped(x0, y0, x1, y1 float64) (ax, ay, bx, by float64, ok bool) {
	if onPage(x0) && onPage(y0) && onPage(x1) && onPage(y1) {
		return x0, y0, x1, y1, true
	}
	if !finite(x0) || !finite(y0) || !finite(x1) || !finite(y1) {
		return 0, 0, 0, 0, false
	}
	from, to := 0.0, 1.0
	dx, dy := x1-x0, y1-y0
	for _, e := range [4][2]float64{{-dx, x0 + farAway}, {dx, farAway - x0}, {-dy, y0 + farAway}, {dy, farAway - y0}} {
		d, room := e[0], e[1]
		switch {
		case d == 0 && room < 0:
			return 0, 0, 0, 0, false
		case d < 0:
			from = max(from, room/d)
		case d > 0:
			to = min(to, room/d)
		}
	}
	if !(from <= to) {
		return 0, 0, 0, 0, false
	}
	bx, by = x0+to*dx, y0+to*dy
	if to == 1 {
		bx, by = x1, y1
	}
	return x0 + from*dx, y0 + from*dy, bx, by, true
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

// badPoints puts a red cross at the top edge where a series is NaN or infinite.
func (ch Chart) badPoints(c *Canvas, x scale, top float64) {
	drawn := 0
	for _, s := range ch.Series {
		for i, v := range s.Y {
			if finite(v) || !x.shows(s.X[i]) || drawn >= 50 {
				continue
			}
			p, q := x.at(s.X[i]), top+2
			if onPage(p) {
				c.Path(fmt.Sprintf("M%s %sl6 6m0 -6l-6 6", num(p-3), num(q-3)), class("l", 4))
				drawn++
			}
		}
	}
}

func (ch Chart) hasMarkText() bool {
	return slices.ContainsFunc(ch.Marks, func(m Mark) bool { return m.Text != "" || m.Icon == "best" || m.Icon == "stop" })
}

// marks draws the marks, their words above the plot where they meet neither each other nor a sign.
func (ch Chart) marks(c *Canvas, x scale, top, bottom, width float64) {
	var taken [][2]float64
	for _, m := range ch.Marks {
		if x.shows(m.X) && x.at(m.X) >= x.from-1 && x.at(m.X) <= x.to+1 && (m.Icon == "best" || m.Icon == "stop") {
			taken = append(taken, [2]float64{x.at(m.X) - 6, x.at(m.X) + 6})
		}
	}
	for _, m := range ch.Marks {
		p := x.at(m.X)
		if !x.shows(m.X) || !(p >= x.from-1 && p <= x.to+1) { // beyond the ends of the axis
			continue
		}
		if m.Icon == "save" { // there are many of them: no more than a notch on the axis
			c.Path("M"+num(p-3)+" "+num(bottom)+"h6l-3 -5z", class("f", 7))
			continue
		}
		c.Line(p, top, p, bottom, "k")
		switch m.Icon {
		case "best":
			c.Path("M"+num(p)+" "+num(top-13)+"l1.5 3.4 3.7.3-2.8 2.4.9 3.6-3.3-2-3.3 2 .9-3.6-2.8-2.4 3.7-.3z", class("f", 6))
		case "stop":
			c.Rect(p-3.5, top-12, 7, 7, 1, class("f", 4), "")
		}
		text := fit(m.Text, 120, smallFont, false)
		w := textWidth(text, smallFont)
		for _, at := range [][2]float64{{p - 8 - w, p - 8}, {p + 8, p + 8 + w}} {
			free := !slices.ContainsFunc(taken, func(t [2]float64) bool { return at[0] < t[1]+2 && at[1] > t[0]-2 })
			if text != "" && free && at[0] >= 2 && at[1] <= width-2 {
				c.Text(at[0], top-8, "f", text)
				taken = append(taken, at)
				break
			}
		}
	}
}

// last returns the last value of a labelled series.
func (s Series) last() (float64, bool) {
	if n := len(s.Y); s.Labeled && n > 0 && finite(s.Y[n-1]) {
		return s.Y[n-1], true
	}
	return 0, false
}

// lastLabel writes a last value, as exact as the axis.
func (ch Chart) lastLabel(v float64, p plane) string {
	if ch.Percent && finite(v*100) {
		ticks := make([]float64, len(p.yticks))
		for i, t := range p.yticks {
			ticks[i] = t * 100
		}
		return labelNear(v*100, ticks) + "%"
	}
	return labelNear(v, p.yticks)
}

// lastValues writes the final value of labelled series at the right edge, moved apart where they would meet. Of more
// than there is room for the first are written.
func (ch Chart) lastValues(c *Canvas, p plane) {
	type entry struct {
		y float64
		s Series
		v float64
	}
	var list []entry
	const line = 13.0
	most := max(1, int((p.bottom-p.top)/line))
	for _, s := range ch.Series {
		if v, ok := s.last(); ok && p.y.shows(v) && len(list) < most {
			list = append(list, entry{clamp(p.y.at(v), p.top, p.bottom-4), s, v})
		}
	}
	slices.SortFunc(list, func(a, b entry) int { return cmp.Compare(b.y, a.y) }) // the lowest first
	for i := 1; i < len(list); i++ {
		list[i].y = min(list[i].y, list[i-1].y-line)
	}
	for i := len(list) - 1; i >= 0; i-- { // those pushed out at the top push the others down again
		least := p.top
		if i+1 < len(list) {
			least = list[i+1].y + line
		}
		list[i].y = max(list[i].y, least)
	}
	for _, e := range list {
		c.Text(p.right+lastGap, e.y+4, class("f", e.s.Color)+" b", ch.lastLabel(e.v, p))
	}
}
