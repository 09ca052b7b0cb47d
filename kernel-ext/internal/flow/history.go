package flow

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// maxHistory bounds how many cells are remembered: the latest ones.
const maxHistory = 2000

// record is a cell that ran.
type record struct {
	cell    Cell
	text    string      // its statements
	numbers []int       // under which it ran before
	body    string      // its Go text with nothing but the statements of main
	names   []named     // in the statements, what means a variable of cells
	show    span        // a trailing expression that is shown
	drawn   bool        // by viz
	absent  bool        // it may be nil, and then it is not
	several int         // how many values it has, if it is a call that has several
	failing bool        // the last of them is an error
	told    bool        // the call shows the others itself
	hush    int         // where one begins that is not shown, or -1
	made    []*variable // what the statements declare
	unused  map[string]bool
}

// named is a name in statements that means a variable of a cell's statements.
type named struct {
	at       int // offset in the cell
	name     string
	origin   int  // the cell that declares it
	declares bool // here
}

// record notes what Export needs of the cell.
func (r *rewriter) record(text string) *record {
	out := &record{cell: r.cell, text: text, unused: map[string]bool{}, made: r.plan.made, hush: -1}
	if r.body == nil || r.kind == tests || r.kind == execs {
		return out
	}
	out.body = r.parts.statements
	if r.kind == own {
		from, to := r.offset(r.body.Lbrace)+1, r.offset(r.body.Rbrace)
		out.body = blanked(r.code[:from]) + r.code[from:to]
	}
	if r.last != nil {
		out.show, out.drawn = span{r.offset(r.last.Pos()), r.offset(r.last.End())}, r.drawn
		out.told = r.told
		out.absent = types.IsInterface(r.info.TypeOf(r.last))
		if list, ok := r.info.TypeOf(r.last).(*types.Tuple); ok {
			out.several, out.failing = list.Len(), isError(list.At(list.Len()-1).Type())
		}
	}
	if r.hushed {
		out.hush = r.hush
	}
	means := map[types.Object]int{}
	for _, s := range r.prologue.list {
		for _, id := range declaredBy(s) {
			if v := r.used[id.Name]; v != nil && r.info.Defs[id] != nil {
				means[r.info.Defs[id]] = v.origin
			}
		}
	}
	for _, s := range r.body.List {
		for _, id := range declaredBy(s) {
			if o := r.info.Defs[id]; o != nil {
				means[o] = r.cell.Number
				out.unused[id.Name] = true
				out.names = append(out.names, named{r.offset(id.Pos()), id.Name, r.cell.Number, true})
			}
		}
	}
	assigned := map[*ast.Ident]bool{} // which does not use a variable
	ast.Inspect(r.body, func(n ast.Node) bool {
		var to []ast.Expr
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok == token.ASSIGN || n.Tok == token.DEFINE {
				to = n.Lhs
			}
		case *ast.RangeStmt:
			to = []ast.Expr{n.Key, n.Value}
		}
		for _, e := range to {
			if e == nil {
				continue
			}
			if id, ok := ast.Unparen(e).(*ast.Ident); ok {
				assigned[id] = true
			}
		}
		return true
	})
	for id, o := range r.info.Uses {
		if origin, ok := means[o]; ok && r.s.set.File(id.Pos()) == r.mainFile {
			out.names = append(out.names, named{r.offset(id.Pos()), id.Name, origin, false})
			if origin == r.cell.Number && !assigned[id] {
				delete(out.unused, id.Name)
			}
		}
	}
	slices.SortFunc(out.names, func(a, b named) int { return a.at - b.at })
	return out
}

// remember notes a cell that ran, in the place of its earlier run.
func (s *Session) remember(r *record) {
	if r == nil {
		return
	}
	if r.cell.ID != "" {
		if i := slices.IndexFunc(s.history, func(o *record) bool { return o.cell.ID == r.cell.ID }); i >= 0 {
			r.numbers = append(s.history[i].numbers, s.history[i].cell.Number)
			if len(r.numbers) > maxHistory {
				delete(s.numbered, r.numbers[0])
				r.numbers = r.numbers[1:]
			}
			s.history = slices.Delete(s.history, i, i+1)
		}
	}
	s.history = append(s.history, r)
	s.number(r, r)
	if len(s.history) > maxHistory {
		s.number(s.history[0], nil)
		s.history = slices.Delete(s.history, 0, 1)
	}
}

// Latest returns the cells that ran and in which a text occurs, the latest first.
func (s *Session) Latest(text string) (sources []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range slices.Backward(s.history) {
		if strings.Contains(r.cell.Source, text) {
			sources = append(sources, r.cell.Source)
		}
	}
	return sources
}

// number has the numbers of a record lead to another one, or to none.
func (s *Session) number(r, to *record) {
	for _, n := range append(slices.Clone(r.numbers), r.cell.Number) {
		if s.numbered[n] = to; to == nil {
			delete(s.numbered, n)
		}
	}
}

// recordOf returns the cell that ran under a number, in its latest text; nil if it is not remembered.
func (s *Session) recordOf(number int) *record { return s.numbered[number] }
