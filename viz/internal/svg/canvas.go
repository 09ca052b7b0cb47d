package svg

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
)

// Canvas collects the elements of one picture. Coordinates are pixels from the upper left corner.
type Canvas struct {
	width, height float64
	title         string
	extra         string // rules of this picture's own
	body          strings.Builder
}

// NewCanvas returns an empty picture of the given size.
func NewCanvas(width, height float64) *Canvas { return &Canvas{width: width, height: height} }

// Describe sets the picture's title, which screen readers speak.
func (c *Canvas) Describe(title string) { c.title = title }

// Style adds a CSS rule to those of [palette].
func (c *Canvas) Style(rule string) { c.extra += rule }

// String returns the picture as a complete SVG document.
func (c *Canvas) String() string {
	var b strings.Builder
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" width="`)
	b.WriteString(num(c.width) + `" height="` + num(c.height))
	b.WriteString(`" viewBox="0 0 ` + num(c.width) + " " + num(c.height) + `" role="img">`)
	if c.title != "" {
		b.WriteString("<title>" + Escape(c.title) + "</title>")
	}
	b.WriteString("<style>" + stylesheet + c.extra + "</style>\n")
	b.WriteString(c.body.String())
	b.WriteString("</svg>\n")
	return b.String()
}

// Line draws a straight line. class names rules of the style sheet, as in all that follow.
func (c *Canvas) Line(x1, y1, x2, y2 float64, class string) {
	c.body.WriteString(`<path d="M` + num(x1) + " " + num(y1) + "L" + num(x2) + " " + num(y2) + `" class="` + class + "\"/>\n")
}

// Path draws what the path commands in d say.
func (c *Canvas) Path(d, class string) {
	c.body.WriteString(`<path d="` + d + `" class="` + class + "\"/>\n")
}

// Rect draws a rectangle with corners of the given radius. fill overrides the class's colour if set.
func (c *Canvas) Rect(x, y, w, h, radius float64, class, fill string) {
	c.body.WriteString(`<rect x="` + num(x) + `" y="` + num(y) + `" width="` + num(w) + `" height="` + num(h) + `"`)
	if radius > 0 {
		c.body.WriteString(` rx="` + num(radius) + `"`)
	}
	c.attr("class", class)
	c.attr("fill", fill)
	c.body.WriteString("/>\n")
}

// Circle draws a disc.
func (c *Canvas) Circle(x, y, r float64, class string) {
	c.body.WriteString(`<circle cx="` + num(x) + `" cy="` + num(y) + `" r="` + num(r) + `" class="` + class + "\"/>\n")
}

// Text writes s with its baseline at (x, y). The classes e and m put the end or the middle there.
func (c *Canvas) Text(x, y float64, class, s string) {
	c.body.WriteString(`<text x="` + num(x) + `" y="` + num(y) + `"`)
	c.attr("class", class)
	c.body.WriteString(">" + Escape(s) + "</text>\n")
}

// TextUp writes s upwards, its middle at (x, y).
func (c *Canvas) TextUp(x, y float64, class, s string) {
	c.body.WriteString(`<text transform="translate(` + num(x) + " " + num(y) + `)rotate(-90)"`)
	c.attr("class", class)
	c.body.WriteString(">" + Escape(s) + "</text>\n")
}

// Image puts a picture, given as a data: address, into a rectangle, its pixels as sharp squares.
func (c *Canvas) Image(x, y, w, h float64, uri string) {
	c.body.WriteString(`<image x="` + num(x) + `" y="` + num(y) + `" width="` + num(w) + `" height="` + num(h) +
		`" preserveAspectRatio="none" style="image-rendering:pixelated" href="` + uri + "\"/>\n")
}

// Clip opens a group whose content shows inside a rectangle only, until [Canvas.End]. id is unique in
// the picture.
func (c *Canvas) Clip(id string, x, y, w, h float64) {
	c.body.WriteString(`<clipPath id="` + id + `"><rect x="` + num(x) + `" y="` + num(y) + `" width="` + num(w) + `" height="` + num(h) +
		`"/></clipPath><g clip-path="url(#` + id + ")\">\n")
}

// End closes a group.
func (c *Canvas) End() { c.body.WriteString("</g>\n") }

func (c *Canvas) attr(name, value string) {
	if value != "" {
		c.body.WriteString(" " + name + `="` + value + `"`)
	}
}

// num writes a coordinate with one digit after the point at most: a tenth of a pixel is not seen.
func num(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "0"
	}
	v = math.Round(v*10) / 10
	if v == 0 {
		return "0" // not "-0"
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// Escape makes s fit for SVG and HTML text and attributes. Characters that XML forbids become U+FFFD.
func Escape(s string) string {
	return escaper.Replace(strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return r
		case r < 0x20 || r == 0xFFFE || r == 0xFFFF:
			return '\uFFFD'
		}
		return r
	}, s))
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")

// DataURI returns a picture as an address that an <img> can have as its source.
func DataURI(svg string) string {
	return "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(svg))
}
