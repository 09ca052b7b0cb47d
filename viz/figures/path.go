package figures

import (
	"fmt"
	"strconv"

	"gonum.org/v1/plot/vg"
)

// part is a piece of a path: where the pen moves to, or a line or a curve.
type part struct {
	kind   byte // 'M', 'L', 'C' or 'z'
	x, y   float64
	c1, c2 [2]float64
}

// readPath reads the path commands that package svg writes.
func readPath(d string) (parts []part, err error) {
	s := &scanner{d: d}
	var x, y, x0, y0 float64
	for command := byte(0); ; {
		if next, ok := s.command(); ok {
			command = next
		} else if s.done() {
			return parts, nil
		}
		relative := command >= 'a'
		from := func() (float64, float64) {
			if relative {
				return x, y
			}
			return 0, 0
		}
		fx, fy := from()
		switch command &^ 0x20 { // in capitals
		case 'M':
			x, y = s.number()+fx, s.number()+fy
			x0, y0 = x, y
			parts = append(parts, part{kind: 'M', x: x, y: y})
			command = command - 'M' + 'L' // more pairs are lines
		case 'L':
			x, y = s.number()+fx, s.number()+fy
			parts = append(parts, part{kind: 'L', x: x, y: y})
		case 'H':
			x = s.number() + fx
			parts = append(parts, part{kind: 'L', x: x, y: y})
		case 'V':
			y = s.number() + fy
			parts = append(parts, part{kind: 'L', x: x, y: y})
		case 'C':
			var p part
			p.kind = 'C'
			p.c1 = [2]float64{s.number() + fx, s.number() + fy}
			p.c2 = [2]float64{s.number() + fx, s.number() + fy}
			x, y = s.number()+fx, s.number()+fy
			p.x, p.y = x, y
			parts = append(parts, p)
		case 'Z':
			x, y = x0, y0
			parts = append(parts, part{kind: 'z', x: x, y: y})
			if !s.atCommand() && !s.done() {
				return nil, fmt.Errorf("a number after the end of a path: %.40q", d)
			}
		default:
			return nil, fmt.Errorf("the path command %q is not known: %.40q", command, d)
		}
		if s.wrong {
			return nil, fmt.Errorf("no number where one belongs: %.40q", d)
		}
	}
}

// scanner reads commands and numbers, which may stand without a space between them: 3.7.3-2.8.
type scanner struct {
	d     string
	at    int
	wrong bool
}

func (s *scanner) skip() {
	for s.at < len(s.d) && (s.d[s.at] == ' ' || s.d[s.at] == ',' || s.d[s.at] == '\n') {
		s.at++
	}
}

func (s *scanner) done() bool { s.skip(); return s.at >= len(s.d) }

func (s *scanner) atCommand() bool {
	s.skip()
	return s.at < len(s.d) && (s.d[s.at] >= 'A' && s.d[s.at] <= 'Z' || s.d[s.at] >= 'a' && s.d[s.at] <= 'z')
}

func (s *scanner) command() (byte, bool) {
	if !s.atCommand() {
		return 0, false
	}
	s.at++
	return s.d[s.at-1], true
}

func (s *scanner) number() float64 {
	s.skip()
	from := s.at
	if s.at < len(s.d) && (s.d[s.at] == '-' || s.d[s.at] == '+') {
		s.at++
	}
	point := false
	for s.at < len(s.d) && (s.d[s.at] >= '0' && s.d[s.at] <= '9' || s.d[s.at] == '.' && !point) {
		point = point || s.d[s.at] == '.'
		s.at++
	}
	v, err := strconv.ParseFloat(s.d[from:s.at], 64)
	s.wrong = s.wrong || err != nil
	return v
}

// path draws a path, as far as it is inside of what may be drawn on.
func (p *painter) path(a attributes) error {
	parts, err := readPath(a["d"])
	if err != nil || len(parts) == 0 {
		return err
	}
	classes := a["class"]
	fill := p.rules.of(classes, "fill", "none")
	c := p.clip()
	if _, filled := p.color(fill, 1); filled {
		if len(p.clips) > 0 {
			p.draw(p.polygon(parts, c), classes, fill)
		} else {
			p.draw(p.whole(parts), classes, fill)
		}
		return nil
	}
	if len(p.clips) == 0 {
		p.stroke(p.whole(parts), classes, p.opacity(classes))
	} else {
		p.stroke(p.clippedLines(parts, c), classes, p.opacity(classes))
	}
	return nil
}

