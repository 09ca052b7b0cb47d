package quire_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An error of package ml and below that says whose it is says so in one form: "train: …" by what a package keeps, "train.RunSteps: …"
// where an argument of that function, or of that method, is wrong, by its name, perhaps with %q or the arguments behind it.
// Others go without: they are told with what was being done around them ("training step 7: …").
func TestErrorsNameTheirOwnPackage(t *testing.T) {
	prefix := regexp.MustCompile(`^([a-z]+)(?:\.([A-Z]\w*)(?: %q|\([^)]*\))?(?:, [^:]*)?)?: `)
	found := 0
	err := filepath.WalkDir("ml", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testdata") {
			return err
		}
		files := token.NewFileSet()
		f, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		names := declaredIn(t, dir)
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			fun, ok := call.Fun.(*ast.SelectorExpr)
			text, isText := call.Args[0].(*ast.BasicLit)
			if !ok || !isText || !slices.Contains([]string{"fmt.Errorf", "errors.New"}, types.ExprString(fun)) {
				return true // graph.Errorf is of a graph: its errors name op or layer, and the user's line
			}
			message, err := strconv.Unquote(text.Value)
			m := prefix.FindStringSubmatch(message)
			if err != nil || m == nil {
				return true
			}
			found++
			assert.Equal(t, f.Name.Name, m[1], "%s: %q begins with the name of another package than", files.Position(text.Pos()), message)
			if m[2] != "" && !names[m[2]] {
				t.Errorf("%s: %q: the package has no function or method %s", files.Position(text.Pos()), message, m[2])
			}
			return true
		})
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, found, 50, "errors with a prefix")
}

// declared returns the names of the functions and methods of the package in a folder.
func declaredIn(t *testing.T, dir string) map[string]bool {
	paths, err := filepath.Glob(dir + "/*.go")
	require.NoError(t, err)
	names := map[string]bool{}
	for _, path := range paths {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				names[fn.Name.Name] = true
			}
		}
	}
	return names
}
