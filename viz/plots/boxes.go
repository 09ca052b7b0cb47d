package plots

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quire-ml/quire/viz"
	"github.com/quire-ml/quire/viz/internal/svg"
)

// Boxes draws, per set of values, the median, the quartiles, whiskers to the outermost values that are at most 1.5 times
// the distance of the quartiles away from them, and the values beyond as dots. Quartiles are interpolated:
//
//	q(p) = x[k] + (h - k)·(x[k+1] - x[k]),  h = p·(n - 1),  k = ⌊h⌋,  x sorted
//
// Values that are not finite do not count.
//
// Source: Tukey, "Exploratory Data Analysis", 1977; definition 7 of Hyndman and Fan, "Sample quantiles in
// statistical packages", 1996.
func Boxes(o Options, names []string, values ...[]float64) viz.Bundle {
	ch, err := o.chart()
	switch {
	case err != nil:
	case len(names) != len(values):
		err = fmt.Errorf("%d names for %d sets of values", len(names), len(values))
	case len(values) == 0:
		err = errNothing
	}
	var text strings.Builder
	for i := 0; i < len(values) && err == nil; i++ {
		sorted := finiteOnly(values[i])
		slices.Sort(sorted)
		if len(sorted) == 0 {
			err = fmt.Errorf("%q has no finite values", names[i])
			break
		}
		if err = (Points{names[i], sorted, sorted}).check(Options{LogY: o.LogY}); err != nil {
			break
		}
		box, beyond := boxOf(sorted)
		box.X, box.Width, box.Color = float64(i), 0.5, i
		ch.Boxes = append(ch.Boxes, box)
		outliers := svg.Series{Y: beyond, NoLine: true, Color: i}
		for range beyond {
			outliers.X = append(outliers.X, float64(i))
		}
		ch.Series = append(ch.Series, outliers)
		q := svg.Values(box.Lower, box.Median, box.Upper)
		fmt.Fprintf(&text, "%s: %d values, quartiles %s %s %s, range %s\n", names[i], len(sorted), q[0], q[1], q[2], extent(sorted))
	}
	if err != nil {
		return viz.Error(fmt.Errorf("plots.Boxes: %w", err))
	}
	ch.Names = names
	return finish(ch, text.String())
}

// boxOf returns the box of sorted values, and the values beyond its whiskers.
func boxOf(x []float64) (b svg.Box, beyond []float64) {
	b.Lower, b.Median, b.Upper = quantile(x, 0.25), quantile(x, 0.5), quantile(x, 0.75)
	reach := 1.5*b.Upper - 1.5*b.Lower
	b.Low, b.High = b.Lower, b.Upper
	for _, v := range x {
		if v < b.Lower-reach || v > b.Upper+reach {
			beyond = append(beyond, v)
			continue
		}
		b.Low, b.High = min(b.Low, v), max(b.High, v)
	}
	return b, beyond
}

func quantile(x []float64, p float64) float64 {
	h := p * float64(len(x)-1)
	k := int(h)
	if k+1 >= len(x) {
		return x[len(x)-1]
	}
	return svg.Between(x[k], x[k+1], h-float64(k))
}
