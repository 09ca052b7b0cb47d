package plots

import (
	"fmt"

	"github.com/quire-ml/quire/viz"
)

// Interval is points with a range each, from Low to High: a mean and its standard error, a median and quartiles.
type Interval struct {
	Points
	Low, High []float64
}

// Around returns points with the range from y-error to y+error each.
func Around(p Points, errors ...float64) Interval {
	v := Interval{Points: p}
	for i, e := range errors {
		if i < len(p.Y) {
			v.Low, v.High = append(v.Low, p.Y[i]-e), append(v.High, p.Y[i]+e)
		} else { // said when it is drawn
			v.Low, v.High = append(v.Low, e), append(v.High, e)
		}
	}
	return v
}

// DotsWithin draws points as dots with their ranges as error bars.
func DotsWithin(v Interval) Layer { return v.layer(false) }

// LineWithin joins points by a line and draws their ranges as error bars.
func LineWithin(v Interval) Layer { return v.layer(true) }

func (v Interval) layer(line bool) Layer {
	l := Layer{points: v.Points, line: line, low: v.Low, high: v.High}
	if l.low == nil && l.high == nil { // an interval without ranges is a mistake, said when it is drawn
		l.low = []float64{}
	}
	return l
}

// ErrorBars draws sets of points as dots, each point with its range as an error bar.
func ErrorBars(o Options, sets ...Interval) viz.Bundle {
	var layers []Layer
	for _, s := range sets {
		layers = append(layers, DotsWithin(s))
	}
	return combine("ErrorBars", o, layers)
}

// Panel is one of the plots of [Facets].
type Panel struct {
	Title  string
	Layers []Layer
}

// Facets draws panels side by side, all with the same axes, so that they can be compared: one per class, say, or per data set. Width and
// Height are of a panel; 260 by 220. Title stands above all.
func Facets(o Options, panels ...Panel) viz.Bundle {
	fail := func(err error) viz.Bundle { return viz.Error(fmt.Errorf("plots.Facets: %w", err)) }
	if len(panels) == 0 {
		return fail(errNothing)
	}
	if o.Width == 0 {
		o.Width = 260
	}
	if o.Height == 0 {
		o.Height = 220
	}
	whole, err := o.chart()
	if err != nil {
		return fail(err)
	}
	for _, p := range panels {
		for i, l := range p.Layers {
			if err := l.check(o); err != nil {
				return fail(fmt.Errorf("panel %q: %w", p.Title, err))
			}
			whole.Series = append(whole.Series, l.series(i))
		}
	}
	xs, ys := whole.Extent()
	var views []any
	for _, p := range panels {
		ch, err := o.chart()
		if err != nil {
			return fail(err)
		}
		ch.Title, ch.XLimits, ch.YLimits = p.Title, xs, ys
		var sets []Points
		for i, l := range p.Layers {
			ch.Series = append(ch.Series, l.series(i))
			sets = append(sets, l.points)
		}
		views = append(views, finish(ch, describe(sets)))
	}
	b := viz.Row(views...)
	if o.Title != "" {
		return viz.Titled(o.Title, b)
	}
	return b
}
