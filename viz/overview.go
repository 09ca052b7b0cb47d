package viz

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quire-ml/quire/viz/internal/layout"
	"github.com/quire-ml/quire/viz/internal/svg"
)

// What a screen holds.
const (
	plainNodes   = 40 // a graph of no more is drawn node by node
	screenBoxes  = 32
	screenLayers = 15

	compactGap = 28.0 // between layers of a drawing that is to fit on a screen
	foldRoom   = 34.0 // at the left and the right of a drawing with folded parts: what says how often
	foldAir    = 9.0  // between boxes and the frame around them
	foldFoot   = 4.0  // the same below what is written there
)

// flowDrawing is a computation as a picture.
type flowDrawing struct{ *flow }

// SVG draws it.
func (d flowDrawing) SVG() string { return d.draw() }

// Network returns what is drawn: names of boxes and, per box, those that it uses.
func (d flowDrawing) Network() (n svg.Network) {
	n.Title = d.name
	for _, x := range d.nodes {
		label := x.title()
		if x.times > 1 && !x.said {
			label += fmt.Sprintf(" ×%d", x.times)
		}
		kind := "op"
		switch {
		case x.output:
			kind = "result"
		case x.input:
			kind = "input"
		case x.param:
			kind = "variable"
		}
		n.Nodes = append(n.Nodes, svg.NetworkNode{Name: label, Kind: kind, About: strings.TrimSpace(x.detail + " " + x.edgeLabel()), From: x.in})
	}
	return n
}

// overview returns a flow of few boxes: groups of nodes that one call made, so many calls deep, with what repeats folded; with depth 0 as
// deep as fits on a screen. It returns nil if every node is to be drawn.
func (f *flow) overview(depth int) *flow {
	if depth < 0 || depth == 0 && len(f.nodes) <= plainNodes {
		return nil
	}
	bare := f.withoutConstants()
	if depth > 0 {
		return bare.groupAt(depth).folded().scoped()
	}
	deepest := 0
	for _, n := range bare.nodes {
		deepest = max(deepest, len(n.calls))
	}
	var g *flow
	for depth := deepest + 1; depth >= 1; depth-- {
		g = bare.groupAt(depth).folded()
		if len(g.nodes) <= screenBoxes && g.depth() <= screenLayers {
			break
		}
	}
	if len(g.nodes) > maxDrawnNodes || len(g.nodes) < 3 { // nothing that can be seen: a chain of one function's lines
		return nil
	}
	return g.scoped()
}

// titled returns f with what stands for it to those who do not see it.
func (f *flow) titled(about string) *flow {
	f.about = about
	return f
}

// scoped writes the scopes of variables into the boxes of groups. A group of one op with variables of its own goes by its layer.
func (f *flow) scoped() *flow {
	for _, n := range f.nodes {
		if n.scope == "" || n.scope == "/" {
			continue
		}
		n.detail = n.scope
		if n.members == 1 && n.call != n.pos && n.call != "" {
			n.op = n.call
		}
	}
	return f
}

// said says what is drawn of so many nodes.
func (f *flow) said(nodes int) string {
	s := fmt.Sprintf("drawn as %d groups of the %d nodes, each made by one call", len(f.nodes), nodes)
	if f.folds() > 0 {
		s += "; what repeats is drawn once"
	}
	return s
}

// empty returns f without its nodes.
func (f *flow) empty() *flow {
	g := *f
	g.nodes = nil
	return &g
}

// withoutConstants returns f without what depends on no parameter, unless it is a result: masks, positions.
func (f *flow) withoutConstants() *flow {
	g := f.empty()
	to := make([]int, len(f.nodes))
	for i, n := range f.nodes {
		c := *n
		c.in = nil
		depends := n.given || n.output
		for _, x := range n.in {
			if to[x] >= 0 {
				depends = true
				c.in = append(c.in, to[x])
			}
		}
		if to[i] = -1; depends {
			to[i] = len(g.nodes)
			g.nodes = append(g.nodes, &c)
		}
	}
	return g
}

// depth returns the number of boxes on the longest way through f.
func (f *flow) depth() int {
	level, most := make([]int, len(f.nodes)), 0
	for i, n := range f.nodes {
		for _, x := range n.in {
			level[i] = max(level[i], level[x]+1)
		}
		most = max(most, level[i]+1)
	}
	return most
}

// repeat is a part of a list of groups that follows itself: count times length of them from a place on.
type repeat struct{ from, length, count int }

// saves is how many boxes folding spares.
func (r repeat) saves() int { return r.length * (r.count - 1) }

// folded returns f with what repeats drawn once: of groups that follow each other, with the same names, sizes and shapes as those
// before them, only the first ones stay, and what the others are used for hangs on these.
func (f *flow) folded() *flow {
	f.compact = true
	for number := 1; ; number++ {
		r := f.longestRepeat()
		if r.count < 2 {
			return f
		}
		f = f.fold(r, number)
	}
}

// ops returns the places of what is no parameter.
func (f *flow) ops() (list []int) {
	for i, n := range f.nodes {
		if !n.given {
			list = append(list, i)
		}
	}
	return list
}

