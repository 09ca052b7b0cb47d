package flow

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// A cell's kinds.
type kind int

const (
	runs  kind = iota // statements, or only declarations
	own               // it has a func main
	execs             // %exec
	tests             // %test
)

// checked is a cell on its way through the type checker.
type checked struct {
	s     *Session
	cell  Cell
	code  string // its Go text
	parts parts
	kind  kind
	exec  string // the function of %exec

	commands []command
	fresh    []*declaration // of this cell
	all      []*declaration // of all cells
	body     *ast.BlockStmt // its statements
	head     int            // what stands before the cell in the statements' file
	last     ast.Expr       // a trailing expression
	quiet    bool           // its value is not shown
	testing  []*ast.FuncDecl

	candidates map[string]*variable // carried variables whose names occur
	used       map[string]*variable // candidates that the statements use
	info       types.Info
	errors     []types.Error
	unused     map[string]bool // keys of imports
	files      []*token.File   // to be forgotten
	prologue   prologue
	mainFile   *token.File
}

// prologue declares the candidates around the statements.
type prologue struct {
	file    *token.File
	decls   []ast.Decl
	list    []ast.Stmt
	extents map[string]span // where a name's type stands
}

const statementHead = "package main;func main(){"

// take parses a cell.
func (s *Session) take(cell Cell) (*checked, error) {
	c := &checked{s: s, cell: cell, candidates: map[string]*variable{}}
	c.commands, c.code = commands(cell.Source)
	main := -1
	for _, m := range c.commands {
		switch m.word {
		case "%main":
			if main >= 0 {
				return c, &Mistake{Cell: cell.Number, Line: m.line + 1, Column: 1, Message: "%% begins a second main part", Remedy: "a cell has one"}
			}
			main = m.at
		case "%exec":
			c.kind = execs
			c.exec, _ = firstWord(m.args)
		case "%test":
			c.kind = tests
		}
	}
	c.parts = split(c.code, main)
	if main < 0 && c.kind == runs && !c.parts.any && s.amongStatements(c.code, c.parts.declarations) {
		some, rest := lift(c.code, tokens(c.code), false)
		c.parts = leave(c.code, some, rest)
	}
	var first error
	var mainDecl *ast.FuncDecl
	for _, at := range c.parts.declarations {
		list, m, err := s.parse(cell, c.code, at)
		if err != nil && first == nil {
			first = err
		}
		if m != nil {
			mainDecl = m
		}
		c.fresh = append(c.fresh, list...)
	}
	c.fresh = merge(nil, c.fresh)
	if err := c.statements(mainDecl); err != nil && first == nil {
		first = err
	}
	if m := lexical(c.code); m != nil && first == nil {
		first = m
	}
	if mistake, ok := first.(*Mistake); ok {
		mistake.Cell = cell.Number
	}
	return c, first
}

// amongStatements reports whether a cell of declarations means statements: its variables are made from variables of the
// statements of earlier cells, which no package variable can be.
func (s *Session) amongStatements(code string, declarations []span) bool {
	names := map[string]bool{} // what its variables name
	for _, at := range declarations {
		text := code[at.from:at.to]
		if strings.HasPrefix(text, "var") || strings.HasPrefix(text, "const") {
			for w := range words(text) {
				names[w] = true
			}
		}
	}
	for name := range names {
		v := s.vars[name]
		if v == nil || v.why != "" {
			continue
		}
		known := slices.ContainsFunc(s.declared, func(d *declaration) bool { return slices.Contains(d.names, name) })
		if madeFromItself(code, declarations, name) || !known && !redeclares(code, declarations, name) {
			return true
		}
	}
	return false
}

// madeFromItself reports whether a variable is declared with a value that names it: that of an earlier cell, since no package variable
// can be made from itself.
func madeFromItself(code string, declarations []span, name string) (found bool) {
	for _, at := range declarations {
		f, _ := parser.ParseFile(token.NewFileSet(), "", packageHead+code[at.from:at.to], parser.SkipObjectResolution)
		if f == nil {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || !slices.ContainsFunc(spec.Names, func(id *ast.Ident) bool { return id.Name == name }) {
				return true
			}
			for _, value := range spec.Values {
				ast.Inspect(value, func(n ast.Node) bool {
					switch n := n.(type) {
					case *ast.SelectorExpr:
						ast.Inspect(n.X, func(n ast.Node) bool {
							id, ok := n.(*ast.Ident)
							found = found || ok && id.Name == name
							return true
						})
						return false
					case *ast.Ident:
						found = found || n.Name == name
					}
					return true
				})
			}
			return false
		})
	}
	return found
}

