package viz

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/bytesize"
)

// Summary shows what a model consists of. x is one of
//
//   - a function that builds a graph, called on parameters of the shapes of inputs as in [Shapes]: a row per
//     layer or op, in order, with the shapes that go in and out, parameters, bytes and FLOPs. A layer is a call
//     of a function outside package graph, such as layers.Dense, or an alias scope. Parameters that the function
//     makes itself (a model's variables) count, its inputs do not;
//   - a *graph.Graph or *ir.Program, likewise;
//   - what has variables: a method IterVariables returning an iterator, as model.Store has, or a slice. Its elements have
//     the methods Path and Shape, and may have Trainable and Value: a row per variable.
//
// A row of ops goes by the functions of package graph that were called, with its ops in the tooltip. Names of axes stand at
// the inputs.
//
// FLOPs count multiplications and additions one each; see the package's source for the other ops.
func Summary(x any, inputs ...any) Bundle {
	if isNil(x) {
		return Error(errors.New("viz.Summary: want a function that builds a graph, a graph, a program or a store, not nil"))
	}
	switch g := x.(type) {
	case *graph.Graph:
		return summarise(fromGraph(g, nil, ""))
	case *graph.Program:
		return summarise(fromProgram(g))
	}
	if list, ok := variablesOf(x); ok {
		return variableTable(list)
	}
	tr, err := traceSized(x, inputs)
	if err != nil {
		return Error(fmt.Errorf("viz.Summary: %w", err))
	}
	if tr.err != nil {
		return Error(tr.err)
	}
	return summarise(tr.flow())
}

// leading is what a line of code begins with and a narrow column can do without.
var leading = regexp.MustCompile(`^(return |[\w, ]+ :?= )`)

// layerRow is a line of a summary: nodes that one call made.
type layerRow struct {
	name, at   string
	scope      string // around all variables that it uses
	scoped     bool   // it uses any
	ops        []string
	nodes      []int
	params     int64
	paramBytes int64
	flops      int64
	in, out    []shapes.Shape // each once
	bytes      int64          // of results that leave the layer
}

func summarise(f *flow) Bundle {
	rows := f.layers()
	g := &grid{header: []string{"layer", "in", "out", "parameters", "FLOPs", "output bytes", "at"}, left: []bool{true, true, true, false, false, false, true},
		bold: map[int]bool{}, titles: map[[2]int]string{}, styles: map[[2]int]string{}}
	var params, paramBytes, work, bytes int64
	for _, n := range f.nodes {
		if n.input {
			g.rows = append(g.rows, []string{n.title(), f.namesOf(n.out[0]), f.withoutNames(n.out), "", "", "", ""})
		}
	}
	const most = 150
	for i, r := range rows {
		params, paramBytes, work, bytes = params+r.params, paramBytes+r.paramBytes, work+r.flops, bytes+r.bytes
		if i == most {
			g.rows = append(g.rows, []string{fmt.Sprintf("… %d more", len(rows)-most)})
		}
		if i >= most {
			continue
		}
		p := ""
		if r.params > 0 {
			p = count(r.params)
		}
		at := func(column int) [2]int { return [2]int{len(g.rows), column} }
		g.titles[at(0)] = strings.Join(r.ops, " → ")
		in, out := f.withoutNames(r.in), f.withoutNames(r.out)
		for column, list := range map[int][]shapes.Shape{1: r.in, 2: r.out} {
			if f.at == "" && slices.ContainsFunc(list, shapes.Shape.HasNames) {
				g.titles[at(column)] = fmt.Sprint(list)
			}
			if len(list) > 1 {
				g.styles[at(column)] = "white-space:pre" // a shape, a line
			}
		}
		line := short(leading.ReplaceAllString(r.at, ""), 28)
		if line != r.at {
			g.titles[at(6)] = r.at
		}
		g.styles[at(0)], g.styles[at(6)] = "white-space:normal", "white-space:normal" // these may be wide
		g.rows = append(g.rows, []string{r.name, in, out, p, si(r.flops), bytesize.Text(r.bytes), line})
	}
	g.bold[len(g.rows)] = true
	g.rows = append(g.rows, []string{"total", "", "", count(params), si(work), bytesize.Text(bytes), ""})
	if params > 0 {
		g.note = fmt.Sprintf("%s parameters, %s; ", count(params), bytesize.Text(paramBytes))
	}
	g.note += fmt.Sprintf("%s FLOPs forward", si(work))
	if f.at != "" {
		g.note += "; FLOPs and bytes are those of " + f.at
	}
	return g.bundle()
}

