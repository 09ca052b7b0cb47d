package origin

import (
	"go/ast"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// walk goes from a function to all that it reaches.
type walk struct {
	build    *build
	pkg      *pkg
	parts    map[string]string
	free     map[string]bool
	seen     map[*decl]bool
	reached  map[string]bool // names that are declared in the package
	selected map[string]bool // names of fields and methods
	queue    []*decl
	believed bool
}

func newWalk(b *build, p *pkg) *walk {
	return &walk{build: b, pkg: p, parts: map[string]string{goPart: b.goes}, free: map[string]bool{}, seen: map[*decl]bool{},
		reached: map[string]bool{}, selected: map[string]bool{}, believed: p.believed}
}

// start goes from a function by its name within its package, and the file and line on which its code begins; false if it is not found.
func (w *walk) start(name, file string, line int) bool {
	name = strings.TrimSuffix(name, "[...]")
	begin := w.named(name)
	if len(begin) == 0 {
		begin = w.literals(file, line, depth(name))
	}
	for _, d := range begin {
		w.add(d)
	}
	w.run()
	return len(begin) > 0
}

// named returns what is declared under a function's name: "load", "T.m" or "(*T).m".
func (w *walk) named(name string) []*decl {
	if t, m, ok := strings.Cut(name, "."); ok {
		t, _, _ = strings.Cut(strings.Trim(t, "(*)"), "[")
		for _, d := range w.pkg.methods[t] {
			if d.name == "method "+t+"."+m {
				return append([]*decl{d}, w.pkg.decls[t]...)
			}
		}
		return nil
	}
	return slices.DeleteFunc(slices.Clone(w.pkg.decls[name]), func(d *decl) bool { return !strings.HasPrefix(d.name, "func ") })
}

// depth returns in how many literals a literal is, with itself, by its name, 0 if that does not tell: "func2.1" is within func2, and
// "main.func1.func8" within func1, which the compiler has put into main.
func depth(name string) (n int) {
	if strings.Contains(name, "-") { // the body of a loop over a function, or what go and defer are made of
		return 0
	}
	for _, part := range strings.Split(name, ".") {
		if _, err := strconv.Atoi(strings.TrimPrefix(part, "func")); err == nil {
			n++
		}
	}
	return n
}

// literals returns the function literals whose code begins on a line of a file. The line is that of their first statement or, if they are
// written so, one before it. If there are several, those count that are as deep in others as their name says; all, if none is.
func (w *walk) literals(file string, line, depth int) []*decl {
	var found, fit []*decl
	for _, f := range w.pkg.files {
		if f.path != file && len(w.pkg.files) > 1 { // the only one may be a copy
			continue
		}
		at := func(p token.Pos) int { return w.pkg.set.PositionFor(p, false).Line }
		var around []ast.Node
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if n == nil {
				around = around[:len(around)-1]
				return true
			}
			around = append(around, n)
			lit, ok := n.(*ast.FuncLit)
			if !ok {
				return true
			}
			first := at(lit.Body.Rbrace)
			if len(lit.Body.List) > 0 {
				first = at(lit.Body.List[0].Pos())
			}
			if at(lit.Pos()) > line || line > first {
				return true
			}
			one := &decl{"the function", f, lit, nil}
			found = append(found, one)
			if literalsIn(around) == depth {
				fit = append(fit, one)
			}
			return true
		})
	}
	if len(fit) > 0 {
		return fit
	}
	return found
}

func literalsIn(around []ast.Node) (n int) {
	for _, a := range around {
		if _, ok := a.(*ast.FuncLit); ok {
			n++
		}
	}
	return n
}

func (w *walk) add(d *decl) {
	if !w.seen[d] {
		w.seen[d] = true
		w.queue = append(w.queue, d)
	}
}

// run looks at what has been found until nothing more is.
func (w *walk) run() {
	for len(w.queue) > 0 {
		d := w.queue[len(w.queue)-1]
		w.queue = w.queue[:len(w.queue)-1]
		w.visit(d)
		if len(w.queue) == 0 {
			w.indirect()
		}
	}
}

// indirect adds what is reached though nothing names it: functions init that set what is reached and, where there are variables of whose
// type nothing is known here, methods of the names that are called.
func (w *walk) indirect() {
	for _, d := range w.pkg.inits {
		if w.mentions(d) {
			w.add(d)
		}
	}
	for name := range w.reached {
		if slices.ContainsFunc(w.pkg.changers[name], func(by *decl) bool { return !w.covers(by) }) {
			w.free[name] = true
		}
	}
	if len(w.free) == 0 {
		return
	}
	for t, list := range w.pkg.methods {
		for _, m := range list {
			if name := strings.TrimPrefix(m.name, "method "+t+"."); w.selected[name] {
				w.add(m)
			}
		}
	}
}

// covers reports whether a function is among what was found.
func (w *walk) covers(by *decl) bool {
	for d := range w.seen {
		if d.node == by.node {
			return true
		}
	}
	return slices.ContainsFunc(w.pkg.inits, func(d *decl) bool { return d.node == by.node })
}

