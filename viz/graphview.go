package viz

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/internal/frames"
	"github.com/quire-ml/quire/viz/internal/layout"
	"github.com/quire-ml/quire/viz/internal/svg"
)

// maxDrawnNodes is how many boxes a drawing has at most; a graph with more is drawn by groups.
const maxDrawnNodes = 200

// maxListedNodes is how many lines a listing has at most.
const maxListedNodes = 400

// Graph draws a computation: a *graph.Graph, a *ir.Program, or a function that builds a graph, which is called
// on parameters of the shapes of inputs as in [Shapes]. Values flow downwards; a shape stands at the line that
// leaves a box, constants stand in the box that uses them, inputs are green, a model's variables orange
// and results purple. Where the results are known, ops that they do not need are left out, as compiling does:
// the forward value of a gradient, say.
//
// A graph of more than 40 nodes is drawn by groups of nodes that one call made (a layer, one of the reader's functions), or that share an
// alias scope, so that it fits on a screen. Variables that only one group uses are in its box, and so is what depends on
// no input, such as a mask. A part that repeats, as the blocks of a transformer do, is drawn once, in a frame with "×4". Every node is
// drawn below that, to be opened, of more than 200 nodes smaller groups. The text form lists the nodes.
func Graph(x any, inputs ...any) Bundle { return GraphWith(GraphOptions{}, x, inputs...) }

// GraphOptions say how [GraphWith] draws. The zero value draws what fits on a screen.
type GraphOptions struct {
	// Depth is how many calls deep the groups are that are drawn: 1 is the function itself, 2 the layers and functions that it calls, and
	// so on. 0 is as deep as fits, a negative value draws every node.
	Depth int
}

// GraphWith is [Graph] with options.
func GraphWith(o GraphOptions, x any, inputs ...any) Bundle {
	switch g := x.(type) {
	case *graph.Graph:
		if g == nil {
			return Plain("nil graph")
		}
		return drawFlow(o, fromGraph(g, nil, ""), nil)
	case *graph.Program:
		if g == nil {
			return Plain("nil program")
		}
		return drawFlow(o, fromProgram(g), g)
	}
	tr, err := traceFunc(x, inputs)
	if err != nil {
		return Error(fmt.Errorf("viz.Graph: %w", err))
	}
	if tr.err != nil {
		return Error(tr.err)
	}
	return drawFlow(o, tr.flow(), nil)
}

func drawFlow(o GraphOptions, f *flow, p *graph.Program) Bundle {
	if len(f.nodes) == 0 {
		return Plain(fmt.Sprintf("graph %q has no nodes\n", f.name))
	}
	list := f.listing()
	head := f.headline()
	text := head + "\n" + list.text()
	if p != nil {
		text = head + "\n" + p.String()
	}
	var h strings.Builder
	h.WriteString(note(head))
	drawing := svg.Drawing(flowDrawing{f})
	if over := f.overview(o.Depth); over != nil {
		h.WriteString(note(over.said(len(f.nodes))))
		h.WriteString(picture(over.titled(head).draw(), head))
		h.WriteString(details("in full", f.fullDrawing(head)))
		drawing = flowDrawing{over}
	} else {
		h.WriteString(f.fullDrawing(head))
	}
	h.WriteString(details("nodes", list.html()))
	b := HTML(h.String(), text)
	b.drawings = append(b.drawings, drawing)
	return b
}

// fullDrawing draws every node, or as many groups as can be drawn.
func (f *flow) fullDrawing(head string) string {
	g := f.group(maxDrawnNodes)
	if len(g.nodes) > maxDrawnNodes {
		return note(fmt.Sprintf("%d nodes are too many to draw", len(g.nodes)))
	}
	said := ""
	if len(g.nodes) < len(f.nodes) {
		said = note(fmt.Sprintf("drawn as %d groups of nodes that were made by the same call", len(g.nodes)))
	}
	return said + picture(g.draw(), head)
}

// headline says in a line what the computation consists of.
func (f *flow) headline() string {
	var inputs, params, ops int
	var work int64
	for _, n := range f.nodes {
		switch {
		case n.input:
			inputs++
		case n.param:
			params++
		default:
			ops++
		}
		work += n.flops
	}
	s := fmt.Sprintf("%q: %s, ", f.name, amount(inputs, "input"))
	if params > 0 {
		s += amount(params, "variable") + ", "
	}
	s += fmt.Sprintf("%s, %s FLOPs", amount(ops, "op"), si(work))
	if f.unused > 0 {
		s += fmt.Sprintf("; left out: %s that no result needs", amount(f.unused, "op"))
	}
	return s
}

