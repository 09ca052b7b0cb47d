package gocpu

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/ir/capability"
	"github.com/quire-ml/quire/internal/bytesize"
)

// Explain lists the steps of a run, with what is fused, where results lie, and the bytes that each step touches. See
// [capability.Explainer].
func (e *executable) Explain() string {
	var b strings.Builder
	m := e.MemoryPlan()
	fmt.Fprintf(&b, "program %q on the engine go: %d steps\n", e.code.name, len(e.code.steps))
	fmt.Fprintf(&b, "memory: arguments %s, results %s (%s in the place of donated arguments), values within a run %s, constants %s\n",
		bytesize.Text(int64(m.Arguments)), bytesize.Text(int64(m.Results)), bytesize.Text(int64(m.Donatable)), bytesize.Text(int64(m.Temporary)), bytesize.Text(int64(m.Constants)))
	e.code.explain(&b, "")
	return b.String()
}

// MemoryPlan returns what a run takes. See [capability.MemoryPlanner].
func (e *executable) MemoryPlan() (m capability.Memory) {
	c := e.code
	for _, id := range c.inputs {
		m.Arguments += c.values[id].size
	}
	for o, id := range c.outputs {
		m.Results += c.values[id].size
		if c.donors[o] >= 0 {
			m.Donatable += c.values[id].size
		}
	}
	each(c, map[*code]bool{}, func(c *code) {
		m.Temporary += c.arena // bodies run within the program, one or several at a time
		for _, v := range c.values {
			if v.kind == constant {
				m.Constants += len(v.data)
			}
		}
	})
	return m
}

// each calls f for a code and its bodies, each once.
func each(c *code, done map[*code]bool, f func(c *code)) {
	if done[c] {
		return
	}
	done[c] = true
	f(c)
	for i := range c.steps {
		if control := c.steps[i].control; control != nil {
			for _, body := range control.bodies() {
				each(body, done, f)
			}
		}
	}
}

// explain writes a line per step, and the bodies of control steps below them.
func (c *code) explain(b *strings.Builder, indent string) {
	total := 0
	for i := range c.steps {
		s := &c.steps[i]
		total += c.traffic(s)
		fmt.Fprintf(b, "%s%4d  %s  %s → %s  %s%s%s\n", indent, i, s.ops(), c.shapesOf(s.in), c.shapesOf(s.out), bytesize.Text(int64(c.traffic(s))), c.remarks(s), placeText(s))
		if s.control == nil {
			continue
		}
		for k, body := range s.control.bodies() {
			fmt.Fprintf(b, "%s      body %d, %q:\n", indent, k, body.name)
			body.explain(b, indent+"      ")
		}
	}
	fmt.Fprintf(b, "%s      %s touched\n", indent, bytesize.Text(int64(total)))
}

// ops names the op of a step, or those of a group.
func (s *step) ops() string {
	if len(s.parts) == 0 {
		return s.op.Name
	}
	names := make([]string, len(s.parts))
	for i, p := range s.parts {
		names[i] = p.Op.Name
	}
	return strings.Join(names, "+")
}

func placeText(s *step) string {
	if at := s.place.String(); at != "" {
		return "  // " + at
	}
	return ""
}

// traffic returns how many bytes a step reads and writes, its bodies' not counted.
func (c *code) traffic(s *step) (bytes int) {
	for i, id := range s.in {
		if !slices.Contains(s.in[:i], id) {
			bytes += c.values[id].shape.ByteSize()
		}
	}
	for _, id := range s.out {
		bytes += c.values[id].shape.ByteSize()
	}
	if s.chooses {
		return 0
	}
	return bytes
}

// remarks says what is special about a step.
func (c *code) remarks(s *step) (text string) {
	switch {
	case s.chooses:
		text = "  the first lies there already: nothing to do if it is chosen"
	case s.slow:
		text = "  no kernel: its reference meaning"
	}
	for _, id := range s.out {
		for _, x := range s.in {
			r := c.resolve(id)
			if o := slices.Index(c.outputs, r); c.resolve(x) == r || o >= 0 && c.donors[o] >= 0 && c.resolve(x) == c.inputs[c.donors[o]] {
				if !s.chooses {
					text += "  in place"
				}
				break
			}
		}
	}
	return text
}

func (c *code) shapesOf(ids []int) string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = c.values[id].shape.String()
	}
	return strings.Join(list, " · ")
}
