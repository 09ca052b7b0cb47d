// Package figures writes views as figures for papers and slides: PDF, SVG or PNG of a given width, with fonts embedded.
//
//	err := figures.Save("loss.pdf", viz.Curves(runs...), figures.Options{Width: 85})
//	err = figures.Save("loss.png", plots.Scatter(plots.Options{}, a, b), figures.Options{Width: 170, Theme: figures.Gray})
//
// A figure has the pictures of a view (of charts, graphs, matrices, plots), side by side where there is room; tables are left out. It is drawn by the
// backends of gonum/plot, a PDF by fpdf, in the Liberation fonts, whose widths are those of Arial, Times and Courier. It is a package of its own since
// it is larger than all of viz.
package figures

import (
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"path/filepath"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/quire-ml/quire/internal/safefile"
	_ "github.com/quire-ml/quire/viz" // whose views figures are made of
	"github.com/quire-ml/quire/viz/internal/svg"
	"github.com/quire-ml/quire/viz/internal/twins"
)

// Theme says in which colours a figure is drawn.
type Theme int

// The themes: colours on white, colours on black, and greys on white, in which lines differ by their dashes.
const (
	Light Theme = iota
	Dark
	Gray
)

// Font is a family of fonts.
type Font int

// The families: as Arial or Helvetica, as Times, as Courier.
const (
	Sans Font = iota
	Serif
	Mono
)

// Options say how a figure is written. The zero value is a figure of one column.
type Options struct {
	Width float64 // in millimetres; 85, a column of most journals
	Theme Theme
	Font  Font
	DPI   int // of PNG; 300
}

// Bounds of figures.
const (
	columnWidth = 85.0   // mm
	mostWidth   = 2000.0 // mm
	mostPixels  = 20_000
	rowWidth    = 900.0 // pixels of a page, in which pictures stand side by side
	leastHeight = 40.0  // of a picture that is more than a sign in a table
	gap         = 10.0
)

// picture is an SVG of package viz.
type picture struct {
	source        string
	width, height float64
	x, y          float64 // its place in the figure
}

// Save writes a figure of a view, or of what [viz.Render] makes one of, into a file whose name ends in .pdf, .svg or .png. The file appears
// when it is whole. It returns an error if the view has no picture, or, for PDF and PNG, letters that the fonts lack.
func Save(path string, v any, o Options) error {
	format := strings.TrimPrefix(strings.ToLower(filepath.Ext(path)), ".")
	var data strings.Builder
	if err := Write(&data, format, v, o); err != nil {
		return fmt.Errorf("figures.Save %q: %w", path, err)
	}
	return safefile.WriteAtomic(path, 0o644, func(w io.Writer) error {
		_, err := io.WriteString(w, data.String())
		return err
	})
}

// Write writes a figure as [Save] does, in the format "pdf", "svg" or "png".
func Write(w io.Writer, format string, v any, o Options) error {
	if o.Width == 0 {
		o.Width = columnWidth
	}
	if o.DPI == 0 {
		o.DPI = 300
	}
	switch {
	case !(o.Width >= 5 && o.Width <= mostWidth):
		return fmt.Errorf("a width of %v mm: want 5 to %v", o.Width, mostWidth)
	case o.Theme < Light || o.Theme > Gray:
		return fmt.Errorf("theme %d: want Light, Dark or Gray", o.Theme)
	case o.Font < Sans || o.Font > Mono:
		return fmt.Errorf("font %d: want Sans, Serif or Mono", o.Font)
	case o.DPI < 10 || o.DPI > 4800:
		return fmt.Errorf("%d dots per inch: want 10 to 4800", o.DPI)
	}
	list, err := picturesOf(v)
	if err != nil {
		return err
	}
	width, height := place(list)
	scale := o.Width * float64(vg.Millimeter) / width
	size := vg.Point{X: vg.Length(width * scale), Y: vg.Length(height * scale)}
	out, err := newPage(format, size, o)
	if err != nil {
		return err
	}
	paint := &painter{page: out, scale: scale, height: height, options: o, fonts: allFonts(), only: format != "svg"}
	if o.Theme == Dark {
		out.fill(rectangle(0, 0, size.X, size.Y), color.RGBA{22, 27, 34, 255})
	}
	for _, p := range list {
		if err := paint.picture(p); err != nil {
			return err
		}
	}
	_, err = out.WriteTo(w)
	return err
}

// newPage returns a page of a format.
func newPage(format string, size vg.Point, o Options) (page, error) {
	switch format {
	case "pdf":
		return newPDF(size.X, size.Y), nil
	case "svg":
		c := vgsvg.NewWith(vgsvg.UseWH(size.X, size.Y), vgsvg.EmbedFonts(true))
		return vgPage{c, c}, nil
	case "png":
		if side := float64(max(size.X, size.Y)) / 72 * float64(o.DPI); side > mostPixels {
			return nil, fmt.Errorf("%.0f pixels a side are too many: want fewer dots per inch than %d", side, o.DPI)
		}
		c := vgimg.NewWith(vgimg.UseWH(size.X, size.Y), vgimg.UseDPI(o.DPI), vgimg.UseBackgroundColor(color.White))
		return vgPage{c, vgimg.PngCanvas{Canvas: c}}, nil
	}
	return nil, fmt.Errorf("a figure is written as pdf, svg or png, not as %q", format)
}

var errNoPicture = errors.New("the view has no picture: curves, plots, graphs, matrices and tensors have one")

// picturesOf returns the pictures of a view.
func picturesOf(v any) ([]*picture, error) {
	drawings, html := twins.Drawings(v)
	var sources []string
	for _, d := range drawings {
		if ch, ok := d.(svg.Chart); ok {
			ch.NoLegend = false // what stands in a table beside it is not here
			d = ch
		}
		sources = append(sources, d.SVG())
	}
	if drawings == nil {
		sources = embedded(html)
	}
	var list []*picture
	for _, s := range sources {
		p, err := newPicture(s)
		if err != nil {
			return nil, err
		}
		if p.height >= leastHeight || len(sources) == 1 {
			list = append(list, p)
		}
	}
	if len(list) == 0 {
		return nil, errNoPicture
	}
	return list, nil
}

// place sets pictures side by side, and returns the size of all.
func place(list []*picture) (width, height float64) {
	x, y, row := 0.0, 0.0, 0.0
	for _, p := range list {
		if x > 0 && x+gap+p.width > rowWidth {
			x, y, row = 0, y+row+gap, 0
		}
		if x > 0 {
			x += gap
		}
		p.x, p.y = x, y
		x, row = x+p.width, math.Max(row, p.height)
		width, height = math.Max(width, x), math.Max(height, y+row)
	}
	return width, height
}
