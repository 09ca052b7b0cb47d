package figures

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync"

	stdfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
	"gonum.org/v1/plot/vg"
)

// painter draws the pictures of package viz on a page. It knows what these consist of, as svgtest does: paths, rectangles, discs, text,
// pictures and groups that are clipped.
type painter struct {
	page    page
	scale   float64 // points per pixel
	height  float64 // of the page, in pixels
	options Options
	fonts   *font.Cache
	only    bool // no other fonts can stand in for letters that these lack

	rules rules
	at    *picture
	clips []box
}

// box is a rectangle in pixels.
type box struct{ x0, y0, x1, y1 float64 }

var allFonts = sync.OnceValue(func() *font.Cache { return font.NewCache(liberation.Collection()) })

var embeddedURI = regexp.MustCompile(`data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)`)

// embedded returns the sources of the SVGs in HTML.
func embedded(html string) (out []string) {
	for _, m := range embeddedURI.FindAllStringSubmatch(html, -1) {
		if data, err := base64.StdEncoding.DecodeString(m[1]); err == nil {
			out = append(out, string(data))
		}
	}
	return out
}

var pictureSize = regexp.MustCompile(`<svg[^>]* width="([\d.]+)" height="([\d.]+)"`)

func newPicture(source string) (*picture, error) {
	m := pictureSize.FindStringSubmatch(source)
	if m == nil {
		return nil, errors.New("a picture without a size")
	}
	p := &picture{source: source}
	var err error
	if p.width, err = strconv.ParseFloat(m[1], 64); err == nil {
		p.height, err = strconv.ParseFloat(m[2], 64)
	}
	return p, err
}

// rules are the settings of a style sheet by class; that of text is "text".
type rules map[string]map[string]string

var rule = regexp.MustCompile(`([^{}]+)\{([^{}]*)\}`)

// readRules reads a style sheet of package svg: rules by class, and rules for dark pages, which come later and count on those alone.
func readRules(css string, dark bool) rules {
	out := rules{}
	for css != "" {
		plain, rest, found := strings.Cut(css, "@media(prefers-color-scheme:dark){")
		out.add(plain)
		if !found {
			break
		}
		depth, end := 1, len(rest)
		for i, r := range rest {
			switch r {
			case '{':
				depth++
			case '}':
				depth--
			}
			if depth == 0 {
				end = i
				break
			}
		}
		if dark {
			out.add(rest[:end])
		}
		css = rest[min(end+1, len(rest)):]
	}
	return out
}

func (r rules) add(css string) {
	for _, m := range rule.FindAllStringSubmatch(css, -1) {
		for _, name := range strings.Split(m[1], ",") {
			name = strings.TrimPrefix(strings.TrimSpace(name), ".")
			if r[name] == nil {
				r[name] = map[string]string{}
			}
			for _, setting := range strings.Split(m[2], ";") {
				if key, value, ok := strings.Cut(setting, ":"); ok {
					r[name][strings.TrimSpace(key)] = strings.TrimSpace(value)
				}
			}
		}
	}
}

// of returns a setting of an element of some classes; later ones count more.
func (r rules) of(classes, key, otherwise string) string {
	for _, name := range append([]string{"text"}, strings.Fields(classes)...) {
		if name == "text" && !strings.HasPrefix(key, "font") && key != "fill" {
			continue
		}
		if v, ok := r[name][key]; ok {
			otherwise = v
		}
	}
	return otherwise
}

