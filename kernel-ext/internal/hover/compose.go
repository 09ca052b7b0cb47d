package hover

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
)

// Program makes a whole program of a cell and of what it is given by those before. line says where a line of the cell stands in the
// program, with the same columns; both count from 0, and 0 means nowhere.
type Program interface {
	Compose(source string) (program string, line func(cellLine int) int)
}

// Composer is a simple [Program]: a cell, behind it what earlier cells have declared outside of functions. It is safe for
// several goroutines.
type Composer struct {
	mu      sync.Mutex
	imports map[string]string // spec by name and path
	decls   map[string]string // text by name
}

// Ran takes what a cell declares.
func (c *Composer) Ran(source string) {
	text := asFile(source)
	file, set, err := parse(text)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.imports == nil {
		c.imports, c.decls = map[string]string{}, map[string]string{}
	}
	slice := func(n ast.Node) string { return text[set.Position(n.Pos()).Offset:set.Position(n.End()).Offset] }
	for _, spec := range file.Imports {
		c.imports[slice(spec)] = slice(spec)
	}
	for _, d := range file.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
			continue
		}
		if name := declared(d); name != "main" && name != "init" && name != "_" {
			c.decls[name] = slice(d)
		}
	}
}

// declared returns the names that a declaration declares; a method's with its type.
func declared(d ast.Decl) string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil || len(d.Recv.List) == 0 {
			return d.Name.Name
		}
		typ := d.Recv.List[0].Type
		if p, ok := typ.(*ast.StarExpr); ok {
			typ = p.X
		}
		if i, ok := typ.(*ast.IndexExpr); ok {
			typ = i.X
		}
		if id, ok := typ.(*ast.Ident); ok {
			return id.Name + "~" + d.Name.Name
		}
		return "~" + d.Name.Name
	case *ast.GenDecl:
		var names []string
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				names = append(names, s.Name.Name)
			case *ast.ValueSpec:
				for _, n := range s.Names {
					names = append(names, n.Name)
				}
			}
		}
		return strings.Join(names, ",")
	}
	return "_"
}

// Compose returns a program. All imports are in its first line.
func (c *Composer) Compose(source string) (program string, line func(int) int) {
	text := asFile(source)
	file, set, err := parse(text)
	c.mu.Lock()
	defer c.mu.Unlock()
	imports := maps.Clone(c.imports)
	if imports == nil {
		imports = map[string]string{}
	}
	own := map[string]bool{}
	body := []byte(text)
	if file != nil {
		for _, d := range file.Decls {
			own[declared(d)] = true
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
				for _, spec := range g.Specs {
					spec := text[set.Position(spec.Pos()).Offset:set.Position(spec.End()).Offset]
					imports[spec] = spec
				}
				blank(body, set.Position(d.Pos()).Offset, set.Position(d.End()).Offset)
			}
		}
	}
	var first strings.Builder
	first.WriteString(packageMain)
	for _, spec := range slices.Sorted(maps.Values(imports)) {
		first.WriteString("; import " + spec)
	}
	head, rest, _ := strings.Cut(string(body), "\n")
	head = strings.TrimPrefix(head, packageMain) // what opens a function
	earlier := c.earlier(own)
	if err != nil && earlier != "" { // what does not parse would swallow what follows
		before := strings.Count(earlier, "\n")
		return first.String() + "\n" + strings.TrimSuffix(earlier, "\n") + head + "\n" + rest, func(n int) int { return n + 1 + before }
	}
	return first.String() + head + "\n" + rest + "\n" + earlier, func(n int) int { return n + 1 }
}

// earlier returns what is declared that a cell does not declare itself; it ends with an end of line.
func (c *Composer) earlier(own map[string]bool) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(c.decls)) {
		if !own[name] {
			b.WriteString(c.decls[name] + "\n")
		}
	}
	return b.String()
}

func blank(text []byte, begin, end int) {
	for i := begin; i < min(end, len(text)); i++ {
		if text[i] != '\n' {
			text[i] = ' '
		}
	}
}

func parse(text string) (*ast.File, *token.FileSet, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "", text, parser.AllErrors)
	return file, set, err
}

const packageMain = "package main"

// asFile returns a cell as a Go file: the cell's lines follow the first one, with their columns. What stands behind %%, or
// statements outside of functions, is in a function main.
func asFile(source string) string {
	lines := strings.Split(withoutCommands(source), "\n")
	given := strings.Split(source, "\n")
	for i, line := range given {
		if word, _, _ := strings.Cut(strings.TrimSpace(line), " "); cells.Commands(given)[i] && (word == "%%" || word == "%main") {
			lines[i] = "func main() {"
			return packageMain + "\n" + strings.Join(lines, "\n") + "\n}\n"
		}
	}
	body := strings.Join(lines, "\n")
	text := packageMain + "\n" + body + "\n"
	if _, _, err := parse(text); err == nil {
		return text
	}
	wrapped := packageMain + ";func main() {\n" + body + "\n}\n"
	if _, _, err := parse(wrapped); err == nil {
		return wrapped
	}
	return statements(lines)
}

// statements returns a cell with statements between declarations as a file: each row of statements is a function of its own.
// What opens and ends these stands at the end of the line before, so that all columns stay.
func statements(lines []string) string {
	out := []string{packageMain}
	end := func(text string) {
		last := &out[len(out)-1]
		*last, _ = scanLine(*last) // a comment would take it in
		if text[0] == ';' && strings.TrimSpace(*last) == "" {
			text = text[1:]
		}
		*last += text
	}
	depth, within := 0, false
	for _, line := range lines {
		outside := strings.HasPrefix(line, "func ") || strings.HasPrefix(line, "import ")
		code, opened := scanLine(line)
		switch {
		case depth > 0 || strings.TrimSpace(code) == "":
		case outside && within:
			end("; }")
			within = false
		case !outside && !within:
			end(";func _() {")
			within = true
		}
		out = append(out, line)
		depth = max(0, depth+opened)
	}
	if within {
		out = append(out, "}")
	}
	return strings.Join(out, "\n") + "\n"
}

// scanLine returns a line without the comment at its end, and how many more brackets it opens than it closes.
func scanLine(line string) (code string, opened int) {
	quote := rune(0)
	for i, r := range line {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '"' || r == '`' || r == '\'':
			quote = r
		case strings.HasPrefix(line[i:], "//"):
			return line[:i], opened
		case strings.ContainsRune("({[", r):
			opened++
		case strings.ContainsRune(")}]", r):
			opened--
		}
	}
	return line, opened
}

// addImports returns a program that imports also those of the given packages whose names it uses and does not import, as goimports
// will before the cell is compiled. The lines stay where they are.
func addImports(program string, packages map[string]string) string {
	rest, ok := strings.CutPrefix(program, packageMain)
	if !ok || len(packages) == 0 {
		return program
	}
	file, _, _ := parse(program)
	if file == nil {
		return program
	}
	taken := map[string]bool{}
	for _, spec := range file.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			taken[path.Base(p)] = true
		}
		if spec.Name != nil {
			taken[spec.Name.Name] = true
		}
	}
	missing := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok && id.Obj == nil && packages[id.Name] != "" && !taken[id.Name] {
				missing[id.Name] = true
			}
		}
		return true
	})
	var b strings.Builder
	b.WriteString(packageMain)
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		fmt.Fprintf(&b, "; import %q", packages[name])
	}
	return b.String() + rest
}
