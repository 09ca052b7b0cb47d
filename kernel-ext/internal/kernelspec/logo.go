package kernelspec

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"
)

// The logo: three folded sheets in each other, as a quire is gathered. It is drawn from these polygons, on
// a board of 64 by 64 units, both as SVG and as pixels.
type sheet struct {
	fold   float64 // height of the fold's lower edge
	colour color.NRGBA
}

var (
	board  = color.NRGBA{0x0b, 0x52, 0x5b, 0xff}
	sheets = []sheet{
		{54, color.NRGBA{0xf4, 0xa2, 0x61, 0xff}},
		{42, color.NRGBA{0xbf, 0xe3, 0xe0, 0xff}},
		{30, color.NRGBA{0xff, 0xff, 0xff, 0xff}},
	}
)

// radius of the board's corners.
const radius = 12

type point struct{ x, y float64 }

// outline returns the corners of a folded sheet.
func (s sheet) outline() []point {
	f := s.fold
	return []point{{9, f - 20}, {32, f - 8}, {55, f - 20}, {55, f - 11}, {32, f + 1}, {9, f - 11}}
}

func logoSVG() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64" viewBox="0 0 64 64"><rect width="64" height="64" rx="%d" fill="%s"/>`, radius, hex(board))
	for _, s := range sheets {
		var points []string
		for _, p := range s.outline() {
			points = append(points, fmt.Sprintf("%g,%g", p.x, p.y))
		}
		fmt.Fprintf(&b, `<polygon points="%s" fill="%s"/>`, strings.Join(points, " "), hex(s.colour))
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

func hex(c color.NRGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// samples is the number of samples per pixel and axis, for smooth edges.
const samples = 4

func logoPNG(size int) ([]byte, error) {
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	scale := 64 / float64(size)
	for y := range size {
		for x := range size {
			var r, g, b, a int
			for i := range samples * samples {
				p := point{
					(float64(x) + (float64(i%samples)+0.5)/samples) * scale,
					(float64(y) + (float64(i/samples)+0.5)/samples) * scale,
				}
				if c := at(p); c.A > 0 {
					r, g, b, a = r+int(c.R), g+int(c.G), b+int(c.B), a+1
				}
			}
			if a > 0 {
				img.SetNRGBA(x, y, color.NRGBA{uint8(r / a), uint8(g / a), uint8(b / a), uint8(255 * a / (samples * samples))})
			}
		}
	}
	var out bytes.Buffer
	err := png.Encode(&out, img)
	return out.Bytes(), err
}

// at returns the logo's colour at a point.
func at(p point) color.NRGBA {
	if !onBoard(p) {
		return color.NRGBA{}
	}
	c := board
	for _, s := range sheets {
		if inside(p, s.outline()) {
			c = s.colour
		}
	}
	return c
}

// onBoard reports whether p is in the square with round corners.
func onBoard(p point) bool {
	dx := max(radius-p.x, p.x-(64-radius), 0)
	dy := max(radius-p.y, p.y-(64-radius), 0)
	return dx*dx+dy*dy <= radius*radius
}

// inside reports whether p is in the polygon: a ray to the right crosses its edges an odd number of times.
func inside(p point, poly []point) bool {
	in := false
	for i, a := range poly {
		b := poly[(i+1)%len(poly)]
		if (a.y > p.y) != (b.y > p.y) && p.x < a.x+(b.x-a.x)*(p.y-a.y)/(b.y-a.y) {
			in = !in
		}
	}
	return in
}