// picture draws one picture.
func (p *painter) picture(at *picture) error {
	p.at, p.clips = at, nil
	d := xml.NewDecoder(strings.NewReader(at.source))
	defined := map[string]box{}
	inClip := ""
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch e := tok.(type) {
		case xml.EndElement:
			switch e.Name.Local {
			case "g":
				p.clips = p.clips[:len(p.clips)-1]
			case "clipPath":
				inClip = ""
			}
		case xml.StartElement:
			a := attributes{}
			for _, x := range e.Attr {
				a[x.Name.Local] = x.Value
			}
			switch e.Name.Local {
			case "style", "title", "text":
				var s string
				if err = d.DecodeElement(&s, &e); err == nil && e.Name.Local == "style" {
					p.rules = readRules(s, p.options.Theme == Dark)
				} else if err == nil && e.Name.Local == "text" {
					err = p.text(a, s)
				}
			case "clipPath":
				inClip = a["id"]
			case "g":
				p.clips = append(p.clips, defined[strings.TrimSuffix(strings.TrimPrefix(a["clip-path"], "url(#"), ")")])
			case "rect":
				if inClip != "" {
					defined[inClip] = a.box()
				} else {
					err = p.rect(a)
				}
			case "circle":
				p.circle(a)
			case "path":
				err = p.path(a)
			case "image":
				err = p.image(a)
			}
			if err != nil {
				return err
			}
		}
	}
}

type attributes map[string]string

func (a attributes) number(name string) float64 {
	v, err := strconv.ParseFloat(a[name], 64)
	if err != nil {
		return 0
	}
	return v
}

func (a attributes) box() box {
	x, y := a.number("x"), a.number("y")
	return box{x, y, x + a.number("width"), y + a.number("height")}
}

// point returns a place of the picture on the page.
func (p *painter) point(x, y float64) vg.Point {
	return vg.Point{X: vg.Length((p.at.x + x) * p.scale), Y: vg.Length((p.height - p.at.y - y) * p.scale)}
}

func (p *painter) length(v float64) vg.Length { return vg.Length(v * p.scale) }

// clip returns the part of the picture that may be drawn on.
func (p *painter) clip() box {
	c := box{0, 0, p.at.width, p.at.height}
	for _, x := range p.clips {
		c = box{math.Max(c.x0, x.x0), math.Max(c.y0, x.y0), math.Min(c.x1, x.x1), math.Min(c.y1, x.y1)}
	}
	return c
}

// color returns the colour of a setting such as #1f6fd0, and whether there is one.
func (p *painter) color(value string, opacity float64) (color.Color, bool) {
	if len(value) == 4 && value[0] == '#' {
		value = "#" + strings.Repeat(value[1:2], 2) + strings.Repeat(value[2:3], 2) + strings.Repeat(value[3:4], 2)
	}
	if len(value) != 7 || value[0] != '#' {
		return nil, false
	}
	n, err := strconv.ParseUint(value[1:], 16, 32)
	if err != nil {
		return nil, false
	}
	c := color.NRGBA{uint8(n >> 16), uint8(n >> 8), uint8(n), uint8(math.Round(255 * opacity))}
	if p.options.Theme == Gray {
		g := color.GrayModel.Convert(color.NRGBA{c.R, c.G, c.B, 255}).(color.Gray).Y
		c.R, c.G, c.B = g, g, g
	}
	return c, true
}

func (p *painter) opacity(classes string) float64 {
	v, err := strconv.ParseFloat(p.rules.of(classes, "opacity", "1"), 64)
	if err != nil {
		return 1
	}
	return v
}

func rectangle(x0, y0, x1, y1 vg.Length) (path vg.Path) {
	path.Move(vg.Point{X: x0, Y: y0})
	path.Line(vg.Point{X: x1, Y: y0})
	path.Line(vg.Point{X: x1, Y: y1})
	path.Line(vg.Point{X: x0, Y: y1})
	path.Close()
	return path
}

func (p *painter) rect(a attributes) error {
	b, c := a.box(), p.clip()
	b = box{math.Max(b.x0, c.x0), math.Max(b.y0, c.y0), math.Min(b.x1, c.x1), math.Min(b.y1, c.y1)}
	if !(b.x1 > b.x0 && b.y1 > b.y0) {
		return nil
	}
	r := math.Min(a.number("rx"), math.Min((b.x1-b.x0)/2, (b.y1-b.y0)/2))
	path := p.rounded(b, r)
	fill := a["fill"]
	if fill == "" {
		fill = p.rules.of(a["class"], "fill", "none")
	}
	p.draw(path, a["class"], fill)
	return nil
}

