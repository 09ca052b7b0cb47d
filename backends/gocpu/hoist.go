package gocpu

import (
	"slices"

	"github.com/quire-ml/quire/graph/ir"
)

// hoist puts first what has the same results in all turns of a loop: pure steps of constants, of what the loop's function takes from
// around it, and of the results of such steps. The first turn runs them where a loop of no turns runs none, and their results stay.
func (c *code) hoist() {
	if c.state == noLoop {
		return
	}
	stays := c.given()
	var once, others []step
	for _, s := range c.steps {
		if !c.canStay(&s, stays) {
			others = append(others, s)
			continue
		}
		once = append(once, s)
		for _, id := range s.out {
			stays[id] = true
		}
	}
	c.once, c.steps = len(once), append(once, others...)
}

// given tells which values all turns of a loop are given alike, by content: constants, and what comes from around the loop.
func (c *code) given() []bool {
	stays := make([]bool, len(c.values))
	for id, v := range c.values {
		stays[id] = v.kind == constant
	}
	for _, id := range c.inputs[c.state:] {
		stays[id] = true
	}
	return stays
}

// canStay reports whether step s computes the same in all turns. Results of the function are written each time, to where they are
// wanted then.
func (c *code) canStay(s *step, stays []bool) bool {
	return s.control == nil && s.op.Effect == ir.Pure &&
		!slices.ContainsFunc(s.in, func(id int) bool { return !stays[c.content(id)] }) &&
		!slices.ContainsFunc(s.out, func(id int) bool { return c.kindOf(id) == output })
}
