package plots

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"regexp"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/quire-ml/quire/viz"
)

// Options say how a plot is drawn. The zero value draws it well.
type Options struct {
	Title, XLabel, YLabel string
	LogX, LogY            bool
	Width, Height         float64 // in pixels; 460 by 320
}

// Points is a set of points under one name: X and Y have the same length.
type Points struct {
	Name string
	X, Y []float64
}

// colors are those of viz's curves, in a lightness that reads on light and dark pages: gonum draws one
// picture for both.
var colors = []color.RGBA{
	{47, 128, 224, 255}, {232, 122, 32, 255}, {38, 160, 92, 255}, {180, 92, 200, 255},
	{220, 70, 80, 255}, {20, 160, 176, 255}, {160, 128, 48, 255}, {128, 138, 150, 255},
}

// gray is for axes and text: 4:1 against white and 5:1 against a dark page.
var gray = color.RGBA{125, 125, 125, 255}

// Color returns the colour of series i.
func Color(i int) color.RGBA { return colors[i%len(colors)] }

// Scatter draws sets of points, each in a colour of its own.
func Scatter(o Options, sets ...Points) viz.Bundle {
	p, err := newPlot(o)
	for i := 0; i < len(sets) && err == nil; i++ {
		err = addScatter(p, sets[i], Color(i))
	}
	return finish(p, o, err, describe(sets))
}

// Lines draws sets of points, each joined by a line. A NaN or Inf is a gap.
func Lines(o Options, sets ...Points) viz.Bundle {
	p, err := newPlot(o)
	for i := 0; i < len(sets) && err == nil; i++ {
		err = addLines(p, sets[i], Color(i))
	}
	return finish(p, o, err, describe(sets))
}

// Boxes draws, per set of values, the median, the quartiles, whiskers up to 1.5 times the distance between the
// quartiles away, and the values beyond.
//
// Source: Tukey, "Exploratory Data Analysis", 1977.
func Boxes(o Options, names []string, values ...[]float64) viz.Bundle {
	p, err := newPlot(o)
	if err == nil && len(names) != len(values) {
		err = fmt.Errorf("plots.Boxes: %d names for %d sets of values", len(names), len(values))
	}
	var text strings.Builder
	for i := 0; i < len(values) && err == nil; i++ {
		var box *plotter.BoxPlot
		finite := finiteOnly(values[i])
		if len(finite) == 0 {
			err = fmt.Errorf("plots.Boxes: %q has no finite values", names[i])
			break
		}
		if box, err = plotter.NewBoxPlot(vg.Points(24), float64(i), plotter.Values(finite)); err != nil {
			break
		}
		box.FillColor = faint(Color(i), 70)
		box.BoxStyle.Color, box.MedianStyle.Color, box.WhiskerStyle.Color = Color(i), Color(i), Color(i)
		box.GlyphStyle.Color = Color(i)
		box.MedianStyle.Width = vg.Points(2)
		p.Add(box)
		fmt.Fprintf(&text, "%s: %d values, quartiles %.4g %.4g %.4g, range %.4g to %.4g\n", names[i], len(finite), box.Quartile1, box.Median, box.Quartile3, box.Min, box.Max)
	}
	if err == nil {
		p.NominalX(names...)
	}
	return finish(p, o, err, text.String())
}

// Regions draws which class a classifier gives to each point of the plane, and the points it was made for: a
// set per class. classify gets the points x, y of a grid, in order, and returns a class for each, all at
// once, so that a network can do it in one batch.
func Regions(o Options, classify func(x, y []float64) ([]int, error), sets ...Points) viz.Bundle {
	p, err := newPlot(o)
	if err == nil {
		var grid *regions
		if grid, err = newRegions(classify, sets); err == nil {
			p.Add(grid)
		}
	}
	for i := 0; i < len(sets) && err == nil; i++ {
		err = addScatter(p, sets[i], Color(i))
	}
	return finish(p, o, err, describe(sets))
}

