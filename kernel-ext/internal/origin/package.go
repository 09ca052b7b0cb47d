package origin

import (
	"crypto/sha256"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// SourceEnv names a file that has the source of a notebook's cell: that of a program which runs on when the notebook has made
// another main.go.
const SourceEnv = "QUIRE_CELL_SOURCE"

// pkg is a package whose source was read.
type pkg struct {
	dir      string
	set      *token.FileSet
	files    []*file
	decls    map[string][]*decl // by name: what is declared at the top level
	methods  map[string][]*decl // by the type's name
	inits    []*decl            // functions init
	changers map[string][]*decl // by a package variable's name: the functions that set it, besides its declaration
	believed bool               // all files are older than the program
}

// file is one of its files.
type file struct {
	path    string
	text    []byte
	syntax  *ast.File
	imports []imported
}

// imported is an import of a file.
type imported struct{ name, path string } // name is "" where the package gives it

// decl is something that is declared at the top level.
type decl struct {
	name string // "func load", "type T", "method T.m"
	file *file
	node ast.Node
	doc  *ast.CommentGroup // of a variable
}

// packageOf reads the package of a file, all that lies in the file's folder; nil if that cannot be read. It reads each once.
func (b *build) packageOf(path string) *pkg {
	if !filepath.IsAbs(path) {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	tests := strings.HasSuffix(path, "_test.go")
	key := filepath.Dir(path)
	if tests {
		key += " with tests of " + clause(path) // there may be two packages
	}
	if p, ok := b.packages[key]; ok {
		return p
	}
	p := b.read(path, tests)
	b.packages[key] = p
	return p
}

// clause returns the name of the package that a file belongs to.
func clause(path string) string {
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly)
	if err != nil {
		return ""
	}
	return f.Name.Name
}

func (b *build) read(path string, tests bool) *pkg {
	p := newPkg(filepath.Dir(path))
	paths, _ := filepath.Glob(filepath.Join(p.dir, "*.go"))
	if isCell(path) {
		paths = []string{path}
		if kept := os.Getenv(SourceEnv); kept != "" {
			paths = []string{kept}
		}
	}
	var name string
	for _, at := range paths {
		if strings.HasSuffix(at, "_test.go") && !tests {
			continue
		}
		f, older := b.readFile(p.set, at)
		if f == nil {
			return nil
		}
		if at == path || len(paths) == 1 {
			name = f.syntax.Name.Name
		}
		p.files, p.believed = append(p.files, f), p.believed && older
	}
	p.resolve(name)
	if name == "" {
		return nil
	}
	return p
}

func newPkg(dir string) *pkg {
	return &pkg{dir: dir, set: token.NewFileSet(), decls: map[string][]*decl{}, methods: map[string][]*decl{},
		changers: map[string][]*decl{}, believed: true}
}

// resolve notes what the package's files declare.
func (p *pkg) resolve(name string) {
	for _, f := range p.files {
		if f.syntax.Name.Name == name { // there may be a package of tests beside it
			p.declare(f)
		}
	}
	for _, f := range p.files {
		p.findChangers(f)
	}
}

// isCell reports whether a file is what GoNB made of a notebook's cells.
func isCell(path string) bool {
	dir := os.Getenv("GONB_TMP_DIR")
	return dir != "" && filepath.Dir(path) == filepath.Clean(dir)
}

// readFile reads a file, and says whether it is older than the program.
func (b *build) readFile(set *token.FileSet, path string) (f *file, older bool) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, false
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, false
	}
	f, err = parseFile(set, path, text)
	if err != nil {
		return nil, false
	}
	return f, info.ModTime().Before(b.built)
}

