// Package layout places the nodes of a directed acyclic graph in layers, so that edges run downwards and
// cross little, after Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical
// system structures", 1981: longest-path layers, barycentre ordering, then coordinates.
package layout

import (
	"cmp"
	"math"
	"slices"
)

// Node is a box. Sizes are given; the layout sets X and Y, the middle of the box.
type Node struct {
	Width, Height float64
	X, Y          float64
	Layer         int
	Sink          bool // draw near what uses it (an input), not at the top
}

// Edge goes from a node to a later one. Points are where it passes the layers between: the middles of the
// places kept free for it, from top to bottom.
type Edge struct {
	From, To int
	Points   []Point
}

// Point is a place in the drawing.
type Point struct{ X, Y float64 }

// Gaps between boxes, in pixels.
const (
	gapX  = 18.0
	Gap   = 44.0 // between layers, as Place has it
	lane  = 10.0 // width kept free for a long edge
	sweep = 12
)

// cell is a box, or the place of a long edge in a layer between its ends.
type cell struct {
	node     int // -1: an edge's place
	width    float64
	x        float64
	up, down []*cell
	sink     bool
	layer    int
	order    int
}

// Place sets the places of nodes and the points of edges, and returns the size of the drawing. Edges must
// go from lower to higher indices.
func Place(nodes []*Node, edges []*Edge) (width, height float64) {
	return PlaceWithin(nodes, edges, Gap)
}

// PlaceWithin is [Place] with so many pixels between layers.
func PlaceWithin(nodes []*Node, edges []*Edge, gap float64) (width, height float64) {
	if len(nodes) == 0 {
		return 0, 0
	}
	assignLayers(nodes, edges)
	layers, chains := makeCells(nodes, edges)
	order(layers)
	coordinates(layers)
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, l := range layers {
		for _, c := range l {
			lo, hi = min(lo, c.x-c.width/2), max(hi, c.x+c.width/2)
		}
	}
	ys, y := make([]float64, len(layers)), 0.0
	for i, l := range layers {
		h := 0.0
		for _, c := range l {
			if c.node >= 0 {
				h = max(h, nodes[c.node].Height)
			}
		}
		ys[i] = y + h/2
		y += h + gap
	}
	for i, l := range layers {
		for _, c := range l {
			c.x -= lo
			if c.node >= 0 {
				nodes[c.node].X, nodes[c.node].Y = c.x, ys[i]
			}
		}
	}
	for i, e := range edges {
		for _, c := range chains[i] {
			e.Points = append(e.Points, Point{c.x, ys[c.layer]})
		}
	}
	return hi - lo, y - gap
}

// assignLayers puts every node below all it depends on; inputs and other nodes with nothing above go down
// to just above their first use.
func assignLayers(nodes []*Node, edges []*Edge) {
	for _, n := range nodes {
		n.Layer = 0
	}
	byFrom := slices.Clone(edges)
	slices.SortStableFunc(byFrom, func(a, b *Edge) int { return cmp.Compare(a.From, b.From) })
	for _, e := range byFrom {
		nodes[e.To].Layer = max(nodes[e.To].Layer, nodes[e.From].Layer+1)
	}
	for i := len(nodes) - 1; i >= 0; i-- {
		if !nodes[i].Sink {
			continue
		}
		first := math.MaxInt
		for _, e := range edges {
			if e.From == i {
				first = min(first, nodes[e.To].Layer)
			}
		}
		if first != math.MaxInt {
			nodes[i].Layer = max(nodes[i].Layer, first-1)
		}
	}
}

// makeCells returns the layers, with a place for each long edge in each layer that it passes, and per edge
// those places.
func makeCells(nodes []*Node, edges []*Edge) (layers [][]*cell, chains [][]*cell) {
	depth := 0
	for _, n := range nodes {
		depth = max(depth, n.Layer+1)
	}
	layers = make([][]*cell, depth)
	of := make([]*cell, len(nodes))
	add := func(c *cell) *cell {
		c.order = len(layers[c.layer])
		layers[c.layer] = append(layers[c.layer], c)
		return c
	}
	for i, n := range nodes {
		of[i] = add(&cell{node: i, width: n.Width, layer: n.Layer, sink: n.Sink})
	}
	chains = make([][]*cell, len(edges))
	shared := map[[2]int]*cell{} // edges from one node to several run together
	for i, e := range edges {
		above := of[e.From]
		for l := nodes[e.From].Layer + 1; l < nodes[e.To].Layer; l++ {
			key := [2]int{e.From, l}
			c := shared[key]
			if c == nil {
				c = add(&cell{node: -1, width: lane, layer: l})
				shared[key] = c
				link(above, c)
			}
			chains[i] = append(chains[i], c)
			above = c
		}
		link(above, of[e.To])
	}
	return layers, chains
}

func link(above, below *cell) {
	above.down = append(above.down, below)
	below.up = append(below.up, above)
}

