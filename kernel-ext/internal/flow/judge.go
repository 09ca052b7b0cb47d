package flow

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// judge checks the cell until what remains fits, and returns the first mistake of the cell itself. Declarations with
// mistakes are left out of c.all: those of earlier cells because this one has changed what they use, those of this cell
// because its others are kept.
func (c *checked) judge() *Mistake {
	var first *Mistake
	for range 2 + len(c.all) + len(c.candidates) {
		if c.prologue.file == nil {
			if err := c.declare(); err != nil {
				return c.mistake(token.NoPos, err.Error(), "")
			}
		}
		c.check()
		if c.resolve() || c.lose() {
			c.prologue = prologue{}
			continue
		}
		mistake, out := c.sort()
		if first == nil {
			first = mistake
		}
		if len(out) == 0 {
			break
		}
		c.all = slices.DeleteFunc(c.all, func(d *declaration) bool { return out[d] })
	}
	if first == nil {
		first = c.uses()
	}
	if first == nil {
		first = c.uncalled()
	}
	return first
}

// uncalled finds a function at the end of a cell whose brackets were forgotten: there is nothing to show of it.
func (c *checked) uncalled() *Mistake {
	if c.last == nil || c.quiet || c.kind != runs {
		return nil
	}
	switch ast.Unparen(c.last).(type) {
	case *ast.Ident, *ast.SelectorExpr:
	default:
		return nil
	}
	if _, ok := c.info.TypeOf(c.last).Underlying().(*types.Signature); !ok {
		return nil
	}
	text := c.code[c.offset(c.last.Pos()):c.offset(c.last.End())]
	return c.mistake(c.last.Pos(), text+" is a function, and nobody calls it", fmt.Sprintf("write %s(…) with what it takes between the brackets", text))
}

// resolve finds imports for names that seem to be packages, as goimports would. It reports whether it found any.
func (c *checked) resolve() (found bool) {
	tried := map[string]bool{}
	for _, e := range c.errors {
		name, ok := strings.CutPrefix(e.Msg, "undefined: ")
		if !ok || tried[name] || c.s.vars[name] != nil {
			continue
		}
		tried[name] = true
		wanted := c.selected(name)
		if len(wanted) == 0 {
			continue
		}
		for _, path := range c.s.opts.Exports.candidates(name) {
			p, err := c.s.opts.Exports.Import(path)
			if err != nil || p.Name() != name {
				continue
			}
			if !slices.ContainsFunc(wanted, func(w string) bool { return p.Scope().Lookup(w) == nil || !token.IsExported(w) }) {
				list, _, err := c.s.parse(Cell{Number: c.cell.Number}, fmt.Sprintf("import %q", path), span{0, len(path) + 9})
				if err == nil && len(list) == 1 {
					list[0].at = -1
					c.all, found = append(c.all, list[0]), true
				}
				break
			}
		}
	}
	return found
}

// selected returns what the cells select from a name.
func (c *checked) selected(name string) (list []string) {
	look := func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == name {
					list = append(list, s.Sel.Name)
				}
			}
			return true
		})
	}
	if c.body != nil {
		look(c.body)
	}
	for _, d := range c.all {
		if d.words[name] {
			look(d.node)
		}
	}
	return list
}

// lose drops candidates whose types are gone. It reports whether there were any.
func (c *checked) lose() (lost bool) {
	for _, e := range c.errors {
		if c.s.set.File(e.Pos) != c.prologue.file {
			continue
		}
		at := c.prologue.file.Offset(e.Pos)
		for name, x := range c.prologue.extents {
			if v := c.candidates[name]; v != nil && x.from <= at && at < x.to {
				v.lost = fmt.Sprintf("its type %s is no longer declared as it was", v.shown)
				delete(c.candidates, name)
				lost = true
			}
		}
	}
	return lost
}

