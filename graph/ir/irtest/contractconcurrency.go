package irtest

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
)

const (
	runsOverlap     = "Runs of one executable may overlap."
	compilesOverlap = "Programs may be compiled at the same time as others, and as others run."
)

var concurrencyRules = []rule{
	{"runs of one executable overlap", runsOverlap, overlappingRuns},
	{"programs are compiled at once", compilesOverlap, overlappingCompiles},
}

// overlappingRuns has values between inputs and outputs, and donations.
func overlappingRuns(c *check) {
	for _, n := range sizes {
		b := c.engine()
		exe := c.compile(b, shapesOf(ramp(n, 1), ramp(n, 1)), func(in []*graph.Node) []*graph.Node {
			y := in[0]
			for range 6 {
				y = graph.Sub(graph.Add(y, in[1]), in[0])
			}
			return []*graph.Node{y, graph.Add(in[0], in[1])}
		}, true, false)
		c.together(6, func(c *check, i int) {
			x, y := ramp(n, float32(i)), ramp(n, 2)
			for k := range 8 {
				out := c.runDonating(exe, []ir.Buffer{c.put(b, x), c.put(b, y)}, []bool{k%2 == 0, false})
				c.isRamp(out[0], 12-5*float32(i), "a result among runs at once")
				c.isRamp(out[1], float32(i)+2, "a result among runs at once")
			}
		})
	}
}

// overlappingCompiles has programs that are alike and others.
func overlappingCompiles(c *check) {
	b := c.engine()
	c.together(6, func(c *check, i int) {
		for k := range 6 {
			n, times := 4+(i+k)%3, 1+(i+k)%4
			exe := c.compile(b, shapesOf(ramp(n, 1)), func(in []*graph.Node) []*graph.Node {
				y := in[0]
				for range times {
					y = graph.Add(y, y)
				}
				return []*graph.Node{y}
			}, k%2 == 0)
			out := c.runDonating(exe, []ir.Buffer{c.put(b, ramp(n, 1))}, []bool{k%2 == 0})
			c.isRamp(out[0], float32(int(1)<<times), "the result of a program that was compiled among others")
			c.ok(exe.Close(), "Close of an executable")
		}
	})
}
