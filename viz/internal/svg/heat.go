package svg

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/png"
	"math"
)

// NaNColor and the colours of infinities stand out from both colour maps.
var (
	nanColor    = color.RGBA{255, 0, 200, 255}
	posInfColor = color.RGBA{255, 120, 0, 255}
	negInfColor = color.RGBA{0, 190, 255, 255}
)

// Range says how values become colours.
type Range struct {
	Lo, Hi float64
	Map    Map
}

// RangeOf returns the range of finite values: diverging and symmetric about zero if there are values
// on both sides of it, sequential otherwise.
func RangeOf(values []float64) Range {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if finite(v) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	if lo > hi {
		return Range{0, 1, Sequential}
	}
	if lo < 0 && hi > 0 {
		m := max(-lo, hi)
		return Range{-m, m, Diverging}
	}
	return Range{lo, hi, Sequential}
}

// Color returns the colour of v. NaN is magenta, +Inf orange, -Inf sky blue.
func (r Range) Color(v float64) color.RGBA {
	switch {
	case math.IsNaN(v):
		return nanColor
	case math.IsInf(v, 1):
		return posInfColor
	case math.IsInf(v, -1):
		return negInfColor
	case r.Hi == r.Lo:
		return r.Map.At(0.5)
	}
	return r.Map.At(Unit(v, r.Lo, r.Hi))
}

// Grid is a matrix of values as a heat map with its colour bar.
type Grid struct {
	Title      string
	Rows, Cols int
	Values     []float64 // row-major
	Range      Range
	RowLabels  []string // nil: numbers
	ColLabels  []string
	RowName    string // name of the axis that goes down
	ColName    string
	Numbers    []string                // written into the cells, if there is room for all
	Colors     func(i int) color.NRGBA // of cell i, in place of Range; may let the page shine through
	Cell       float64                 // pixels of a cell's side; 0: as fits
	MaxWidth   float64                 // 420 if zero
	NoBar      bool
	RowTicks   []int // numbers for rows that were picked; nil: 0, 1, …
	ColTicks   []int
}

// mostLabel bounds the names of rows and columns.
const mostLabel = 110.0

// SVG draws the matrix: cells as one embedded picture, so that size does not matter. Names of columns that have no room
// beside each other are written upwards.
func (g Grid) SVG() string {
	maxWidth := g.MaxWidth
	if maxWidth == 0 {
		maxWidth = 420
	}
	rows, cols := g.labels(g.RowLabels, g.RowTicks, g.Rows), g.labels(g.ColLabels, g.ColTicks, g.Cols)
	left := margin
	for _, s := range rows {
		left = max(left, margin+textWidth(s, smallFont)+5)
	}
	if g.RowName != "" {
		left += 16
	}
	bar := margin
	if !g.NoBar {
		bar = barGap + barLabel + widest(barLabels(g.Range)) + margin
	}
	cell := g.Cell
	if cell == 0 {
		cell = clamp(math.Floor((maxWidth-left-bar)/float64(max(g.Cols, 1))), 3, 28)
		cell = min(cell, max(3, math.Floor(420/float64(max(g.Rows, 1)))))
	}
	w, h := cell*float64(g.Cols), cell*float64(g.Rows)
	upright := g.ColLabels != nil && widest(cols)+6 > cell
	top, title := 22.0, 0.0
	if upright {
		top = widest(cols) + 12
	}
	if g.ColName != "" {
		top += 15
	}
	if g.Title != "" {
		top += 20
		title = min(Width(g.Title, titleFont, true), 420) + 2*margin
	}
	right, bottom := max(left+w+bar, title), top+h+margin
	if !g.NoBar || g.RowName != "" {
		bottom = max(bottom, top+barHeight(h)+margin)
	}
	// the first and last numbers of columns may be wider than their cells, and so may the name of their axis
	if n := len(cols); n > 0 && !upright {
		right = max(right, left+w-cell/2+textWidth(cols[n-1], smallFont)/2+2)
	}
	right = max(right, min(textWidth(g.ColName, smallFont), 200)+4)
	c := NewCanvas(right, bottom)
	c.Describe(g.Title)
	if g.Title != "" {
		c.Text(margin, 18, "t", fit(g.Title, right-2*margin, titleFont, true))
	}
	c.Image(left, top, w, h, PNG(g.image()))
	c.Rect(left-0.5, top-0.5, w+1, h+1, 0, "a no", "")
	g.axes(c, rows, cols, left, top, cell, upright)
	if g.Numbers != nil && cell >= 14 {
		g.numbers(c, left, top, cell)
	}
	if !g.NoBar {
		colorBar(c, g.Range, left+w+barGap, top, barHeight(h))
	}
	return c.String()
}

// barHeight is the height of the colour bar beside cells of height h: its three labels have room.
func barHeight(h float64) float64 { return clamp(h, 60, 160) }

func widest(labels []string) float64 {
	w := 0.0
	for _, s := range labels {
		w = max(w, textWidth(s, smallFont))
	}
	return w
}

