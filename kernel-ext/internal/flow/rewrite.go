package flow

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
)

const (
	carryName   = "carryʹ"
	flagName    = "flagʹ"
	exitName    = "atExitʹ" // a package variable: what functions of cells call before they end the program
	stackName   = "stackʹ"  // a function that says where the program ends
	debugName   = "debugʹ"
	osName      = "osʹ"
	fmtName     = "fmtʹ"
	syscallName = "syscallʹ"

	jobEnv = "QUIRE_JOB" // in a job: see package jobs
)

// edit puts text in the place of a part of the cell. It never has a line end.
type edit struct {
	span
	text string
}

// rewriter writes a checked cell.
type rewriter struct {
	*checked
	edits   []edit
	imports map[string]string // inserted ones: path to name
	head    []string          // imports
	tail    []string          // declarations behind everything else, in its last line
	below   []string          // lines below the cell's: see marked
	moved   []*declaration    // that stand in tail or below
	begin   []string          // what main does first
	marks   []string          // uses of imported packages
	codecs  map[string]bool
	dynamic bool
	saves   bool // main has something to save
	hooked  bool
	stacks  bool // the statements call stackName
	hush    int  // where an expression begins that is not shown
	hushed  bool
	drawn   bool // viz shows the value
	told    bool // the call shows it itself, but for an error
	region  span // of the statements
	plan    *plan

	held     map[types.Object]bool // variables that package carry knows a copy of: see hold
	assigned map[types.Object]bool // those that statements assign to after they are declared
	written  []edit                // what writes the copies
}

func (r *rewriter) put(at int, text string) { r.edits = append(r.edits, edit{span{at, at}, text}) }

// rewrite returns the plan of the cell.
func (r *rewriter) rewrite(old []*declaration) Plan {
	r.imports, r.codecs = map[string]string{}, map[string]bool{}
	r.plan = &plan{cell: r.cell, inputs: map[string]string{}, code: map[string]string{}, sent: map[string]string{}, declared: r.all, old: old}
	p := Plan{}
	roots := r.roots()
	r.hold()
	r.load(&p)
	r.packageVariables(roots, &p)
	r.save(&p)
	hooked := r.exits(roots)
	r.show()
	r.memory(&p, roots, hooked)
	r.know()
	r.main()
	r.arrange()
	p.Code = r.text()
	p.below = len(r.below)
	p.Notes = r.notes()
	r.trace(roots)
	slices.Sort(p.Reads)
	slices.Sort(p.Writes)
	p.Writes = slices.Compact(p.Writes)
	for _, d := range r.fresh {
		if d.kind == token.CONST {
			r.values(d)
		}
	}
	return p
}

// roots are the names from which the cell's program runs.
func (r *rewriter) roots() map[string]bool {
	roots := map[string]bool{}
	add := func(words map[string]bool) {
		for w := range words {
			roots[w] = true
		}
	}
	switch {
	case r.kind == tests:
		for _, d := range r.fresh {
			if f, ok := d.node.(*ast.FuncDecl); ok && isTest(f) {
				add(d.words)
			}
		}
	case r.kind == execs:
		roots[r.exec] = true
	case r.kind == own:
		from, to := r.offset(r.body.Pos()), r.offset(r.body.End())
		add(words(r.code[from:to]))
	case r.body != nil:
		add(words(r.parts.statements))
	}
	return roots
}

// use imports a package under a name of our own.
func (r *rewriter) use(path string) string {
	name := r.s.alias(path)
	r.imports[path] = name
	return name
}

func (r *rewriter) carry() string {
	r.imports[runtime] = carryName
	return carryName
}

// needs imports what a variable's type and value need.
func (r *rewriter) needs(v *variable) {
	for _, p := range v.needs {
		r.use(p)
	}
	for c := range v.codecs {
		r.codecs[c] = true
	}
	r.dynamic = r.dynamic || v.dynamic
}

