package graph

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// ValueID numbers the values of a [Program].
type ValueID int

// Program is a computation as backends get it: a list of instructions in an order in which they can
// run, over numbered values of known shapes. It is immutable, can be printed ([Program.String]) and
// serialised (as JSON).
type Program struct {
	Name       string
	Values     []shapes.Shape // by ValueID
	Inputs     []ValueID
	InputNames []string
	Instrs     []Instr
	Outputs    []ValueID

	// Donated, nil or one per input, marks inputs that runs are expected to donate (see [Executable]). It is a
	// hint: a backend may prepare for it, and takes any donation at any run.
	Donated []bool

	// Mesh, if not nil, is where the program runs; the shardings, nil or one per input and output, say how those
	// are divided over it. Executables take and return whole values all the same. A backend with one device
	// ignores all three. Bodies have none of their own.
	Mesh            *Mesh
	InputShardings  []Sharding
	OutputShardings []Sharding
}

// Instr is one instruction: a call of an op.
type Instr struct {
	Op     *Op
	Attrs  any
	In     []ValueID
	Out    []ValueID
	Bodies []*Program // of If, While and Call: their inputs are the instruction's operands, see [Op]
	Pos    string     // the place in the user's code, such as "main.go:12"; "" if not known
}

// Bodies run on these operands: both of If's on all but the first (the condition); both of While's on
// all, the first Attrs.NumState being the state (cond returns the condition, body the next state); Call's
// on all.

// NewProgram returns the program that computes outputs, nodes of g's main function, from g's parameters,
// all of which are inputs. Ops for which lowers is false are expanded; a nil lowers expands nothing.
// Equal calls are computed once, and what no output needs is left out.
func NewProgram(g *Graph, outputs []*Node, lowers func(*Op) bool) (p *Program, err error) {
	if g == nil || g.main == nil {
		return nil, &Error{Err: errNilGraph, pcs: callSite(nil)}
	}
	if lowers == nil {
		lowers = func(*Op) bool { return true }
	}
	err = Catch(func() { p = newProgram(g, outputs, lowers) })
	return p, err
}

func newProgram(g *Graph, outputs []*Node, lowers func(*Op) bool) *Program {
	if len(outputs) == 0 {
		g.fail("", nil, fmt.Errorf("the graph %q has no outputs", g.name))
	}
	for i, n := range outputs {
		if n == nil || n.graph != g {
			g.fail("", nil, fmt.Errorf("output %d of the graph %q is nil or of another graph", i, g.name))
		}
	}
	outputs = slices.Clone(outputs)
	for i, n := range outputs {
		outputs[i] = g.main.local(n)
	}
	low := NewGraph(g.backend, g.name)
	low.lowers, low.cse, low.copied = lowers, true, map[string]*body{}
	m := map[*Node]*Node{}
	for _, p := range g.main.params {
		low.site = p.pcs
		m[p] = low.add(parameter, p.attrs, nil, p.outs)
		low.main.params = append(low.main.params, m[p])
	}
	e := &emitter{bodies: map[string]*Program{}, places: map[[maxFrames]uintptr]string{}}
	p := e.emit(g.name, low.main, low.main.params, copyNodes(low, g.main.nodes, outputs, m))
	g.place(p, outputs)
	return p
}

// emitter holds the programs of the bodies that were written, so that each is written once, and the places that were
// looked up, which many nodes share and cost a microsecond each.
type emitter struct {
	bodies map[string]*Program
	places map[[maxFrames]uintptr]string
}

func (e *emitter) place(n *Node) string {
	var key [maxFrames]uintptr
	copy(key[:], n.pcs)
	place, known := e.places[key]
	if !known {
		place = n.Position().String()
		e.places[key] = place
	}
	return place
}

// emit writes the nodes of a lowered function as a program.
func (e *emitter) emit(name string, f *Function, inputs, outputs []*Node) *Program {
	p := &Program{Name: name}
	ids := map[*Node]ValueID{}
	value := func(n *Node) ValueID {
		id := ValueID(len(p.Values))
		p.Values = append(p.Values, n.Shape())
		ids[n] = id
		return id
	}
	for _, n := range inputs {
		p.Inputs = append(p.Inputs, value(n))
		p.InputNames = append(p.InputNames, n.GetParameterName())
	}
	need := needed[any](f.nodes, outputs, nil)
	for _, n := range f.nodes {
		if !need[n] || n.op == parameter || n.op == output {
			continue
		}
		in := Instr{Op: n.op, Attrs: n.attrs, Pos: e.place(n)}
		for _, x := range n.inputs {
			in.In = append(in.In, ids[x])
		}
		for _, r := range n.results() {
			in.Out = append(in.Out, value(r))
		}
		operands := n.inputs
		if n.op == ifOp {
			operands = operands[1:]
		}
		for _, b := range n.bodies {
			in.Bodies = append(in.Bodies, e.body(b, operands))
		}
		p.Instrs = append(p.Instrs, in)
	}
	for _, n := range outputs {
		p.Outputs = append(p.Outputs, ids[n])
	}
	return p
}

// body writes a body; an operand that it ignores still is an input.
func (e *emitter) body(b *body, operands []*Node) *Program {
	key := fmt.Sprintf("%p", b)
	inputs := slices.Clone(b.inputs)
	for i, in := range inputs {
		if in == nil {
			inputs[i] = &Node{graph: b.fn.graph, op: parameter, attrs: ParameterAttrs{Name: fmt.Sprintf("unused%d", i)}, outs: operands[i].outs}
			key += fmt.Sprintf(" %d %s", i, operands[i].Shape())
		}
	}
	p := e.bodies[key]
	if p == nil {
		p = e.emit(b.fn.name, b.fn, inputs, b.fn.outputs)
		e.bodies[key] = p
	}
	return p
}

