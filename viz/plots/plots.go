package plots

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/viz"
	"github.com/quire-ml/quire/viz/internal/svg"
	"github.com/quire-ml/quire/viz/internal/twins"
)

// Options say how a plot is drawn. The zero value draws it well.
type Options struct {
	Title, XLabel, YLabel string
	LogX, LogY            bool
	Width, Height         float64 // in pixels; 460 by 320

	// The ends of the axes; what is outside is not drawn. NaN leaves an end to the data, and so does the zero value.
	XLimits, YLimits [2]float64
}

// Points is a set of points under one name: X and Y have the same length.
type Points struct {
	Name string
	X, Y []float64
}

// Color returns the colour of series i on light pages.
func Color(i int) color.RGBA {
	hex := svg.SeriesColor(i)
	v, err := strconv.ParseUint(hex[1:], 16, 32)
	if err != nil {
		panic("plots: the colour " + hex + " is none")
	}
	return color.RGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 255}
}

// Layer is a set of points and how it is drawn, for [Combine] and [Facets].
type Layer struct {
	points    Points
	line      bool
	dashed    bool
	low, high []float64 // ends of error bars
}

// Dots draws points as dots.
func Dots(p Points) Layer { return Layer{points: p} }

// Line joins points by a line. A NaN or Inf is a gap.
func Line(p Points) Layer { return Layer{points: p, line: true} }

// Dashed joins points by a dashed line.
func Dashed(p Points) Layer { return Layer{points: p, line: true, dashed: true} }

// Scatter draws sets of points, each in a colour of its own.
func Scatter(o Options, sets ...Points) viz.Bundle {
	return combine("Scatter", o, layersOf(sets, Dots))
}

// Lines draws sets of points, each joined by a line. A NaN or Inf is a gap.
func Lines(o Options, sets ...Points) viz.Bundle { return combine("Lines", o, layersOf(sets, Line)) }

// Combine draws sets of points in one plot, each in a way of its own: measured values as dots, say, and the model as a
// line. Later ones lie on earlier ones.
func Combine(o Options, layers ...Layer) viz.Bundle { return combine("Combine", o, layers) }

func layersOf(sets []Points, layer func(Points) Layer) []Layer {
	var out []Layer
	for _, s := range sets {
		out = append(out, layer(s))
	}
	return out
}

func combine(name string, o Options, layers []Layer) viz.Bundle {
	ch, err := o.chart()
	var sets []Points
	for i := 0; i < len(layers) && err == nil; i++ {
		p := layers[i].points
		err = layers[i].check(o)
		sets = append(sets, p)
		ch.Series = append(ch.Series, layers[i].series(i))
	}
	if err != nil {
		return viz.Error(fmt.Errorf("plots.%s: %w", name, err))
	}
	return finish(ch, describe(sets))
}

// series returns layer i of a chart.
func (l Layer) series(i int) svg.Series {
	p := l.points
	return svg.Series{Name: p.Name, Color: i, X: p.X, Y: p.Y, NoLine: !l.line, Dashed: l.dashed, Low: l.low, High: l.high}
}

// check returns what is wrong with a layer.
func (l Layer) check(o Options) error {
	if err := l.points.check(o); err != nil || l.low == nil && l.high == nil {
		return err
	}
	if n := len(l.points.Y); len(l.low) != n || len(l.high) != n {
		return fmt.Errorf("%q has %d points, but error bars for %d and %d", l.points.Name, n, len(l.low), len(l.high))
	}
	ends := Points{l.points.Name, append(slices.Clone(l.points.X), l.points.X...), slices.Concat(l.low, l.high)}
	return ends.check(o)
}

// chart returns the chart that the options describe, without data.
func (o Options) chart() (svg.Chart, error) {
	ch := svg.Chart{Title: o.Title, XLabel: o.XLabel, YLabel: o.YLabel, LogX: o.LogX, LogY: o.LogY, Width: o.Width, Height: o.Height, XLimits: o.XLimits, YLimits: o.YLimits}
	if ch.Width == 0 {
		ch.Width = 460
	}
	if ch.Height == 0 {
		ch.Height = 320
	}
	for _, a := range []struct {
		name   string
		limits [2]float64
		log    bool
	}{{"XLimits", o.XLimits, o.LogX}, {"YLimits", o.YLimits, o.LogY}} {
		lo, hi := a.limits[0], a.limits[1]
		switch {
		case a.limits == [2]float64{}:
		case math.IsInf(lo, 0) || math.IsInf(hi, 0):
			return ch, fmt.Errorf("%s from %v to %v: an axis has finite ends; NaN leaves an end to the data", a.name, lo, hi)
		case lo >= hi:
			return ch, fmt.Errorf("%s from %v to %v: the second must be larger", a.name, lo, hi)
		case a.log && (lo <= 0 || hi <= 0):
			return ch, fmt.Errorf("%s from %v to %v: a logarithmic axis has no place for zero and below", a.name, lo, hi)
		}
	}
	return ch, nil
}

// check returns what is wrong with a set of points.
func (s Points) check(o Options) error {
	if len(s.X) != len(s.Y) {
		return fmt.Errorf("%q has %d x and %d y", s.Name, len(s.X), len(s.Y))
	}
	for _, a := range []struct {
		name   string
		values []float64
		log    bool
	}{{"x", s.X, o.LogX}, {"y", s.Y, o.LogY}} {
		if i := slices.IndexFunc(a.values, func(v float64) bool { return v <= 0 }); a.log && i >= 0 {
			return fmt.Errorf("%q: %s is %v at point %d, for which a logarithmic axis has no place", s.Name, a.name, a.values[i], i)
		}
	}
	return nil
}

func bad(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }

func finiteOnly(values []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(values), bad)
}

// describe is the text form: what there is to see.
func describe(sets []Points) string {
	var b strings.Builder
	for i, s := range sets {
		name := s.Name
		if name == "" {
			name = fmt.Sprintf("set %d", i)
		}
		x, y := finiteOnly(s.X), finiteOnly(s.Y)
		fmt.Fprintf(&b, "%s: %d points", name, len(s.X))
		if len(x) > 0 && len(y) > 0 {
			fmt.Fprintf(&b, ", x %s, y %s", extent(x), extent(y))
		}
		b.WriteString("\n")
	}
	if len(sets) == 0 {
		b.WriteString("no points\n")
	}
	return b.String()
}

// extent writes the range of values.
func extent(v []float64) string {
	ends := svg.Values(slices.Min(v), slices.Max(v))
	return ends[0] + " to " + ends[1]
}

// maxBytes bounds a picture: notebooks keep every one of them.
const maxBytes = 4 << 20

// finish draws a chart.
func finish(ch svg.Chart, text string) viz.Bundle {
	picture := ch.SVG()
	if len(picture) > maxBytes {
		return viz.Error(fmt.Errorf("plots: a picture of %d bytes is too large for a notebook: plot fewer points", len(picture)))
	}
	return twins.Attach(viz.SVG(picture, titled(ch.Title, text)), svg.Drawing(ch))
}

func titled(title, text string) string {
	if title == "" {
		return text
	}
	return title + "\n" + text
}

var errNothing = errors.New("there is nothing to draw")