// listing is the table of nodes: number, op, operands, attributes, shape and place.
func (f *flow) listing() *grid {
	g := &grid{header: []string{"", "op", "operands", "", "shape", "at"}, left: []bool{false, true, true, true, true, true}, mono: true}
	for i, n := range f.nodes {
		if i == maxListedNodes {
			g.note = fmt.Sprintf("… %d more nodes", len(f.nodes)-maxListedNodes)
			break
		}
		var in []string
		for _, x := range n.in {
			in = append(in, fmt.Sprintf("%%%d", f.nodes[x].id))
		}
		detail := short(n.detail, 48)
		if n.name != "" {
			detail = n.name
		}
		op := n.op
		if n.output {
			op += " *"
			if g.note == "" {
				g.note = "* result"
			}
		}
		g.rows = append(g.rows, []string{fmt.Sprintf("%%%d", n.id), op, strings.Join(in, " "), detail, strings.Join(n.shapes, " "), n.pos})
	}
	return g
}

// Sizes of boxes, in pixels.
const (
	boxHeight  = 26.0
	boxHeight2 = 40.0
	boxPad     = 11.0

	labelGap     = 6.0  // between a line and its label
	labelOverlap = 8.0  // how far a label may reach into the gap between boxes
	labelChar    = 6.02 // width of a character, of a monospaced font of 10 pixels
)

// labelWidth returns the width of what stands at the line that leaves a box.
func labelWidth(n *flowNode) float64 {
	return labelChar * float64(utf8.RuneCountInString(n.edgeLabel()))
}

// draw returns the layered drawing.
func (f *flow) draw() string {
	return f.drawAgain(true)
}

// drawAgain is draw; where frames around what is folded would cut boxes it draws once more, without them.
func (f *flow) drawAgain(mayAgain bool) string {
	nodes := make([]*layout.Node, len(f.nodes))
	boxes := make([]float64, len(f.nodes)) // widths
	var edges []*layout.Edge
	for i, n := range f.nodes {
		w, h := svg.TextWidth(n.title())*1.06, boxHeight
		if n.detail != "" {
			w, h = max(w, svg.TextWidth(clip(n.detail))*0.95), boxHeight2
		}
		boxes[i] = max(w+2*boxPad, 56)
		// the label at the right of the line that leaves the box needs its place too
		nodes[i] = &layout.Node{Width: max(boxes[i], 2*(labelWidth(n)-labelOverlap)), Height: h, Sink: n.given}
		seen := map[int]bool{}
		for _, x := range n.in {
			if !seen[x] { // x · x is one line
				seen[x] = true
				edges = append(edges, &layout.Edge{From: x, To: i})
			}
		}
	}
	gap, margin := layout.Gap, 10.0
	if f.compact {
		gap = compactGap
	}
	if f.folds() > 0 {
		margin += foldRoom
	}
	w, h := layout.PlaceWithin(nodes, edges, gap)
	if f.folds() > 0 && mayAgain {
		for i := range nodes {
			nodes[i].Width = boxes[i]
		}
		if f.sayFolds(nodes) {
			return f.drawAgain(false)
		}
	}
	extra := 0.0
	for i, n := range f.nodes { // shapes may stand out at the right
		extra = max(extra, nodes[i].X+labelGap+labelWidth(n)-w)
		nodes[i].Width = boxes[i]
	}
	bottom := 0.0
	for i, n := range f.nodes {
		if n.output && nodes[i].Y+nodes[i].Height/2 > h-1 {
			bottom = 18
		}
	}
	c := svg.NewCanvas(w+2*margin+max(0, extra), h+2*margin+bottom)
	if f.about != "" {
		c.Describe(f.about)
	} else {
		c.Describe(f.headline())
	}
	c.Style(".in{fill:#e3f4e8;stroke:#3f9a60}.pa{fill:#fdeeda;stroke:#d0872a}.out{fill:#f0e6f8;stroke:#9a5fb8}.op{fill:#f6f8fa;stroke:#b4bdc7}.gr{fill:#e6f0fb;stroke:#5b90cf}" +
		".ed{fill:none;stroke:#98a3af;stroke-width:1.2}.ah{fill:#98a3af}.d{font-size:10px}.fold{fill:none;stroke:#8a94a0;stroke-dasharray:5 4}" +
		"@media(prefers-color-scheme:dark){.in{fill:#173a25;stroke:#4fae74}.pa{fill:#43300f;stroke:#d39a4a}.out{fill:#3a2547;stroke:#b184cc}.op{fill:#262d36;stroke:#56616d}.gr{fill:#1a314c;stroke:#5b90cf}" +
		".ed{stroke:#6f7b88}.ah{fill:#6f7b88}}")
	c.Style(f.style)
	for _, e := range edges {
		drawEdge(c, nodes, e, margin)
	}
	f.drawFolds(c, nodes, margin)
	for i, n := range f.nodes {
		f.drawBox(c, n, nodes[i], margin)
	}
	return c.String()
}

