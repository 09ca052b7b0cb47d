package flow

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
)

// A declaration is what gonb keeps of cells: one import, type, function, method, variables of one value, or a group of
// constants. It does not change once its cell was written.
type declaration struct {
	kind   token.Token
	key    string   // what replaces it: the next one of that key
	names  []string // that it declares in the package
	cell   int      // number of the cell that declared it
	owner  string   // the cell's identity, "" if that is not known
	text   string   // as one declaration
	node   ast.Decl
	file   *token.File
	at     int // offset of the text in the cell; for a part of a group that of the part
	words  map[string]bool
	blank  bool              // a value that nobody can name
	hooks  []int             // where in the text it ends the program
	values map[string]string // of constants
}

const packageHead = "package main;"

// parse reads the declaration at a span of a cell. Its file has the cell's lines, and the cell's offsets behind the head.
func (s *Session) parse(cell Cell, code string, at span) (list []*declaration, main *ast.FuncDecl, err error) {
	src := packageHead + blanked(code[:at.from]) + code[at.from:at.to]
	f, err := parser.ParseFile(s.set, cellName(cell.Number), src, parser.SkipObjectResolution|parser.AllErrors)
	if err != nil || f == nil {
		return nil, nil, syntax(err, len(packageHead))
	}
	file := s.set.File(f.FileStart)
	s.heads[file] = len(packageHead)
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.Name == "main" {
				main = d
				continue
			}
			list = append(list, function(d, file, src))
		case *ast.GenDecl:
			list = append(list, general(d, file, src)...)
		}
	}
	for _, d := range list {
		d.cell, d.owner, d.file = cell.Number, cell.ID, file
		if d.initial() {
			d.key += fmt.Sprint(cell.Number)
		}
		d.at -= len(packageHead)
		d.words = words(d.text)
	}
	return list, main, nil
}

func function(d *ast.FuncDecl, file *token.File, src string) *declaration {
	from, to := file.Offset(d.Pos()), file.Offset(d.End())
	out := &declaration{kind: token.FUNC, key: d.Name.Name, text: src[from:to], node: d, at: from}
	if d.Recv != nil && len(d.Recv.List) > 0 {
		out.key = receiver(d.Recv.List[0].Type) + "~" + out.key
	} else if d.Name.Name == "init" {
		out.key = fmt.Sprintf("init_ʹ%d_", from) // there may be several
	} else {
		out.names = []string{d.Name.Name}
	}
	return out
}

// receiver returns the name of a method's type.
func receiver(e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.Name
		default:
			return "unknown"
		}
	}
}

// general takes a group apart, but for constants, which may count with iota.
func general(d *ast.GenDecl, file *token.File, src string) (list []*declaration) {
	cut := func(n ast.Node) (string, int) {
		from := file.Offset(n.Pos())
		return src[from:file.Offset(n.End())], from
	}
	if d.Tok == token.CONST {
		text, at := cut(d)
		out := &declaration{kind: token.CONST, text: text, node: d, at: at}
		for _, spec := range d.Specs {
			for _, n := range spec.(*ast.ValueSpec).Names {
				if n.Name != "_" {
					out.names = append(out.names, n.Name)
				}
			}
		}
		out.key = "const " + strings.Join(out.names, " ")
		return append(list, out)
	}
	for _, spec := range d.Specs {
		text, at := cut(spec)
		one := &ast.GenDecl{TokPos: spec.Pos(), Tok: d.Tok, Specs: []ast.Spec{spec}}
		out := &declaration{kind: d.Tok, text: d.Tok.String() + " " + text, node: one, at: at}
		switch spec := spec.(type) {
		case *ast.ImportSpec:
			out.key = importKey(spec)
		case *ast.TypeSpec:
			out.key, out.names = spec.Name.Name, []string{spec.Name.Name}
		case *ast.ValueSpec:
			for _, n := range spec.Names {
				if n.Name != "_" {
					out.names = append(out.names, n.Name)
				}
			}
			out.key = strings.Join(out.names, " ")
			if out.blank = len(out.names) == 0; out.blank {
				out.key = "_ " + text
			}
		}
		list = append(list, out)
	}
	return list
}