// sort tells the checker's errors apart: harmless ones, those of the cell, of which it returns the first, and those of
// declarations, which it returns.
func (c *checked) sort() (first *Mistake, out map[*declaration]bool) {
	out = map[*declaration]bool{}
	c.unused = map[string]bool{}
	top := c.topLevel()
	for _, e := range c.errors {
		d := c.declarationAt(e.Pos)
		switch {
		case strings.HasSuffix(e.Msg, "imported and not used") || strings.Contains(e.Msg, " imported as ") && strings.HasSuffix(e.Msg, " and not used"):
			if d != nil {
				c.unused[d.key] = true
			}
		case c.s.set.File(e.Pos) == c.prologue.file && d == nil: // an inserted variable that nobody uses
		case strings.HasSuffix(e.Msg, " is not used") && c.last != nil && c.last.Pos() <= e.Pos && e.Pos <= c.last.End(): // it is shown
		case strings.HasPrefix(e.Msg, "declared and not used") && top[e.Pos]:
		case d != nil && d.cell != c.cell.Number:
			out[d] = true
			c.s.suspended[d.key] = fmt.Sprintf("%s of cell %d no longer fits the declarations of later cells: %s", d.title(), d.cell, e.Msg)
		case d != nil:
			out[d] = true
			if first == nil {
				first = c.word(e)
			}
		case first == nil:
			first = c.word(e)
		}
	}
	return first, out
}

// title names a declaration for people.
func (d *declaration) title() string {
	if t, m, ok := strings.Cut(d.key, "~"); ok && d.kind == token.FUNC {
		return "method " + m + " of " + t
	}
	return strings.TrimPrefix(d.key, "import ")
}

// topLevel returns the positions of the names that main's own statements declare.
func (c *checked) topLevel() map[token.Pos]bool {
	out := map[token.Pos]bool{}
	if c.body == nil {
		return out
	}
	for _, s := range c.body.List {
		for _, id := range declaredBy(s) {
			out[id.Pos()] = true
		}
	}
	return out
}

// declaredBy returns the names that a statement declares.
func declaredBy(s ast.Stmt) (out []*ast.Ident) {
	for l, ok := s.(*ast.LabeledStmt); ok; l, ok = s.(*ast.LabeledStmt) {
		s = l.Stmt
	}
	switch s := s.(type) {
	case *ast.AssignStmt:
		if s.Tok == token.DEFINE {
			for _, l := range s.Lhs {
				if id, ok := l.(*ast.Ident); ok && id.Name != "_" {
					out = append(out, id)
				}
			}
		}
	case *ast.DeclStmt:
		if g, ok := s.Decl.(*ast.GenDecl); ok {
			for _, spec := range g.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok {
					for _, id := range v.Names {
						if id.Name != "_" {
							out = append(out, id)
						}
					}
				}
			}
		}
	}
	return out
}

// uses finds which candidates the statements use, and whether these are what they were.
func (c *checked) uses() *Mistake {
	c.used = map[string]*variable{}
	outer := map[types.Object]string{}
	for name, o := range c.prologue.objects(&c.info) {
		outer[o] = name
	}
	var mistake *Mistake
	var at token.Pos
	for id, o := range c.info.Uses {
		name, ok := outer[o]
		if !ok {
			continue
		}
		v := c.candidates[name]
		c.used[name] = v
		if o, ok := o.(*types.Var); ok && formOf(o.Type()).spelled != v.spelled && (mistake == nil || id.Pos() < at) {
			at = id.Pos()
			mistake = c.mistake(at, fmt.Sprintf("%s was made by cell %d, when its type was another one", name, v.cell), fmt.Sprintf("run cell %d again", v.cell))
		}
	}
	return mistake
}

