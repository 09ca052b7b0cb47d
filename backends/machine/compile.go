package machine

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/runstate"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
)

// plan is how the steps of a machine's executable depend on each other. It is the same in every run.
type plan struct {
	nodes    [][]int  // per step the nodes that it computes; none if it copies a result
	after    [][]int  // per step the earlier ones that it must follow
	next     [][]int  // per step those that must follow it, the one with the longest way behind it first
	edges    [][]int  // per step what makes its operands, one by one, and then what else it must follow
	waits    []string // per step what it waits for outside of the program
	waitsFor []string
	stepOf   []int  // per node, -1 if no step computes it
	result   []int  // per result of the executable the step after which it is there
	tiny     []bool // per step, that it takes less than what passes between workers
	roots    []int  // steps that follow nothing
	lasts    int    // steps that nothing follows
	depth    int    // of the longest way
	work     float64
}

// width returns how many steps could run at once on average.
func (p *plan) width() float64 { return float64(len(p.nodes)) / float64(max(1, p.depth)) }

// findNodes lists the nodes of the program.
func (m *Machine) findNodes() {
	p := m.program
	m.nodeOf = make([]int, len(p.Values))
	for i, v := range p.Inputs {
		name := p.InputNames[i]
		if name == "" {
			name = fmt.Sprintf("input %d", i)
		}
		m.nodeOf[v] = len(m.nodes)
		m.nodes = append(m.nodes, runstate.Node{ID: v, Values: []ir.Value{v}, Name: name, Shapes: []shapes.Shape{p.Values[v]}, Back: -1})
	}
	for i := range p.Instrs {
		in := &p.Instrs[i]
		n := runstate.Node{Values: in.Out, Op: in.Op, Name: in.Op.Name, Detail: short(ir.AttrString(in.Attrs)), Shapes: p.ShapesOf(in.Out), Place: in.Place.Place(), Back: -1}
		if len(in.Out) > 0 {
			n.ID = in.Out[0]
		}
		_, n.Constant = in.Attrs.(ir.ConstAttrs)
		if in.Op.Waits != nil {
			n.Waits = in.Op.Waits(in.Attrs)
		}
		for _, v := range in.In {
			n.In = append(n.In, m.nodeOf[v])
		}
		for _, v := range in.Out {
			m.nodeOf[v] = len(m.nodes)
		}
		m.nodes = append(m.nodes, n)
	}
	near := map[*graph.Node]int{}
	for n, v := range m.ids {
		if through := n.BackThrough(); through != nil {
			m.nodes[m.nodeOf[v]].Back = m.nearest(through, near)
		}
		if list := n.Gradients(); len(list) > 0 {
			if dv, ok := m.ids[list[len(list)-1]]; ok {
				m.grads[v] = dv
			}
		}
	}
	for i := range m.nodes { // what is nobody's, such as one of several results
		if n := &m.nodes[i]; n.Back >= i {
			n.Back = -1
		}
	}
}

// nearest returns the node of a node of the graph, or of one of its results; that of an operand if the program does without it. What is
// known is not looked for again: there may be more ways back than time.
func (m *Machine) nearest(n *graph.Node, known map[*graph.Node]int) int {
	if i, ok := known[n]; ok {
		return i
	}
	at := -1
	for _, r := range n.Results() {
		if v, ok := m.ids[r]; ok {
			at = m.nodeOf[v]
			break
		}
	}
	for _, x := range n.Inputs() {
		if at >= 0 {
			break
		}
		at = m.nearest(x, known)
	}
	known[n] = at
	return at
}

// short cuts attributes to what fits beside an op.
func short(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:59]) + "…"
	}
	return s
}

// compile makes the executable that returns the values kept, and the plan of its steps.
func (m *Machine) compile(kept []ir.Value) error {
	p, err := m.lowered(kept)
	if err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	if m.exe, err = m.backend.Compile(context.Background(), p); err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	steps, ok := gocpu.StepsOf(m.exe)
	if !ok {
		return fmt.Errorf("machine: the engine go has no steps for %q", p.Name)
	}
	m.plan = m.planOf(steps)
	m.choose()
	return nil
}