// importKey is gonb's: the name, or the last part of the path; dot imports do not replace one another.
func importKey(spec *ast.ImportSpec) string {
	path, _ := strconv.Unquote(spec.Path.Value)
	switch {
	case spec.Name == nil:
		return "import " + path[strings.LastIndex(path, "/")+1:]
	case spec.Name.Name == "." || spec.Name.Name == "_":
		return "import " + spec.Name.Name + "~" + path
	}
	return "import " + spec.Name.Name
}

// packageName returns the name under which cells know an import; "." and "_" are none.
func (d *declaration) packageName() string {
	if n := d.spec().Name; n != nil {
		return n.Name
	}
	parts := strings.Split(d.path(), "/")
	last := parts[len(parts)-1]
	if len(parts) > 1 && versionPart.MatchString(last) {
		last = parts[len(parts)-2]
	}
	return last
}

var versionPart = regexp.MustCompile(`^v[0-9]+$`)

// memoryKeys are the keys under which gonb keeps a declaration, for its %rm.
func (d *declaration) memoryKeys() []string {
	switch d.kind {
	case token.IMPORT:
		key := strings.TrimPrefix(d.key, "import ")
		if strings.HasPrefix(key, "_~") {
			key = "_" // gonb keeps one of these
		}
		return []string{key}
	case token.FUNC:
		f, _ := d.node.(*ast.FuncDecl)
		if f == nil || f.Recv == nil || len(f.Recv.List) == 0 {
			return []string{d.key}
		}
		_, method, _ := strings.Cut(d.key, "~")
		switch t := f.Recv.List[0].Type.(type) {
		case *ast.Ident:
			return []string{d.key}
		case *ast.StarExpr:
			from := d.file.Offset(f.Pos())
			return []string{d.text[d.file.Offset(t.X.Pos())-from:d.file.Offset(t.X.End())-from] + "~" + method}
		}
		return []string{"unknown~" + method}
	}
	return d.names
}

// path returns an import's path.
func (d *declaration) path() string {
	path, _ := strconv.Unquote(d.spec().Path.Value)
	return path
}

// spec returns that of an import.
func (d *declaration) spec() *ast.ImportSpec {
	return d.node.(*ast.GenDecl).Specs[0].(*ast.ImportSpec)
}

// value returns what declares package variables, nil for other declarations.
func (d *declaration) value() *ast.ValueSpec {
	if d.kind != token.VAR {
		return nil
	}
	return d.node.(*ast.GenDecl).Specs[0].(*ast.ValueSpec)
}

// replaces reports whether a declaration takes the place of an older one.
func (d *declaration) replaces(old *declaration) bool {
	if d.key == old.key && (d.kind == token.IMPORT) == (old.kind == token.IMPORT) {
		return true
	}
	if d.kind == token.IMPORT && old.kind == token.IMPORT && d.packageName() == old.packageName() {
		return strings.Trim(d.packageName(), "_.") != "" // of the others there may be many
	}
	return slices.ContainsFunc(d.names, func(n string) bool { return slices.Contains(old.names, n) })
}

// merge returns declarations with newer ones in the place of those that they replace. What else an older declaration of
// variables declared goes with it, as in gonb; a group of constants keeps its others.
func merge(old, fresh []*declaration) []*declaration {
	var out []*declaration
	for _, d := range old {
		if d.kind == token.CONST && slices.ContainsFunc(fresh, func(n *declaration) bool { return n.replaces(d) }) {
			d = d.without(fresh)
		}
		if d != nil && !slices.ContainsFunc(fresh, func(n *declaration) bool { return n.replaces(d) }) {
			out = append(out, d)
		}
	}
	for i, d := range fresh {
		if !slices.ContainsFunc(fresh[i+1:], func(n *declaration) bool { return n.key == d.key && n.replaces(d) }) {
			out = append(out, d)
		}
	}
	return out
}