// word puts an error of the checker into our words where we know more.
func (c *checked) word(e types.Error) *Mistake {
	msg := e.Msg
	remedy := ""
	if name, ok := strings.CutPrefix(msg, "undefined: "); ok {
		if m := butHave.FindStringSubmatch(name); m != nil {
			msg, remedy = notInPackage(m)
		} else {
			msg, remedy = c.undefined(name, e.Pos)
		}
	} else if name, ok := strings.CutPrefix(msg, "declared and not used: "); ok {
		msg, remedy = name+" is declared and not used", "use it, or write _ in its place"
		if c.hides(name, e.Pos) {
			remedy = fmt.Sprintf("it hides the %s outside: = sets that one, := makes another; use it, or write _ in its place", name)
		}
	} else if rest, ok := strings.CutPrefix(msg, "could not import "); ok {
		path, why, _ := strings.Cut(rest, " (")
		msg, remedy = c.notImported(path, strings.TrimSuffix(why, ")"))
	} else if strings.HasSuffix(msg, " is not used") {
		remedy = "only a cell's last expression is shown: assign it, or print it"
	} else if strings.HasPrefix(msg, "no new variables on left side of :=") {
		msg, remedy = "no new variables on the left side of :=", "write = in the place of :="
	} else if strings.Contains(msg, "redeclared in this block") {
		remedy = "give one of them another name"
	}
	return c.mistake(e.Pos, msg, remedy)
}

func (c *checked) notImported(path, why string) (message, remedy string) {
	path = strings.Trim(path, `"`)
	why = strings.TrimPrefix(why, "open : ")
	if i := strings.Index(why, path+": "); i >= 0 {
		why = why[i+len(path)+2:]
	}
	return fmt.Sprintf("package %s cannot be imported: %s", path, why), "check the path; what the workspace does not require must be added to it"
}

// undefined says what is known of a name that is not there.
func (c *checked) undefined(name string, p token.Pos) (message, remedy string) {
	if why := c.s.suspended[name]; why != "" {
		return why, "run it again as it fits now"
	}
	if v := c.s.vars[name]; v != nil {
		d := c.declarationAt(p)
		switch {
		case d != nil && d.kind == token.FUNC:
			return fmt.Sprintf("%s does not see %s, a variable of the statements of cell %d", d.title(), name, v.cell),
				fmt.Sprintf("give it to the function as an argument, or declare it with var %s in a cell without statements", name)
		case d != nil:
			return fmt.Sprintf("the declaration of %s does not see %s, a variable of the statements of cell %d", d.title(), name, v.cell), "write %% above it"
		case v.lost != "":
			return fmt.Sprintf("%s was made by cell %d, and %s", name, v.cell, v.lost), fmt.Sprintf("run cell %d again", v.cell)
		case v.why != "":
			return fmt.Sprintf("%s was made by cell %d and did not flow here: %s", name, v.cell, v.why), v.instead
		}
	}
	if len(c.selected(name)) > 0 {
		if like, ok := libraries[name]; ok {
			return name + " is not defined", c.like(like, c.selected(name))
		}
		return fmt.Sprintf("%s is not defined, and no package of that name is known that has %s", name, strings.Join(slices.Compact(c.selected(name)), ", ")),
			fmt.Sprintf("run the cell that makes it first, or, if it is a package, import it: import %s", strconv.Quote("path/of/"+name))
	}
	message = name + " is not defined"
	if c.annotated(p) {
		return message, "a variable of a type is declared by var x float64 = 3, and mostly x := 3.0 is enough"
	}
	if c.assigned(p) {
		return message, fmt.Sprintf("write := to make it: %s := …; = gives another value to a variable that is there", name)
	}
	if go1 := elsewhere[name]; go1 != "" {
		return message, "Go writes " + go1
	}
	if shell[name] {
		return message, "a command of the shell begins with !, as in !" + name
	}
	if near := c.near(name); near != "" {
		return message, "did you mean " + near + "?"
	}
	if token.IsExported(name) || c.called(p) {
		if found := c.exportedAs(name, c.imported()...); found != "" {
			return message, fmt.Sprintf("did you mean %s?", found)
		}
	}
	return message, "run the cell that makes it first"
}

// hides reports whether a name is declared at a position within the reach of a variable of the same name.
func (c *checked) hides(name string, p token.Pos) bool {
	for id, o := range c.info.Defs {
		if id.Pos() != p || o == nil || o.Parent() == nil || o.Parent().Parent() == nil {
			continue
		}
		_, outer := o.Parent().Parent().LookupParent(name, p)
		v, ok := outer.(*types.Var)
		return ok && c.s.set.File(v.Pos()) != c.prologue.file
	}
	return false
}

