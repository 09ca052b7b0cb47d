package hover

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// syntax is a cell as its names are looked up in it. Lines are those of the cell, from 1.
type syntax struct {
	file  *ast.File
	set   *token.FileSet
	at    func(line int) (traced, bool) // what was traced of a line of the cell
	names []naming
}

// naming is one use of a name.
type naming struct {
	id *ast.Ident
	// Of a name that is assigned to: the assignment, and that the name is number index of several.
	assigned ast.Node
	value    ast.Expr // on the right; nil if it is not known
	index    int
	of       int
	// Of a name that is an argument of a call, or that a method is called of: it is the call's operand.
	operand bool
}

// newSyntax reads a cell. What does not parse is read as far as it goes.
func newSyntax(source string, at func(line int) (traced, bool)) *syntax {
	file, set, _ := parse(asFile(source))
	s := &syntax{file: file, set: set, at: at}
	if file != nil {
		ast.Walk(visitor{s}, file)
	}
	return s
}

func (s *syntax) line(p token.Pos) int { return s.set.Position(p).Line - 1 }

// visitor collects names in the order in which Go evaluates them: those in the arguments of a call before the call.
type visitor struct{ s *syntax }

// Visit looks at a node before what is in it.
func (v visitor) Visit(n ast.Node) ast.Visitor {
	s := v.s
	switch n := n.(type) {
	case *ast.AssignStmt:
		for i, e := range n.Lhs {
			s.assign(e, n, one(n.Rhs), i, len(n.Lhs))
		}
		if len(n.Lhs) == len(n.Rhs) && len(n.Lhs) > 1 { // each has a value of its own
			for i := range n.Lhs {
				k := len(s.names) - len(n.Lhs) + i
				if k >= 0 && k < len(s.names) {
					s.names[k].value, s.names[k].index, s.names[k].of = n.Rhs[i], 0, 1
				}
			}
		}
		for _, e := range n.Rhs {
			ast.Walk(v, e)
		}
		return nil
	case *ast.ValueSpec:
		for i, id := range n.Names {
			s.assign(id, n, one(n.Values), i, len(n.Names))
		}
		for _, e := range n.Values {
			ast.Walk(v, e)
		}
		return nil
	case *ast.CallExpr:
		for _, e := range slices.Concat([]ast.Expr{n.Fun}, n.Args) { // calls within it come first
			if _, ok := e.(*ast.Ident); !ok {
				ast.Walk(v, e)
			}
		}
		for _, e := range n.Args {
			if id, ok := e.(*ast.Ident); ok {
				s.names = append(s.names, naming{id: id, operand: true})
			}
		}
		if id, ok := n.Fun.(*ast.Ident); ok {
			s.names = append(s.names, naming{id: id})
		}
		return nil
	case *ast.SelectorExpr:
		if id, ok := n.X.(*ast.Ident); ok {
			s.names = append(s.names, naming{id: id, operand: true}, naming{id: n.Sel})
			return nil
		}
	case *ast.Ident:
		s.names = append(s.names, naming{id: n})
	}
	return v
}