// lowered returns the program with instructions that the engine has kernels for, one for each of the original: what is made of several is a
// call of a function.
func (m *Machine) lowered(kept []ir.Value) (*ir.Program, error) {
	p, b := m.program, ir.NewBuilder(m.program.Name)
	values := make([]ir.Value, len(p.Values))
	at := func(list []ir.Value) []ir.Value {
		out := make([]ir.Value, len(list))
		for i, v := range list {
			out[i] = values[v]
		}
		return out
	}
	for i, v := range p.Inputs {
		x, err := b.Input(p.InputNames[i], p.Values[v])
		if err != nil {
			return nil, err
		}
		values[v] = x
	}
	for i := range p.Instrs {
		in := p.Instrs[i]
		b.At(in.Place)
		if !m.has(&in) {
			low, err := m.function(&in)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", in.Place, err)
			}
			if one := &low.Instrs; len(*one) == 1 && slices.Equal((*one)[0].In, low.Inputs) && slices.Equal((*one)[0].Out, low.Outputs) {
				in.Op, in.Attrs, in.Regions, in.Captured = (*one)[0].Op, (*one)[0].Attrs, (*one)[0].Regions, (*one)[0].Captured
			} else {
				in.Op, in.Attrs, in.Regions, in.Captured = ops.Call, nil, []*ir.Program{low}, 0
			}
		}
		out, err := b.Call(in.Op, in.Attrs, at(in.In), in.Captured, in.Regions...)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", in.Place, in.Op, err)
		}
		for k, v := range in.Out {
			values[v] = out[k]
		}
	}
	q, err := b.Program(at(kept)...)
	if err == nil && p.Mesh != nil {
		q, err = q.Divide(p.Mesh, p.InputShardings, nil)
	}
	return q, err
}

// has reports whether the engine runs the instruction as it is.
func (m *Machine) has(in *ir.Instr) bool {
	return in.Op.Regions == nil && m.backend.Lowers(m.program.Call(in))
}

// function returns the instruction as a program of what the engine runs.
func (m *Machine) function(in *ir.Instr) (*ir.Program, error) {
	b := ir.NewBuilder(in.Op.Name)
	b.At(in.Place)
	args := make([]ir.Value, len(in.In))
	for i, s := range m.program.ShapesOf(in.In) {
		v, err := b.Input("", s)
		if err != nil {
			return nil, err
		}
		args[i] = v
	}
	out, err := b.Call(in.Op, in.Attrs, args, in.Captured, in.Regions...)
	if err != nil {
		return nil, err
	}
	p, err := b.Program(out...)
	if mesh := m.program.Mesh; err == nil && mesh != nil {
		p, err = p.Divide(mesh, nil, nil)
	}
	if err != nil {
		return nil, err
	}
	low, err := ir.Lower(p, m.backend.Lowers)
	if err != nil {
		return nil, err
	}
	region := *low
	region.Mesh, region.InputShardings, region.OutputShardings = nil, nil, nil // which a part of a program has none of
	return &region, nil
}