// assigned reports whether a position is that of a name to which = gives a value.
func (c *checked) assigned(p token.Pos) bool {
	return c.found(func(n ast.Node) bool {
		s, ok := n.(*ast.AssignStmt)
		return ok && s.Tok == token.ASSIGN && slices.ContainsFunc(s.Lhs, func(e ast.Expr) bool {
			id, ok := e.(*ast.Ident)
			return ok && id.Pos() == p && id.Name != "_" // to which a last expression is assigned
		})
	})
}

// annotated reports whether a position is that of a type behind a name and a colon, as Python writes it: Go reads a label.
func (c *checked) annotated(p token.Pos) bool {
	return c.found(func(n ast.Node) bool {
		l, ok := n.(*ast.LabeledStmt)
		if !ok {
			return false
		}
		s, ok := l.Stmt.(*ast.AssignStmt)
		return ok && s.Tok == token.ASSIGN && s.Lhs[0].Pos() == p
	})
}

// called reports whether a position is that of a name that is called.
func (c *checked) called(p token.Pos) bool {
	return c.found(func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return false
		}
		id, ok := call.Fun.(*ast.Ident)
		return ok && id.Pos() == p
	})
}

// found reports whether the cells have a node of a kind.
func (c *checked) found(is func(ast.Node) bool) (yes bool) {
	look := func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			yes = yes || n != nil && is(n)
			return !yes
		})
	}
	if c.body != nil {
		look(c.body)
	}
	for _, d := range c.all {
		if !yes {
			look(d.node)
		}
	}
	return yes
}

// imported returns the paths of packages that cells import, and of those that programs begin with.
func (c *checked) imported() []string {
	paths := []string{"fmt", "strings", "math"}
	for _, d := range c.all {
		if d.kind == token.IMPORT {
			paths = append(paths, d.path())
		}
	}
	return paths
}

// exportedAs returns what one of some packages has under a name, with the name of the package: under the name itself, or a function that
// another language writes in_such_letters.
func (c *checked) exportedAs(name string, paths ...string) string {
	plain := strings.ReplaceAll(name, "_", "")
	like := ""
	for _, path := range paths {
		pkg, err := c.s.opts.Exports.Import(path)
		if err != nil {
			continue
		}
		if token.IsExported(name) && pkg.Scope().Lookup(name) != nil {
			return pkg.Name() + "." + name
		}
		for _, n := range pkg.Scope().Names() {
			if _, ok := pkg.Scope().Lookup(n).(*types.Func); ok && like == "" && token.IsExported(n) && strings.EqualFold(n, plain) {
				like = pkg.Name() + "." + n
			}
		}
	}
	return like
}

// butHave matches what the checker adds to a name that a package has in other letters.
var butHave = regexp.MustCompile(`^(\w+)\.(\w+)(?: \(but have (\w+)\))?$`)

// notInPackage says that a package has no such name.
func notInPackage(m []string) (message, remedy string) {
	message = fmt.Sprintf("package %s has no %s", m[1], m[2])
	if m[3] != "" {
		return message, fmt.Sprintf("did you mean %s.%s?", m[1], m[3])
	}
	return message, "completion (Tab behind the dot) lists what there is"
}

// near returns a known name that differs in little.
func (c *checked) near(name string) string {
	best, least := "", 2
	consider := func(other string) {
		if d := distance(name, other); d < least || d == least && best != "" && other < best {
			best, least = other, d
		}
	}
	for n := range c.s.vars {
		consider(n)
	}
	for _, d := range c.all {
		for _, n := range d.names {
			consider(n)
		}
	}
	return best
}

// distance is 0 for equal names, 1 if one letter differs or is missing or case differs, and 2 for others.
func distance(a, b string) int {
	if a == b {
		return 0
	}
	if strings.EqualFold(a, b) {
		return 1
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(a) < 3 || len(b)-len(a) > 1 {
		return 2
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) == len(b) && a[i+1:] == b[i+1:] || len(a) < len(b) && a[i:] == b[i+1:] {
		return 1
	}
	return 2
}
