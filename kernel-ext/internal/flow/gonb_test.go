package flow_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand"
	"slices"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
)

// gonb keeps declarations as gonb does: by kind and key, with one text each.
type gonb struct {
	imports, types, consts, vars, funcs map[string]string
	order                               map[string][]string // the groups of constants, by their first
}

func newGonb() *gonb {
	g := &gonb{order: map[string][]string{}}
	for _, m := range []*map[string]string{&g.imports, &g.types, &g.consts, &g.vars, &g.funcs} {
		*m = map[string]string{}
	}
	return g
}

// forget is %rm.
func (g *gonb) forget(keys []string) {
	for _, k := range keys {
		for _, m := range []map[string]string{g.imports, g.consts, g.types, g.vars, g.funcs} {
			if _, ok := m[k]; ok {
				delete(m, k)
				break
			}
		}
	}
}

// file is the Go file that gonb writes of a cell before it takes it apart.
func file(code string) string {
	lines := strings.Split(code, "\n")
	skip := cells.Commands(lines)
	var b strings.Builder
	b.WriteString("package main\n\n")
	closing, ticks := false, 0
	for i, line := range lines {
		within := ticks%2 == 1 // what stands in a raw string is masked on its way to gonb
		ticks += strings.Count(line, "`")
		switch plain := strings.TrimPrefix(line, "//gonb:"); {
		case strings.HasPrefix(plain, "%main") || plain == "%%" || strings.HasPrefix(plain, "%% "):
			b.WriteString("func main() {\n\tflag.Parse()\n")
			closing = true
		case !within && skip[i] || strings.HasPrefix(line, "package"):
		default:
			b.WriteString(line + "\n")
		}
	}
	if closing {
		b.WriteString("\n}\n")
	}
	return b.String()
}

// program merges a cell's declarations and returns the program that gonb compiles. keep commits them.
func (g *gonb) program(code string) (text string, err error) {
	src := file(code)
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, "main.go", src, parser.SkipObjectResolution|parser.ParseComments)
	if err != nil {
		return "", fmt.Errorf("gonb cannot read the cell: %w\n%s", err, src)
	}
	cut := func(n ast.Node) string {
		return src[set.PositionFor(n.Pos(), false).Offset:set.PositionFor(n.End(), false).Offset]
	}
	main := "func main() { flag.Parse() }"
	for _, spec := range f.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		key, text := path[strings.LastIndex(path, "/")+1:], spec.Path.Value
		if spec.Name != nil {
			key, text = spec.Name.Name, spec.Name.Name+" "+text
			if key == "." {
				key = ".~" + path
			}
		}
		g.imports[key] = text
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			key := d.Name.Name
			if d.Recv != nil {
				name := "unknown"
				switch t := d.Recv.List[0].Type.(type) {
				case *ast.Ident:
					name = t.Name
				case *ast.StarExpr:
					name = cut(t.X)
				}
				key = name + "~" + key
			}
			text := cut(d)
			if key == "main" {
				main = text
				continue
			}
			if strings.HasPrefix(key, "init_") {
				text = strings.Replace(text, key, "init", 1)
			}
			g.funcs[key] = text
		case *ast.GenDecl:
			for _, s := range d.Specs {
				g.spec(d, s, cut)
			}
		}
	}
	return g.render(main), nil
}

func (g *gonb) spec(d *ast.GenDecl, s ast.Spec, cut func(ast.Node) string) {
	switch s := s.(type) {
	case *ast.TypeSpec:
		g.types[s.Name.Name] = cut(s)
	case *ast.ValueSpec:
		if d.Tok == token.CONST {
			first := d.Specs[0].(*ast.ValueSpec).Names[0].Name
			if s == d.Specs[0] {
				g.order[first] = nil
			}
			for i, n := range s.Names {
				text := n.Name
				if s.Type != nil {
					text += " " + cut(s.Type)
				}
				if i < len(s.Values) {
					text += " = " + cut(s.Values[i])
				}
				g.consts[n.Name] = text
				g.order[first] = append(g.order[first], n.Name)
			}
			return
		}
		typ := ""
		if s.Type != nil {
			typ = " " + cut(s.Type)
		}
		if len(s.Values) == 1 { // one value for all of them
			var names []string
			for _, n := range s.Names {
				names = append(names, n.Name)
				g.dropTuple(n.Name)
			}
			key := names[0]
			if key == "_" {
				key = fmt.Sprintf("_~%06d", rand.Intn(1000000))
			}
			g.vars[key] = strings.Join(names, ", ") + typ + " = " + cut(s.Values[0])
			return
		}
		for i, n := range s.Names {
			text := n.Name + typ
			if i < len(s.Values) {
				text += " = " + cut(s.Values[i])
			}
			g.dropTuple(n.Name)
			g.vars[n.Name] = text
		}
	}
}

// dropTuple forgets variables that share one value with the one that is declared anew.
func (g *gonb) dropTuple(name string) {
	for key, text := range g.vars {
		names, _, _ := strings.Cut(text, "=")
		if fields := strings.FieldsFunc(names, func(r rune) bool { return r == ',' || r == ' ' }); slices.Contains(fields, name) && key != name {
			delete(g.vars, key)
		}
	}
}

// render writes the program, as goimports leaves it: without imports that nothing names, and with those that it finds.
func (g *gonb) render(main string) string {
	var b strings.Builder
	keys := func(m map[string]string) (list []string) {
		for k := range m {
			list = append(list, k)
		}
		slices.Sort(list)
		return list
	}
	for _, k := range keys(g.types) {
		b.WriteString("type " + g.types[k] + "\n")
	}
	done := map[string]bool{}
	for _, first := range keys(g.consts) {
		if group := g.order[first]; group != nil && !done[first] {
			b.WriteString("const (\n")
			for _, k := range group {
				if g.consts[k] != "" {
					b.WriteString("\t" + g.consts[k] + "\n")
					done[k] = true
				}
			}
			b.WriteString(")\n")
		}
	}
	for _, k := range keys(g.vars) {
		b.WriteString("var " + g.vars[k] + "\n")
	}
	for _, k := range keys(g.funcs) {
		b.WriteString(g.funcs[k] + "\n\n")
	}
	b.WriteString(main + "\n")
	body := b.String()
	var head strings.Builder
	head.WriteString("package main\n\n")
	for _, k := range keys(g.imports) {
		name := k
		if path := strings.Trim(g.imports[k], `"`); k == "v2" {
			name = path[strings.LastIndex(strings.TrimSuffix(path, "/v2"), "/")+1 : len(path)-3]
		}
		if k == "_" || strings.HasPrefix(k, ".~") || strings.Contains(body, name+".") {
			head.WriteString("import " + g.imports[k] + "\n")
		}
	}
	if strings.Contains(body, "flag.") && g.imports["flag"] == "" {
		head.WriteString("import \"flag\"\n")
	}
	return head.String() + body
}