// order sorts each layer by the middle of the neighbours above and below, in turns, and keeps the best.
func order(layers [][]*cell) {
	best, bestOrder := crossings(layers), snapshot(layers)
	for i := range sweep {
		if i%2 == 0 {
			for _, l := range layers[1:] {
				sortBy(l, func(c *cell) []*cell { return c.up })
			}
		} else {
			for k := len(layers) - 2; k >= 0; k-- {
				sortBy(layers[k], func(c *cell) []*cell { return c.down })
			}
		}
		if n := crossings(layers); n < best {
			best, bestOrder = n, snapshot(layers)
		}
	}
	for i, l := range bestOrder {
		copy(layers[i], l)
		number(layers[i])
	}
}

func snapshot(layers [][]*cell) [][]*cell {
	out := make([][]*cell, len(layers))
	for i, l := range layers {
		out[i] = slices.Clone(l)
	}
	return out
}

func number(layer []*cell) {
	for i, c := range layer {
		c.order = i
	}
}

func sortBy(layer []*cell, neighbours func(*cell) []*cell) {
	middle := make(map[*cell]float64, len(layer))
	for _, c := range layer {
		ns := neighbours(c)
		if len(ns) == 0 {
			middle[c] = float64(c.order) // stays where it is
			continue
		}
		sum := 0.0
		for _, n := range ns {
			sum += float64(n.order)
		}
		middle[c] = sum / float64(len(ns))
	}
	slices.SortStableFunc(layer, func(a, b *cell) int { return cmp.Compare(middle[a], middle[b]) })
	number(layer)
}

// crossings counts pairs of edges between neighbouring layers that cross.
func crossings(layers [][]*cell) int {
	n := 0
	for _, l := range layers {
		var ends []int // lower ends of edges, sorted by upper end: inversions are crossings
		for _, c := range l {
			var mine []int
			for _, d := range c.down {
				mine = append(mine, d.order)
			}
			slices.Sort(mine)
			ends = append(ends, mine...)
		}
		if len(ends) > 2000 {
			return math.MaxInt // too large to be looked at that closely
		}
		for i, a := range ends {
			for _, b := range ends[i+1:] {
				if b < a {
					n++
				}
			}
		}
	}
	return n
}

// coordinates gives every cell an x: near the middle of its neighbours, in order, without overlap.
func coordinates(layers [][]*cell) {
	for _, l := range layers {
		x := 0.0
		for _, c := range l {
			c.x = x + c.width/2
			x += c.width + gapX
		}
	}
	for i := range 24 {
		if i%2 == 0 {
			for _, l := range layers[1:] {
				pull(l, func(c *cell) []*cell { return c.up })
			}
		} else {
			for k := len(layers) - 2; k >= 0; k-- {
				pull(layers[k], func(c *cell) []*cell { return c.down })
			}
		}
	}
	for _, l := range layers {
		pull(l, func(c *cell) []*cell { return slices.Concat(c.up, c.down) })
	}
}

// straightness says how much an edge between neighbouring cells wants to be vertical: the chain of ops more
// than what feeds it from the side, and the parts of a long edge most, after Gansner, Koutsofios, North and
// Vo, "A technique for drawing directed graphs", 1993, section 4.
func straightness(a, b *cell) float64 {
	switch {
	case a.node < 0 && b.node < 0:
		return 8
	case a.sink || b.sink:
		return 0.01 // an input follows what uses it, not the other way round
	case a.node < 0 || b.node < 0:
		return 1
	}
	return 4
}

// pull moves the cells of a layer towards the middle of their neighbours, by least squares under the
// condition that they keep order and distance: cells that push each other move as a block (the pool
// adjacent violators algorithm).
func pull(layer []*cell, neighbours func(*cell) []*cell) {
	type run struct {
		sum, weight float64 // of wanted places, relative to the run's first cell
		offset      float64 // of that cell in the layer when all stand close
		n           int
	}
	var runs []run
	offset := 0.0
	for i, c := range layer {
		if i > 0 {
			offset += layer[i-1].width/2 + gapX + c.width/2
		}
		want, w := c.x, 0.2
		if ns := neighbours(c); len(ns) > 0 {
			total := 0.0
			want, w = 0, 1
			for _, n := range ns {
				k := straightness(c, n)
				want, total = want+k*n.x, total+k
			}
			want /= total
			switch {
			case c.node < 0:
				w = 2
			case c.sink:
				w = 0.05
			}
		}
		runs = append(runs, run{(want - offset) * w, w, offset, 1})
		for k := len(runs); k > 1 && runs[k-2].sum/runs[k-2].weight > runs[k-1].sum/runs[k-1].weight; k = len(runs) {
			a, b := runs[k-2], runs[k-1]
			runs = append(runs[:k-2], run{a.sum + b.sum, a.weight + b.weight, a.offset, a.n + b.n})
		}
	}
	i := 0
	offset = 0
	for _, r := range runs {
		base := r.sum / r.weight
		for range r.n {
			if i > 0 {
				offset += layer[i-1].width/2 + gapX + layer[i].width/2
			}
			layer[i].x = base + offset
			i++
		}
	}
}