// numbers writes into the cells, in a size in which all fit; if there is none, nothing: a table with holes
// would mislead.
func (g Grid) numbers(c *Canvas, left, top, cell float64) {
	size := min(11, cell*0.5)
	for _, s := range g.Numbers {
		for size > 7 && textWidth(s, size) > cell-3 {
			size -= 0.5
		}
		if textWidth(s, size) > cell-1 {
			return
		}
	}
	c.Style(".n{font-size:" + num(size) + "px}.w{fill:#fff}.d{fill:#111}@media(prefers-color-scheme:dark){.w{fill:#fff}.d{fill:#111}}")
	for i, s := range g.Numbers {
		if s == "" {
			continue
		}
		x, y := left+cell*(float64(i%g.Cols)+0.5), top+cell*(float64(i/g.Cols)+0.5)
		ink := " w"
		switch {
		case g.Colors != nil:
			ink = "" // the page's own, since its colour shines through
		case Ink(g.Range.Color(g.Values[i])) == "#000000":
			ink = " d"
		}
		c.Text(x, y+size*0.36, "n m"+ink, s)
	}
}

func (g Grid) image() image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, max(g.Cols, 1), max(g.Rows, 1)))
	for i, v := range g.Values {
		var c color.NRGBA
		if g.Colors != nil {
			c = g.Colors(i)
		} else {
			c = color.NRGBA(g.Range.Color(v)) // opaque, so the two are the same
		}
		img.SetNRGBA(i%g.Cols, i/g.Cols, c)
	}
	return img
}

// labels returns the names of rows or columns: those given, or numbers.
func (g Grid) labels(given []string, ticks []int, n int) []string {
	out := make([]string, n)
	for i := range out {
		switch {
		case given != nil && i < len(given):
			out[i] = fit(given[i], mostLabel, smallFont, false)
		case ticks != nil && i < len(ticks):
			out[i] = count(ticks[i])
		case given == nil:
			out[i] = count(i)
		}
	}
	return out
}

// count writes a whole number in full unless it is very large.
func count(i int) string {
	if i >= 1e6 {
		return Label(float64(i))
	}
	return itoa(i)
}

func (g Grid) axes(c *Canvas, rows, cols []string, left, top, cell float64, upright bool) {
	for i := 0; i < len(rows); i += stride(cell, smallFont+3) {
		c.Text(left-5, top+cell*(float64(i)+0.5)+4, "f e", rows[i])
	}
	every := stride(cell, widest(cols)+6)
	if upright {
		every = stride(cell, smallFont+3)
	}
	for i := 0; i < len(cols); i += every {
		x := left + cell*(float64(i)+0.5)
		if upright {
			c.TextUp(x+4, top-6, "f", cols[i])
		} else {
			c.Text(max(x, textWidth(cols[i], smallFont)/2+2), top-6, "f m", cols[i])
		}
	}
	if g.ColName != "" {
		y := top - 21
		if upright {
			y = top - widest(cols) - 12
		}
		name := fit(g.ColName, 200, smallFont, false)
		half := textWidth(name, smallFont) / 2
		c.Text(clamp(left+cell*float64(g.Cols)/2, half+2, c.width-half-2), y, "f m", name)
	}
	if g.RowName != "" {
		name := fit(g.RowName, c.height-top-2, smallFont, false)
		half := textWidth(name, smallFont) / 2
		c.TextUp(15, clamp(top+cell*float64(g.Rows)/2, top+half, c.height-half-2), "f m", name)
	}
}

// Distances of the colour bar from the cells, and of its labels from its left side.
const (
	barGap   = 16.0
	barLabel = 15.0
)

// barTicks returns the values beside the colour bar, the largest first.
func barTicks(r Range) []float64 {
	switch {
	case r.Lo == r.Hi:
		return []float64{r.Lo}
	case r.Lo < 0 && r.Hi > 0:
		return []float64{r.Hi, 0, r.Lo}
	}
	return []float64{r.Hi, r.Lo}
}

// barLabels writes the values beside the colour bar.
func barLabels(r Range) []string { return Values(barTicks(r)...) }

// colorBar draws the scale of r downwards from (x, y), the largest value at the top.
func colorBar(c *Canvas, r Range, x, y, height float64) {
	const n = 64
	img := image.NewRGBA(image.Rect(0, 0, 1, n))
	for i := range n {
		img.SetRGBA(0, i, r.Map.At(1-float64(i)/(n-1)))
	}
	c.Image(x, y, 10, height, PNG(img))
	ticks := barTicks(r)
	for i, s := range barLabels(r) {
		at := y + height*(1-Unit(ticks[i], r.Lo, r.Hi))
		c.Text(x+barLabel, clamp(at+4, y+8, y+height), "f", s)
	}
}

// EncodePNG returns a picture as a PNG; nothing if it has no pixels.
func EncodePNG(img image.Image) []byte {
	var b bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := e.Encode(&b, img); err != nil {
		return nil // only a picture without pixels cannot be encoded
	}
	return b.Bytes()
}

// PNG returns a picture as a data: address; "" if it has no pixels.
func PNG(img image.Image) string {
	data := EncodePNG(img)
	if data == nil {
		return ""
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(data)
}
