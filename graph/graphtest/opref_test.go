package graphtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/internal/golden"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOpReferenceIsCurrent(t *testing.T) {
	text, err := OpReference(callersOf(t, ".."))
	require.NoError(t, err)
	golden.Check(t, "../../docs/ops.md", text)
}

// Every row has an example that shows what it computes: finite results that are not empty.
func TestEveryRowHasAnExample(t *testing.T) {
	for _, op := range ir.Ops() {
		e, err := exampleOf(op)
		if err != nil {
			t.Errorf("op %s: %v", op.Name, err)
			continue
		}
		if rank := e.rank(); rank[0] != 0 || rank[1] != 0 {
			t.Errorf("op %s: the best example is empty, or has values that are not finite:\n%s", op.Name, e)
		}
	}
	_, err := exampleOf(&ir.Op{Name: "Half"})
	assert.Error(t, err, "a row without samples has an example")
}

// Links of the reference lead to a heading.
func TestOpReferenceLinks(t *testing.T) {
	text, err := OpReference(nil)
	require.NoError(t, err)
	headings := map[string]int{}
	for _, line := range strings.Split(text, "\n") {
		if title := strings.TrimLeft(line, "#"); title != line {
			headings[anchor(strings.TrimSpace(title))]++
		}
	}
	links := regexp.MustCompile(`\]\(#([^)]*)\)`).FindAllStringSubmatch(text, -1)
	assert.GreaterOrEqual(t, len(links), len(ir.Ops()))
	for _, l := range links {
		assert.Equal(t, 1, headings[l[1]], "#%s is the anchor of %d headings", l[1], headings[l[1]])
	}
}

// Rows that only other ops, or several steps of a function, make calls of have no function of their own.
func TestFunctionsOfRowsAreFound(t *testing.T) {
	callers := callersOf(t, "..")
	for op, want := range map[string]string{
		"Add": "Add", "Equal": "Equal", "If": "If", "Split": "Split", "TopK": "BottomK, TopK", "ScatterSum": "ScatterSum",
		"RandomBits": "RandomBits", "NormalCDF": "",
	} {
		assert.Equal(t, want, strings.Join(callers[op], ", "), "%s: called", op)
	}
}

// callersOf returns, by op, the exported functions and methods of the package in dir that make a call of it: those that
// hand the row's variable to a function.
func callersOf(t *testing.T, dir string) map[string][]string {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err, "no source in %v", dir)
	require.NotEmpty(t, paths, "no source in %v", dir)
	var files []*ast.File
	rows := map[string]string{} // by variable
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		files = append(files, f)
		ast.Inspect(f, func(n ast.Node) bool {
			if a, ok := n.(*ast.AssignStmt); ok && a.Tok == token.ASSIGN && len(a.Lhs) == 1 {
				if v, ok := a.Lhs[0].(*ast.Ident); ok && definedRow(a.Rhs[0]) != "" {
					rows[v.Name] = definedRow(a.Rhs[0])
				}
			}
			return true
		})
	}
	callers := map[string][]string{}
	for _, f := range files {
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Name.IsExported() && fn.Body != nil {
				for _, v := range handed(fn.Body) {
					if op := rows[v]; op != "" && !slices.Contains(callers[op], nameOf(fn)) {
						callers[op] = append(callers[op], nameOf(fn))
					}
				}
			}
		}
	}
	for _, list := range callers {
		slices.Sort(list)
	}
	return callers
}

// definedRow returns the op that a call defines: its first text is a row's name.
func definedRow(x ast.Expr) (name string) {
	if _, ok := x.(*ast.CallExpr); !ok {
		return ""
	}
	first := true
	ast.Inspect(x, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && first {
			first = false
			if s, err := strconv.Unquote(lit.Value); err == nil && ir.OpByName(s) != nil {
				name = s
			}
		}
		return first
	})
	return name
}

// handed returns the names that are arguments of calls.
func handed(body ast.Node) (names []string) {
	ast.Inspect(body, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			for _, arg := range c.Args {
				if v, ok := arg.(*ast.Ident); ok {
					names = append(names, v.Name)
				}
			}
		}
		return true
	})
	return names
}

// nameOf returns a function's name, with the type before it for methods.
func nameOf(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	x := fn.Recv.List[0].Type
	if p, ok := x.(*ast.StarExpr); ok {
		x = p.X
	}
	if v, ok := x.(*ast.Ident); ok {
		return v.Name + "." + fn.Name.Name
	}
	return fn.Name.Name
}
