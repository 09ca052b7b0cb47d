package flow

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// A variable whose address nobody takes is one of main alone, which the compiler may keep in a register: a loop over it runs as
// in any program. What package carry knows of it is a copy behind a pointer, which is written behind each assignment: that is
// always what a cell that panics leaves.

// copyOf is the pointer to a variable's copy.
func copyOf(name string) string { return name + "ʹ" }

// hold finds the variables of main that are held so, and puts the writing behind the assignments.
func (r *rewriter) hold() {
	r.held, r.assigned = map[types.Object]bool{}, map[types.Object]bool{}
	if r.body == nil || r.kind == tests || r.kind == execs || r.s.opts.NoFlow {
		return
	}
	for _, s := range slices.Concat(r.prologue.list, r.body.List) {
		for _, id := range declaredBy(s) {
			if v, ok := r.info.Defs[id].(*types.Var); ok && holdable(v.Type()) && r.describe(id.Name, v.Type()).why == "" {
				r.held[v] = true
			}
		}
	}
	within := map[ast.Stmt]bool{} // statements behind which another one may stand
	for list := range statementLists(r.body) {
		for _, s := range list {
			for l, ok := s.(*ast.LabeledStmt); ok; l, ok = s.(*ast.LabeledStmt) {
				s = l.Stmt
			}
			within[s] = true
		}
	}
	r.let(within)
	for list := range statementLists(r.body) {
		for _, s := range list {
			r.writeBack(s)
		}
	}
}

// holdable reports whether values of a type are few words that change by assignment alone.
func holdable(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Basic:
		if u.Kind() == types.UnsafePointer {
			return false
		}
	case *types.Slice, *types.Map:
	case *types.Pointer, *types.Interface:
		return true
	default:
		return false
	}
	n, ok := types.Unalias(t).(*types.Named)
	return !ok || types.NewMethodSet(types.NewPointer(n)).Len() == types.NewMethodSet(n).Len() // else a call may take the address
}

// statementLists returns the lists of statements within a body, but for those of functions.
func statementLists(body *ast.BlockStmt) func(yield func([]ast.Stmt) bool) {
	return func(yield func([]ast.Stmt) bool) {
		more := true
		ast.Inspect(body, func(n ast.Node) bool {
			if !more {
				return false
			}
			switch n := n.(type) {
			case *ast.FuncLit:
				return false
			case *ast.BlockStmt:
				more = yield(n.List)
			case *ast.CaseClause:
				more = yield(n.Body)
			case *ast.CommClause:
				more = yield(n.Body)
			}
			return more
		})
	}
}

// let lets go of variables whose address is taken, that functions capture, or that are assigned to where nothing can be put
// behind it: in the head of a loop, say.
func (r *rewriter) let(within map[ast.Stmt]bool) {
	drop := func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				delete(r.held, r.info.Uses[id])
			}
			return true
		})
	}
	ast.Inspect(r.body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			drop(n)
			return false
		case *ast.UnaryExpr:
			if id, ok := ast.Unparen(n.X).(*ast.Ident); ok && n.Op == token.AND {
				drop(id)
			}
		case *ast.RangeStmt:
			if n.Tok == token.ASSIGN {
				for _, x := range []ast.Expr{n.Key, n.Value} {
					if id, ok := x.(*ast.Ident); ok {
						drop(id)
					}
				}
			}
		case ast.Stmt:
			if within[n] {
				break
			}
			for _, id := range targets(n) {
				drop(id)
			}
		}
		return true
	})
}

// targets returns the names that a statement assigns to, as wholes.
func targets(s ast.Stmt) (list []*ast.Ident) {
	switch s := s.(type) {
	case *ast.AssignStmt:
		for _, x := range s.Lhs {
			if id, ok := ast.Unparen(x).(*ast.Ident); ok {
				list = append(list, id)
			}
		}
	case *ast.IncDecStmt:
		if id, ok := ast.Unparen(s.X).(*ast.Ident); ok {
			list = append(list, id)
		}
	}
	return list
}

// writeBack writes the copies of what a statement assigns to.
func (r *rewriter) writeBack(s ast.Stmt) {
	end := r.offset(s.End())
	for l, ok := s.(*ast.LabeledStmt); ok; l, ok = s.(*ast.LabeledStmt) {
		s = l.Stmt
	}
	var to, from []string
	for _, id := range targets(s) {
		if o := r.info.Uses[id]; o != nil && r.held[o] && !slices.Contains(from, id.Name) {
			r.assigned[o] = true
			to, from = append(to, "*"+copyOf(id.Name)), append(from, id.Name)
		}
	}
	if len(to) > 0 {
		r.written = append(r.written, edit{span{end, end}, "; " + strings.Join(to, ", ") + " = " + strings.Join(from, ", ")})
	}
}
