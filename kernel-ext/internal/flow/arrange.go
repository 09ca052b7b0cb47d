package flow

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// memory compares what gonb keeps with what this cell's program needs: the rest is forgotten, what lacks is inserted.
func (r *rewriter) memory(p *Plan, roots map[string]bool, hooked bool) {
	wanted := map[string]bool{}
	early := r.early()
	exits := false
	for _, d := range r.all {
		fresh := slices.Contains(r.fresh, d) && d.at >= 0
		exits = exits || len(d.hooks) > 0
		text, keys := d.text, d.memoryKeys()
		switch {
		case d.kind == token.IMPORT && r.unused[d.key] && strings.Contains(d.key, " .~"):
			if fresh {
				r.drop(d)
			}
			continue
		case d.kind == token.IMPORT && strings.HasPrefix(d.key, "import _~") && r.link(d, fresh):
			continue
		case d.kind == token.IMPORT && !fresh:
			if !r.unused[d.key] { // always: a new gonb in the place of one that ended may not have it
				r.insert(d)
			}
			for _, k := range keys {
				wanted[memoryKey(d.kind, k)] = true
				if !r.unused[d.key] {
					r.plan.sent[memoryKey(d.kind, k)] = text
				}
			}
			continue
		case d.blank && !fresh: // it has run, and was checked
			continue
		case d.blank:
			r.name(d)
			keys = []string{blankName(d)}
		case d.kind == token.FUNC && d.initial():
			if fresh {
				f := d.node.(*ast.FuncDecl)
				r.edits = append(r.edits, edit{span{d.offset(f.Name.Pos()), d.offset(f.Name.End())}, d.key})
			}
		case d.kind == token.VAR && !fresh && !r.s.opts.NoFlow && r.carried(d):
			for _, n := range d.names {
				wanted[memoryKey(d.kind, n)] = true
				r.typed(n, early[n])
			}
			continue
		}
		for _, k := range keys {
			key := memoryKey(d.kind, k)
			wanted[key] = true
			if !fresh && r.s.memory[key] != text {
				r.insert(d)
			}
			r.plan.sent[key] = text
			if fresh || len(keys) > 1 {
				continue
			}
		}
	}
	inserted := func(kind token.Token, name, text string) {
		key := memoryKey(kind, name)
		wanted[key] = true
		if r.s.memory[key] != text {
			r.tail = append(r.tail, text)
			r.plan.sent[key] = text
		}
	}
	if exits {
		inserted(token.VAR, exitName, "var "+exitName+" = func() {}")
	}
	if exits || r.stacks {
		r.imports["runtime/debug"], r.imports["os"], r.imports["fmt"], r.imports["syscall"] = debugName, osName, fmtName, syscallName
		inserted(token.FUNC, stackName, stackFunc)
	}
	for _, key := range sorted(r.s.memory) {
		if !wanted[key] {
			_, name, _ := strings.Cut(key, " ")
			p.Forget = append(p.Forget, name)
			delete(r.s.memory, key)
		}
	}
	r.hooked = hooked && exits
}

// link uses a name of a package that a cell imports for what it does alone: of several such imports gonb keeps one.
func (r *rewriter) link(d *declaration, fresh bool) bool {
	p, err := r.s.opts.Exports.Import(d.path())
	if err != nil {
		return false
	}
	for _, name := range p.Scope().Names() {
		switch o := p.Scope().Lookup(name).(type) {
		case *types.Func:
			if o.Signature().TypeParams().Len() > 0 {
				continue
			}
		case *types.Const, *types.Var:
		default:
			continue
		}
		if !token.IsExported(name) {
			continue
		}
		alias := r.s.alias(d.path())
		if fresh {
			id := d.spec().Name
			r.edits = append(r.edits, edit{span{d.offset(id.Pos()), d.offset(id.End())}, alias})
		} else {
			r.use(d.path())
		}
		r.marks = append(r.marks, fmt.Sprintf("_ = %s.%s; ", alias, name))
		return true
	}
	return false
}

// memoryKey tells gonb's kinds of keys apart: it keeps imports, types, constants, variables and functions apart too.
func memoryKey(kind token.Token, key string) string { return kind.String() + " " + key }

// initial reports whether a function is one of package initialisation.
func (d *declaration) initial() bool {
	f, ok := d.node.(*ast.FuncDecl)
	return ok && f.Recv == nil && f.Name.Name == "init"
}

