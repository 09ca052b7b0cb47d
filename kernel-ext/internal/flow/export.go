package flow

import (
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"path"
	"slices"
	"strings"
)

// Export writes the cells that have run as one Go program: what they declare once, each cell's statements as a function,
// in the order in which the cells ran last, and variables that later cells use as variables of the package.
func (s *Session) Export(w io.Writer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := &exporter{s: s, renamed: map[instance]string{}, taken: map[string]bool{}, imports: map[string]string{}}
	text, err := e.program()
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// instance is a variable as one cell declares it.
type instance struct {
	name   string
	origin int
}

// exporter writes the program of a notebook.
type exporter struct {
	s       *Session
	cells   []*record
	shared  []instance // that other cells use too
	renamed map[instance]string
	taken   map[string]bool
	imports map[string]string // path to name, of types
}

func (e *exporter) program() ([]byte, error) {
	for _, r := range e.s.history {
		if strings.TrimSpace(r.body) != "" || len(e.cells) > 0 && len(e.values(r)) > 0 {
			e.cells = append(e.cells, r)
		}
	}
	if len(e.cells) == 0 && len(e.s.declared) == 0 {
		return nil, errors.New("no cell has run: there is nothing to export")
	}
	for _, d := range e.s.declared {
		for _, n := range d.names {
			e.taken[n] = true
		}
		if d.kind == token.IMPORT {
			e.taken[d.packageName()] = true
		}
	}
	if err := e.share(); err != nil {
		return nil, err
	}
	body, err := e.body()
	if err != nil {
		return nil, err
	}
	return e.build(e.head() + body)
}

// resolve returns the instance that a name of a cell means in the cells' latest texts.
func (e *exporter) resolve(n named) (instance, error) {
	r := e.s.recordOf(n.origin)
	if r == nil {
		return instance{}, fmt.Errorf("%s was made by cell %d, whose text is not known any more: run it again", n.name, n.origin)
	}
	if !slices.ContainsFunc(r.made, func(v *variable) bool { return v.name == n.name }) {
		return instance{}, fmt.Errorf("%s is used, but cell %d no longer makes it", n.name, r.cell.Number)
	}
	return instance{n.name, r.cell.Number}, nil
}

// share finds the variables that more than one cell uses, and names for them.
func (e *exporter) share() error {
	for _, r := range e.cells {
		for _, n := range r.names {
			i, err := e.resolve(n)
			if err != nil {
				return err
			}
			if i.origin != r.cell.Number && !slices.Contains(e.shared, i) {
				e.shared = append(e.shared, i)
			}
		}
	}
	slices.SortFunc(e.shared, func(a, b instance) int {
		if a.origin != b.origin {
			return a.origin - b.origin
		}
		return strings.Compare(a.name, b.name)
	})
	types := map[string]string{} // of names that are given
	for _, i := range e.shared {
		v := e.variable(i)
		what := v.typ + v.constant
		name := i.name
		for k := 2; e.taken[name] && types[name] != what || types[name] != "" && (types[name] != what || v.constant != "") || predeclared(name); k++ {
			name = fmt.Sprintf("%s%d", i.name, k)
		}
		types[name], e.taken[name] = what, true
		e.renamed[i] = name
	}
	return nil
}

func predeclared(name string) bool { return types.Universe.Lookup(name) != nil }

func (e *exporter) variable(i instance) *variable {
	for _, v := range e.s.recordOf(i.origin).made {
		if v.name == i.name {
			return v
		}
	}
	return nil
}

// typ writes a type with the names of this program's imports.
func (e *exporter) typ(v *variable) string {
	text := v.typ
	for _, p := range v.needs {
		text = strings.ReplaceAll(text, e.s.aliases[p]+".", e.importName(p)+".")
	}
	return text
}

// importName returns the name of a package in the program, importing it if no cell does.
func (e *exporter) importName(p string) string {
	for _, d := range e.s.declared {
		if d.kind == token.IMPORT && d.path() == p && (d.spec().Name == nil || token.IsIdentifier(d.spec().Name.Name) && d.spec().Name.Name != "_") {
			if d.spec().Name != nil {
				return d.spec().Name.Name
			}
			if known, err := e.s.opts.Exports.Import(p); err == nil {
				return known.Name()
			}
			return path.Base(p)
		}
	}
	if e.imports[p] == "" {
		base := path.Base(p)
		if known, err := e.s.opts.Exports.Import(p); err == nil {
			base = known.Name()
		}
		name := base
		for k := 2; e.taken[name]; k++ {
			name = fmt.Sprintf("%s%d", base, k)
		}
		e.taken[name] = true
		e.imports[p] = name
	}
	return e.imports[p]
}

// body writes all but package clause and imports.
func (e *exporter) body() (string, error) {
	var b strings.Builder
	for _, kind := range []token.Token{token.CONST, token.TYPE, token.VAR, token.FUNC} {
		for _, d := range e.s.declared {
			if f, ok := d.node.(*ast.FuncDecl); d.kind != kind || ok && isTest(f) {
				continue
			}
			b.WriteString(e.declaration(d) + "\n\n")
		}
		if kind == token.VAR {
			b.WriteString(e.variables())
		}
	}
	var calls strings.Builder
	for i, r := range e.cells {
		text, err := e.cell(r)
		if err != nil {
			return "", err
		}
		if i > 0 {
			text = strings.Join(e.values(r), "\n") + "\n" + strings.Trim(text, "\n")
		}
		name := fmt.Sprintf("cell%d", i+1)
		for e.taken[name] {
			name += "_"
		}
		fmt.Fprintf(&b, "// %s is In[%d] of the notebook.\nfunc %s() {\n%s\n}\n\n", name, r.cell.Number, name, strings.Trim(text, "\n"))
		calls.WriteString("\t" + name + "()\n")
	}
	return b.String() + "func main() {\n" + calls.String() + "}\n", nil
}

// values returns the assignments of a cell's package variables, whose initial values were made when that cell ran: not
// before all others, as in a program.
func (e *exporter) values(r *record) (list []string) {
	for _, d := range e.s.declared {
		if e.s.recordOf(d.cell) == r && e.movable(d) {
			spec := d.value()
			from := d.file.Offset(spec.Values[0].Pos()) - d.file.Offset(spec.Pos()) + len("var ")
			list = append(list, strings.Join(d.names, ", ")+" = "+d.text[from:])
		}
	}
	return list
}

// movable reports whether a declaration of variables may be an assignment: the values flow, and all have names.
func (e *exporter) movable(d *declaration) bool {
	if d.kind != token.VAR || len(d.value().Values) == 0 || len(d.names) != len(d.value().Names) {
		return false
	}
	for _, n := range d.names {
		if v := e.s.vars[packageVariable(n)]; v == nil || v.why != "" {
			return false
		}
	}
	return true
}

// declaration writes one; the variables of a cell that ran after others are assigned there.
func (e *exporter) declaration(d *declaration) string {
	r := e.s.recordOf(d.cell)
	if !e.movable(d) || r == nil || !slices.Contains(e.cells, r) || e.cells[0] == r {
		return d.text
	}
	var list []string
	for _, n := range d.names {
		list = append(list, "var "+n+" "+e.typ(e.s.vars[packageVariable(n)]))
	}
	return strings.Join(list, "\n")
}

// variables declares those that more than one cell uses.
func (e *exporter) variables() string {
	var b strings.Builder
	done := map[string]bool{}
	for _, i := range e.shared {
		name := e.renamed[i]
		if done[name] {
			continue
		}
		done[name] = true
		v := e.variable(i)
		if v.constant != "" {
			fmt.Fprintf(&b, "const %s %s = %s\n", name, e.typ(v), v.constant)
		} else {
			fmt.Fprintf(&b, "var %s %s\n", name, e.typ(v))
		}
	}
	return b.String() + "\n"
}

// cell writes the statements of a cell, in which variables that others use are those of the package.
func (e *exporter) cell(r *record) (string, error) {
	src := statementHead + r.body + "\n}"
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, "", src, parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	file := set.File(f.FileStart)
	at := func(p token.Pos) int { return min(max(file.Offset(p)-len(statementHead), 0), len(r.body)) }
	c := &cellExport{e: e, r: r, at: at, shared: map[string]string{}}
	for _, n := range r.names {
		if i, err := e.resolve(n); err == nil && e.renamed[i] != "" {
			if i.origin == r.cell.Number {
				c.shared[n.name] = e.renamed[i]
			}
			if e.renamed[i] != n.name {
				c.edits = append(c.edits, edit{span{n.at, n.at + len(n.name)}, e.renamed[i]})
			}
		}
	}
	for _, s := range f.Decls[0].(*ast.FuncDecl).Body.List {
		c.statement(s)
	}
	if r.show.to > 0 {
		before, after := e.shows(r)
		c.edits = append(c.edits, edit{span{r.show.from, r.show.from}, before}, edit{span{r.show.to, r.show.to}, after})
	}
	if r.hush >= 0 {
		c.edits = append(c.edits, edit{span{r.hush, r.hush}, "_ = "})
	}
	return apply(r.body, c.edits), nil
}

// shows returns what stands before and behind a trailing expression that is shown.
func (e *exporter) shows(r *record) (before, after string) {
	show := e.importName("fmt") + ".Println"
	if r.drawn {
		show = e.importName(viz) + ".Show"
	}
	switch {
	case r.absent:
		return "if shown := any(", "); shown != nil { " + show + "(shown) }"
	case r.told:
		return "if _, failed := ", "; failed != nil { " + show + "(failed) }"
	case r.failing && !r.drawn:
		var names []string
		for i := range r.several - 1 {
			names = append(names, fmt.Sprintf("shown%d", i+1))
		}
		list := strings.Join(names, ", ")
		return "if " + list + ", failed := ", "; failed != nil { " + show + "(failed) } else { " + show + "(" + list + ") }"
	}
	return show + "(", ")"
}

// apply makes edits; of several at one place the first comes first.
func apply(text string, edits []edit) string {
	slices.SortStableFunc(edits, func(a, b edit) int { return a.from - b.from })
	var b strings.Builder
	at := 0
	for _, e := range edits {
		if e.from < at {
			continue
		}
		b.WriteString(text[at:e.from] + e.text)
		at = e.to
	}
	return b.String() + text[at:]
}

// cellExport rewrites one cell.
type cellExport struct {
	e      *exporter
	r      *record
	at     func(token.Pos) int
	shared map[string]string // what it declares for others: the name in the package
	edits  []edit
}

// statement assigns in the place of declaring, where others use what a statement declares.
func (c *cellExport) statement(s ast.Stmt) {
	var here, others []*ast.Ident
	for _, id := range declaredBy(s) {
		switch {
		case !c.declares(id):
		case c.shared[id.Name] != "" && !c.constant(id.Name):
			others = append(others, id)
		default:
			here = append(here, id)
		}
	}
	for _, id := range here {
		if c.r.unused[id.Name] && !c.constant(id.Name) {
			c.edits = append(c.edits, edit{span{c.at(s.End()), c.at(s.End())}, "\n_ = " + id.Name})
		}
	}
	if len(others) == 0 {
		return
	}
	for l, ok := s.(*ast.LabeledStmt); ok; l, ok = s.(*ast.LabeledStmt) {
		s = l.Stmt
	}
	if a, ok := s.(*ast.AssignStmt); ok && len(here) == 0 {
		c.edits = append(c.edits, edit{span{c.at(a.TokPos), c.at(a.TokPos) + 2}, "="})
		return
	}
	if d, ok := s.(*ast.DeclStmt); ok && len(here) == 0 && c.simple(d) {
		return
	}
	for _, id := range others { // through another name
		final := c.shared[id.Name]
		temporary := final + "Here"
		c.edits = slices.DeleteFunc(c.edits, func(x edit) bool { return x.from == c.at(id.Pos()) && x.to > x.from })
		c.edits = append(c.edits, edit{span{c.at(id.Pos()), c.at(id.End())}, temporary},
			edit{span{c.at(s.End()), c.at(s.End())}, fmt.Sprintf("\n%s = %s", final, temporary)})
	}
}

// declares reports whether a name is declared here, and not only assigned.
func (c *cellExport) declares(id *ast.Ident) bool {
	return slices.ContainsFunc(c.r.names, func(n named) bool {
		return n.at == c.at(id.Pos()) && n.origin == c.r.cell.Number && n.declares
	})
}

func (c *cellExport) constant(name string) bool {
	for _, v := range c.r.made {
		if v.name == name {
			return v.constant != ""
		}
	}
	return false
}

// simple rewrites a declaration of variables by one spec.
func (c *cellExport) simple(d *ast.DeclStmt) bool {
	g := d.Decl.(*ast.GenDecl)
	if len(g.Specs) != 1 || g.Lparen.IsValid() || g.Tok != token.VAR {
		return false
	}
	spec := g.Specs[0].(*ast.ValueSpec)
	c.edits = append(c.edits, edit{span{c.at(g.TokPos), c.at(spec.Names[0].Pos())}, ""})
	if len(spec.Values) > 0 {
		if spec.Type != nil {
			c.edits = append(c.edits, edit{span{c.at(spec.Type.Pos()), c.at(spec.Type.End())}, ""})
		}
		return true
	}
	typ := c.r.body[c.at(spec.Type.Pos()):c.at(spec.Type.End())]
	zero := strings.TrimSuffix(strings.Repeat("*new("+typ+"), ", len(spec.Names)), ", ")
	c.edits = append(c.edits, edit{span{c.at(spec.Type.Pos()), c.at(spec.Type.End())}, "= " + zero})
	return true
}

// head writes package clause and imports.
func (e *exporter) head() string {
	var b strings.Builder
	b.WriteString("// Command notebook is a notebook's cells as one program.\npackage main\n\nimport (\n")
	for _, d := range e.s.declared {
		if d.kind == token.IMPORT {
			b.WriteString("\t" + strings.TrimPrefix(d.text, "import ") + "\n")
		}
	}
	for _, p := range sorted(e.imports) {
		if e.imports[p] == path.Base(p) {
			fmt.Fprintf(&b, "\t%q\n", p)
		} else {
			fmt.Fprintf(&b, "\t%s %q\n", e.imports[p], p)
		}
	}
	b.WriteString(")\n\n")
	return b.String()
}

// build checks the program, takes out the imports that it does not use, and formats it.
func (e *exporter) build(text string) ([]byte, error) {
	for range 1 + strings.Count(text, "\n") {
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, "main.go", text, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("the notebook as one program: %w", err)
		}
		var unused []span
		var first error
		conf := types.Config{Importer: e.s.opts.Exports, Error: func(err error) {
			said, ok := err.(types.Error)
			if !ok {
				return
			}
			for _, spec := range f.Imports {
				if spec.Pos() <= said.Pos && said.Pos <= spec.End() && said.Soft {
					unused = append(unused, span{set.Position(spec.Pos()).Offset, set.Position(spec.End()).Offset})
					return
				}
			}
			if first == nil {
				first = err
			}
		}}
		_, _ = conf.Check("main", set, []*ast.File{f}, nil)
		if len(unused) == 0 {
			if first != nil {
				return nil, fmt.Errorf("the notebook as one program: %w", first)
			}
			return format.Source([]byte(text))
		}
		var edits []edit
		for _, u := range unused {
			edits = append(edits, edit{u, ""})
		}
		text = apply(text, edits)
	}
	return nil, errors.New("the notebook as one program: its imports cannot be sorted out")
}