// without returns a group of constants with _ for those that other declarations declare, nil if none is left.
func (d *declaration) without(others []*declaration) *declaration {
	out := *d
	out.names = nil
	text := []byte(d.text)
	group := *d.node.(*ast.GenDecl)
	group.Specs = slices.Clone(group.Specs)
	from := d.file.Offset(group.Pos())
	for i, s := range group.Specs {
		spec := *s.(*ast.ValueSpec)
		spec.Names = slices.Clone(spec.Names)
		for k, id := range spec.Names {
			taken := slices.ContainsFunc(others, func(o *declaration) bool { return slices.Contains(o.names, id.Name) })
			switch {
			case taken:
				at := d.file.Offset(id.Pos()) - from
				copy(text[at:], "_"+strings.Repeat(" ", len(id.Name)-1))
				spec.Names[k] = &ast.Ident{NamePos: id.NamePos, Name: "_"}
			case id.Name != "_":
				out.names = append(out.names, id.Name)
			}
		}
		group.Specs[i] = &spec
	}
	if len(out.names) == 0 {
		return nil
	}
	out.key, out.text, out.node = "const "+strings.Join(out.names, " "), string(text), &group
	return &out
}

// words are the identifiers of a text.
func words(text string) map[string]bool {
	out := map[string]bool{}
	file := token.NewFileSet().AddFile("", -1, len(text))
	var s scanner.Scanner
	s.Init(file, []byte(text), func(token.Position, string) {}, 0)
	for {
		_, tok, lit := s.Scan()
		switch tok {
		case token.IDENT:
			out[lit] = true
		case token.EOF:
			return out
		}
	}
}

// reached returns the declarations that names lead to, by their names alone: a few too many, never too few.
func reached(names map[string]bool, all []*declaration) []*declaration {
	list, _ := closure(names, all)
	return list
}

// closure is [reached]; it also returns the names that are met on the way, but for those within constants, whose values say
// all.
func closure(names map[string]bool, all []*declaration) ([]*declaration, map[string]bool) {
	by := map[string][]*declaration{}
	for _, d := range all {
		for _, n := range d.names {
			by[n] = append(by[n], d)
		}
		if t, _, method := strings.Cut(d.key, "~"); method && d.kind == token.FUNC {
			by[t] = append(by[t], d)
		}
	}
	met := map[*declaration]bool{}
	words := map[string]bool{}
	var visit func(map[string]bool, bool)
	visit = func(names map[string]bool, note bool) {
		for n := range names {
			words[n] = words[n] || note
			for _, d := range by[n] {
				if !met[d] {
					met[d] = true
					visit(d.words, d.kind != token.CONST)
				}
			}
		}
	}
	visit(names, true)
	return slices.DeleteFunc(slices.Clone(all), func(d *declaration) bool { return !met[d] }), words
}

// marked returns a declaration for gonb that gets it elsewhere than where it stands: each line says at its end where it stood, for
// [cells.Places]. Marks for the compiler are not possible: gonb follows them, and dies where they lead backwards.
func (d *declaration) marked() string {
	var edits []edit
	for _, at := range d.hooks {
		edits = append(edits, edit{span{at, at}, hook})
	}
	source := apply(d.text, edits)
	lines := strings.Split(source, "\n")
	first, in := d.file.PositionFor(d.node.Pos(), false).Line, inCode
	for i, line := range lines {
		if in = in.after(line); in == inCode { // within a string or a comment it would be a part of that
			lines[i] = line + " " + cells.Marked(d.cell, first+i)
		}
	}
	return strings.Join(lines, "\n")
}

// flat writes a declaration in one line. Comments are left out and raw strings are written as others.
func flat(source string) string {
	var b strings.Builder
	end := 0
	for _, t := range tokens(source) {
		between := source[end:t.from]
		if strings.Trim(between, " \t") != "" {
			between = " "
		}
		end = t.to
		text := source[t.from:t.to]
		switch {
		case t.is == token.EOF:
			return strings.TrimRight(b.String(), "; ")
		case t.is == token.SEMICOLON && t.from == t.to:
			text, between = "; ", ""
		case t.is == token.STRING && text[0] == '`':
			if v, err := strconv.Unquote(text); err == nil {
				text = strconv.Quote(v)
			}
		}
		b.WriteString(between + text)
	}
	return b.String()
}

func cellName(cell int) string { return fmt.Sprintf("In[%d]", cell) }
