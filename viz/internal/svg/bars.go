package svg

import (
	"fmt"
	"math"
)

// Bars is a chart of vertical bars from zero, one per value.
type Bars struct {
	Title, XLabel string
	Width, Height float64 // 420 by 200 if zero
	Values        []float64
	Labels        []string  // below the bars; numbers from 0 if nil
	Edges         []float64 // for a histogram: one more than values, on a continuous axis
	Color         int
	Notes         []string // written in the upper right corner
	LogY          bool     // for counts: zero stays at the bottom
}

// SVG draws the bars. A NaN or Inf is a red cross in place of its bar.
func (ba Bars) SVG() string {
	w, h := ba.Width, ba.Height
	if w == 0 {
		w = 420
	}
	if h == 0 {
		h = 200
	}
	c := NewCanvas(w, h)
	c.Describe(ba.Title)
	top, bottom := 12.0, h-axisHeight
	if ba.Title != "" {
		top += 18
		c.Text(8, 18, "t", ba.Title)
	}
	if ba.XLabel != "" {
		bottom -= 14
		c.Text(w/2, h-5, "f m", ba.XLabel)
	}
	lo, hi := 0.0, 0.0
	for _, v := range ba.Values {
		if finite(v) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	value := func(v float64) float64 { return v }
	var y scale
	var ticks []float64
	if ba.LogY && hi > 100 {
		value = func(v float64) float64 { return max(v, 0.5) }
		y = scale{math.Log10(0.5), math.Log10(hi * 1.1), bottom, top, true}
		ticks = logTicks(0, y.hi, 4)
	} else {
		if hi == lo {
			hi = lo + 1
		}
		y, ticks = newScale(lo, hi, bottom, top, false, int((bottom-top)/34))
	}
	left := 30.0
	for _, t := range ticks {
		left = max(left, textWidth(Label(t), smallFont)+14)
	}
	right := w - 12
	for _, t := range ticks {
		c.Line(left, y.at(t), right, y.at(t), "g")
		c.Text(left-7, y.at(t)+4, "f e", Label(t))
	}
	zero := y.at(value(0))
	step := (right - left) / float64(max(len(ba.Values), 1))
	gap := min(step*0.18, 6)
	if ba.Edges != nil {
		gap = min(1, step*0.1)
	}
	for i, v := range ba.Values {
		p := left + float64(i)*step
		if !finite(v) {
			c.Path(fmt.Sprintf("M%s %sl6 6m0 -6l-6 6", num(p+step/2-3), num(zero-9)), class("l", 4))
			continue
		}
		a, b := y.at(value(v)), zero
		if a > b {
			a, b = b, a
		}
		if b-a > 0 {
			c.Rect(p+gap/2, a, step-gap, b-a, 0, class("f", ba.Color), "")
		}
	}
	c.Line(left, zero, right, zero, "a")
	ba.axis(c, left, right, bottom, step)
	for i, note := range ba.Notes {
		c.Text(right, top+10+14*float64(i), "f e", note)
	}
	return c.String()
}

func (ba Bars) axis(c *Canvas, left, right, bottom, step float64) {
	if n := len(ba.Edges); n > 1 {
		x := scale{ba.Edges[0], ba.Edges[n-1], left, right, false}
		for _, t := range linearTicks(x.lo, x.hi, max(2, int((right-left)/70))) {
			c.Line(x.at(t), bottom, x.at(t), bottom+4, "a")
			c.Text(x.at(t), bottom+16, "f m", Label(t))
		}
		return
	}
	last := math.Inf(-1)
	for i := range ba.Values {
		s := fmt.Sprint(i)
		if ba.Labels != nil {
			s = ba.Labels[i]
		}
		p, half := left+(float64(i)+0.5)*step, textWidth(s, smallFont)/2
		if p-half > last+4 {
			c.Text(p, bottom+16, "f m", s)
			last = p + half
		}
	}
}