// planOf returns how the steps depend on each other.
func (m *Machine) planOf(s *gocpu.Steps) *plan {
	n := s.Len()
	p := &plan{nodes: make([][]int, n), after: make([][]int, n), next: make([][]int, n), edges: make([][]int, n), waits: make([]string, n), stepOf: make([]int, len(m.nodes)), tiny: make([]bool, n), result: s.Results()}
	for i := range p.stepOf {
		p.stepOf[i] = -1
	}
	inputs := len(m.program.Inputs)
	for i := range n {
		seconds, known := 0.0, true
		for _, id := range s.Instrs(i) {
			if id >= len(m.program.Instrs) {
				continue
			}
			node := inputs + id
			p.nodes[i] = append(p.nodes[i], node)
			p.stepOf[node] = i
			if w := m.nodes[node].Waits; w != "" {
				p.waits[i] = w
				if !slices.Contains(p.waitsFor, w) {
					p.waitsFor = append(p.waitsFor, w)
				}
			}
			call := m.program.Call(&m.program.Instrs[id])
			cost := call.Op.CostOf(call.Attrs, call.In, call.Out)
			seconds += secondsOf(cost)
			known = known && (call.Op.Elementwise || call.Op.Layout != ir.Computes) && call.Op.Kernel == nil // of others the cost is a guess
		}
		p.work += seconds
		p.tiny[i] = seconds < leastStep && known
		p.after[i] = slices.Clone(s.After(i))
	}
	level := make([]int, n)
	for i := range n {
		level[i] = 1
		for _, j := range p.after[i] {
			level[i] = max(level[i], level[j]+1)
			p.next[j] = append(p.next[j], i)
		}
		p.depth = max(p.depth, level[i])
	}
	behind := make([]int, n) // the steps of the longest way from each one on
	for i := n - 1; i >= 0; i-- {
		for _, k := range p.next[i] {
			behind[i] = max(behind[i], behind[k]+1)
		}
		slices.SortStableFunc(p.next[i], func(a, b int) int { return cmp.Compare(behind[b], behind[a]) })
	}
	for i := range n {
		p.edges[i] = m.edgesOf(p, i)
		if len(p.after[i]) == 0 {
			p.roots = append(p.roots, i)
		}
		if len(p.next[i]) == 0 {
			p.lasts++
		}
	}
	return p
}

// edgesOf returns the steps that make the operands of step i, a step for each operand even if they are equal, and the others that it must
// follow.
func (m *Machine) edgesOf(p *plan, i int) (list []int) {
	var made func(node int)
	made = func(node int) {
		switch j := p.stepOf[node]; {
		case j >= 0 && j < i:
			list = append(list, j)
		case j < 0: // it lies in what its operands are
			for _, x := range m.nodes[node].In {
				made(x)
			}
		}
	}
	for _, node := range p.nodes[i] {
		for _, x := range m.nodes[node].In {
			made(x)
		}
	}
	for _, j := range p.after[i] {
		if !slices.Contains(list, j) {
			list = append(list, j)
		}
	}
	return list
}

// secondsOf is about how long a call takes one processor: 10⁹ operations, and 5·10⁹ bytes, in a second, and what a step takes at least.
func secondsOf(c ir.Cost) float64 { return c.FLOPs/1e9 + c.Bytes/5e9 + 100e-9 }

// What makes Dataflow worth while: enough work that several workers are woken up for it, and enough width for them.
const (
	leastWork  = 100e-6 // seconds; to wake a worker takes some microseconds
	leastStep  = 2e-6   // seconds; what passes between workers takes a part of one
	leastWidth = 1.5
)

// choose settles the engine.
func (m *Machine) choose() {
	p := m.plan
	m.engine = m.set.engine
	each := p.work / float64(max(1, len(p.nodes)))
	waiting := 0
	for _, w := range p.waits {
		if w != "" {
			waiting++
		}
	}
	switch {
	case m.engine != Auto:
		m.why = "which was asked for"
	case waiting > 1 && p.width() > 1:
		m.engine, m.why = Dataflow, fmt.Sprintf("since %d nodes wait for something outside, which they can do at once", waiting)
	case m.set.workers < 2:
		m.engine, m.why = Sequential, "since there is one worker"
	case p.width() < leastWidth:
		m.engine, m.why = Sequential, fmt.Sprintf("since nodes follow one another: %.1f could run at once on average; all processors work on each", p.width())
	case p.work < leastWork || each < leastStep:
		m.engine, m.why = Sequential, fmt.Sprintf("since its nodes are small: about %.0f µs together", p.work*1e6)
	default:
		m.engine, m.why = Dataflow, fmt.Sprintf("since about %.1f nodes can run at once, of about %.0f µs each", p.width(), each*1e6)
	}
}
