package svg

import (
	"image"
	"math"
)

// Tile is one small picture of a [Tiles] sheet.
type Tile struct {
	Image image.Image
	Title string // above it
	Lines []Caption
}

// Caption is a line of text below a tile.
type Caption struct {
	Text  string
	Color int // of the text, as that of series; -1 for the ordinary one
}

// Tiles is a sheet of pictures, all of the same size, as rows of tiles. Pixels stay sharp squares.
type Tiles struct {
	Title   string
	Items   []Tile
	Columns int     // 0: as many as fit
	Width   float64 // of the sheet, 860 if zero
	Side    float64 // longer side of a tile in pixels; 0: a multiple of the picture's, about 72
	Range   *Range  // draw its colour bar
}

// SVG draws the sheet.
func (ts Tiles) SVG() string {
	width := ts.Width
	if !(width > 0) {
		width = 860
	}
	width = clamp(width, 40, 4000)
	if len(ts.Items) == 0 {
		return NewCanvas(10, 10).String()
	}
	r := ts.Items[0].Image.Bounds()
	longer := float64(max(r.Dx(), r.Dy(), 1))
	side := ts.Side
	if !(side > 0) {
		side = 72
		if longer < 72 {
			side = longer * math.Ceil(60/longer)
		}
	}
	side = clamp(side, 4, 1000)
	w, h := side*float64(r.Dx())/longer, side*float64(r.Dy())/longer
	lines, head, wide := 0, 0.0, w
	for _, t := range ts.Items {
		lines = max(lines, len(t.Lines))
		if t.Title != "" {
			head = 14
			wide = max(wide, min(textWidth(t.Title, smallFont), 160))
		}
		for _, l := range t.Lines {
			wide = max(wide, min(Width(l.Text, smallFont, true), 1.8*w, 160))
		}
	}
	stepX, stepY := wide+8, head+h+14*float64(lines)+8
	bar := 0.0
	if ts.Range != nil {
		bar = barGap + barLabel + widest(barLabels(*ts.Range)) + margin
	}
	columns := ts.Columns
	if columns <= 0 {
		columns = max(1, int((width-8-bar)/stepX))
	}
	columns = min(columns, len(ts.Items))
	rows := (len(ts.Items) + columns - 1) / columns
	top := 6.0
	if ts.Title != "" {
		top += 20
	}
	height := top + float64(rows)*stepY
	if ts.Range != nil {
		height = max(height, top+head+70)
	}
	c := NewCanvas(max(8+float64(columns)*stepX+bar, min(Width(ts.Title, titleFont, true)+2*margin, width)), height)
	c.Describe(ts.Title)
	if ts.Title != "" {
		c.Text(margin, 18, "t", fit(ts.Title, c.width-2*margin, titleFont, true))
	}
	for i, t := range ts.Items {
		x, y := 8+stepX*float64(i%columns), top+stepY*float64(i/columns)
		mid := x + wide/2
		if t.Title != "" {
			c.Text(mid, y+10, "f m", fit(t.Title, wide+4, smallFont, false))
		}
		c.Image(mid-w/2, y+head, w, h, PNG(t.Image))
		for k, l := range t.Lines {
			cl := "m"
			if l.Color >= 0 {
				cl = class("f", l.Color) + " m b"
			}
			c.Text(mid, y+head+h+12+14*float64(k), cl, fit(l.Text, wide+4, smallFont, l.Color >= 0))
		}
	}
	if ts.Range != nil {
		colorBar(c, *ts.Range, 8+float64(columns)*stepX+8, top+head, clamp(float64(rows)*stepY-head-10, 60, 160))
	}
	return c.String()
}

// Picture returns values, rows of cols each, as a picture in the colours of r.
func Picture(values []float64, cols int, r Range) image.Image {
	return Grid{Rows: len(values) / max(cols, 1), Cols: cols, Values: values, Range: r}.image()
}
