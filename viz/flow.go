package viz

import (
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/frames"
	"github.com/quire-ml/quire/internal/visits"
	"github.com/quire-ml/quire/ml/model"
)

// flow is a computation as views of this package see it, whether it comes from a graph or a program: what is
// constant is folded into what uses it.
type flow struct {
	name   string
	nodes  []*flowNode
	unused int // ops left out, since no result needs them

	compact bool                                                    // drawn with little room between boxes
	about   string                                                  // in place of the headline, for those who do not see the drawing
	look    func(n *flowNode, class string) (newClass, fill string) // how a box looks other than by its class; nil for as it is
	style   string                                                  // of those classes
	at      string                                                  // sizes at which it was traced, if axes have their symbols for names; see sized.go
}

type flowNode struct {
	id      int   // in the graph or program
	ids     []int // of all members of a group
	op      string
	attrs   any
	given   bool     // it is no op: a parameter of the graph, an input of the program
	name    string   // of a parameter
	detail  string   // attributes and folded constants, short
	shapes  []string // of the results
	out     []shapes.Shape
	in      []int // indices in flow.nodes; folded constants are left out
	inShape []shapes.Shape
	pos     string // for the reader
	key     string // of the line that made it, to tell lines apart
	alias   string
	calls   []call // that made it, innermost first, outside of package graph; empty for programs
	stack   string // all calls that made it, to tell the turns of a loop apart
	via     string // the function of package graph that was called from outside of it: Softmax for its Exp
	viaAt   string // the place of that call in the stack, to tell such calls apart
	flops   int64
	output  bool   // nobody uses it, or it was returned
	input   bool   // a parameter that is no variable
	param   bool   // a parameter that is a variable of a model
	members int    // of a group
	scope   string // of the variables that only the group uses: what they have in common
	call    string // that made the group
	times   int    // how many groups like it follow each other, of which it is the first; 0 for one
	fold    int    // the number of the repeated part of the graph that it belongs to, from 1 on; 0 for none
	said    bool   // its title says how often
}

// call is a function and the place it was called at.
type call struct {
	name string // of the function
	site string // file:line of the caller, "" at the outermost one
	at   string // the same for the reader
	user bool
}

// fromGraph returns the main function of g; outputs are its results, nil if they are not known.
func fromGraph(g *graph.Graph, outputs []*graph.Node, lowest string) *flow {
	f := &flow{name: g.Name()}
	index := map[*graph.Node]int{}
	folded := map[*graph.Node]string{}
	for _, n := range g.Nodes() {
		if !n.Function().IsMain() {
			continue
		}
		if visits.IsResult(n) { // a result of a node with several: that node stands for it
			if i, ok := index[n.Input(0)]; ok {
				index[n] = i
			}
			continue
		}
		if c, ok := foldable(n, folded); ok && !slices.Contains(outputs, n) {
			folded[n] = c
			continue
		}
		p := n.Position()
		fn := &flowNode{id: int(n.Id()), op: opName(n.Type(), n.Attrs(), len(n.Inputs())), attrs: n.Attrs(), pos: place(p.File, p.Line), key: fmt.Sprintf("%s:%d", p.File, p.Line), alias: n.GetAlias(), members: 1}
		fn.calls, fn.stack = callsOf(n.Callers(), lowest), fmt.Sprintf("%x", n.Callers())
		fn.via, fn.viaAt = viaOf(n.Callers())
		fn.setOut(outShapes(n))
		details := []string{}
		if d := attrText(n.Attrs()); d != "" {
			details = append(details, d)
		}
		for _, x := range n.Inputs() {
			fn.inShape = append(fn.inShape, shapeOf(x))
			if c, ok := folded[x]; ok {
				details = append(details, c)
			} else if i, ok := index[x]; ok {
				fn.in = append(fn.in, i)
			}
		}
		fn.detail = strings.Join(details, ", ")
		if visits.IsParameter(n) {
			fn.fromOutside(n.GetParameterName())
		}
		fn.flops = costOf(n.Op(), n.Attrs(), fn.inShape, fn.out)
		index[n] = len(f.nodes)
		f.nodes = append(f.nodes, fn)
	}
	for _, n := range outputs {
		if i, ok := index[n]; ok {
			f.nodes[i].output = true
		}
	}
	f.markSinks(outputs != nil)
	if outputs != nil {
		f.prune()
	}
	return f
}