// rounded returns a rectangle with round corners.
func (p *painter) rounded(b box, r float64) (path vg.Path) {
	const k = 0.5523 // of a quarter of a circle by a cubic curve
	move := func(x, y float64) { path.Move(p.point(x, y)) }
	line := func(x, y float64) { path.Line(p.point(x, y)) }
	curve := func(x0, y0, x1, y1, x, y float64) { path.CubeTo(p.point(x0, y0), p.point(x1, y1), p.point(x, y)) }
	if r <= 0 {
		move(b.x0, b.y0)
		line(b.x1, b.y0)
		line(b.x1, b.y1)
		line(b.x0, b.y1)
		path.Close()
		return path
	}
	s := r * (1 - k)
	move(b.x0+r, b.y0)
	line(b.x1-r, b.y0)
	curve(b.x1-s, b.y0, b.x1, b.y0+s, b.x1, b.y0+r)
	line(b.x1, b.y1-r)
	curve(b.x1, b.y1-s, b.x1-s, b.y1, b.x1-r, b.y1)
	line(b.x0+r, b.y1)
	curve(b.x0+s, b.y1, b.x0, b.y1-s, b.x0, b.y1-r)
	line(b.x0, b.y0+r)
	curve(b.x0, b.y0+s, b.x0+s, b.y0, b.x0+r, b.y0)
	path.Close()
	return path
}

func (p *painter) circle(a attributes) {
	x, y, r := a.number("cx"), a.number("cy"), a.number("r")
	if c := p.clip(); x < c.x0 || x > c.x1 || y < c.y0 || y > c.y1 {
		return
	}
	p.draw(p.rounded(box{x - r, y - r, x + r, y + r}, r), a["class"], p.rules.of(a["class"], "fill", "#000000"))
}

// draw fills and strokes a path as its classes say.
func (p *painter) draw(path vg.Path, classes, fill string) {
	opacity := p.opacity(classes)
	if c, ok := p.color(fill, opacity); ok {
		p.page.fill(path, c)
	}
	p.stroke(path, classes, opacity)
}

var lineClass = regexp.MustCompile(`\bl(\d+)\b`)

// grayDashes tell lines apart that have no colours.
var grayDashes = [][]float64{nil, {5, 3}, {1.5, 2.5}, {8, 3, 2, 3}, {3, 2}, {10, 3}, {2, 2, 6, 2}}

func (p *painter) stroke(path vg.Path, classes string, opacity float64) {
	c, ok := p.color(p.rules.of(classes, "stroke", "none"), opacity)
	if !ok || len(path) == 0 {
		return
	}
	width, err := strconv.ParseFloat(p.rules.of(classes, "stroke-width", "1"), 64)
	if err != nil {
		width = 1
	}
	var dashes []vg.Length
	for _, s := range strings.Fields(p.rules.of(classes, "stroke-dasharray", "")) {
		if v, err := strconv.ParseFloat(s, 64); err == nil {
			dashes = append(dashes, p.length(v))
		}
	}
	if m := lineClass.FindStringSubmatch(classes); m != nil && p.options.Theme == Gray && dashes == nil {
		n, _ := strconv.Atoi(m[1])
		for _, v := range grayDashes[n%len(grayDashes)] {
			dashes = append(dashes, p.length(v))
		}
	}
	p.page.stroke(path, c, p.length(width), dashes)
}

