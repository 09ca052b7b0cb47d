package viz

import (
	"image"
	"image/draw"
	"strings"

	"github.com/quire-ml/quire/viz/internal/svg"
)

// The HTML of this package is written by hand: a template engine would cost each cell's link more than all of viz.
// Only tags, attributes and styles on JupyterLab's allow-list may be used; internal/untrusted has the list.

const (
	ruleColor = "rgba(128,128,128,0.45)"
	thinColor = "rgba(128,128,128,0.2)"
	noteColor = "rgb(125,125,125)" // 4:1 on white and 5:1 on black
	monoFont  = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace"
)

func esc(s string) string { return svg.Escape(s) }

// tag returns an element. Its children are HTML already.
func tag(name, style string, children ...string) string {
	var b strings.Builder
	b.WriteString("<" + name)
	if style != "" {
		b.WriteString(` style="` + style + `"`)
	}
	b.WriteByte('>')
	for _, c := range children {
		b.WriteString(c)
	}
	b.WriteString("</" + name + ">")
	return b.String()
}

func pre(text string) string {
	return tag("pre", "margin:2px 0;font-size:12px;line-height:1.35;background-color:transparent", esc(strings.TrimRight(text, "\n")))
}

func heading(text string) string {
	return tag("div", "font-weight:600;font-size:13px;margin:4px 0", esc(text))
}

func note(text string) string {
	return tag("div", "color:"+noteColor+";font-size:12px;margin:2px 0", esc(text))
}

// picture returns SVG source as an image.
func picture(source, alt string) string {
	return `<img src="` + svg.DataURI(source) + `" alt="` + esc(firstLine(alt)) + `" style="max-width:100%;vertical-align:top"/>`
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// details returns a part that opens on a click.
func details(summary, content string) string {
	return tag("details", "margin:2px 0", tag("summary", "cursor:pointer;font-size:12px", esc(summary)), content)
}

// enlarge returns img with every pixel as a square of the given side: browsers blur what they enlarge, and
// notebooks drop the style that forbids it.
func enlarge(img image.Image, factor int) image.Image {
	if factor <= 1 {
		return img
	}
	r := img.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, r.Dx()*factor, r.Dy()*factor))
	for y := range r.Dy() {
		for x := range r.Dx() {
			square := image.Rect(x*factor, y*factor, (x+1)*factor, (y+1)*factor)
			draw.Draw(out, square, image.NewUniform(img.At(r.Min.X+x, r.Min.Y+y)), image.Point{}, draw.Src)
		}
	}
	return out
}