// layers joins neighbouring nodes made by the same outermost call that is not the reader's, or by the
// same line of the reader's.
func (f *flow) layers() []*layerRow {
	var rows []*layerRow
	of := make([]int, len(f.nodes)) // row of each node
	last, first := "", ""
	counted := map[int]bool{}
	for i, n := range f.nodes {
		of[i] = -1
		if n.given {
			continue
		}
		key, name, at := layerOf(n)
		again := name != "" && n.stack != "" && n.stack == first // the same layer once more, in a loop
		if len(rows) == 0 || key != last || again {
			rows = append(rows, &layerRow{name: name, at: at})
			last, first = key, n.stack
		}
		r := rows[len(rows)-1]
		of[i] = len(rows) - 1
		r.nodes = append(r.nodes, i)
		if len(r.ops) < 12 {
			r.ops = append(r.ops, n.op)
		}
		r.flops += n.flops
		for _, x := range n.in {
			p := f.nodes[x]
			switch {
			case p.param && !counted[x]: // a shared parameter counts once
				counted[x] = true
				switch i := strings.LastIndexByte(p.name, '/'); {
				case i <= 0: // of the whole store, as the random state
				case !r.scoped:
					r.scope, r.scoped = p.name[:i], true
				default:
					r.scope = around(r.scope, p.name)
				}
				for _, s := range p.out {
					r.params += int64(s.Size())
					r.paramBytes += int64(s.ByteSize())
				}
			case !p.param && of[x] != len(rows)-1:
				r.in = appendShapes(r.in, p.out)
			}
		}
	}
	used := make([]bool, len(f.nodes)) // by another layer
	for i, n := range f.nodes {
		for _, x := range n.in {
			if of[x] >= 0 && of[x] != of[i] {
				used[x] = true
			}
		}
	}
	for _, r := range rows {
		for _, i := range r.nodes {
			if n := f.nodes[i]; used[i] || n.output {
				r.out = appendShapes(r.out, n.out)
				for _, s := range n.out {
					r.bytes += int64(s.ByteSize())
				}
			}
		}
		if r.name == "" { // single ops go by their own names
			r.name = strings.Join(f.called(r.nodes), ", ")
		}
		if r.scope != "" {
			r.name += "  " + r.scope
		}
	}
	return rows
}

// namesOf writes the names of axes, · for one without; "" if none has one.
func (f *flow) namesOf(s shapes.Shape) string {
	if f.at != "" || !s.HasNames() {
		return ""
	}
	var names []string
	for axis := range s.Rank() {
		names = append(names, cmp.Or(s.Name(axis), "·"))
	}
	return strings.Join(names, " ")
}

// withoutNames writes shapes, a line each. Names of axes would make a table too wide; they stand at the inputs.
func (f *flow) withoutNames(list []shapes.Shape) string {
	var out []string
	for _, s := range list {
		if f.at != "" {
			out = append(out, symbolic(s))
			continue
		}
		s.AxisNames = nil
		out = append(out, s.String())
	}
	return strings.Join(out, ",\n")
}

func appendShapes(list []shapes.Shape, more []shapes.Shape) []shapes.Shape {
	for _, s := range more {
		if !slices.ContainsFunc(list, s.Equal) {
			list = append(list, s)
		}
	}
	return list
}

// layerOf returns the layer that n belongs to: a key that tells calls apart, its name ("" if it is the
// reader's own line) and its place.
func layerOf(n *flowNode) (key, name, at string) {
	if i := strings.LastIndexByte(n.alias, '/'); i > 0 {
		return "alias " + n.alias[:i], n.alias[:i], n.pos
	}
	for i := len(n.calls) - 1; i >= 0; i-- { // from outside
		if c := n.calls[i]; !c.user {
			return c.name + "@" + c.site, c.name, c.at
		}
	}
	return "line " + n.key, "", n.pos
}

// around returns the innermost scope that holds a scope and a variable: the scope itself, or one that it is in.
func around(scope, variable string) string {
	for scope != "" && !strings.HasPrefix(variable, scope+"/") {
		scope = scope[:max(0, strings.LastIndexByte(scope, '/'))]
	}
	return scope
}