// load declares the variables that the statements use and brings them in.
func (r *rewriter) load(p *Plan) {
	var names, values, loads, consts, held, copies []string
	outer := r.prologue.objects(&r.info)
	for _, name := range sorted(r.used) {
		v := r.used[name]
		r.plan.loaded = append(r.plan.loaded, v)
		r.plan.inputs[name] = v.version
		p.Reads = append(p.Reads, name)
		r.needs(v)
		if v.constant != "" {
			consts = append(consts, v.declareConst()+"; ")
			continue
		}
		r.dynamic = true
		r.saves = true
		if r.held[outer[name]] {
			names, values = append(names, copyOf(name)), append(values, "new("+v.typ+")")
			loads = append(loads, fmt.Sprintf("%s.In(%q, %s); ", r.carry(), v.file, copyOf(name)))
			held, copies = append(held, name), append(copies, "*"+copyOf(name))
			continue
		}
		names, values = append(names, name), append(values, "*new("+v.typ+")")
		loads = append(loads, fmt.Sprintf("%s.In(%q, &%s); ", r.carry(), v.file, name))
	}
	if len(names) > 0 {
		r.begin = append(r.begin, "var "+strings.Join(names, ", ")+" = "+strings.Join(values, ", ")+"; ")
	}
	r.begin = append(r.begin, loads...)
	if len(held) > 0 {
		r.begin = append(r.begin, "var "+strings.Join(held, ", ")+" = "+strings.Join(copies, ", ")+"; ")
	}
	r.begin = append(r.begin, consts...)
}

// save puts a save behind each statement that declares variables.
func (r *rewriter) save(p *Plan) {
	if r.body == nil || r.kind == tests || r.kind == execs {
		return
	}
	latest := map[string]*variable{}
	for _, s := range r.body.List {
		text := ""
		for _, id := range declaredBy(s) {
			switch o := r.info.Defs[id].(type) {
			case *types.Const:
				latest[id.Name] = r.describeConst(id.Name, o)
			case *types.Var:
				v := r.describe(id.Name, o.Type())
				latest[id.Name] = v
				if v.why != "" || r.s.opts.NoFlow {
					text += "; _ = " + id.Name
					continue
				}
				r.needs(v)
				r.saves = true
				switch {
				case r.assigned[o]:
					text += fmt.Sprintf("; %s := %s.Hold(%q, %s)", copyOf(id.Name), r.carry(), v.file, id.Name)
				case r.held[o]:
					text += fmt.Sprintf("; %s.Hold(%q, %s)", r.carry(), v.file, id.Name)
				default:
					text += fmt.Sprintf("; %s.Out(%q, &%s)", r.carry(), v.file, id.Name)
				}
			}
		}
		if text != "" {
			r.put(r.offset(s.End()), text)
		}
	}
	r.edits = append(r.edits, r.written...)
	for _, name := range sorted(latest) {
		v := latest[name]
		v.origin = r.cell.Number
		p.Writes = append(p.Writes, name)
		if !r.s.opts.NoFlow {
			r.plan.made = append(r.plan.made, v)
		}
	}
}

// packageVariables loads those of earlier cells that the program reaches, and saves those of this one.
func (r *rewriter) packageVariables(roots map[string]bool, p *Plan) {
	if r.s.opts.NoFlow {
		return
	}
	for _, d := range reached(roots, r.all) {
		if d.kind != token.VAR || !r.carried(d) || slices.Contains(r.fresh, d) {
			continue
		}
		for _, n := range d.names {
			v := r.s.vars[packageVariable(n)]
			r.plan.loaded = append(r.plan.loaded, v)
			r.plan.inputs[v.key()] = v.version
			p.Reads = append(p.Reads, n)
			r.needs(v)
			r.dynamic, r.saves = true, true
			r.begin = append([]string{fmt.Sprintf("%s.In(%q, &%s); ", r.carry(), v.file, n)}, r.begin...)
		}
	}
	if r.kind == tests {
		return
	}
	for _, d := range r.fresh {
		if d.kind != token.VAR || d.blank || !slices.Contains(r.all, d) {
			continue
		}
		list := r.describeAll(d)
		for _, v := range list {
			p.Writes = append(p.Writes, v.name)
			r.plan.owns = append(r.plan.owns, v)
			if v.why == "" {
				r.needs(v)
				r.saves = true
				r.begin = append([]string{fmt.Sprintf("%s.Out(%q, &%s); ", r.carry(), v.file, v.name)}, r.begin...)
			}
		}
	}
}

