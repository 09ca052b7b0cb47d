package flow

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// Compose makes of a cell, which may be unfinished, a whole program for gopls: with what earlier cells declared and the
// variables that they left. line says where a line of the cell stands in the program; both count from 0. Columns are the
// cell's own. It is quick, and does not wait for a cell that runs.
func (s *Session) Compose(source string) (program string, line func(cellLine int) int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	source = strings.ReplaceAll(source, "\r\n", "\n")
	if foreign(source) {
		return "package main\n", func(int) int { return 0 }
	}
	list, code := commands(source)
	main := -1
	for _, c := range list {
		if c.word == "%main" && main < 0 {
			main = c.at
		}
	}
	p := &composer{s: s, code: code, parts: split(code, main), lines: strings.Split(code, "\n"), at: map[int]int{}}
	p.read()
	p.imports()
	p.declarations()
	p.main()
	return strings.Join(p.out, "\n") + "\n", func(n int) int {
		if at, ok := p.at[n]; ok {
			return at
		}
		return 0
	}
}

// composer writes a program line by line.
type composer struct {
	s     *Session
	code  string
	parts parts
	lines []string
	out   []string
	at    map[int]int // lines of the cell in the program

	names   map[string]bool // that the cell declares
	keys    map[string]bool // of its imports
	section []int           // of each line
}

// The sections of a program.
const (
	inMain = iota
	inImports
	inDeclarations
)

// read finds what the cell declares, and to which section each line belongs.
func (p *composer) read() {
	p.names, p.keys = map[string]bool{}, map[string]bool{}
	p.section = make([]int, len(p.lines))
	for _, at := range p.parts.declarations {
		set := token.NewFileSet()
		text := packageHead + p.code[at.from:at.to]
		f, _ := parser.ParseFile(set, "", text, parser.SkipObjectResolution)
		to := inDeclarations
		if strings.HasPrefix(p.code[at.from:], "import") {
			to = inImports
		}
		if f != nil {
			for _, d := range f.Decls {
				p.declare(d, set.File(f.FileStart), text)
			}
		}
		first, _ := place(p.code, at.from)
		last, _ := place(p.code, at.to)
		for first > 1 && strings.HasPrefix(p.lines[first-2], "//") { // its documentation
			first--
		}
		for n := first; n <= last; n++ {
			p.section[n-1] = to
		}
	}
	statements := strings.Split(p.parts.statements, "\n")
	for n, text := range statements {
		if strings.TrimSpace(text) != "" && p.section[n] == inDeclarations && !strings.HasPrefix(strings.TrimSpace(text), "//") {
			p.section[n] = inMain // it shares a line with statements
		}
	}
}

func (p *composer) declare(d ast.Decl, file *token.File, text string) {
	var list []*declaration
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.Name == "_" {
			return
		}
		list = append(list, function(d, file, text))
	case *ast.GenDecl:
		list = general(d, file, text)
	}
	for _, d := range list {
		p.keys[d.key] = true
		for _, n := range d.names {
			p.names[n] = true
		}
	}
}

func (p *composer) add(text string) { p.out = append(p.out, text) }

// copy adds the cell's lines of a section.
func (p *composer) copy(section int) {
	for n, text := range p.lines {
		if p.section[n] == section {
			p.at[n] = len(p.out)
			p.add(text)
		}
	}
}

func (p *composer) imports() {
	p.add("package main")
	p.copy(inImports)
	known := map[string]bool{}
	for _, d := range p.s.declared {
		if d.kind == token.IMPORT && !p.keys[d.key] {
			p.add(d.text)
			known[d.packageName()] = true
		}
	}
	for _, name := range p.packages() {
		if known[name] || p.keys["import "+name] || p.names[name] || p.s.vars[name] != nil {
			continue
		}
		if list := p.s.opts.Exports.candidates(name); len(list) > 0 {
			p.add(fmt.Sprintf("import %q", list[0]))
		}
	}
	needs := map[string]bool{}
	for _, v := range p.candidates() {
		for _, path := range v.needs {
			needs[path] = true
		}
	}
	for _, path := range sorted(needs) {
		p.add(fmt.Sprintf("import %s %q", p.s.alias(path), path))
	}
}

// packages returns the names from which the cell selects something.
func (p *composer) packages() []string {
	found := map[string]bool{}
	toks := tokens(p.code)
	for i := 0; i+1 < len(toks); i++ {
		if toks[i].is == token.IDENT && toks[i+1].is == token.PERIOD && (i == 0 || toks[i-1].is != token.PERIOD) {
			found[p.code[toks[i].from:toks[i].to]] = true
		}
	}
	for name := range found {
		for _, d := range p.s.declared {
			if slices.Contains(d.names, name) {
				delete(found, name)
			}
		}
	}
	return sorted(found)
}

// candidates are the variables of earlier cells whose names occur.
func (p *composer) candidates() (list []*variable) {
	met := words(p.code)
	for _, name := range sorted(p.s.vars) {
		v := p.s.vars[name]
		if met[v.name] && !v.packaged && v.why == "" && v.lost == "" && !p.names[v.name] {
			list = append(list, v)
		}
	}
	return list
}

// around declares the variables of earlier cells.
func (p *composer) around() string {
	var vars, values []string
	text := ""
	for _, v := range p.candidates() {
		if v.constant != "" {
			text += v.declareConst() + "; "
			continue
		}
		vars, values = append(vars, v.name), append(values, "*new("+v.typ+")")
	}
	if len(vars) > 0 {
		text = "var " + strings.Join(vars, ", ") + " = " + strings.Join(values, ", ") + "; " + text
		text += strings.Repeat("_, ", len(vars)-1) + "_ = " + strings.Join(vars, ", ") + "; "
	}
	return text
}

// declarations writes those of earlier cells that stand, and the cell's own.
func (p *composer) declarations() {
	for _, d := range p.s.declared {
		if d.kind != token.IMPORT && !p.keys[d.key] && !slices.ContainsFunc(d.names, func(n string) bool { return p.names[n] }) {
			p.out = append(p.out, strings.Split(d.text, "\n")...)
		}
	}
	around := p.around()
	for n, text := range p.lines {
		if p.section[n] != inDeclarations {
			continue
		}
		p.at[n] = len(p.out)
		if p.root(n) && strings.HasSuffix(strings.TrimRight(text, " \t"), "{") {
			text += " " + around // behind what people see
		}
		p.add(text)
	}
}

// root reports whether in a line of the cell main or a test begins.
func (p *composer) root(n int) bool {
	t := strings.TrimSpace(p.lines[n])
	return strings.HasPrefix(t, "func main(") || strings.HasPrefix(t, "func Test") || strings.HasPrefix(t, "func Benchmark")
}

// main writes the statements.
func (p *composer) main() {
	if p.names["main"] {
		p.copy(inMain)
		return
	}
	p.add("func main() { " + p.around() + "{")
	p.copy(inMain)
	p.add("}}")
}
