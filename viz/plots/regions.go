package plots

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"slices"

	"github.com/quire-ml/quire/viz"
	"github.com/quire-ml/quire/viz/internal/svg"
)

// gridSide is the number of points per axis at which a classifier is asked.
const gridSide = 120

// Regions draws which class a classifier gives to each point of the plane, and the points it was made for: a
// set per class. classify gets the points x, y of a grid, in order, and returns a class for each, all at
// once, so that a network can do it in one batch; a class below 0 is none.
func Regions(o Options, classify func(x, y []float64) ([]int, error), sets ...Points) viz.Bundle {
	ch, err := o.chart()
	for i := 0; i < len(sets) && err == nil; i++ {
		err = sets[i].check(o)
		ch.Series = append(ch.Series, svg.Series{Name: sets[i].Name, Color: i, X: sets[i].X, Y: sets[i].Y, NoLine: true})
	}
	if err == nil && (o.LogX || o.LogY) {
		err = errors.New("the plane has no logarithmic axes")
	}
	if err == nil {
		ch.Tight = true
		ch.Backdrop, err = backdrop(o, classify, sets)
	}
	if err != nil {
		return viz.Error(fmt.Errorf("plots.Regions: %w", err))
	}
	return finish(ch, describe(sets))
}

// backdrop asks classify for all points of a grid that holds all sets with some air, or is as large as the axes.
func backdrop(o Options, classify func(x, y []float64) ([]int, error), sets []Points) (*svg.Backdrop, error) {
	var x, y []float64
	for _, s := range sets {
		x, y = append(x, finiteOnly(s.X)...), append(y, finiteOnly(s.Y)...)
	}
	if classify == nil {
		return nil, errors.New("classify is nil")
	}
	if len(x) == 0 || len(y) == 0 {
		return nil, errors.New("no points, so it is not known which part of the plane to draw")
	}
	b := &svg.Backdrop{}
	b.X0, b.X1 = side(x, o.XLimits)
	b.Y0, b.Y1 = side(y, o.YLimits)
	var xs, ys []float64
	for i := range gridSide {
		for j := range gridSide { // cell centres, from the top
			xs = append(xs, svg.Between(b.X0, b.X1, (float64(j)+0.5)/gridSide))
			ys = append(ys, svg.Between(b.Y1, b.Y0, (float64(i)+0.5)/gridSide))
		}
	}
	classes, err := classify(xs, ys)
	if err != nil {
		return nil, err
	}
	if len(classes) != len(xs) {
		return nil, fmt.Errorf("classify returned %d classes for %d points", len(classes), len(xs))
	}
	img := image.NewNRGBA(image.Rect(0, 0, gridSide, gridSide))
	for i, c := range classes {
		if c < 0 {
			continue // of no class: the page shows
		}
		col := Color(c)
		img.SetNRGBA(i%gridSide, i/gridSide, color.NRGBA{col.R, col.G, col.B, 70})
	}
	b.Image = img
	return b, nil
}

// side returns the ends of a side of the plane: those given, or of the values with some air.
func side(values []float64, limits [2]float64) (lo, hi float64) {
	lo, hi = svg.Widened(slices.Min(values), slices.Max(values), 0.08)
	if limits != [2]float64{} && !bad(limits[0]) {
		lo = limits[0]
	}
	if limits != [2]float64{} && !bad(limits[1]) {
		hi = limits[1]
	}
	if !(lo < hi) {
		lo, hi = lo-1, lo+1
	}
	return lo, hi
}