func appendNew(list []string, values ...string) []string {
	for _, v := range values {
		if !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

// called names what made the nodes: the functions of package graph where they made several nodes, such as Softmax,
// otherwise the ops; each once.
func (f *flow) called(nodes []int) []string {
	var names []string
	for len(nodes) > 0 {
		first := f.nodes[nodes[0]]
		k := 1
		for k < len(nodes) && first.via != "" && f.nodes[nodes[k]].via == first.via && f.nodes[nodes[k]].viaAt == first.viaAt {
			k++
		}
		name := first.op
		if k > 1 {
			name = first.via
		}
		if k > 1 && name == poolCall {
			name = poolName(first)
		}
		names, nodes = appendNew(names, name), nodes[k:]
	}
	return names
}

// Variable is what a row of a [Summary] of variables is made of.
type Variable interface {
	Path() string
	Shape() shapes.Shape
}

// Trainable is a [Variable] that knows whether it is trained.
type Trainable interface{ Trainable() bool }

// isTrained reports whether a variable is trained, as it is unless it says no.
func isTrained(v Variable) bool {
	t, ok := v.(Trainable)
	return !ok || t.Trainable()
}

// Valued is a [Variable] whose value can be looked at. Value returns an error while there is none.
type Valued interface {
	Value() (*tensors.Tensor, error)
}

// variablesOf returns x's variables: those of its method IterVariables, or the elements of a slice.
func variablesOf(x any) ([]Variable, bool) {
	r := reflect.ValueOf(x)
	if !r.IsValid() {
		return nil, false
	}
	var list []Variable
	if r.Kind() == reflect.Slice {
		for i := range r.Len() {
			v, ok := r.Index(i).Interface().(Variable)
			if !ok || isNil(v) {
				return nil, false
			}
			list = append(list, v)
		}
		return list, r.Len() > 0
	}
	m := r.MethodByName("IterVariables")
	if !m.IsValid() || m.Type().NumIn() != 0 || m.Type().NumOut() != 1 || !m.Type().Out(0).CanSeq() {
		return nil, false
	}
	for v := range m.Call(nil)[0].Seq() {
		if v, ok := v.Interface().(Variable); ok && !isNil(v) {
			list = append(list, v)
		}
	}
	return list, true
}

// optimizerScope is where package optimizers keeps its variables.
const optimizerScope = "/optimizers/"

func variableTable(list []Variable) Bundle {
	g := &grid{header: []string{"variable", "shape", "parameters", "bytes", "values"}, left: []bool{true, true, false, false, true}, bold: map[int]bool{}, styles: map[[2]int]string{}}
	var params, frozen, bytes int64
	var state struct{ variables, params, bytes int64 }
	for _, v := range list {
		s := v.Shape()
		n := int64(s.Size())
		params, bytes = params+n, bytes+int64(s.ByteSize())
		if strings.HasPrefix(v.Path(), optimizerScope) { // no part of the model: one row for all
			frozen += n
			state.variables, state.params, state.bytes = state.variables+1, state.params+n, state.bytes+int64(s.ByteSize())
			continue
		}
		name := v.Path()
		if !isTrained(v) {
			frozen += n
			g.styles[[2]int{len(g.rows), 0}] = "font-style:italic"
			name += " (not trained)"
		}
		g.rows = append(g.rows, []string{name, s.String(), count(n), bytesize.Text(int64(s.ByteSize())), variableValues(v)})
	}
	if state.variables > 0 {
		g.rows = append(g.rows, []string{optimizerScope + "…", amount(int(state.variables), "variable"), count(state.params), bytesize.Text(state.bytes), "state of the optimizer"})
	}
	g.bold[len(g.rows)] = true
	g.rows = append(g.rows, []string{"total", "", count(params), bytesize.Text(bytes), ""})
	g.note = fmt.Sprintf("%s, %s trained", amount(len(list), "variable"), amount(int(params-frozen), "parameter"))
	if frozen > 0 {
		g.note += fmt.Sprintf(", %s not", count(frozen))
	}
	return g.bundle()
}

// variableValues describes the value, if the variable has one already.
func variableValues(v Variable) string {
	if t := valueOf(v); t != nil {
		return valuesText(t)
	}
	return ""
}