// describeAll describes the variables of a declaration. Either all of them flow, or they are made anew in each cell.
func (r *rewriter) describeAll(d *declaration) (list []*variable) {
	why := ""
	for _, id := range d.value().Names {
		o, ok := r.info.Defs[id].(*types.Var)
		if !ok || id.Name == "_" {
			continue
		}
		v := r.describe(id.Name, o.Type())
		v.file, v.packaged, v.origin = packageVariable(id.Name), true, r.cell.Number
		if v.why != "" {
			why = v.why
		}
		list = append(list, v)
	}
	for _, v := range list {
		if why != "" && v.why == "" {
			v.why, v.instead = "it is declared together with one that does not flow", "declare it alone"
		}
	}
	return list
}

// carried reports whether the values of a declaration of variables flow.
func (r *rewriter) carried(d *declaration) bool {
	if len(d.names) == 0 {
		return false
	}
	for _, n := range d.names {
		if v := r.s.vars[packageVariable(n)]; v == nil || v.why != "" || v.spelled != r.spelled(d, n) {
			return false
		}
	}
	return true
}

// spelled returns how the type of a package variable is spelled now.
func (r *rewriter) spelled(d *declaration, name string) string {
	for _, id := range d.value().Names {
		if o := r.info.Defs[id]; o != nil && id.Name == name {
			return formOf(o.Type()).spelled
		}
	}
	return ""
}

// stackFunc is stackName: nobody but the stack of who calls log.Fatal tells which of several calls it was, or who called the function that
// does so. It writes once, so that nothing of other goroutines comes between and is taken for a part of it, and to the descriptor: os.Stderr
// may be a file of the user's. Go's own print and append it leaves alone: cells may have functions of these names. In jobs, which nobody
// reads along with, it says nothing.
var stackFunc = fmt.Sprintf("func %s() { if %s.Getenv(%q) == \"\" { %s.Write(2, %s.Appendf(nil, %q, %s.Stack())) } }",
	stackName, osName, jobEnv, syscallName, fmtName, cells.StackBegins+"\n%s"+cells.StackEnds+"\n", debugName)

// exits says where the program ends, and saves, before os.Exit and log.Fatal, which run no deferred function. It reports whether a function
// that the program reaches does so.
func (r *rewriter) exits(roots map[string]bool) (hooked bool) {
	if r.body != nil && r.kind != execs && r.kind != tests {
		for _, at := range exits(r.body, &r.info) {
			r.stacks = true
			r.put(r.offset(at), stackName+"(); ")
			if r.saves {
				r.put(r.offset(at), carryName+".End(); ")
			}
		}
	}
	for _, d := range r.fresh {
		f, ok := d.node.(*ast.FuncDecl)
		if !ok || f.Body == nil || r.kind == tests || !slices.Contains(r.all, d) {
			continue
		}
		d.hooks = nil
		for _, at := range exits(f.Body, &r.info) {
			r.put(d.offset(at), hook)
			d.hooks = append(d.hooks, d.offset(at)-d.at)
		}
	}
	for _, d := range reached(roots, r.all) {
		hooked = hooked || len(d.hooks) > 0
	}
	return hooked
}

// hook is what functions do before they end the program.
const hook = stackName + "(); " + exitName + "(); "

// offset returns where in its cell a position of a declaration is.
func (d *declaration) offset(p token.Pos) int { return d.file.Offset(p) - len(packageHead) }

