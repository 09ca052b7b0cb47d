package quire_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Tests assert by testify where that reads better, and it does wherever a statement asks of an error alone whether there is
// one: require.NoError(t, err) in place of three lines. Loops of benchmarks are free to ask by hand, since an assertion takes
// time; whoever does more than report, or asks more than that, is too.
func TestErrorsAreAsserted(t *testing.T) {
	files := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		files++
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, at := range counters(f) {
			t.Errorf("%s: allocations are counted by hand, which fails under the race detector at random: write testenv.AllocatesAtMost, or Allocations", set.Position(at))
		}
		for _, s := range errorsByHand(f) {
			t.Errorf("%s: an error is asked for by hand: write require.NoError, assert.NoError, or Error in their place", set.Position(s.Pos()))
		}
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, files, 300, "files of tests")
}

// counters returns where a file counts allocations.
func counters(f *ast.File) (list []token.Pos) {
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "AllocsPerRun" {
			list = append(list, s.Pos())
		}
		return true
	})
	return list
}

// errorsByHand returns the statements which ask of an error alone whether it is nil, and report on the t of a test.
func errorsByHand(f *ast.File) (list []*ast.IfStmt) {
	elses := map[ast.Stmt]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		s, ok := n.(*ast.IfStmt)
		if !ok {
			return true
		}
		elses[s.Else] = true
		if !elses[s] && s.Else == nil && asksOneError(s.Cond) && reportsOnT(s.Body) {
			list = append(list, s)
		}
		return true
	})
	return list
}

func asksOneError(cond ast.Expr) bool {
	c, ok := cond.(*ast.BinaryExpr)
	if !ok || c.Op != token.NEQ && c.Op != token.EQL || types.ExprString(c.Y) != "nil" {
		return false
	}
	name, ok := c.X.(*ast.Ident)
	return ok && (name.Name == "err" || name.Name == "e")
}

func reportsOnT(body *ast.BlockStmt) bool {
	if len(body.List) != 1 {
		return false
	}
	s, ok := body.List[0].(*ast.ExprStmt)
	if !ok {
		return false
	}
	call, ok := s.X.(*ast.CallExpr)
	return ok && slices.Contains([]string{"t.Fatal", "t.Fatalf", "t.Error", "t.Errorf"}, types.ExprString(call.Fun))
}

func TestErrorsByHandAreFound(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       int
	}{
		{"an error reported", "if err != nil { t.Fatal(err) }", 1},
		{"with a statement before", "if err := f(); err != nil { t.Errorf(\"%v\", err) }", 1},
		{"no error where one is wanted", "if _, err := f(); err == nil { t.Error(\"no error\") }", 1},
		{"in a function within", "go func() { if err != nil { t.Error(err) } }()", 1},
		{"in a benchmark", "if err != nil { b.Fatal(err) }", 0},
		{"together with a value", "if err != nil || n != 3 { t.Fatal(err) }", 0},
		{"a second branch", "if n == 3 { f() } else if err != nil { t.Error(err) }", 0},
		{"with another branch", "if err != nil { t.Error(err) } else { f() }", 0},
		{"and then it returns", "if err != nil { t.Error(err); return }", 0},
		{"a pointer", "if p == nil { t.Error(p) }", 0},
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "x_test.go", "package x\nfunc F() {\n"+c.body+"\n}", parser.SkipObjectResolution)
		require.NoError(t, err)
		assert.Len(t, errorsByHand(f), c.want, c.name)
	}
}
