// Package svgtest looks at pictures as a reader does, for tests: what is written in them and where, what is drawn and
// where, and whether the two are in each other's way.
package svgtest

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/viz/internal/svg"
)

// Box is a rectangle that something takes up.
type Box struct{ X0, Y0, X1, Y1 float64 }

func (b Box) overlaps(c Box, slack float64) bool {
	return b.X0 < c.X1-slack && c.X0 < b.X1-slack && b.Y0 < c.Y1-slack && c.Y0 < b.Y1-slack
}

func (b Box) within(c Box, slack float64) bool {
	return b.X0 >= c.X0-slack && b.X1 <= c.X1+slack && b.Y0 >= c.Y0-slack && b.Y1 <= c.Y1+slack
}

// String writes the corners.
func (b Box) String() string { return fmt.Sprintf("[%.0f %.0f %.0f %.0f]", b.X0, b.Y0, b.X1, b.Y1) }

// text is something written.
type text struct {
	s   string
	box Box
}

// mark is something drawn that stands for data.
type mark struct {
	what   string
	box    Box
	points []point // of a line; the box otherwise
	area   bool    // a rectangle or picture, in which numbers may stand
}

type point struct{ x, y float64 }

// picture is what a picture consists of.
type picture struct {
	page  Box
	texts []text
	marks []mark
}

var dataURI = regexp.MustCompile(`data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)`)

// Pictures returns the sources of the pictures in HTML.
func Pictures(html string) []string {
	var out []string
	for _, m := range dataURI.FindAllStringSubmatch(html, -1) {
		if data, err := base64.StdEncoding.DecodeString(m[1]); err == nil {
			out = append(out, string(data))
		}
	}
	return out
}

// Check returns what a reader would complain about in a picture: writing that leaves it or meets other writing, data that
// leaves it, and writing on data other than within a cell, box or bar of its own.
func Check(source string) []string {
	p, err := parse(source)
	if err != nil {
		return []string{err.Error()}
	}
	var wrong []string
	add := func(format string, args ...any) {
		if len(wrong) < 12 {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	if !(p.page.X1 > 0 && p.page.Y1 > 0 && p.page.X1 < 5000 && p.page.Y1 < 20000) {
		add("a picture of %s", p.page)
	}
	for i, t := range p.texts {
		if !t.box.within(p.page, 0.5) {
			add("%q at %s leaves the picture %s", t.s, t.box, p.page)
		}
		for _, u := range p.texts[:i] {
			if t.box.overlaps(u.box, 0.5) {
				add("%q at %s lies on %q at %s", t.s, t.box, u.s, u.box)
			}
		}
		for _, m := range p.marks {
			if m.touches(t.box) && !(m.area && t.box.within(m.box, 1)) {
				add("%q at %s lies on a %s at %s", t.s, t.box, m.what, m.box)
			}
		}
	}
	for _, m := range p.marks {
		if !m.box.within(p.page, 1) {
			add("a %s at %s leaves the picture %s", m.what, m.box, p.page)
		}
	}
	return wrong
}

// touches reports whether a part of the mark is inside of a box.
func (m mark) touches(b Box) bool {
	if !m.box.overlaps(b, 0.5) {
		return false
	}
	if m.points == nil {
		return true
	}
	for i := 1; i < len(m.points); i++ {
		if crosses(m.points[i-1], m.points[i], b) {
			return true
		}
	}
	return false
}

// crosses reports whether the line from p to q meets the inside of b.
func crosses(p, q point, b Box) bool {
	from, to := 0.0, 1.0
	for _, e := range [4][2]float64{{p.x - q.x, p.x - b.X0 - 0.5}, {q.x - p.x, b.X1 - 0.5 - p.x}, {p.y - q.y, p.y - b.Y0 - 0.5}, {q.y - p.y, b.Y1 - 0.5 - p.y}} {
		switch d, room := e[0], e[1]; {
		case d == 0 && room < 0:
			return false
		case d < 0:
			from = max(from, room/d)
		case d > 0:
			to = min(to, room/d)
		}
	}
	return from < to
}

var dataClass = regexp.MustCompile(`\b[lrf]\d+\b`)

// parse reads a picture of this module's own: no other elements and path commands than it uses.
func parse(source string) (*picture, error) {
	p := &picture{}
	d := xml.NewDecoder(strings.NewReader(source))
	sizes := map[string]float64{"t": 13}
	var clips []Box             // of the groups that are open
	defined := map[string]Box{} // clip paths by id
	inClip := ""
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			return nil, err
		}
		switch e := tok.(type) {
		case xml.EndElement:
			switch e.Name.Local {
			case "g":
				clips = clips[:len(clips)-1]
			case "clipPath":
				inClip = ""
			}
		case xml.StartElement:
			a := attributes{}
			for _, x := range e.Attr {
				a[x.Name.Local] = x.Value
			}
			add := func(m mark) {
				for _, c := range clips {
					m.box = Box{max(m.box.X0, c.X0), max(m.box.Y0, c.Y0), min(m.box.X1, c.X1), min(m.box.Y1, c.Y1)}
				}
				if m.box.X1 >= m.box.X0 && m.box.Y1 >= m.box.Y0 {
					p.marks = append(p.marks, m)
				}
			}
			switch e.Name.Local {
			case "svg":
				p.page = Box{0, 0, a.number("width"), a.number("height")}
			case "style":
				var css string
				if err := d.DecodeElement(&css, &e); err != nil {
					return nil, err
				}
				for _, m := range regexp.MustCompile(`\.(\w+)\{font-size:([\d.]+)px\}`).FindAllStringSubmatch(css, -1) {
					sizes[m[1]], _ = strconv.ParseFloat(m[2], 64)
				}
			case "clipPath":
				inClip = a["id"]
			case "g":
				clips = append(clips, defined[strings.TrimSuffix(strings.TrimPrefix(a["clip-path"], "url(#"), ")")])
			case "text":
				var s string
				if err := d.DecodeElement(&s, &e); err != nil {
					return nil, err
				}
				p.texts = append(p.texts, a.text(s, sizes))
			case "rect":
				b := Box{a.number("x"), a.number("y"), a.number("x") + a.number("width"), a.number("y") + a.number("height")}
				if inClip != "" {
					defined[inClip] = b
				} else if !strings.Contains(a["class"], "no") {
					add(mark{what: "bar or box", box: b, area: true})
				}
			case "circle":
				r := a.number("r")
				add(mark{what: "dot", box: Box{a.number("cx") - r, a.number("cy") - r, a.number("cx") + r, a.number("cy") + r}})
			case "image":
				add(mark{what: "picture", box: Box{a.number("x"), a.number("y"), a.number("x") + a.number("width"), a.number("y") + a.number("height")}, area: true})
			case "path":
				lines, err := path(a["d"])
				if err != nil {
					return nil, err
				}
				if dataClass.MatchString(a["class"]) {
					for _, l := range lines {
						add(l)
					}
				}
			}
		}
	}
}