// NumInstrs returns the number of instructions, those of bodies included as often as they are called from different
// places; at most [math.MaxInt].
func (p *Program) NumInstrs() int { return p.numInstrs(map[*Program]int{}) }

func (p *Program) numInstrs(known map[*Program]int) int {
	if n, ok := known[p]; ok {
		return n
	}
	n := len(p.Instrs)
	for _, in := range p.Instrs {
		for _, b := range in.Bodies {
			if k := b.numInstrs(known); n > math.MaxInt-k {
				n = math.MaxInt
			} else {
				n += k
			}
		}
	}
	known[p] = n
	return n
}

// String prints the program, a line per instruction:
//
//	program "mlp"(%0 x float32[32 784], %1 w float32[784 10]) {
//	  %2 = MatMul %0 %1 : float32[32 10]  // main.go:12
//	  return %2
//	}
//
// Where a program has a mesh it is printed after the name, and shardings after what they divide:
//
//	program "mlp" on mesh[data=2](%0 x float32[32 784] split [data -], %1 w float32[784 10]) {
//
// A body that several instructions share is printed at the first of them.
func (p *Program) String() string {
	b := printer{begins: map[*Program]int{}}
	p.write(&b, "", "program")
	return b.String()
}

// printer is the text of a program, with the lines in which those printed so far begin.
type printer struct {
	strings.Builder
	begins        map[*Program]int
	counted, seen int // newlines, in how many bytes
}

// line returns the number of the line that is written next, from 1.
func (b *printer) line() int {
	b.counted += strings.Count(b.String()[b.seen:], "\n")
	b.seen = b.Len()
	return b.counted + 1
}

func (p *Program) write(b *printer, indent, keyword string) {
	if line := b.begins[p]; line > 0 {
		fmt.Fprintf(b, "%s%s %q of line %d\n", indent, keyword, p.Name, line)
		return
	}
	b.begins[p] = b.line()
	fmt.Fprintf(b, "%s%s %q", indent, keyword, p.Name)
	if p.Mesh != nil {
		fmt.Fprintf(b, " on %s", p.Mesh)
	}
	split := func(list []Sharding, i int) {
		if list != nil && !list[i].Replicated() {
			fmt.Fprintf(b, " split %s", list[i])
		}
	}
	b.WriteByte('(')
	for i, id := range p.Inputs {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(b, "%%%d %s %s", id, p.InputNames[i], p.Values[id])
		split(p.InputShardings, i)
	}
	b.WriteString(") {\n")
	for _, in := range p.Instrs {
		b.WriteString(indent + "  ")
		for i, id := range in.Out {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(b, "%%%d", id)
		}
		b.WriteString(" = " + in.Op.Name)
		for _, id := range in.In {
			fmt.Fprintf(b, " %%%d", id)
		}
		if in.Attrs != nil {
			b.WriteString(" " + attrString(in.Attrs))
		}
		b.WriteString(" :")
		for _, id := range in.Out {
			b.WriteString(" " + p.Values[id].String())
		}
		if in.Pos != "" {
			b.WriteString("  // " + in.Pos)
		}
		b.WriteByte('\n')
		for _, body := range in.Bodies {
			body.write(b, indent+"    ", "body")
		}
	}
	b.WriteString(indent + "  return")
	for i, id := range p.Outputs {
		fmt.Fprintf(b, " %%%d", id)
		split(p.OutputShardings, i)
	}
	b.WriteString("\n" + indent + "}\n")
}

// attrString writes attributes for people: constants by shape and first values.
func attrString(attrs any) string {
	if c, ok := attrs.(ConstAttrs); ok {
		if c.Value == nil || !c.Value.Ok() {
			return "{finalized}"
		}
		n := c.Value.Size()
		var parts []string
		for i := range min(n, 4) {
			parts = append(parts, fmt.Sprint(element(c.Value, i)))
		}
		if n > 4 {
			parts = append(parts, "…")
		}
		return "{" + strings.Join(parts, " ") + "}"
	}
	return fmt.Sprintf("%+v", attrs)
}

// element returns one element of t by its flat index.
func element(t *tensors.Tensor, i int) any {
	index := make([]int, t.Rank())
	for axis := t.Rank() - 1; axis >= 0; axis-- {
		d := t.Shape().Dimensions[axis]
		index[axis], i = i%d, i/d
	}
	return t.At(index...)
}

// maxKeyBytes is how large a constant may be to be compared with others.
const maxKeyBytes = 1 << 10

// cseKey names a call, so that equal calls have equal keys; "" for calls that are not worth comparing.
func cseKey(op *Op, attrs any, in []*Node) string {
	var b strings.Builder
	b.WriteString(op.Name)
	for _, x := range in {
		fmt.Fprintf(&b, " %d", x.id)
	}
	if c, ok := attrs.(ConstAttrs); ok {
		if c.Value.ByteSize() > maxKeyBytes {
			return ""
		}
		b.WriteString(c.Value.Shape().String())
		c.Value.ConstBytes(func(data []byte) { b.Write(data) })
	} else if attrs != nil {
		fmt.Fprintf(&b, " %+v", attrs)
	}
	return b.String()
}