// text writes text; its classes put the middle or the end at the place.
func (p *painter) text(a attributes, s string) error {
	size, err := strconv.ParseFloat(strings.TrimSuffix(p.rules.of(a["class"], "font-size", "11px"), "px"), 64)
	if err != nil {
		return err
	}
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: p.length(size)}
	switch p.options.Font {
	case Serif:
		f.Variant = "Serif"
	case Mono:
		f.Variant = "Mono"
	}
	if strings.Contains(p.rules.of(a["class"], "font-family", ""), "monospace") {
		f.Variant = "Mono"
	}
	if weight, _ := strconv.Atoi(p.rules.of(a["class"], "font-weight", "400")); weight >= 600 {
		f.Weight = stdfont.WeightBold
	}
	face := p.fonts.Lookup(f, f.Size)
	for _, r := range s {
		if k, err := face.Face.GlyphIndex(nil, r); p.only && (err != nil || k == 0) {
			return fmt.Errorf("the text %q has the letter %q, which the fonts lack: write SVG, for which the reader's fonts stand in, or another text", s, r)
		}
	}
	fill, ok := p.color(p.rules.of(a["class"], "fill", "#333b45"), 1)
	if !ok {
		return nil
	}
	back := vg.Length(0)
	switch w := face.Width(s); p.rules.of(a["class"], "text-anchor", "start") {
	case "middle":
		back = w / 2
	case "end":
		back = w
	}
	var x, y float64
	if n, _ := fmt.Sscanf(a["transform"], "translate(%g %g)rotate(-90)", &x, &y); n == 2 {
		at := p.point(x, y)
		p.page.write(face, vg.Point{X: at.X, Y: at.Y - back}, true, fill, s)
		return nil
	}
	at := p.point(a.number("x"), a.number("y"))
	p.page.write(face, vg.Point{X: at.X - back, Y: at.Y}, false, fill, s)
	return nil
}

// image draws a PNG, each pixel as a square.
func (p *painter) image(a attributes) error {
	data, ok := strings.CutPrefix(a["href"], "data:image/png;base64,")
	if !ok {
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return err
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	b, c := a.box(), p.clip()
	img = squares(img, c, b)
	if img == nil {
		return nil
	}
	b = box{math.Max(b.x0, c.x0), math.Max(b.y0, c.y0), math.Min(b.x1, c.x1), math.Min(b.y1, c.y1)}
	low, high := p.point(b.x0, b.y1), p.point(b.x1, b.y0)
	if p.options.Theme == Gray {
		img = grayed(img)
	}
	return p.page.draw(vg.Rectangle{Min: low, Max: high}, img)
}

// squares returns the part of a picture over b that is within c, its pixels enlarged so that viewers that smooth keep their edges.
func squares(img image.Image, c, b box) image.Image {
	r := img.Bounds()
	if r.Empty() || !(b.x1 > b.x0 && b.y1 > b.y0) {
		return nil
	}
	x0, y0, x1, y1 := math.Max(b.x0, c.x0), math.Max(b.y0, c.y0), math.Min(b.x1, c.x1), math.Min(b.y1, c.y1)
	w, h := int(math.Ceil(4*(x1-x0))), int(math.Ceil(4*(y1-y0)))
	if w <= 0 || h <= 0 {
		return nil
	}
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	for j := range h {
		for i := range w {
			x := (x0 + (x1-x0)*(float64(i)+0.5)/float64(w) - b.x0) / (b.x1 - b.x0)
			y := (y0 + (y1-y0)*(float64(j)+0.5)/float64(h) - b.y0) / (b.y1 - b.y0)
			out.Set(i, j, img.At(r.Min.X+min(r.Dx()-1, int(x*float64(r.Dx()))), r.Min.Y+min(r.Dy()-1, int(y*float64(r.Dy())))))
		}
	}
	return out
}

func grayed(img image.Image) image.Image {
	r := img.Bounds()
	out := image.NewNRGBA(r)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			g := color.GrayModel.Convert(color.NRGBA{c.R, c.G, c.B, 255}).(color.Gray).Y
			out.SetNRGBA(x, y, color.NRGBA{g, g, g, c.A})
		}
	}
	return out
}