// fromProgram returns a program; of bodies only the calls show.
func fromProgram(p *graph.Program) *flow {
	f := &flow{name: p.Name}
	index := map[ir.Value]int{}
	folded := map[ir.Value]string{}
	for i, id := range p.Inputs {
		n := &flowNode{id: int(id), op: parameterName(), members: 1}
		n.fromOutside(p.InputNames[i])
		n.setOut([]shapes.Shape{p.Values[id]})
		index[id] = len(f.nodes)
		f.nodes = append(f.nodes, n)
	}
	for _, in := range p.Instrs {
		n := &flowNode{id: int(in.Out[0]), op: opName(in.Op.Name, in.Attrs, len(in.In)), attrs: in.Attrs, pos: in.Place.String(), key: in.Place.String(), members: 1}
		var details []string
		if d := attrText(in.Attrs); d != "" {
			details = append(details, d)
		}
		constant := len(in.In) == 0 || isLayout(in.Op)
		for _, id := range in.In {
			n.inShape = append(n.inShape, p.Values[id])
			if c, ok := folded[id]; ok {
				details = append(details, c)
			} else {
				n.in = append(n.in, index[id])
				constant = false
			}
		}
		for _, id := range in.Out {
			n.out = append(n.out, p.Values[id])
		}
		n.setOut(n.out)
		n.detail = strings.Join(details, ", ")
		if constant && len(in.Out) == 1 && !slices.Contains(p.Outputs, in.Out[0]) {
			folded[in.Out[0]] = constantText(in.Op.Name, in.Attrs, p.Values[in.Out[0]], details)
			continue
		}
		n.flops = costOf(in.Op, in.Attrs, n.inShape, n.out)
		for _, id := range in.Out {
			index[id] = len(f.nodes)
			n.output = n.output || slices.Contains(p.Outputs, id)
		}
		f.nodes = append(f.nodes, n)
	}
	f.markSinks(true)
	return f
}

// parameterName returns what the op of a parameter is called; in a program inputs have no op.
var parameterName = sync.OnceValue(func() string {
	return graph.Parameter(graph.NewGraph(nil, "names"), "x", shapes.Make(dtypes.Float32)).Type()
})

// fromOutside makes n a parameter of that name: a variable of a model, or an input.
func (n *flowNode) fromOutside(parameter string) {
	n.given, n.detail = true, ""
	n.name, n.param = model.VariablePath(parameter) // the name as it is, if there is no path
	n.input = !n.param
}

func (n *flowNode) setOut(out []shapes.Shape) {
	n.out = out
	n.shapes = nil
	for _, s := range out {
		n.shapes = append(n.shapes, s.String())
	}
}

// prune leaves out the ops that no output needs, as compiling does; parameters stay.
func (f *flow) prune() {
	needed := make([]bool, len(f.nodes))
	for i := len(f.nodes) - 1; i >= 0; i-- { // operands come first
		n := f.nodes[i]
		needed[i] = needed[i] || n.output
		for _, x := range n.in {
			needed[x] = needed[x] || needed[i]
		}
	}
	to := make([]int, len(f.nodes))
	var kept []*flowNode
	for i, n := range f.nodes {
		if !needed[i] && !n.given {
			f.unused++
			continue
		}
		to[i] = len(kept)
		for k, x := range n.in {
			n.in[k] = to[x]
		}
		kept = append(kept, n)
	}
	f.nodes = kept
}

// markSinks marks what nobody uses as output if the outputs are not known.
func (f *flow) markSinks(known bool) {
	if known {
		return
	}
	used := make([]bool, len(f.nodes))
	for _, n := range f.nodes {
		for _, i := range n.in {
			used[i] = true
		}
	}
	for i, n := range f.nodes {
		n.output = !used[i] && !n.given
	}
}

func shapeOf(n *graph.Node) shapes.Shape {
	if n.NumOutputs() == 1 {
		return n.Shape()
	}
	return shapes.Shape{}
}

// outShapes returns the shapes of all results of n.
func outShapes(n *graph.Node) []shapes.Shape {
	var out []shapes.Shape
	for _, r := range n.Results() {
		out = append(out, r.Shape())
	}
	return out
}

// foldable returns the words for n if it is a constant, or one rearranged.
func foldable(n *graph.Node, folded map[*graph.Node]string) (string, bool) {
	if visits.IsParameter(n) || n.NumOutputs() != 1 {
		return "", false
	}
	if len(n.Inputs()) > 0 && !isLayout(n.Op()) {
		return "", false
	}
	var inner []string
	for _, x := range n.Inputs() {
		c, ok := folded[x]
		if !ok {
			return "", false
		}
		inner = append(inner, c)
	}
	return constantText(n.Type(), n.Attrs(), n.Shape(), inner), true
}

// constantText describes a constant: its value if it is one number, otherwise what made it and its shape.
func constantText(op string, attrs any, s shapes.Shape, inner []string) string {
	if len(inner) == 1 && isNumber(inner[0]) {
		return inner[0] // one number, however often it is repeated
	}
	c, literal := attrs.(ir.ConstAttrs)
	if literal && c.Value != nil && c.Value.Ok() && c.Value.Size() == 1 && !c.Value.DType().IsComplex() {
		return number(c.Value.Float64At(0))
	}
	if literal || len(inner) > 0 {
		op = "const"
	}
	return op + s.Dims()
}

