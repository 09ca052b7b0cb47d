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
		return r.Map(0.5)
	}
	return r.Map((v - r.Lo) / (r.Hi - r.Lo))
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

// SVG draws the matrix: cells as one embedded picture, so that size does not matter.
func (g Grid) SVG() string {
	maxWidth := g.MaxWidth
	if maxWidth == 0 {
		maxWidth = 420
	}
	rowLabels, colLabels := g.labels(g.RowLabels, g.RowTicks, g.Rows), g.labels(g.ColLabels, g.ColTicks, g.Cols)
	left := 6.0
	for _, s := range rowLabels {
		left = max(left, textWidth(s, smallFont)+10)
	}
	if g.RowName != "" {
		left += 16
	}
	top := 6.0
	if g.Title != "" {
		top += 20
	}
	if g.ColName != "" {
		top += 15
	}
	top += 16
	bar := 8.0
	if !g.NoBar {
		for _, t := range barTicks(g.Range) {
			bar = max(bar, barGap+barLabel+textWidth(Label(t), smallFont)+6)
		}
	}
	cell := g.Cell
	if cell == 0 {
		cell = clamp(math.Floor((maxWidth-left-bar)/float64(max(g.Cols, 1))), 3, 28)
		cell = min(cell, max(3, math.Floor(420/float64(max(g.Rows, 1)))))
	}
	w, h := cell*float64(g.Cols), cell*float64(g.Rows)
	right := max(left+w+bar, left+w+8, textWidth(g.Title, 13)+16)
	c := NewCanvas(right, top+max(h, 60)+8)
	c.Describe(g.Title)
	if g.Title != "" {
		c.Text(left, 18, "t", g.Title)
	}
	c.Image(left, top, w, h, PNG(g.image()))
	c.Rect(left-0.5, top-0.5, w+1, h+1, 0, "a no", "")
	g.axes(c, rowLabels, colLabels, left, top, cell)
	if g.Numbers != nil && cell >= 14 {
		g.numbers(c, left, top, cell)
	}
	if !g.NoBar {
		colorBar(c, g.Range, left+w+barGap, top, min(max(h, 60), 160))
	}
	return c.String()
}

// numbers writes into the cells, in a size in which all fit; if there is none, nothing: a table with holes
// would mislead.
func (g Grid) numbers(c *Canvas, left, top, cell float64) {
	size := min(11, cell*0.5)
	for _, s := range g.Numbers {
		for size > 7 && textWidth(s, size) > cell-1 {
			size -= 0.5
		}
		if textWidth(s, size) > cell+1 {
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

func (g Grid) labels(given []string, ticks []int, n int) []string {
	if given != nil {
		return given
	}
	out := make([]string, n)
	for i := range out {
		k := i
		if ticks != nil {
			k = ticks[i]
		}
		out[i] = Label(float64(k))
		if k < 1e6 {
			out[i] = itoa(k)
		}
	}
	return out
}

func (g Grid) axes(c *Canvas, rows, cols []string, left, top, cell float64) {
	every := stride(cell, 13)
	for i := 0; i < len(rows); i += every {
		c.Text(left-5, top+cell*(float64(i)+0.5)+4, "f e", rows[i])
	}
	widest := 0.0
	for _, s := range cols {
		widest = max(widest, textWidth(s, smallFont))
	}
	every = stride(cell, widest+7)
	if g.ColLabels != nil {
		every = 1 // names of very different lengths: as many as fit
	}
	last := math.Inf(-1)
	for i := 0; i < len(cols); i += every {
		x, half := left+cell*(float64(i)+0.5), textWidth(cols[i], smallFont)/2
		if x-half >= last+6 {
			c.Text(x, top-5, "f m", cols[i])
			last = x + half
		}
	}
	if g.ColName != "" {
		c.Text(left+cell*float64(g.Cols)/2, top-19, "f m", g.ColName)
	}
	if g.RowName != "" {
		c.TextUp(12, top+cell*float64(g.Rows)/2, "f m", g.RowName)
	}
}

// stride returns how many cells apart labels of the given size are: 1, 2, 5, 10, ….
func stride(cell, size float64) int {
	for unit := 1; ; unit *= 10 {
		for _, n := range [...]int{1, 2, 5} {
			if float64(n*unit)*cell >= size {
				return n * unit
			}
		}
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

// colorBar draws the scale of r downwards from (x, y), the largest value at the top.
func colorBar(c *Canvas, r Range, x, y, height float64) {
	const n = 64
	img := image.NewRGBA(image.Rect(0, 0, 1, n))
	for i := range n {
		img.SetRGBA(0, i, r.Map(1-float64(i)/(n-1)))
	}
	c.Image(x, y, 10, height, PNG(img))
	s := scale{r.Lo, r.Hi, y + height, y, false}
	if r.Lo == r.Hi {
		s = scale{r.Lo - 1, r.Lo + 1, y + height, y, false}
	}
	for _, t := range barTicks(r) {
		c.Text(x+barLabel, s.at(t)+4, "f", Label(t))
	}
}

// PNG returns a picture as a data: address.
func PNG(img image.Image) string {
	var b bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := e.Encode(&b, img); err != nil {
		return "" // only a picture without pixels cannot be encoded
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())
}