type attributes map[string]string

func (a attributes) number(name string) float64 {
	v, err := strconv.ParseFloat(a[name], 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

var rotated = regexp.MustCompile(`^translate\((\S+) (\S+)\)rotate\(-90\)$`)

// text returns where s stands. Capital letters are about 0.73 and descenders 0.21 of the size.
func (a attributes) text(s string, sizes map[string]float64) text {
	size, bold, mono, anchor := 11.0, false, false, 0.0
	for _, c := range strings.Fields(a["class"]) {
		switch {
		case c == "b" || c == "t":
			bold = true
		case c == "mono":
			mono = true
		case c == "m":
			anchor = 0.5
		case c == "e":
			anchor = 1
		}
		if v, ok := sizes[c]; ok {
			size = v
		}
	}
	w := svg.Width(s, size, bold)
	if mono {
		w = 0.602 * size * float64(len([]rune(s)))
	}
	if m := rotated.FindStringSubmatch(a["transform"]); m != nil {
		x, _ := strconv.ParseFloat(m[1], 64)
		y, _ := strconv.ParseFloat(m[2], 64)
		return text{s, Box{x - 0.75*size, y - w*(1-anchor), x + 0.22*size, y + w*anchor}}
	}
	x, y := a.number("x")-anchor*w, a.number("y")
	return text{s, Box{x, y - 0.75*size, x + w, y + 0.22*size}}
}

var pathToken = regexp.MustCompile(`[A-Za-z]|-?(?:\d+\.?\d*|\.\d+)`)

// path returns the lines of a path.
func path(d string) ([]mark, error) {
	tokens := pathToken.FindAllString(d, -1)
	var out []mark
	var at point
	var points []point
	flush := func() {
		if len(points) > 1 {
			m := mark{what: "line", points: points, box: Box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}}
			for _, p := range points {
				m.box = Box{min(m.box.X0, p.x), min(m.box.Y0, p.y), max(m.box.X1, p.x), max(m.box.Y1, p.y)}
			}
			out = append(out, m)
		}
		points = nil
	}
	command := ""
	for i := 0; i < len(tokens); {
		if c := tokens[i]; c >= "A" {
			command = c
			i++
			if c == "z" || c == "Z" {
				if len(points) > 0 {
					points = append(points, points[0])
				}
				continue
			}
		}
		want := map[string]int{"M": 2, "m": 2, "L": 2, "l": 2, "H": 1, "h": 1, "V": 1, "v": 1, "C": 6}[command]
		if want == 0 || i+want > len(tokens) {
			return nil, fmt.Errorf("a path with %q of %d numbers: %.80s", command, len(tokens)-i, d)
		}
		var n [6]float64
		for k := range want {
			v, err := strconv.ParseFloat(tokens[i+k], 64)
			if err != nil {
				return nil, fmt.Errorf("a path with %q: %.80s", tokens[i+k], d)
			}
			n[k] = v
		}
		i += want
		switch command {
		case "M":
			flush()
			at, command = point{n[0], n[1]}, "L"
		case "m":
			flush()
			at, command = point{at.x + n[0], at.y + n[1]}, "l"
		case "L":
			at = point{n[0], n[1]}
		case "l":
			at = point{at.x + n[0], at.y + n[1]}
		case "H":
			at.x = n[0]
		case "h":
			at.x += n[0]
		case "V":
			at.y = n[0]
		case "v":
			at.y += n[0]
		case "C":
			at = point{n[4], n[5]}
		}
		points = append(points, at)
	}
	flush()
	return out, nil
}