// alike is what groups have in common that repeat each other; "" for one that is folded already.
func (n *flowNode) alike() string {
	if n.fold > 0 {
		return ""
	}
	return fmt.Sprintf("%s %d %s", n.op, n.members, n.edgeLabel())
}

// longestRepeat returns what folding saves most.
func (f *flow) longestRepeat() (best repeat) {
	var kinds []string
	for _, i := range f.ops() {
		kinds = append(kinds, f.nodes[i].alike())
	}
	for from := range kinds {
		for length := 1; from+2*length <= len(kinds); length++ {
			same := 0
			for k := from; k+length < len(kinds) && kinds[k] != "" && kinds[k] == kinds[k+length]; k++ {
				same++
			}
			r := repeat{from, length, same/length + 1}
			if r.count >= 2 && r.saves() > best.saves() && r.saves() > 1 {
				best = r
			}
		}
	}
	return best
}

// fold draws a repeated part once.
func (f *flow) fold(r repeat, number int) *flow {
	ops := f.ops()
	first := map[int]int{} // by the place of a repetition
	for k := range r.length * r.count {
		first[ops[r.from+k]] = ops[r.from+k%r.length]
	}
	users := map[int][]int{}
	for i, n := range f.nodes {
		for _, x := range n.in {
			users[x] = append(users[x], i)
		}
	}
	g := f.empty()
	to := make([]int, len(f.nodes))
	for i, n := range f.nodes {
		at, repeats := first[i]
		// a parameter that only later repetitions use goes with them
		gone := n.param && len(users[i]) > 0 && !slices.ContainsFunc(users[i], func(u int) bool { at, repeats := first[u]; return !repeats || at == u })
		if gone || repeats && at != i {
			continue
		}
		c := *n
		c.in = nil
		if repeats {
			c.times, c.fold = r.count, number
			last := f.nodes[ops[r.from+(r.count-1)*r.length+slices.Index(ops, i)-r.from]]
			c.scope, c.output = common(n.scope, last.scope), c.output || last.output
		}
		to[i] = len(g.nodes)
		for _, x := range n.in {
			if at, repeats := first[x]; repeats {
				x = at
			}
			if j := to[x]; j < to[i] && !slices.Contains(c.in, j) {
				c.in = append(c.in, j)
			}
		}
		g.nodes = append(g.nodes, &c)
	}
	return g
}

// common returns what two paths have in common, with "*" for what differs: /block_*/attention.
func common(a, b string) string {
	if a == b {
		return a
	}
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	m := 0
	for m < len(a)-n && m < len(b)-n && a[len(a)-1-m] == b[len(b)-1-m] {
		m++
	}
	return a[:n] + "*" + a[len(a)-m:]
}

// folds returns how many parts are folded.
func (f *flow) folds() (n int) {
	for _, x := range f.nodes {
		n = max(n, x.fold)
	}
	return n
}

// drawFolds draws a frame around each folded part, and how often it follows itself.
func (f *flow) drawFolds(c *svg.Canvas, nodes []*layout.Node, margin float64) {
	for k := range f.folds() {
		at, times := f.frame(nodes, k+1)
		if times == 0 {
			continue // it is written into the boxes
		}
		c.Rect(at.x0+margin, at.y0+margin, at.x1-at.x0, at.y1-at.y0, 8, "fold", "")
		c.Text(at.x0+margin-5, (at.y0+at.y1)/2+margin+4, "e b", fmt.Sprintf("×%d", times))
	}
}

// frame is a rectangle in a drawing.
type frame struct{ x0, y0, x1, y1 float64 }

// room returns what a node takes up, with what stands at the line that leaves it.
func (n *flowNode) room(at *layout.Node, width float64) frame {
	return frame{at.X - width/2, at.Y - at.Height/2, max(at.X+width/2, at.X+labelGap+labelWidth(n)), at.Y + at.Height/2 + 14}
}

// frame returns the frame around a folded part, and how often it follows itself; 0 if its boxes say so.
func (f *flow) frame(nodes []*layout.Node, fold int) (at frame, times int) {
	for i, n := range f.nodes {
		if n.fold != fold || n.said {
			continue
		}
		r := n.room(nodes[i], nodes[i].Width)
		if times == 0 {
			at = r
		}
		at = frame{min(at.x0, r.x0), min(at.y0, r.y0), max(at.x1, r.x1), max(at.y1, r.y1)}
		times = n.times
	}
	return frame{at.x0 - foldAir, at.y0 - foldAir, at.x1 + foldAir, at.y1 + foldFoot}, times
}

// sayFolds has the boxes of folded parts say how often these follow themselves where a frame around them would cut others. It reports
// whether any does.
func (f *flow) sayFolds(nodes []*layout.Node) (any bool) {
	for k := range f.folds() {
		at, times := f.frame(nodes, k+1)
		label := 12 + 8*float64(len(fmt.Sprint(times)))
		for i, n := range f.nodes {
			r := n.room(nodes[i], nodes[i].Width)
			if times == 0 || n.fold == k+1 || r.x0 > at.x1 || r.x1 < at.x0-label || r.y0 > at.y1 || r.y1 < at.y0 {
				continue
			}
			for _, m := range f.nodes {
				m.said = m.said || m.fold == k+1
			}
			any = true
			break
		}
	}
	return any
}