// insert adds a declaration of an earlier cell that gonb does not have, or one that stands between statements: an import where the cell's
// Go begins, others below the cell's last line.
func (r *rewriter) insert(d *declaration) {
	if d.kind == token.IMPORT {
		if text := d.text; !slices.Contains(r.head, text) {
			r.head = append(r.head, text)
		}
		return
	}
	if slices.Contains(r.moved, d) {
		return
	}
	r.moved = append(r.moved, d)
	if d.kind != token.FUNC && d.kind != token.VAR { // nothing of it runs
		r.tail = append(r.tail, flat(d.text))
		return
	}
	text := d.marked()
	if d.initial() {
		text = strings.Replace(text, "init", d.key, 1)
	}
	r.below = append(r.below, strings.Split(text, "\n")...)
}

// typed declares a package variable of an earlier cell by its type alone: its value is loaded, not made again. One that
// initial values need is loaded at once.
func (r *rewriter) typed(name string, early bool) {
	v := r.s.vars[packageVariable(name)]
	text := "var " + name + " " + v.typ
	if early {
		r.needs(v)
		r.dynamic, r.saves = true, true
		text += fmt.Sprintf(" = func() (v %s) { %s.Begin(%d); %s.In(%q, &v); return }()", v.typ, r.carry(), r.cell.Number, carryName, v.file)
	}
	key := memoryKey(token.VAR, name)
	if r.s.memory[key] != text {
		for _, path := range v.needs {
			r.use(path)
		}
		r.tail = append(r.tail, text)
	}
	r.plan.sent[key] = text
}

// early returns the carried package variables that initial values or functions init need.
func (r *rewriter) early() map[string]bool {
	roots := map[string]bool{}
	for _, d := range r.all {
		begins := d.kind == token.VAR && (slices.Contains(r.fresh, d) || !r.carried(d)) && !d.blank || d.kind == token.FUNC && (d.initial() || strings.HasPrefix(d.key, "init_"))
		if begins {
			for w := range d.words {
				roots[w] = true
			}
		}
	}
	out := map[string]bool{}
	for _, d := range reached(roots, r.all) {
		if d.kind == token.VAR && !slices.Contains(r.fresh, d) && r.carried(d) {
			for _, n := range d.names {
				out[n] = true
			}
		}
	}
	return out
}

// drop takes an import out of the cell.
func (r *rewriter) drop(d *declaration) {
	spec := d.spec()
	at := span{d.offset(spec.Pos()), d.offset(spec.End())}
	if i := r.spanAt(d.at); i >= 0 && !strings.Contains(r.code[r.parts.declarations[i].from:at.from], "(") {
		at.from = r.parts.declarations[i].from
	}
	r.edits = append(r.edits, edit{at, strings.Repeat(" ", at.to-at.from)})
	r.separator(at.to, false)
}

// separator takes out the semicolon behind a declaration that was taken out: there is none between others. In main it may
// stay.
func (r *rewriter) separator(at int, inside bool) {
	rest := r.code[at:]
	if next := strings.TrimLeft(rest, " \t"); !inside && strings.HasPrefix(next, ";") {
		from := at + len(rest) - len(next)
		r.edits = append(r.edits, edit{span{from, from + 1}, " "})
	}
}

func (r *rewriter) spanAt(at int) int {
	return slices.IndexFunc(r.parts.declarations, func(s span) bool { return s.from <= at && at < s.to })
}

// name gives a value that nobody can name one that gonb can forget.
func (r *rewriter) name(d *declaration) {
	for i, id := range d.value().Names {
		text := blankName(d)
		if i > 0 {
			text += fmt.Sprint("_", i)
		}
		r.edits = append(r.edits, edit{span{d.offset(id.Pos()), d.offset(id.End())}, text})
	}
}

func blankName(d *declaration) string { return fmt.Sprintf("blankʹ%d_%d", d.cell, d.at) }

// main opens and closes the function main.
func (r *rewriter) main() {
	flags := func() string {
		r.imports["flag"] = flagName
		return flagName + ".Parse(); "
	}
	switch {
	case r.kind == tests:
		for _, f := range r.testing {
			d := r.declarationAt(f.Body.Lbrace)
			if len(r.begin) == 0 || d == nil {
				continue
			}
			first := fmt.Sprintf("%s.Begin(%d); ", r.carry(), r.cell.Number) + strings.Join(r.marks, "") + strings.Join(r.begin, "")
			r.put(d.offset(f.Body.Lbrace)+1, " "+first+"{")
			r.put(d.offset(f.Body.Rbrace), "}")
		}
	case r.kind == own:
		if open := r.opening(r.hooked); open != "" {
			r.put(r.offset(r.body.Lbrace)+1, " "+open+"{")
			r.put(r.offset(r.body.Rbrace), "}")
		}
	case r.kind == execs && r.body != nil:
		r.tail = append(r.tail, "func main() { "+flags()+r.opening(r.hooked)+r.exec+"() }")
	case r.body != nil && len(r.body.List) > 0:
		r.region = span{r.begins(), r.offset(r.body.List[len(r.body.List)-1].End())}
		open := "func main() { " + flags() + r.opening(r.hooked) + "{ "
		for _, d := range r.parts.declarations {
			if d.to <= r.region.from && !strings.Contains(r.code[d.to:r.region.from], "\n") && !strings.HasPrefix(r.code[d.from:], "import") {
				open = "; " + open
				break
			}
		}
		r.edits = append([]edit{{span{r.region.from, r.region.from}, open}}, r.edits...)
		r.put(r.region.to, " }}")
	case r.saves:
		r.tail = append(r.tail, "func main() { "+flags()+r.opening(r.hooked)+"}")
	}
}