// redeclares reports whether declarations declare a name, as far as their first words tell.
func redeclares(code string, declarations []span, name string) bool {
	for _, at := range declarations {
		toks := tokens(code[at.from:at.to])
		for i, t := range toks {
			if t.is == token.ASSIGN || i > 0 && t.is == token.SEMICOLON {
				break
			}
			if t.is == token.IDENT && code[at.from+t.from:at.from+t.to] == name && i < 8 {
				return true
			}
		}
	}
	return false
}

func firstWord(s string) (word, rest string) {
	word, rest, _ = strings.Cut(strings.TrimSpace(s), " ")
	return word, strings.TrimSpace(rest)
}

// statements parses what main does.
func (c *checked) statements(main *ast.FuncDecl) error {
	if main != nil {
		if main.Body == nil || len(main.Type.Params.List) > 0 || main.Type.Results != nil || main.Type.TypeParams != nil {
			return c.mistake(main.Pos(), "func main takes nothing and returns nothing", "write func main() { … }")
		}
		if c.parts.any {
			at := strings.IndexFunc(c.parts.statements, func(r rune) bool { return r > ' ' })
			line, column := place(c.code, max(at, 0))
			return &Mistake{Line: line, Column: column, Message: "a statement stands outside of func main", Remedy: "put it into func main, or write the cell without func main"}
		}
		c.kind, c.body, c.mainFile = own, main.Body, c.s.set.File(main.Pos())
		c.head = c.s.heads[c.mainFile]
		return nil
	}
	if (c.kind == execs || c.kind == tests) && c.parts.any {
		at := strings.IndexFunc(c.parts.statements, func(r rune) bool { return r > ' ' })
		line, column := place(c.code, max(at, 0))
		return &Mistake{Line: line, Column: column, Message: "a statement stands outside of a function", Remedy: "a cell with %test or %exec has declarations only: put it into a function"}
	}
	if c.kind == execs {
		return c.execBody()
	}
	if !c.parts.any {
		return nil
	}
	if m := unbalanced(c.parts.statements); m != nil {
		return m
	}
	f, err := parser.ParseFile(c.s.set, cellName(c.cell.Number), statementHead+c.parts.statements+"\n}", parser.SkipObjectResolution)
	if err != nil || f == nil {
		return syntax(err, len(statementHead))
	}
	c.mainFile = c.s.set.File(f.FileStart)
	c.files = append(c.files, c.mainFile)
	c.head = len(statementHead)
	c.s.heads[c.mainFile] = c.head
	c.body = f.Decls[0].(*ast.FuncDecl).Body
	c.trailing()
	return nil
}

// lexical finds what is no Go at all: a comment without an end, say.
func lexical(text string) (first *Mistake) {
	file := token.NewFileSet().AddFile("", -1, len(text))
	var s scanner.Scanner
	s.Init(file, []byte(text), func(p token.Position, said string) {
		if first == nil {
			message, remedy := syntaxWords(said)
			first = &Mistake{Line: p.Line, Column: p.Column, Message: message, Remedy: remedy}
		}
	}, scanner.ScanComments)
	for {
		if _, t, _ := s.Scan(); t == token.EOF {
			return first
		}
	}
}