// parseFile reads the text of a file.
func parseFile(set *token.FileSet, path string, text []byte) (*file, error) {
	syntax, err := parser.ParseFile(set, path, text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	f := &file{path: path, text: text, syntax: syntax}
	for _, spec := range syntax.Imports {
		one := imported{}
		one.path, _ = strconv.Unquote(spec.Path.Value)
		if spec.Name != nil {
			one.name = spec.Name.Name
		}
		f.imports = append(f.imports, one)
	}
	return f, nil
}

// declare notes what a file declares.
func (p *pkg) declare(f *file) {
	add := func(kind, name string, node ast.Node, doc *ast.CommentGroup) {
		if name == "_" {
			return
		}
		p.decls[name] = append(p.decls[name], &decl{kind + " " + name, f, node, doc})
	}
	for _, d := range f.syntax.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			switch {
			case d.Recv != nil:
				t := receiver(d)
				p.methods[t] = append(p.methods[t], &decl{"method " + t + "." + d.Name.Name, f, d, nil})
			case d.Name.Name == "init":
				p.inits = append(p.inits, &decl{"func init", f, d, nil})
			default:
				add("func", d.Name.Name, d, nil)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					add("type", s.Name.Name, s, nil)
				case *ast.ValueSpec:
					node, doc := ast.Node(s), s.Doc
					if doc == nil {
						doc = d.Doc
					}
					if d.Tok == token.CONST { // one constant may go on from those above it
						node = d
					}
					for _, name := range s.Names {
						add(d.Tok.String(), name.Name, node, doc)
					}
				}
			}
		}
	}
}

// receiver returns the name of the type that a method belongs to.
func receiver(d *ast.FuncDecl) string {
	if len(d.Recv.List) == 0 {
		return ""
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.ParenExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

// findChangers notes which functions set package variables.
func (p *pkg) findChangers(f *file) {
	for _, d := range f.syntax.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		by := &decl{name: fn.Name.Name, file: f, node: fn}
		note := func(e ast.Expr) {
			if id := base(e); id != nil && !localTo(f, id) && len(p.decls[id.Name]) > 0 {
				p.changers[id.Name] = append(p.changers[id.Name], by)
			}
		}
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, e := range n.Lhs {
					note(e)
				}
			case *ast.IncDecStmt:
				note(n.X)
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					note(n.X)
				}
			case *ast.RangeStmt:
				if n.Key != nil {
					note(n.Key)
				}
				if n.Value != nil {
					note(n.Value)
				}
			}
			return true
		})
	}
}

// base returns the variable of which an expression is a part.
func base(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.ParenExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// tokens returns a hash of the tokens of a stretch of source, which comments and layout do not change.
func (p *pkg) tokens(f *file, from, to token.Pos) string {
	at := func(pos token.Pos) int { return min(p.set.PositionFor(pos, false).Offset, len(f.text)) }
	return hashTokens(f.text[at(from):max(at(from), at(to))])
}

func hashTokens(text []byte) string {
	set, h := token.NewFileSet(), sha256.New()
	var s scanner.Scanner
	s.Init(set.AddFile("", -1, len(text)), text, func(token.Position, string) {}, 0)
	for {
		_, tok, lit := s.Scan()
		if tok == token.EOF {
			return short(h.Sum(nil))
		}
		if tok == token.SEMICOLON {
			lit = "" // written, or the end of a line
		}
		h.Write([]byte(tok.String() + "\x00" + lit + "\x00"))
	}
}

// argument finds the literal of Argument.
func (p *pkg) argument(text string, functions []string) (found *decl) {
	for _, f := range p.files {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 2 || !slices.Contains(functions, calledName(call.Fun)) {
				return true
			}
			name, ok := call.Args[0].(*ast.BasicLit)
			if !ok || name.Kind != token.STRING {
				return true
			}
			if s, err := strconv.Unquote(name.Value); err != nil || s != text {
				return true
			}
			if lit, ok := call.Args[1].(*ast.FuncLit); ok {
				found = &decl{"the function", f, lit, nil}
			}
			return true
		})
	}
	return found
}

// calledName returns the name of a function that is called, without its package and type arguments.
func calledName(e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x.Name
		case *ast.SelectorExpr:
			return x.Sel.Name
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		default:
			return ""
		}
	}
}
