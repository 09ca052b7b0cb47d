package svg

import (
	"fmt"
	"math"
	"strings"
)

// ParallelAxis is one of the axes of [Parallel].
type ParallelAxis struct {
	Name   string
	Values []float64 // of each line; NaN where it has none
	Places []string  // names of the values 0, 1, …, in place of numbers
	Log    bool
}

// Parallel is a picture of parallel coordinates: a line per thing through its values on upright axes. At an axis lines make room
// for what is written there.
type Parallel struct {
	Title string
	Names []string // of the lines
	Inks  [][2]string
	Axes  []ParallelAxis
	Order []int // in which lines are drawn; nil: as they are
}

// Sizes of pictures of parallel coordinates.
const (
	parallelHeight = 220.0
	parallelGap    = 74.0 // between one axis's labels and the next axis, where lines are seen
	mostPlaces     = 90.0 // the width of labels
)

// column is an axis in the picture.
type column struct {
	x, right float64 // the axis, and where its labels end
	y        scale
	ticks    []float64
	labels   []string
}

// SVG draws the picture.
func (p Parallel) SVG() string {
	top := 30.0
	if p.Title != "" {
		top += 22
	}
	bottom := top + parallelHeight
	var columns []column
	x := margin + 6
	for _, a := range p.Axes {
		col := a.column(top, bottom)
		wide := widest(col.labels)
		// names stand above the axes, and need their room too
		name := textWidth(fit(a.Name, mostPlaces+parallelGap/2, smallFont, false), smallFont)
		col.x = x
		col.right = x + tickGap + wide + 4
		x = max(col.right+parallelGap, x+name+12)
		columns = append(columns, col)
	}
	w := margin * 2
	for i, col := range columns {
		name := textWidth(fit(p.Axes[i].Name, mostPlaces+parallelGap/2, smallFont, false), smallFont)
		w = max(w, col.right+margin, col.x+name+margin)
	}
	w = max(w, min(Width(p.Title, titleFont, true), 420)+2*margin)
	c := NewCanvas(w, bottom+margin+6)
	c.Describe(p.Title)
	if p.Title != "" {
		c.Text(margin, 18, "t", fit(p.Title, w-2*margin, titleFont, true))
	}
	series := Chart{}
	for _, ink := range p.Inks {
		series.Series = append(series.Series, Series{Ink: ink})
	}
	series, rules := series.mixed()
	c.Style(rules)
	order := p.Order
	if order == nil {
		for i := range p.Names {
			order = append(order, i)
		}
	}
	for _, i := range order {
		cl := class("l", i)
		if i < len(series.Series) {
			cl = class("l", series.Series[i].Color)
		}
		if d := p.line(columns, i); d != "" {
			c.Path(d, cl)
		}
	}
	for i, col := range columns {
		c.Text(col.x-4, top-14, "f b", fit(p.Axes[i].Name, mostPlaces+parallelGap/2, smallFont, true))
		c.Line(col.x, top-4, col.x, bottom+4, "a")
		for k, t := range col.ticks {
			y := col.y.at(t)
			c.Line(col.x, y, col.x+4, y, "a")
			c.Text(col.x+tickGap, y+4, "f", col.labels[k])
		}
	}
	return c.String()
}

// column places the values of an axis.
func (a ParallelAxis) column(top, bottom float64) column {
	var col column
	if len(a.Places) > 0 {
		col.y = scale{-0.5, float64(len(a.Places)) - 0.5, bottom, top, false}
		every := stride(parallelHeight/float64(len(a.Places)), smallFont+3)
		for i := 0; i < len(a.Places); i += every {
			col.ticks = append(col.ticks, float64(i))
			col.labels = append(col.labels, fit(a.Places[i], mostPlaces, smallFont, false))
		}
		return col
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range a.Values {
		if finite(v) && (!a.Log || v > 0) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	col.y, col.ticks = exactScale(lo, hi, bottom, top, a.Log, 6)
	col.labels = Labels(col.ticks)
	if col.y.log {
		col.labels = logLabels(col.ticks)
	}
	return col
}

// line returns the path of line i: from the right of one axis's labels to the next axis, level in between.
func (p Parallel) line(columns []column, i int) string {
	var d strings.Builder
	for k := 0; k+1 < len(columns); k++ {
		a, b := p.value(k, i), p.value(k+1, i)
		if !columns[k].y.shows(a) || !columns[k+1].y.shows(b) {
			continue
		}
		fmt.Fprintf(&d, "M%s %sL%s %s", num(columns[k].right), num(columns[k].y.at(a)), num(columns[k+1].x), num(columns[k+1].y.at(b)))
	}
	return d.String()
}

// value returns the value of line i at axis k, NaN if it has none.
func (p Parallel) value(k, i int) float64 {
	if v := p.Axes[k].Values; i < len(v) {
		return v[i]
	}
	return math.NaN()
}

// Drawing is a picture that knows what it shows.
type Drawing interface{ SVG() string }

// Network is boxes and what each of them uses.
type Network struct {
	Title string
	Nodes []NetworkNode
}

// NetworkNode is one box of a [Network].
type NetworkNode struct {
	Name, Kind, About string
	From              []int
}
