package cells

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
)

var (
	redeclared = regexp.MustCompile(`(?m)^\./main(?:_test)?\.go:(\d+):\d+: (\S+) redeclared in this block\n\s+\./main(?:_test)?\.go:(\d+):\d+: other declaration of`)
	unused     = regexp.MustCompile(`(?m)^\./main(?:_test)?\.go:(\d+):\d+: "[^"]+" imported (?:as \S+ )?and not used`)
)

// Mend takes out of a program what stands in a cell's way although it does not mean it, from what the compiler said of
// it: gonb keeps a name of one kind beside the same name of another kind that an edited cell made of it, an import
// beside another of the same name, and imports that this cell does not use. Lines keep their numbers. ok is false if
// there is nothing to mend.
func Mend(program string, places []string, said string) (mended string, ok bool) {
	set := token.NewFileSet()
	file, _ := parser.ParseFile(set, "", program, parser.SkipObjectResolution)
	if file == nil {
		return program, false
	}
	text := []byte(program)
	for _, m := range unused.FindAllStringSubmatch(said, -1) {
		line, _ := strconv.Atoi(m[1])
		if spec := importAt(set, file, line); spec != nil && spec.Name != nil && spec.Name.Name == "." {
			ok = blank(text, set, spec) || ok
		}
	}
	for _, m := range redeclared.FindAllStringSubmatch(said, -1) {
		a, _ := strconv.Atoi(m[1])
		b, _ := strconv.Atoi(m[3])
		older := b
		if latest(places, a) < latest(places, b) || latest(places, a) == latest(places, b) && a < b {
			older = a
		}
		if n := declarationAt(set, file, older, m[2]); n != nil {
			ok = blank(text, set, n) || ok
		}
	}
	return string(text), ok
}

// latest returns the execution count of the cell of a line, 0 if it is not known.
func latest(places []string, line int) (count int) {
	if line >= 1 && line <= len(places) {
		_, _ = fmt.Sscanf(places[line-1], "In[%d]", &count)
	}
	return count
}

func importAt(set *token.FileSet, file *ast.File, line int) *ast.ImportSpec {
	for _, spec := range file.Imports {
		if set.PositionFor(spec.Pos(), false).Line == line {
			return spec
		}
	}
	return nil
}

// declarationAt returns what declares a name in a line: a spec or a function.
func declarationAt(set *token.FileSet, file *ast.File, line int, name string) ast.Node {
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.Name == name && set.PositionFor(d.Name.Pos(), false).Line == line {
				return d
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if set.PositionFor(s.Pos(), false).Line != line {
					continue
				}
				if d.Lparen.IsValid() {
					return s
				}
				return d
			}
		}
	}
	return nil
}

// blank makes spaces of a node's text, except for the ends of lines.
func blank(text []byte, set *token.FileSet, n ast.Node) bool {
	i, k := set.PositionFor(n.Pos(), false).Offset, set.PositionFor(n.End(), false).Offset
	for ; i < k && i < len(text); i++ {
		if text[i] != '\n' {
			text[i] = ' '
		}
	}
	return true
}