// begins returns where the first statement begins, and takes out semicolons before it, which may stand only in main.
func (r *rewriter) begins() int {
	first := r.offset(r.body.List[0].Pos())
	for _, s := range r.body.List {
		if _, empty := s.(*ast.EmptyStmt); !empty {
			if at := r.offset(s.Pos()); at > first {
				r.edits = append(r.edits, edit{span{first, at}, blanked(r.code[first:at])})
			}
			return r.offset(s.Pos())
		}
	}
	return first
}

// arrange moves what cannot stay: imports behind other declarations, and declarations between statements.
func (r *rewriter) arrange() {
	others := false
	for _, at := range r.parts.declarations {
		inside := r.region.to > 0 && r.region.from < at.from && at.from < r.region.to
		late := others || inside || r.region.to > 0 && at.from > r.region.from
		isImport := strings.HasPrefix(r.code[at.from:], "import")
		others = others || !isImport
		if !inside && !(isImport && late) {
			continue
		}
		for _, d := range r.fresh {
			if d.at < at.from || d.at >= at.to || !slices.Contains(r.all, d) {
				continue
			}
			if !(d.kind == token.IMPORT && r.unused[d.key] && strings.Contains(d.key, " .~")) {
				r.insert(d)
			}
		}
		r.edits = slices.DeleteFunc(r.edits, func(e edit) bool { return at.from < e.to && e.from < at.to })
		r.edits = append(r.edits, edit{at, blanked(r.code[at.from:at.to])})
		r.separator(at.to, inside)
	}
	end := r.region.to
	for _, at := range r.parts.declarations {
		if strings.TrimSpace(r.code[at.from:at.to]) != "" {
			end = max(end, at.to)
		}
	}
	if r.kind == execs && end == 0 {
		end = len(strings.TrimRight(r.code, " \n\t"))
	}
	if len(r.tail) > 0 {
		text := strings.Join(r.tail, "; ")
		if before := strings.TrimRight(r.upTo(end), " \t"); before != "" && !strings.HasSuffix(before, "\n") {
			text = "; " + text
		}
		r.put(end, text)
	}
	r.before()
}

// upTo returns the cell's Go until an offset, as it has become.
func (r *rewriter) upTo(end int) string {
	var edits []edit
	for _, e := range r.edits {
		if e.to <= end {
			edits = append(edits, e)
		}
	}
	return strings.TrimLeft(apply(r.code[:end], edits), " \t\n")
}

// before puts the inserted imports where the cell's Go begins.
func (r *rewriter) before() {
	var b strings.Builder
	for _, path := range sorted(r.imports) {
		fmt.Fprintf(&b, "import %s %q; ", r.imports[path], path)
	}
	for _, text := range r.head {
		b.WriteString(text + "; ")
	}
	if b.Len() == 0 {
		return
	}
	first := tokens(r.code)[0].from
	r.edits = append([]edit{{span{first, first}, b.String()}}, r.edits...)
}

// text applies the edits, and what becomes of the commands that we do ourselves.
func (r *rewriter) text() string {
	source := r.cell.Source
	for _, c := range r.commands {
		if (c.word == "%main" || c.word == "%exec") && r.kind != own {
			args := c.args
			if c.word == "%exec" {
				_, args = firstWord(args)
			}
			text := ""
			if args != "" {
				text = "%args " + args
			}
			end := c.at
			for range c.lines {
				if i := strings.IndexByte(source[end:], '\n'); i >= 0 {
					end += i + 1
				} else {
					end = len(source)
				}
			}
			breaks := strings.Count(source[c.at:end], "\n")
			r.edits = append(r.edits, edit{span{c.at, end}, text + strings.Repeat("\n", breaks)})
		}
	}
	text := apply(source, r.edits)
	if len(r.below) == 0 {
		return text
	}
	if strings.HasSuffix(text, `\`) { // a command that would go on
		r.below = append([]string{""}, r.below...)
	}
	return text + "\n" + strings.Join(r.below, "\n")
}
