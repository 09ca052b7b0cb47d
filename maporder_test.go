package quire_test

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An error that is found by going over a map is another one each time, where several things are wrong: what a user reads must
// not depend on chance. In package ml and below, no loop over a map returns an error or keeps one; the keys are sorted first
// (slices.Sorted(maps.Keys(m))), or the map is a list.
func TestNoErrorDependsOnTheOrderOfAMap(t *testing.T) {
	if testing.Short() {
		t.Skip("asks the go command for types: not with -short")
	}
	files := token.NewFileSet()
	importer := importer.ForCompiler(files, "gc", exportData(t, "./ml/..."))
	loops := 0
	err := filepath.WalkDir("ml", func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || d.Name() == "testdata" {
			return err
		}
		list, err := parsedFiles(files, dir)
		if err != nil {
			return err
		}
		info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}
		config := types.Config{Importer: importer, Error: func(error) {}} // files of other systems declare twice
		config.Check(dir, files, list, info)
		for _, f := range list {
			ast.Inspect(f, func(n ast.Node) bool {
				loop, ok := n.(*ast.RangeStmt)
				if !ok || !isMap(info, loop.X) {
					return true
				}
				loops++
				at := keepsError(info, loop)
				assert.False(t, at.IsValid(), "%s: this error depends on the order of a map: go over its sorted keys", files.Position(at))
				return true
			})
		}
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, loops, 5, "loops over maps: were types found?")
}

// parsedFiles returns the files of a folder's package, without its tests.
func parsedFiles(files *token.FileSet, dir string) (list []*ast.File, err error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, err
}

// exportData returns a function that opens the types of a package, as the compiler has written them, of all that packages import.
func exportData(t *testing.T, packages string) func(path string) (io.ReadCloser, error) {
	out, err := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", packages).Output()
	require.NoError(t, err)
	export := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if path, file, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			export[path] = file
		}
	}
	return func(path string) (io.ReadCloser, error) { return os.Open(export[path]) }
}

func isMap(info *types.Info, x ast.Expr) bool {
	if call, ok := x.(*ast.CallExpr); ok { // maps.All, maps.Keys, maps.Values
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok && len(call.Args) == 1 {
			if id, ok := sel.X.(*ast.Ident); ok && id.Name == "maps" {
				return true
			}
		}
	}
	t := info.TypeOf(x)
	if t == nil {
		return false
	}
	_, ok := t.Underlying().(*types.Map)
	return ok
}

// keepsError returns where a loop returns an error, or keeps one in a variable from outside of it.
func keepsError(info *types.Info, loop *ast.RangeStmt) (at token.Pos) {
	isError := func(x ast.Expr) bool {
		t := info.TypeOf(x)
		return t != nil && t.String() == "error" && types.ExprString(x) != "nil"
	}
	ast.Inspect(loop.Body, func(n ast.Node) bool {
		switch s := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			for _, x := range s.Results {
				if isError(x) {
					at = s.Pos()
				}
			}
		case *ast.AssignStmt:
			for _, x := range s.Lhs {
				if id, ok := x.(*ast.Ident); ok && s.Tok == token.DEFINE {
					if o := info.Defs[id]; o != nil {
						continue // declared in the loop
					}
				}
				if !isError(x) {
					continue
				}
				id, ok := x.(*ast.Ident)
				if o := info.ObjectOf(id); ok && o != nil && loop.Pos() <= o.Pos() && o.Pos() < loop.End() {
					continue
				}
				at = s.Pos()
			}
		}
		return true
	})
	return at
}