func one(list []ast.Expr) ast.Expr {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// assign notes a name that is assigned to; what is no name, such as x[i], is not looked at.
func (s *syntax) assign(e ast.Expr, stmt ast.Node, value ast.Expr, index, of int) {
	id, ok := e.(*ast.Ident)
	if !ok {
		id = &ast.Ident{Name: "_"}
	}
	s.names = append(s.names, naming{id: id, assigned: stmt, value: value, index: index, of: of})
}

// shape returns the shapes of the name at a line and column, both from 1, columns in bytes.
func (s *syntax) shape(line, column int) (fact, bool) {
	for _, n := range s.names {
		p := s.set.Position(n.id.NamePos)
		if n.id.NamePos.IsValid() && p.Line-1 == line && p.Column <= column && column <= p.Column+len(n.id.Name) {
			return s.shapeOf(n)
		}
	}
	return fact{}, false
}

// shapeOf returns the shapes of one use of a name: of what is assigned there; of the operand that it is there; of what was
// assigned last before; of the operand that it is first, as for the parameters of a function.
func (s *syntax) shapeOf(n naming) (f fact, ok bool) {
	if f, ok = s.result(n); ok || n.assigned != nil {
		return f, ok
	}
	if f, ok = s.operand(n); ok {
		return f, true
	}
	var before *naming
	for i, m := range s.names {
		if m.assigned != nil && same(m.id, n.id) && m.id.NamePos < n.id.NamePos && (before == nil || before.id.NamePos < m.id.NamePos) {
			before = &s.names[i]
		}
	}
	if before != nil {
		return s.result(*before)
	}
	if n.id.Obj == nil {
		return fact{}, false
	}
	for _, m := range s.names {
		if same(m.id, n.id) {
			if f, ok = s.operand(m); ok {
				return f, true
			}
		}
	}
	return fact{}, false
}

// same reports whether two names mean the same variable, as far as the cell tells.
func same(a, b *ast.Ident) bool { return a.Name == b.Name && a.Obj == b.Obj }

// named returns the shapes of the last variable of a name that is assigned before a line.
func (s *syntax) named(name string, line int) (f fact, ok bool) {
	for _, n := range s.names {
		if n.id.Name == name && n.id.NamePos.IsValid() && s.line(n.id.NamePos) <= line {
			if found, is := s.shapeOf(n); is {
				f, ok = found, true
			}
		}
	}
	return f, ok
}

// result returns the shapes of what is assigned to a name.
func (s *syntax) result(n naming) (fact, bool) {
	if n.assigned == nil {
		return fact{}, false
	}
	for _, line := range s.linesOf(n) {
		if l, ok := s.at(line); ok {
			if text := l.results(n.index, n.of); text != "" {
				return fact{name: n.id.Name, text: text, place: l.Place, at: l.at, vars: l.Seen[len(l.Seen)-1].Vars}, true
			}
		}
	}
	return fact{}, false
}

// linesOf returns the lines on which the last call of an assignment may stand, the likeliest first: of a chain of methods, that
// of the last.
func (s *syntax) linesOf(n naming) (lines []int) {
	add := func(p token.Pos) {
		if line := s.line(p); p.IsValid() && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	if call, ok := n.value.(*ast.CallExpr); ok {
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
			add(sel.Sel.NamePos)
		}
		add(call.Lparen)
	}
	if n.value != nil {
		add(n.value.Pos())
	}
	add(n.assigned.Pos())
	return lines
}

// operand returns the shapes of a value that a line takes: those of the line's nodes, in the order of their use, are
// laid beside the names of nodes in it. If these are not as many, nothing is known.
func (s *syntax) operand(n naming) (fact, bool) {
	if !n.operand {
		return fact{}, false
	}
	line := s.line(n.id.NamePos)
	l, ok := s.at(line)
	if !ok {
		return fact{}, false
	}
	var names []string
	for _, m := range s.names {
		if m.operand && m.id.NamePos.IsValid() && s.line(m.id.NamePos) == line && s.holdsNode(m.id) && !slices.Contains(names, m.id.Name) {
			names = append(names, m.id.Name)
		}
	}
	i := slices.Index(names, n.id.Name)
	if i < 0 {
		return fact{}, false
	}
	text := l.operands(i, len(names))
	return fact{name: n.id.Name, text: text, place: l.Place, at: l.at}, text != ""
}

// holdsNode reports whether a variable is one of nodes, as far as the cell tells: a parameter of such a type, or assigned on
// a line that was traced.
func (s *syntax) holdsNode(id *ast.Ident) bool {
	if id.Obj == nil || id.Obj.Kind != ast.Var {
		return false
	}
	switch d := id.Obj.Decl.(type) {
	case *ast.Field:
		return isNode(d.Type)
	case *ast.AssignStmt:
		return s.isTraced(d)
	case *ast.ValueSpec:
		return d.Type != nil && isNode(d.Type) || s.isTraced(d)
	}
	return false
}

func (s *syntax) isTraced(n ast.Node) bool {
	for line := s.line(n.Pos()); line <= s.line(n.End()); line++ {
		if _, ok := s.at(line); ok {
			return true
		}
	}
	return false
}

// isNode reports whether a type is written as that of a node.
func isNode(t ast.Expr) bool {
	if p, ok := t.(*ast.StarExpr); ok {
		t = p.X
	}
	switch t := t.(type) {
	case *ast.SelectorExpr:
		return t.Sel.Name == "Node"
	case *ast.Ident:
		return t.Name == "Node"
	}
	return false
}

// function returns the first and the last line of the function that a cell declares under a name, or of a method.
func (s *syntax) function(name string) (from, to int, ok bool) {
	if s.file == nil {
		return 0, 0, false
	}
	for _, d := range s.file.Decls {
		if f, is := d.(*ast.FuncDecl); is && (f.Name.Name == name || strings.TrimPrefix(declared(f), "~") == strings.Replace(name, ".", "~", 1)) {
			return s.line(f.Pos()), s.line(f.End()), true
		}
	}
	return 0, 0, false
}