func (w *walk) mentions(d *decl) (found bool) {
	ast.Inspect(d.node, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && w.reached[id.Name] && !localTo(d.file, id) {
			found = true
		}
		return !found
	})
	return found
}

// visit notes the source of a declaration, and finds what it names.
func (w *walk) visit(d *decl) {
	from, to := d.node.Pos(), d.node.End()
	w.note(d.name, w.pkg.tokens(d.file, from, to))
	for _, pattern := range embeds(d) {
		w.embed(filepath.Dir(d.file.path), pattern)
	}
	lit, _ := d.node.(*ast.FuncLit)
	var see func(n ast.Node) bool
	see = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr: // the name behind the point is that of a field, a method or something of another package
			if id, ok := n.X.(*ast.Ident); ok && id.Obj == nil && len(w.pkg.decls[id.Name]) == 0 {
				w.imported(d.file, id.Name)
				return false
			}
			w.selected[n.Sel.Name] = true
			ast.Inspect(n.X, see)
			return false
		case *ast.CompositeLit:
			return w.literalOf(n, see)
		case *ast.Ident:
			w.name(d, lit, n)
		}
		return true
	}
	ast.Inspect(d.node, see)
	if t, ok := d.node.(*ast.TypeSpec); ok {
		for _, m := range w.pkg.methods[t.Name.Name] {
			w.add(m)
		}
	}
	for _, i := range d.file.imports {
		if i.name == "." {
			w.use(d.file, i.path)
		}
	}
}

// literalOf looks at a literal of a struct that the package declares, whose keys are names of fields; of others it returns true.
func (w *walk) literalOf(n *ast.CompositeLit, see func(ast.Node) bool) bool {
	id, ok := n.Type.(*ast.Ident)
	if !ok || !slices.ContainsFunc(w.pkg.decls[id.Name], isStruct) {
		return true
	}
	ast.Inspect(n.Type, see)
	for _, e := range n.Elts {
		if pair, ok := e.(*ast.KeyValueExpr); ok {
			e = pair.Value
		}
		ast.Inspect(e, see)
	}
	return false
}

func isStruct(d *decl) bool {
	t, ok := d.node.(*ast.TypeSpec)
	if !ok {
		return false
	}
	_, ok = t.Type.(*ast.StructType)
	return ok
}

// note adds a part; several of one name are one.
func (w *walk) note(name, hash string) {
	if old, ok := w.parts[name]; ok && old != hash {
		both := []string{old, hash}
		slices.Sort(both)
		hash = hashTokens([]byte(strings.Join(both, "+")))
	}
	w.parts[name] = hash
}

// name looks at an identifier of a declaration.
func (w *walk) name(d *decl, lit *ast.FuncLit, id *ast.Ident) {
	if !localTo(d.file, id) {
		for _, found := range w.pkg.decls[id.Name] {
			w.reached[id.Name] = true
			w.add(found)
		}
		return
	}
	if lit == nil || inside(lit, id.Obj.Pos()) || id.Obj.Kind == ast.Lbl {
		return
	}
	if id.Obj.Kind == ast.Var || id.Obj.Kind == ast.Bad { // of the function around the literal
		w.free[id.Name] = true
		return
	}
	if node, ok := id.Obj.Decl.(ast.Node); ok { // its constants and types are source
		w.addOnce(&decl{id.Obj.Kind.String() + " " + id.Name, d.file, node, nil})
	}
}

// addOnce is add for what has no declaration at the top level.
func (w *walk) addOnce(d *decl) {
	for old := range w.seen {
		if old.node == d.node {
			return
		}
	}
	w.add(d)
}

func inside(n ast.Node, p token.Pos) bool { return n.Pos() <= p && p < n.End() }

// localTo reports whether an identifier means something that a function of the file declares.
func localTo(f *file, id *ast.Ident) bool {
	return id.Obj != nil && f.syntax.Scope.Lookup(id.Name) != id.Obj
}

// freed returns the free variables in order.
func (w *walk) freed() []string { return slices.Sorted(maps.Keys(w.free)) }

// imported notes the package that a name stands for. Where a package gives its name itself and the name is not the end of its path, all
// such imports count.
func (w *walk) imported(f *file, name string) {
	var likely, unnamed []string
	for _, i := range f.imports {
		switch {
		case i.name == name:
			w.use(f, i.path)
			return
		case i.name == "" && mayBeNamed(i.path, name):
			likely = append(likely, i.path)
		case i.name == "":
			unnamed = append(unnamed, i.path)
		}
	}
	if len(likely) == 0 {
		likely = unnamed
	}
	for _, path := range likely {
		w.use(f, path)
	}
}

// mayBeNamed reports whether a package is probably called so.
func mayBeNamed(path, name string) bool {
	for _, part := range strings.FieldsFunc(path, func(r rune) bool { return r == '/' || r == '.' || r == '-' }) {
		if part == name {
			return true
		}
	}
	return false
}

// use notes a package that is imported.
func (w *walk) use(f *file, path string) {
	found, ok := w.build.uses(filepath.Dir(f.path), path)
	w.believed = w.believed && ok
	maps.Copy(w.parts, found)
}