func newPlot(o Options) (*plot.Plot, error) {
	p := plot.New()
	p.BackgroundColor = color.Transparent
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = o.Title, o.XLabel, o.YLabel
	p.Title.TextStyle.Color = gray
	p.Title.TextStyle.Font.Variant, p.Legend.TextStyle.Font.Variant = "Sans", "Sans"
	p.Legend.TextStyle.Color = gray
	p.Legend.Top = true
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font.Variant, a.Tick.Label.Font.Variant = "Sans", "Sans" // for the widths of labels
		a.Color, a.Label.TextStyle.Color, a.Tick.Color, a.Tick.Label.Color = gray, gray, gray, gray
	}
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = faint(gray, 60), faint(gray, 60)
	p.Add(grid)
	if o.LogX {
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	if o.LogY {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	return p, nil
}

func faint(c color.RGBA, alpha uint8) color.NRGBA { return color.NRGBA{c.R, c.G, c.B, alpha} }

// finite returns the points that have a place.
func (s Points) finite() (plotter.XYs, error) {
	if len(s.X) != len(s.Y) {
		return nil, fmt.Errorf("plots: %q has %d x and %d y", s.Name, len(s.X), len(s.Y))
	}
	var xys plotter.XYs
	for i := range s.X {
		if !bad(s.X[i]) && !bad(s.Y[i]) {
			xys = append(xys, plotter.XY{X: s.X[i], Y: s.Y[i]})
		}
	}
	return xys, nil
}

func bad(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }

func finiteOnly(values []float64) []float64 {
	var out []float64
	for _, v := range values {
		if !bad(v) {
			out = append(out, v)
		}
	}
	return out
}

func addScatter(p *plot.Plot, s Points, c color.RGBA) error {
	xys, err := s.finite()
	if err != nil || len(xys) == 0 {
		return err
	}
	sc, err := plotter.NewScatter(xys)
	if err != nil {
		return fmt.Errorf("plots: %q: %w", s.Name, err)
	}
	sc.GlyphStyle = draw.GlyphStyle{Color: faint(c, 200), Radius: vg.Points(2.4), Shape: draw.CircleGlyph{}}
	p.Add(sc)
	if s.Name != "" {
		p.Legend.Add(s.Name, sc)
	}
	return nil
}

func addLines(p *plot.Plot, s Points, c color.RGBA) error {
	if _, err := s.finite(); err != nil {
		return err
	}
	named := s.Name == ""
	for from := 0; from < len(s.X); {
		for from < len(s.X) && (bad(s.X[from]) || bad(s.Y[from])) {
			from++
		}
		to := from
		for to < len(s.X) && !bad(s.X[to]) && !bad(s.Y[to]) {
			to++
		}
		if to == from {
			break
		}
		xys, err := Points{s.Name, s.X[from:to], s.Y[from:to]}.finite()
		if err != nil {
			return err
		}
		l, err := plotter.NewLine(xys)
		if err != nil {
			return fmt.Errorf("plots: %q: %w", s.Name, err)
		}
		l.Color, l.Width = c, vg.Points(1.5)
		p.Add(l)
		if !named {
			p.Legend.Add(s.Name, l)
			named = true
		}
		from = to
	}
	return nil
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
			xl, xh := extent(x)
			yl, yh := extent(y)
			fmt.Fprintf(&b, ", x %.4g to %.4g, y %.4g to %.4g", xl, xh, yl, yh)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func extent(v []float64) (lo, hi float64) {
	lo, hi = v[0], v[0]
	for _, x := range v {
		lo, hi = min(lo, x), max(hi, x)
	}
	return lo, hi
}

// finish draws p. gonum/plot panics on ranges that cannot be drawn (zero on a log axis): that becomes an error.
func finish(p *plot.Plot, o Options, err error, text string) (b viz.Bundle) {
	if err != nil {
		return viz.Error(err)
	}
	defer func() {
		if r := recover(); r != nil {
			b = viz.Error(fmt.Errorf("plots: %v", r))
		}
	}()
	w, h := o.Width, o.Height
	if w == 0 {
		w = 460
	}
	if h == 0 {
		h = 320
	}
	const pixel = 0.75 // points
	c := vgsvg.New(vg.Points(w*pixel), vg.Points(h*pixel))
	p.Draw(draw.New(c))
	var out bytes.Buffer
	if _, err := c.WriteTo(&out); err != nil {
		return viz.Error(fmt.Errorf("plots: %w", err))
	}
	// What gonum cannot be told: pictures fill their place, fonts are those of the page's system.
	picture := strings.ReplaceAll(out.String(), "<image ", `<image preserveAspectRatio="none" `)
	picture = fontFamily.ReplaceAllString(picture, `font-family:system-ui,Segoe UI,Roboto,Helvetica,Arial,sans-serif`)
	if o.Title != "" {
		text = o.Title + "\n" + text
	}
	if len(picture) > maxBytes {
		return viz.Error(fmt.Errorf("plots: a picture of %d bytes is too large for a notebook: plot fewer points", len(picture)))
	}
	return viz.SVG(picture, text)
}

var fontFamily = regexp.MustCompile(`font-family:[^;"]*`)

// maxBytes bounds a picture: notebooks keep every one of them.
const maxBytes = 4 << 20