// whole returns all parts.
func (p *painter) whole(parts []part) (path vg.Path) {
	for _, x := range parts {
		at := p.point(x.x, x.y)
		switch x.kind {
		case 'M':
			path.Move(at)
		case 'L':
			path.Line(at)
		case 'C':
			path.CubeTo(p.point(x.c1[0], x.c1[1]), p.point(x.c2[0], x.c2[1]), at)
		case 'z':
			path.Close()
		}
	}
	return path
}

// clippedLines returns the parts of lines that are within c. Package svg clips no curves.
func (p *painter) clippedLines(parts []part, c box) (path vg.Path) {
	var x, y float64
	pen := false // at x, y
	for _, q := range parts {
		if q.kind == 'M' {
			x, y, pen = q.x, q.y, false
			continue
		}
		ax, ay, bx, by, ok := within(x, y, q.x, q.y, c)
		if ok {
			if !pen || ax != x || ay != y {
				path.Move(p.point(ax, ay))
			}
			path.Line(p.point(bx, by))
		}
		pen = ok && bx == q.x && by == q.y
		x, y = q.x, q.y
	}
	return path
}

// within returns the part of a line that is within a box, and whether there is any.
//
// Source: Liang and Barsky, "A new concept and method for line clipping", 1984.
func within(x0, y0, x1, y1 float64, c box) (ax, ay, bx, by float64, ok bool) {
	from, to := 0.0, 1.0
	dx, dy := x1-x0, y1-y0
	for _, e := range [4][2]float64{{-dx, x0 - c.x0}, {dx, c.x1 - x0}, {-dy, y0 - c.y0}, {dy, c.y1 - y0}} {
		d, room := e[0], e[1]
		switch {
		case d == 0 && room < 0:
			return 0, 0, 0, 0, false
		case d < 0:
			from = max(from, room/d)
		case d > 0:
			to = min(to, room/d)
		}
	}
	if from > to {
		return 0, 0, 0, 0, false
	}
	ax, ay, bx, by = x0+from*dx, y0+from*dy, x0+to*dx, y0+to*dy
	if from == 0 {
		ax, ay = x0, y0
	}
	if to == 1 {
		bx, by = x1, y1
	}
	return ax, ay, bx, by, true
}

// polygon returns the part of an area with straight sides that is within c.
//
// Source: Sutherland and Hodgman, "Reentrant polygon clipping", 1974.
func (p *painter) polygon(parts []part, c box) (path vg.Path) {
	var corners [][2]float64
	flush := func() {
		for side := range 4 {
			inside := func(q [2]float64) bool {
				return [4]bool{q[0] >= c.x0, q[0] <= c.x1, q[1] >= c.y0, q[1] <= c.y1}[side]
			}
			cut := func(a, b [2]float64) [2]float64 {
				if side < 2 {
					at := [2]float64{c.x0, c.x1}[side]
					return [2]float64{at, a[1] + (b[1]-a[1])*(at-a[0])/(b[0]-a[0])}
				}
				at := [2]float64{c.y0, c.y1}[side-2]
				return [2]float64{a[0] + (b[0]-a[0])*(at-a[1])/(b[1]-a[1]), at}
			}
			var out [][2]float64
			for i, b := range corners {
				a := corners[(i+len(corners)-1)%len(corners)]
				if inside(a) != inside(b) {
					out = append(out, cut(a, b))
				}
				if inside(b) {
					out = append(out, b)
				}
			}
			corners = out
		}
		for i, q := range corners {
			if i == 0 {
				path.Move(p.point(q[0], q[1]))
			} else {
				path.Line(p.point(q[0], q[1]))
			}
		}
		if len(corners) > 0 {
			path.Close()
		}
		corners = nil
	}
	for _, q := range parts {
		if q.kind == 'M' {
			flush()
		}
		if q.kind != 'z' {
			corners = append(corners, [2]float64{q.x, q.y})
		}
	}
	flush()
	return path
}