func (n *flowNode) title() string {
	s := n.op
	if n.name != "" {
		s = n.name
	}
	if n.said {
		s += fmt.Sprintf(" ×%d", n.times)
	}
	return s
}

// edgeLabel is what stands at the line that leaves a box.
func (n *flowNode) edgeLabel() string {
	var s []string
	for _, o := range n.out {
		s = append(s, o.Dims())
	}
	if len(s) > 2 {
		s = append(s[:2], "…")
	}
	return strings.Join(s, " ")
}

func clip(s string) string { return short(s, 30) }

func (f *flow) drawBox(c *svg.Canvas, n *flowNode, at *layout.Node, margin float64) {
	x, y := at.X+margin, at.Y+margin
	class, radius := "op", 5.0
	switch {
	case n.output:
		class = "out"
	case n.input:
		class, radius = "in", 13
	case n.param:
		class, radius = "pa", 13
	case n.members > 1:
		class = "gr"
	}
	fill := ""
	if f.look != nil {
		class, fill = f.look(n, class)
	}
	c.Rect(x-at.Width/2, y-at.Height/2, at.Width, at.Height, radius, class, fill)
	if n.detail != "" {
		c.Text(x, y-3, "m b", n.title())
		c.Text(x, y+11, "f m d", clip(n.detail))
	} else {
		c.Text(x, y+4, "m b", n.title())
	}
	c.Text(x+labelGap, y+at.Height/2+12, "f mono d", n.edgeLabel())
}

// drawEdge draws a smooth line through the places kept free for it, with an arrow at its end.
func drawEdge(c *svg.Canvas, nodes []*layout.Node, e *layout.Edge, margin float64) {
	a, b := nodes[e.From], nodes[e.To]
	points := []layout.Point{{X: a.X, Y: a.Y + a.Height/2}}
	points = append(points, e.Points...)
	end := layout.Point{X: b.X + (clampTo(points[len(points)-1].X, b)-b.X)*0.7, Y: b.Y - b.Height/2 - 5}
	points = append(points, end)
	var d strings.Builder
	fmt.Fprintf(&d, "M%.1f %.1f", points[0].X+margin, points[0].Y+margin)
	for i := 1; i < len(points); i++ {
		p, q := points[i-1], points[i]
		mid := (p.Y + q.Y) / 2
		fmt.Fprintf(&d, "C%.1f %.1f %.1f %.1f %.1f %.1f", p.X+margin, mid+margin, q.X+margin, mid+margin, q.X+margin, q.Y+margin)
	}
	c.Path(d.String(), "ed")
	c.Path(fmt.Sprintf("M%.1f %.1fl-3.5 -6h7z", end.X+margin, end.Y+margin+5), "ah")
}

// clampTo returns the place on b's upper side that is nearest to x.
func clampTo(x float64, b *layout.Node) float64 {
	return max(b.X-b.Width/2+8, min(b.X+b.Width/2-8, x))
}

// nodeView shows one node: what it is, what it is made of, and where.
func nodeView(n *graph.Node) Bundle {
	if n == nil {
		return Plain("nil node")
	}
	if n.Graph() == nil {
		return Plain("a node of no graph")
	}
	g := &grid{left: []bool{true, true}, mono: true}
	add := func(name, value string) {
		if value != "" {
			g.rows = append(g.rows, []string{name, value})
		}
	}
	add("node", fmt.Sprintf("%%%d of graph %q", n.Id(), n.Graph().Name()))
	add("op", strings.TrimSpace(n.Type()+" "+attrText(n.Attrs())))
	add("name", n.GetParameterName())
	add("alias", n.GetAlias())
	for i, s := range outShapes(n) {
		if i == 0 {
			add("shape", s.String())
		} else {
			add("", s.String())
		}
	}
	if n.ConstantValue() != nil {
		add("value", oneLine(n.ConstantValue().Summary(4)))
	}
	for i, x := range n.Inputs() {
		add(fmt.Sprintf("operand %d", i), fmt.Sprintf("%%%d %s %s", x.Id(), x.Type(), shapeOf(x)))
	}
	if p := n.Position(); p.File != "" {
		at := place(p.File, p.Line)
		if !frames.IsCell(p.File) {
			at += "  " + p.SourceLine()
		}
		add("at", at)
	}
	return g.bundle()
}