// unbalanced finds the bracket that closes nothing, or is not closed.
func unbalanced(text string) *Mistake {
	var open []lexeme
	closes := map[token.Token]token.Token{token.RPAREN: token.LPAREN, token.RBRACE: token.LBRACE, token.RBRACK: token.LBRACK}
	at := func(t lexeme, message, remedy string) *Mistake {
		line, column := place(text, t.from)
		return &Mistake{Line: line, Column: column, Message: message, Remedy: remedy}
	}
	for _, t := range tokens(text) {
		switch nesting(t.is) {
		case 1:
			open = append(open, t)
		case -1:
			if len(open) == 0 {
				return at(t, fmt.Sprintf("the %s closes what nothing has opened", t.is), "remove it")
			}
			if last := open[len(open)-1]; last.is != closes[t.is] {
				line, _ := place(text, last.from)
				return at(t, fmt.Sprintf("the %s does not close the %s of line %d", t.is, last.is, line), "")
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		last := open[len(open)-1]
		return at(last, fmt.Sprintf("this %s is not closed", last.is), "")
	}
	return nil
}

// execBody makes the main of %exec, which calls a function.
func (c *checked) execBody() error {
	if !token.IsIdentifier(c.exec) {
		m := c.commands[slices.IndexFunc(c.commands, func(m command) bool { return m.word == "%exec" })]
		return &Mistake{Line: m.line + 1, Column: 1, Message: "%exec needs the name of a function", Remedy: "write %exec name"}
	}
	f, err := parser.ParseFile(c.s.set, "%exec", statementHead+c.exec+"()}", parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	c.mainFile = c.s.set.File(f.FileStart)
	c.files = append(c.files, c.mainFile)
	c.body = f.Decls[0].(*ast.FuncDecl).Body
	return nil
}

// trailing finds a last expression whose value is to be shown, and makes a statement of it that the checker takes.
func (c *checked) trailing() {
	n := len(c.body.List)
	if n == 0 {
		return
	}
	s, ok := c.body.List[n-1].(*ast.ExprStmt)
	if !ok {
		return
	}
	c.quiet = c.s.opts.Silent || strings.HasPrefix(strings.TrimLeft(c.code[c.offset(s.End()):], " \t"), ";")
	switch x := ast.Unparen(s.X).(type) {
	case *ast.BadExpr:
		return
	case *ast.UnaryExpr:
		if x.Op == token.ARROW {
			return
		}
	case *ast.CallExpr:
		c.last = s.X
		return
	}
	c.last = s.X
	c.body.List[n-1] = &ast.AssignStmt{Lhs: []ast.Expr{&ast.Ident{Name: "_", NamePos: s.X.Pos()}}, TokPos: s.X.Pos(), Tok: token.ASSIGN, Rhs: []ast.Expr{s.X}}
}

// offset returns where in the cell a position of the statements is.
func (c *checked) offset(p token.Pos) int {
	return min(max(c.mainFile.Offset(p)-c.head, 0), len(c.code))
}

// choose finds the candidates: carried variables whose names occur where statements are.
func (c *checked) choose() {
	where := map[string]bool{}
	switch c.kind {
	case tests:
		for _, d := range c.fresh {
			if f, ok := d.node.(*ast.FuncDecl); ok && isTest(f) {
				c.testing = append(c.testing, f)
				for w := range d.words {
					where[w] = true
				}
			}
		}
	case own:
		where = words(c.code)
	default:
		where = words(c.parts.statements)
	}
	if c.s.opts.NoFlow {
		return
	}
	for name := range where {
		v := c.s.vars[name]
		if v == nil || v.why != "" || v.lost != "" || slices.ContainsFunc(c.fresh, func(d *declaration) bool { return slices.Contains(d.names, name) }) {
			continue
		}
		c.candidates[name] = v
	}
}

func isTest(f *ast.FuncDecl) bool {
	if f.Recv != nil || f.Body == nil {
		return false
	}
	for _, p := range []string{"Test", "Benchmark", "Fuzz", "Example"} {
		if strings.HasPrefix(f.Name.Name, p) {
			return true
		}
	}
	return false
}

// declare writes and parses the prologue. All variables are declared by one statement, so that none of their names is in
// scope in the types of the others.
func (c *checked) declare() error {
	var b strings.Builder
	b.WriteString("package main;")
	needs := map[string]bool{}
	names := sorted(c.candidates)
	for _, n := range names {
		for _, p := range c.candidates[n].needs {
			needs[p] = true
		}
	}
	for _, p := range sorted(needs) {
		fmt.Fprintf(&b, "import %s %q;", c.s.alias(p), p)
	}
	b.WriteString("func main(){")
	extents := map[string]span{}
	var vars, types []string
	for _, n := range names {
		if v := c.candidates[n]; v.constant == "" {
			vars, types = append(vars, n), append(types, n)
		}
	}
	if len(vars) > 0 {
		b.WriteString("var " + strings.Join(vars, ", ") + " = ")
		for i, n := range types {
			if i > 0 {
				b.WriteString(", ")
			}
			from := b.Len()
			b.WriteString("*new(" + c.candidates[n].typ + ")")
			extents[n] = span{from, b.Len()}
		}
		b.WriteString(";")
	}
	for _, n := range names {
		if v := c.candidates[n]; v.constant != "" {
			from := b.Len()
			b.WriteString(v.declareConst() + ";")
			extents[n] = span{from, b.Len()}
		}
	}
	b.WriteString("}")
	f, err := parser.ParseFile(c.s.set, "inserted", b.String(), parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("flow: the inserted %q: %w", b.String(), err)
	}
	file := c.s.set.File(f.FileStart)
	c.files = append(c.files, file)
	main := f.Decls[len(f.Decls)-1].(*ast.FuncDecl)
	c.prologue = prologue{file, f.Decls[:len(f.Decls)-1], main.Body.List, extents}
	return nil
}

// objects returns the candidates' variables and constants by name.
func (p *prologue) objects(info *types.Info) map[string]types.Object {
	out := map[string]types.Object{}
	for _, s := range p.list {
		for _, id := range declaredBy(s) {
			if o := info.Defs[id]; o != nil {
				out[id.Name] = o
			}
		}
	}
	return out
}

// declareConst declares a constant of an earlier cell.
func (v *variable) declareConst() string {
	return strings.TrimRight("const "+v.name+" "+v.typ, " ") + " = " + v.constant
}

// check type-checks the cell with the declarations in c.all. It is repeated with fewer of them, or fewer candidates.
func (c *checked) check() {
	file := &ast.File{Name: ast.NewIdent("main")}
	add := func(d ast.Decl) {
		file.Decls = append(file.Decls, d)
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
			for _, s := range g.Specs {
				file.Imports = append(file.Imports, s.(*ast.ImportSpec))
			}
		}
	}
	for _, d := range c.prologue.decls {
		add(d)
	}
	for _, d := range c.all {
		if d.kind == token.IMPORT {
			add(d.node)
		}
	}
	inTest := map[ast.Node]bool{}
	for _, f := range c.testing {
		inTest[f] = true
	}
	for _, d := range c.all {
		f, ok := d.node.(*ast.FuncDecl)
		switch {
		case d.kind == token.IMPORT:
		case ok && inTest[f]:
			around := *f
			around.Body = c.wrap(f.Body)
			add(&around)
		default:
			add(d.node)
		}
	}
	if c.body != nil {
		main := &ast.FuncDecl{Name: &ast.Ident{Name: "main", NamePos: c.body.Pos()}, Type: &ast.FuncType{Func: c.body.Pos(), Params: &ast.FieldList{}}}
		main.Body = c.wrap(c.body)
		add(main)
	} else {
		add(&ast.FuncDecl{Name: ast.NewIdent("main"), Type: &ast.FuncType{Params: &ast.FieldList{}}, Body: &ast.BlockStmt{}})
	}
	file.Package, file.FileStart, file.FileEnd = c.prologue.decl0(), c.prologue.decl0(), c.prologue.decl0()
	file.Name.NamePos = file.Package
	c.info = types.Info{Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}, Types: map[ast.Expr]types.TypeAndValue{}}
	c.errors = nil
	conf := types.Config{Importer: c.s.opts.Exports, Error: func(err error) {
		if e, ok := err.(types.Error); ok {
			c.errors = append(c.errors, e)
		}
	}}
	_, _ = conf.Check("main", c.s.set, []*ast.File{file}, &c.info)
}

func (p *prologue) decl0() token.Pos { return p.file.Pos(0) }

// wrap puts the candidates around a body.
func (c *checked) wrap(body *ast.BlockStmt) *ast.BlockStmt {
	return &ast.BlockStmt{Lbrace: body.Lbrace, List: append(slices.Clone(c.prologue.list), body), Rbrace: body.Rbrace}
}

// forget gives up what was parsed for this cell alone, and declarations that no cell has any more.
func (c *checked) forget() {
	for _, f := range c.files {
		c.s.set.RemoveFile(f)
	}
	stands := map[*token.File]bool{}
	for _, d := range c.s.declared {
		stands[d.file] = true
	}
	for f := range c.s.heads {
		if !stands[f] {
			delete(c.s.heads, f)
			c.s.set.RemoveFile(f)
		}
	}
}

// own returns the declaration in which a position is, nil if it is in the statements or inserted.
func (c *checked) declarationAt(p token.Pos) *declaration {
	file := c.s.set.File(p)
	for _, d := range c.all {
		if d.file == file && d.node.Pos() <= p && p <= d.node.End() {
			return d
		}
	}
	return nil
}

// mistake places one at a position.
func (c *checked) mistake(p token.Pos, message, remedy string) *Mistake {
	m := &Mistake{Cell: c.cell.Number, Line: 1, Column: 1, Message: message, Remedy: remedy}
	file := c.s.set.File(p)
	if file == nil {
		return m
	}
	at := file.PositionFor(p, false)
	m.Line, m.Column = at.Line, at.Column
	if at.Line == 1 {
		m.Column = max(1, at.Column-c.s.heads[file])
	}
	if d := c.declarationAt(p); d != nil {
		m.Cell = d.cell
	}
	return m
}

// place returns line and column of an offset.
func place(text string, at int) (line, column int) {
	before := text[:min(at, len(text))]
	return strings.Count(before, "\n") + 1, len(before) - strings.LastIndexByte(before, '\n')
}
