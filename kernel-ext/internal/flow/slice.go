package flow

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"strings"
)

// A slice is the part of a cell by which a variable became what it is.
type slice struct {
	text   string            // its statements
	inputs map[string]string // versions of variables of earlier cells
	code   map[string]string // texts of declarations, by key
}

// touch is what a statement of main does with the cell's variables.
type touch struct {
	text   string
	names  map[string]bool // all identifiers
	writes map[string]bool // variables that it may change
}

// slices returns for each variable that the statements name the part of the cell that made it. It goes by names and is
// not exact: it takes more statements rather than fewer.
func (r *rewriter) slices() map[string]slice {
	out := map[string]slice{}
	if r.body == nil || r.kind == execs || r.kind == tests {
		return out
	}
	tracked := map[string]types.Type{}
	for name, v := range r.used {
		if v.constant == "" {
			tracked[name] = nil
		}
	}
	for _, s := range r.body.List {
		for _, id := range declaredBy(s) {
			tracked[id.Name] = nil
		}
	}
	ast.Inspect(r.body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if _, ours := tracked[id.Name]; ours {
				if o := r.info.ObjectOf(id); o != nil && (tracked[id.Name] == nil || !simple(o.Type())) {
					tracked[id.Name] = o.Type()
				}
			}
		}
		return true
	})
	touches := r.touches(tracked)
	for name := range tracked {
		out[name] = r.slice(name, touches)
	}
	return out
}

// touches looks at each statement. What shares memory with a variable, or may, is changed with it.
func (r *rewriter) touches(tracked map[string]types.Type) []touch {
	linked := map[string]map[string]bool{} // names that may share memory
	var list []touch
	for _, s := range r.body.List {
		t := touch{text: r.code[r.offset(s.Pos()):r.offset(s.End())], writes: map[string]bool{}}
		t.names = words(t.text)
		direct, addressed := writes(s)
		for n := range direct {
			if _, ours := tracked[n]; ours {
				t.writes[n] = true
			}
		}
		for n := range t.names {
			if typ, ours := tracked[n]; ours && !simple(typ) && r.passes(s, n) {
				t.writes[n] = true
			}
		}
		for n := range maps.Clone(t.writes) {
			for other := range t.names {
				if typ, ours := tracked[other]; ours && other != n && (!simple(typ) || addressed[other]) {
					join(linked, n, other)
				}
			}
		}
		for n := range maps.Clone(t.writes) {
			maps.Copy(t.writes, linked[n])
		}
		for n := range t.names { // a function value that is called changes what it captured
			if _, isFunc := underlying(tracked[n]).(*types.Signature); isFunc {
				maps.Copy(t.writes, linked[n])
			}
		}
		list = append(list, t)
	}
	return list
}

func underlying(t types.Type) types.Type {
	if t == nil {
		return nil
	}
	return t.Underlying()
}

// join notes that two names may share memory, and so do all that are linked to them.
func join(linked map[string]map[string]bool, a, b string) {
	all := map[string]bool{a: true, b: true}
	maps.Copy(all, linked[a])
	maps.Copy(all, linked[b])
	for n := range all {
		linked[n] = all
	}
}

// simple reports whether a value is changed only by assignment: numbers, strings, and arrays and structs of these.
func simple(t types.Type) bool {
	switch u := underlying(t).(type) {
	case *types.Basic:
		return true
	case *types.Array:
		return simple(u.Elem())
	case *types.Struct:
		for f := range u.Fields() {
			if !simple(f.Type()) {
				return false
			}
		}
		return true
	}
	return false
}