func isNumber(s string) bool {
	var v float64
	n, err := fmt.Sscanf(s, "%g", &v)
	return n == 1 && err == nil && !strings.ContainsAny(s, "[]")
}

// attrText writes attributes as short as they still can be read: fields that say something, since they are
// not what they mostly are.
func attrText(attrs any) string {
	switch a := attrs.(type) {
	case nil, graph.ParameterAttrs, ir.ConstAttrs, graph.OutputAttrs:
		return ""
	case fmt.Stringer:
		return a.String()
	}
	r := reflect.ValueOf(attrs)
	if r.Kind() != reflect.Struct {
		return fmt.Sprint(attrs)
	}
	var parts []string
	for i := range r.NumField() {
		if f := r.Field(i); r.Type().Field(i).IsExported() && f.Kind() != reflect.Struct && !isPlain(f, 0) {
			name := strings.ToLower(r.Type().Field(i).Name)
			if f.CanInt() && f.Int() == 1 && strings.HasSuffix(name, "groups") {
				continue // no groups
			}
			if f.Kind() == reflect.Bool {
				parts = append(parts, name)
			} else {
				parts = append(parts, fmt.Sprintf("%s %v", name, f.Interface()))
			}
		}
	}
	return strings.Join(parts, ", ")
}

// isPlain reports whether v is zero or consists of zeros only; inside of slices, as for strides, ones are as plain.
func isPlain(v reflect.Value, depth int) bool {
	switch {
	case v.Kind() == reflect.Slice || v.Kind() == reflect.Array:
		for i := range v.Len() {
			if !isPlain(v.Index(i), depth+1) {
				return false
			}
		}
		return depth > 0 || v.Len() != 1 || v.Index(0).Kind() != reflect.Int // axes [0] is not what they mostly are
	case v.CanInt() && depth > 0:
		return v.Int() == 0 || v.Int() == 1
	}
	return v.IsZero()
}

// callsOf returns the calls that made a node, without package graph's own: the reader's, and those of
// packages such as layers. Calls outside the function named lowest are left out.
func callsOf(pcs []uintptr, lowest string) []call {
	fs := frames.Calls(pcs)
	var out []call
	for i, f := range fs {
		if frames.In(f, "graph") {
			continue
		}
		if frames.In(f, "viz") {
			break
		}
		c := call{name: shortFunc(f.Function), user: frames.IsUser(f)}
		if i+1 < len(fs) {
			c.site = fmt.Sprintf("%s:%d", fs[i+1].File, fs[i+1].Line)
			c.at = place(fs[i+1].File, fs[i+1].Line)
		}
		out = append(out, c)
		if f.Function == lowest {
			break
		}
	}
	return out
}

// viaOf returns the function of package graph that was called from outside of it, and the calls from there on;
// "" if its name says less than those of the ops that it made.
func viaOf(pcs []uintptr) (name, at string) {
	for _, f := range frames.Of(pcs) {
		if at == "" && frames.In(f, "graph") {
			name = strings.TrimPrefix(shortFunc(f.Function), "graph.")
			continue
		}
		at += fmt.Sprintf("%x ", f.PC)
	}
	if strings.ContainsAny(name, ".(") || slices.Contains(namedByTheirOps, name) {
		return "", ""
	}
	return name, at
}

// namedByTheirOps are the functions of package graph that are told which op to use: that op says more.
var namedByTheirOps = []string{inGraph(graph.ReduceAndKeep), inGraph(graph.MaskedReduceAndKeep)}

// inGraph returns the name of a function of package graph.
func inGraph(fn any) string { return strings.TrimPrefix(funcName(reflect.ValueOf(fn)), "graph.") }

// poolCall is the name of calls of [graph.PoolBuilder].
var poolCall = strings.TrimSuffix(reflect.TypeFor[graph.PoolBuilder]().Name(), builderSuffix)

// poolName returns what a call of graph.PoolBuilder that made several nodes was asked for, which its first node shows.
func poolName(first *flowNode) string {
	a, ok := first.attrs.(graph.WindowAttrs)
	switch {
	case !ok:
		return inGraph(graph.ConcatPool)
	case a.Kind == graph.WindowSum: // which is then divided
		return inGraph(graph.MeanPool)
	}
	return first.op
}

// opName returns the name of an op as readers call it: a reduction of windows over its one operand, as a sum, is a SumPool.
func opName(name string, attrs any, operands int) string {
	if a, ok := attrs.(graph.WindowAttrs); ok && operands == 1 {
		switch a.Kind {
		case graph.WindowMax:
			return inGraph(graph.MaxPool)
		case graph.WindowMin:
			return inGraph(graph.MinPool)
		case graph.WindowSum:
			return inGraph(graph.SumPool)
		}
	}
	return name
}

