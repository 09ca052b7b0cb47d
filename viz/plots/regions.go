package plots

import (
	"errors"
	"fmt"
	"image"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// gridSide is the number of points per axis at which a classifier is asked.
const gridSide = 120

// regions is a picture of the classes over the plane, as a plotter.
type regions struct {
	img                    *image.NRGBA
	xmin, xmax, ymin, ymax float64
}

// newRegions asks classify for all points of a grid that holds all sets with some air.
func newRegions(classify func(x, y []float64) ([]int, error), sets []Points) (*regions, error) {
	var x, y []float64
	for _, s := range sets {
		x, y = append(x, finiteOnly(s.X)...), append(y, finiteOnly(s.Y)...)
	}
	if len(x) == 0 || len(y) == 0 {
		return nil, errors.New("plots.Regions: no points, so it is not known which part of the plane to draw")
	}
	r := &regions{img: image.NewNRGBA(image.Rect(0, 0, gridSide, gridSide))}
	r.xmin, r.xmax = widen(extent(x))
	r.ymin, r.ymax = widen(extent(y))
	var xs, ys []float64
	for i := range gridSide {
		for j := range gridSide { // cell centres, from the top
			xs = append(xs, r.xmin+(r.xmax-r.xmin)*(float64(j)+0.5)/gridSide)
			ys = append(ys, r.ymax-(r.ymax-r.ymin)*(float64(i)+0.5)/gridSide)
		}
	}
	classes, err := classify(xs, ys)
	if err != nil {
		return nil, fmt.Errorf("plots.Regions: %w", err)
	}
	if len(classes) != len(xs) {
		return nil, fmt.Errorf("plots.Regions: classify returned %d classes for %d points", len(classes), len(xs))
	}
	for i, c := range classes {
		if c < 0 {
			continue // of no class: the page shows
		}
		col := Color(c)
		r.img.SetNRGBA(i%gridSide, i/gridSide, color.NRGBA{col.R, col.G, col.B, 70})
	}
	return r, nil
}

func widen(lo, hi float64) (float64, float64) {
	d := 0.08 * (hi - lo)
	if d == 0 {
		d = 1
	}
	return lo - d, hi + d
}

// Plot draws the picture.
func (r *regions) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	c.DrawImage(vg.Rectangle{
		Min: vg.Point{X: tx(r.xmin), Y: ty(r.ymin)},
		Max: vg.Point{X: tx(r.xmax), Y: ty(r.ymax)},
	}, r.img)
}

// DataRange returns the part of the plane that is drawn.
func (r *regions) DataRange() (xmin, xmax, ymin, ymax float64) { return r.xmin, r.xmax, r.ymin, r.ymax }
