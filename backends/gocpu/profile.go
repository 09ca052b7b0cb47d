package gocpu

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/capability"
	"github.com/quire-ml/quire/graph/shapes"
)

// Profile is Run that tells what each step did: see [capability.Profiler].
func (e *executable) Profile(ctx context.Context, inputs []ir.Buffer, donate []bool) ([]ir.Buffer, *capability.Profile, error) {
	p := &profiler{next: e.code.observer, steps: map[string]*profiled{}}
	start := time.Now()
	results, err := e.run(ctx, inputs, donate, &site{observer: p})
	if err != nil {
		return nil, nil, err
	}
	took := time.Since(start)
	memory := e.code.peak(donate)
	return results, &capability.Profile{Program: e.code.name, Runs: 1, Took: took, Steps: p.result(), Memory: memory}, nil
}

// profiler notes what steps take. Several goroutines may tell it of steps at once.
type profiler struct {
	next Observer // who is told besides; nil for nobody

	mu    sync.Mutex
	steps map[string]*profiled // by ID
	order []*profiled
}

// profiled is a step with what it took so far.
type profiled struct {
	capability.Step
	began  time.Time
	inside time.Duration // of Took, what the steps of its bodies took
}

func keyOf(id []int) string { return fmt.Sprint(id) }

// Before notes the time, as the last thing before the step.
func (p *profiler) Before(s *Step) {
	if p.next != nil {
		p.next.Before(s)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	x := p.steps[keyOf(s.ID)]
	if x == nil {
		x = &profiled{}
		p.steps[keyOf(s.ID)] = x
	}
	x.began = time.Now()
}

// After adds the step's time, and takes it from that of the step around it.
func (p *profiler) After(s *Step, err error) {
	now := time.Now()
	p.mu.Lock()
	x := p.steps[keyOf(s.ID)]
	took := now.Sub(x.began)
	x.Took += took
	x.Bytes += float64(s.touched)
	if x.Count++; x.Count == 1 {
		p.order = append(p.order, x)
	}
	for i, c := range s.calls {
		if i == len(x.Calls) {
			x.Calls = append(x.Calls, capability.StepCall{Op: c.Op, Place: c.Place})
		}
		x.Calls[i].FLOPs += c.FLOPs
	}
	if n := len(s.ID); n > 2 { // the step around it is before the number of the region
		p.steps[keyOf(s.ID[:n-2])].inside += took
	}
	p.mu.Unlock()
	if p.next != nil {
		p.next.After(s, err)
	}
}

// result returns the steps, those with bodies without what these took.
func (p *profiler) result() []capability.Step {
	list := make([]capability.Step, len(p.order))
	for i, x := range p.order {
		x.Took = max(0, x.Took-x.inside) // bodies that ran at once may take more together
		list[i] = x.Step
	}
	return list
}

// calls returns the calls of a step, with their costs: several if they are one group.
func (c *code) calls(s *step) []capability.StepCall {
	if len(s.parts) == 0 {
		call := c.callOf(s)
		if s.id < len(c.program.Instrs) && s.control == nil { // no copy of a result; and bodies tell of their calls themselves
			call.FLOPs = c.cost(&c.program.Instrs[s.id])
		}
		return []capability.StepCall{call}
	}
	list := make([]capability.StepCall, len(s.parts))
	for i, in := range s.parts {
		list[i] = capability.StepCall{Op: in.Op, Place: in.Place.Place(), FLOPs: c.cost(in)}
	}
	return list
}

// cost returns the operations of an instruction.
func (c *code) cost(in *ir.Instr) float64 {
	list := func(ids []ir.Value) []shapes.Shape {
		out := make([]shapes.Shape, len(ids))
		for i, id := range ids {
			out[i] = c.program.Values[id]
		}
		return out
	}
	return in.Op.CostOf(in.Attrs, list(in.In), list(in.Out)).FLOPs
}

// peak finds the step at which the values of a run take the most memory.
func (c *code) peak(donate []bool) (p capability.Peak) {
	first, last := c.spans()
	p.Live = c.alwaysLive()
	for _, l := range p.Live {
		p.Bytes += l.Bytes
	}
	best, most := -1, -1
	for i := range c.steps {
		total := 0
		for _, id := range c.liveAt(i, first, last, donate) {
			total += c.values[id].size
		}
		if total > most {
			best, most = i, total
		}
	}
	if best >= 0 {
		call := c.callOf(&c.steps[best])
		p.Step, p.Bytes = &call, p.Bytes+most
		for _, id := range c.liveAt(best, first, last, donate) {
			p.Live = append(p.Live, c.live(id, first[id]))
		}
	}
	slices.SortStableFunc(p.Live, func(a, b capability.Live) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return p
}

// callOf names the step by its instruction.
func (c *code) callOf(s *step) capability.StepCall {
	return capability.StepCall{Op: s.op, Place: s.place.Place()}
}

// spans returns per value the first and the last step that touch its memory; -1 for those that none does.
func (c *code) spans() (first, last []int) {
	first, last = make([]int, len(c.values)), make([]int, len(c.values))
	for id := range first {
		first[id], last[id] = -1, -1
	}
	for i, s := range c.steps {
		ids := slices.Concat(s.in, s.out)
		if s.scratch >= 0 {
			ids = append(ids, s.scratch)
		}
		for _, id := range ids {
			r := c.owner(id)
			if first[r] < 0 {
				first[r] = i
			}
			last[r] = i
		}
	}
	return first, last
}

// alwaysLive are arguments and constants.
func (c *code) alwaysLive() (list []capability.Live) {
	for _, id := range c.inputs {
		list = append(list, capability.Live{Kind: capability.LiveArgument, Shape: c.values[id].shape, Bytes: c.values[id].size})
	}
	for id := range c.values {
		if v := &c.values[id]; v.kind == constant && c.resolve(id) == id && len(v.data) > 0 {
			list = append(list, capability.Live{Kind: capability.LiveConstant, Shape: v.shape, Bytes: len(v.data)})
		}
	}
	return list
}

// liveAt are the values that step i finds or makes, but arguments and constants. A result on the memory of an operand stands for
// both.
func (c *code) liveAt(i int, first, last []int, donate []bool) (list []int) {
	at := map[int]int{} // by offset in the arena: the place in list
	for id := range c.values {
		v := &c.values[id]
		switch {
		case c.owner(id) != id || first[id] < 0 || first[id] > i || v.size == 0:
			continue
		case v.kind == output && c.onArgument(id, donate), v.kind == temp && last[id] < i, v.kind == input, v.kind == constant:
			continue
		case v.kind == temp:
			if k, taken := at[v.offset]; taken { // the later one is what the step writes
				if first[id] == i {
					list[k] = id
				}
				continue
			}
			at[v.offset] = len(list)
		}
		list = append(list, id)
	}
	return list
}

// live describes a value that step i has made.
func (c *code) live(id, i int) capability.Live {
	v, s := &c.values[id], &c.steps[i]
	l := capability.Live{Kind: capability.LiveValue, Shape: v.shape, Bytes: v.size, Made: c.callOf(s)}
	switch {
	case v.kind == output:
		l.Kind = capability.LiveResult
	case s.scratch == id:
		l.Kind = capability.LiveScratch
	}
	return l
}

// onArgument reports whether an output takes the memory of an argument that is given up.
func (c *code) onArgument(id int, donate []bool) bool {
	o := slices.Index(c.outputs, id)
	return o >= 0 && c.donors[o] >= 0 && c.donors[o] < len(donate) && donate[c.donors[o]]
}