// writes returns the names that a statement assigns to, as wholes or in parts, and those of which it takes the address,
// or captures in a function.
func writes(s ast.Stmt) (assigned, addressed map[string]bool) {
	assigned, addressed = map[string]bool{}, map[string]bool{}
	target := func(e ast.Expr) {
		if id := base(e); id != nil {
			assigned[id.Name] = true
		}
	}
	ast.Inspect(s, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, l := range n.Lhs {
				target(l)
			}
		case *ast.IncDecStmt:
			target(n.X)
		case *ast.RangeStmt:
			target(n.Key)
			target(n.Value)
		case *ast.ValueSpec:
			for _, id := range n.Names {
				assigned[id.Name] = true
			}
		case *ast.UnaryExpr:
			if id := base(n.X); n.Op == token.AND && id != nil {
				assigned[id.Name], addressed[id.Name] = true, true
			}
		case *ast.CallExpr: // perhaps a method with a pointer receiver
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok {
				target(sel.X)
			}
		case *ast.FuncLit:
			ast.Inspect(n.Body, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok {
					addressed[id.Name] = true
				}
				return true
			})
		}
		return true
	})
	return assigned, addressed
}

// base returns the variable of an expression such as x.f[i].
func base(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// passes reports whether a statement may change what a name leads to by a call: as receiver or as argument, but not of
// functions that only print.
func (r *rewriter) passes(s ast.Stmt, name string) (found bool) {
	ast.Inspect(s, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || found {
			return !found
		}
		if r.prints(call) {
			return true
		}
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
			if id := base(sel.X); id != nil && id.Name == name {
				found = true
			}
		}
		for _, a := range call.Args {
			ast.Inspect(a, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && id.Name == name {
					if t := r.info.TypeOf(a); t == nil || !simple(t) {
						found = true
					}
				}
				return true
			})
		}
		return !found
	})
	return found
}

// prints reports whether a call is one of package fmt's, or of a builtin that changes nothing.
func (r *rewriter) prints(call *ast.CallExpr) bool {
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		o := r.info.Uses[f.Sel]
		return o != nil && o.Pkg() != nil && o.Pkg().Path() == "fmt" && !strings.Contains(o.Name(), "can")
	case *ast.Ident:
		o, ok := r.info.Uses[f].(*types.Builtin)
		return ok && (o.Name() == "len" || o.Name() == "cap" || o.Name() == "print" || o.Name() == "println")
	}
	return false
}

// slice goes back over the statements from what a variable is at the end.
func (r *rewriter) slice(name string, touches []touch) slice {
	live := map[string]bool{name: true}
	var texts []string
	roots := map[string]bool{}
	for i := len(touches) - 1; i >= 0; i-- {
		t := touches[i]
		hit := false
		for n := range t.writes {
			hit = hit || live[n]
		}
		if !hit {
			continue
		}
		texts = append(texts, t.text)
		maps.Copy(live, t.names)
		maps.Copy(roots, t.names)
	}
	out := slice{text: strings.Join(texts, "\n"), inputs: map[string]string{}, code: map[string]string{}}
	for n, v := range r.used {
		if live[n] && !v.passing() {
			out.inputs[n] = v.version
		}
	}
	r.codeOf(roots, out.code)
	list := reached(roots, r.all)
	for _, d := range list {
		for _, n := range d.names {
			if v := r.s.vars[packageVariable(n)]; v != nil && d.kind == token.VAR && r.plan.inputs[v.key()] != "" {
				out.inputs[v.key()] = v.version
			}
		}
	}
	return out
}

// codeOf notes what is reached from names.
func (r *rewriter) codeOf(roots map[string]bool, code map[string]string) {
	list, names := closure(roots, r.all)
	for _, d := range list {
		switch {
		case d.kind == token.CONST:
			for n, value := range d.values {
				if names[n] {
					code[n] = value
				}
			}
		case d.kind == token.IMPORT, d.kind == token.VAR:
		default:
			code[d.key] = d.text
		}
	}
}

// hash is what a value's version is made of.
func (s slice) hash(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\x00%s\x00", name, s.text)
	for _, n := range sorted(s.inputs) {
		fmt.Fprintf(&b, "%s=%s\x00", n, s.inputs[n])
	}
	for _, n := range sorted(s.code) {
		fmt.Fprintf(&b, "%s:%s\x00", n, s.code[n])
	}
	return b.String()
}