// pcName returns the name of the function at a program counter, as frames have it.
func pcName(pc uintptr) string {
	if fn := runtime.FuncForPC(pc); fn != nil {
		return fn.Name()
	}
	return ""
}

// group joins neighbouring nodes that were made by the same call, so that at most limit nodes are left, and
// as many as that allows. Nodes under an alias scope are joined by it. Parameters stay, unless only
// their group uses them.
func (f *flow) group(limit int) *flow {
	if len(f.nodes) <= limit {
		return f
	}
	deepest := 0
	for _, n := range f.nodes {
		deepest = max(deepest, len(n.calls))
	}
	var g *flow
	for depth := deepest + 1; depth >= 0; depth-- {
		if g = f.groupAt(depth); len(g.nodes) <= limit {
			return g
		}
	}
	return g
}

// groupAt joins neighbours whose outermost depth calls are the same.
func (f *flow) groupAt(depth int) *flow {
	key := func(n *flowNode) string {
		if i := strings.LastIndexByte(n.alias, '/'); i > 0 {
			return n.alias[:i]
		}
		if len(n.calls) == 0 {
			return n.key
		}
		k := ""
		for i := len(n.calls) - 1; i >= max(0, len(n.calls)-depth); i-- {
			k += n.calls[i].name + "@" + n.calls[i].site + " "
		}
		return k
	}
	private := f.privateParams(key)
	g := f.empty()
	to := make([]int, len(f.nodes))
	lastKey, last, first := "", -1, ""
	for i, n := range f.nodes {
		if n.given {
			if !private[i] {
				to[i] = len(g.nodes)
				c := *n
				c.in = nil
				g.nodes = append(g.nodes, &c)
			}
			continue
		}
		k := key(n)
		if last < 0 || k != lastKey || n.stack != "" && n.stack == first { // or the same call once more, in a loop
			c := *n
			c.in, c.inShape, c.flops, c.members, c.detail = nil, nil, 0, 0, ""
			c.op, c.ids = groupName(n, depth), nil
			c.call = c.op
			last, lastKey, first = len(g.nodes), k, n.stack
			g.nodes = append(g.nodes, &c)
		}
		m := g.nodes[last]
		m.members++
		m.ids = append(m.ids, n.id)
		m.flops += n.flops
		m.output = m.output || n.output
		if m.members == 1 {
			m.op, m.detail = n.op, n.detail
		} else if m.members == 2 {
			m.op, m.detail = groupName(n, depth), ""
		}
		m.setOut(n.out)
		to[i] = last
		for _, x := range n.in {
			if private[x] {
				if name := f.nodes[x].name; strings.Contains(name, "/") {
					m.scope = sharedScope(m.scope, name[:strings.LastIndexByte(name, '/')])
				}
				continue
			}
			if j := to[x]; j != last && !slices.Contains(m.in, j) {
				m.in = append(m.in, j)
			}
		}
	}
	for _, m := range g.nodes {
		if m.members > 1 {
			m.detail = fmt.Sprintf("%d ops", m.members)
		}
	}
	return g
}

// sharedScope returns the scope that holds both a and b; "" holds nothing yet.
func sharedScope(a, b string) string {
	switch {
	case a == "" || a == b:
		return b
	case a == "/" || b == "":
		return "/"
	}
	for a != "" && b != a && !strings.HasPrefix(b, a+"/") {
		a = a[:max(0, strings.LastIndexByte(a, '/'))]
	}
	if a == "" {
		return "/"
	}
	return a
}

// privateParams returns the variables that only nodes of one key use: they belong into the group.
func (f *flow) privateParams(key func(*flowNode) string) map[int]bool {
	users := map[int]string{}
	out := map[int]bool{}
	for _, n := range f.nodes {
		for _, x := range n.in {
			p := f.nodes[x]
			if !p.param {
				continue
			}
			k := key(n)
			if seen, ok := users[x]; !ok {
				users[x], out[x] = k, true
			} else if seen != k {
				out[x] = false
			}
		}
	}
	return out
}

// groupName names what the calls at the given depth, counted from outside, have in common.
func groupName(n *flowNode, depth int) string {
	if i := strings.LastIndexByte(n.alias, '/'); i > 0 {
		return n.alias[:i]
	}
	if len(n.calls) == 0 {
		return n.pos
	}
	i := max(0, len(n.calls)-max(depth, 1))
	c := n.calls[i]
	if c.user && len(n.calls) == 1 { // a line of the function itself
		return n.pos
	}
	return c.name
}