// exits returns where statements begin that end the program.
func exits(body *ast.BlockStmt, info *types.Info) (list []token.Pos) {
	each := func(stmts []ast.Stmt) {
		for _, s := range stmts {
			e, ok := s.(*ast.ExprStmt)
			if !ok {
				continue
			}
			call, ok := e.X.(*ast.CallExpr)
			if !ok {
				continue
			}
			id, ok := call.Fun.(*ast.Ident)
			if sel, is := call.Fun.(*ast.SelectorExpr); is {
				id, ok = sel.Sel, true
			}
			if !ok || info.Uses[id] == nil || info.Uses[id].Pkg() == nil {
				continue
			}
			path, name := info.Uses[id].Pkg().Path(), id.Name
			if path == "os" && name == "Exit" || path == "log" && (strings.HasPrefix(name, "Fatal")) {
				list = append(list, s.Pos())
			}
		}
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BlockStmt:
			each(n.List)
		case *ast.CaseClause:
			each(n.Body)
		case *ast.CommClause:
			each(n.Body)
		}
		return true
	})
	return list
}

// know makes the cells' types known as contents of interfaces, and links the packages of codecs.
func (r *rewriter) know() {
	if !r.saves && r.kind != tests {
		return
	}
	for _, path := range sorted(r.codecs) {
		r.mark(path)
	}
	if !r.dynamic {
		return
	}
	for _, d := range r.all {
		if d.kind != token.TYPE {
			continue
		}
		spec := d.node.(*ast.GenDecl).Specs[0].(*ast.TypeSpec)
		o, ok := r.info.Defs[spec.Name].(*types.TypeName)
		if !ok || spec.TypeParams != nil || o.IsAlias() || types.IsInterface(o.Type()) {
			continue
		}
		r.marks = append(r.marks, fmt.Sprintf("%s.Know[%s](); ", r.carry(), o.Name()))
	}
}

// linked is a constant of each package of codecs. gonb keeps only one blank import of all cells, so a name of the
// package is used.
const linked = "Linked"

// mark imports a package for its codecs.
func (r *rewriter) mark(path string) {
	r.marks = append(r.marks, fmt.Sprintf("_ = %s.%s; ", r.use(path), linked))
}

// opening is what main does before the statements.
func (r *rewriter) opening(hooked bool) string {
	var b strings.Builder
	if r.saves {
		fmt.Fprintf(&b, "%s.Begin(%d); defer %s.End(); ", r.carry(), r.cell.Number, carryName)
		if hooked {
			fmt.Fprintf(&b, "%s = %s.End; ", exitName, carryName)
		}
	}
	return b.String() + strings.Join(r.marks, "") + strings.Join(r.begin, "")
}

// notes says which of the values that are used are stale.
func (r *rewriter) notes() (list []string) {
	for _, v := range r.plan.loaded {
		if why := r.s.stale(v); why != "" {
			again := ""
			if m := r.s.recordOf(v.makers[len(v.makers)-1]); m != nil && v.gone == "" {
				again = fmt.Sprintf(": run cell %d again, or %%fresh", m.cell.Number)
			}
			list = append(list, fmt.Sprintf("%s is stale: %s%s", v.name, why, again))
		}
	}
	return list
}

// trace notes what Ended needs to say what the cell's values were made from.
func (r *rewriter) trace(roots map[string]bool) {
	for _, d := range r.fresh { // initial values are made by what they name
		if d.kind == token.VAR {
			for w := range d.words {
				roots[w] = true
			}
		}
	}
	for _, d := range r.all {
		if d.kind == token.CONST && len(d.values) == 0 {
			r.values(d)
		}
	}
	r.codeOf(roots, r.plan.code)
	r.plan.slices = r.slices()
	text := r.parts.statements
	if r.kind == own {
		text = r.code[r.offset(r.body.Pos()):r.offset(r.body.End())]
	}
	for _, d := range r.fresh {
		if d.kind == token.VAR {
			text += d.text
		}
	}
	r.plan.record = r.record(strings.TrimSpace(text))
}

// values notes those of constants.
func (r *rewriter) values(d *declaration) {
	d.values = map[string]string{}
	for _, spec := range d.node.(*ast.GenDecl).Specs {
		for _, id := range spec.(*ast.ValueSpec).Names {
			if o, ok := r.info.Defs[id].(*types.Const); ok && id.Name != "_" {
				d.values[id.Name] = exact(o)
			}
		}
	}
}
