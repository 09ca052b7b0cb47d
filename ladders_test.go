package quire_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph/dtypes"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ladders are the files in which switches list all dtypes: a new dtype is made known to the package there. Packages whose
// ladder is a table need not stand here.
var ladders = []string{
	"backends/gocpu/internal/kernels/convert.go",
	"graph/dtypes/generics.go",
}

// maxCases is how many dtypes a switch may list elsewhere: the integers of up to 32 bits, or a family or two. What has
// more is a ladder.
const maxCases = 8

// storing are how many files a dtype for storage is named in, outside of package dtypes and of tests: CONTRIBUTING.md
// lists them.
const storing = 8

// TestDTypesAreListedInLadders finds switches over dtypes, or over their Go types, that list more than a few.
func TestDTypesAreListedInLadders(t *testing.T) {
	seen := map[string]bool{}
	eachSource(t, func(path string, file *ast.File, position func(token.Pos) token.Position) {
		ast.Inspect(file, func(n ast.Node) bool {
			var body *ast.BlockStmt
			switch n := n.(type) {
			case *ast.SwitchStmt:
				body = n.Body
			case *ast.TypeSwitchStmt:
				body = n.Body
			default:
				return true
			}
			if cases := listed(body); len(cases) > maxCases {
				seen[path] = true
				assert.Contains(t, ladders, path, "%s: a switch lists %d dtypes, more than %d: choose by a table, as graph/tensors/ladder.go does", position(n.Pos()), len(cases), maxCases)
			}
			return true
		})
	})
	for _, path := range ladders {
		assert.True(t, seen[path], "%s has no switch over dtypes that needs an exception", path)
	}
}

// listed returns the numeric dtypes that the cases of a switch name, as dtypes or as their Go types.
func listed(body *ast.BlockStmt) (names []string) {
	for _, s := range body.List {
		for _, e := range s.(*ast.CaseClause).List {
			name := ""
			switch e := e.(type) {
			case *ast.Ident:
				name = e.Name
			case *ast.SelectorExpr:
				name = e.Sel.Name
			}
			if d, err := dtypes.Parse(name); err == nil && d != dtypes.Bool && !slices.Contains(names, d.String()) {
				names = append(names, d.String())
			}
		}
	}
	return names
}

// TestAStorageDTypeIsNamedInFewFiles counts what has to be written for one.
func TestAStorageDTypeIsNamedInFewFiles(t *testing.T) {
	guide, err := os.ReadFile("CONTRIBUTING.md")
	require.NoError(t, err)
	var named []string
	eachSource(t, func(path string, file *ast.File, _ func(token.Pos) token.Position) {
		if filepath.Dir(path) == "graph/dtypes" {
			return
		}
		found := false
		ast.Inspect(file, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			found = found || ok && s.Sel.Name == "Float8E5M2"
			return !found
		})
		if found {
			named = append(named, path)
		}
	})
	if len(named) == 0 || len(named) > storing {
		t.Errorf("float8_e5m2 is named in %d files, more than %d: %s", len(named), storing, strings.Join(named, ", "))
	}
	for _, path := range named {
		assert.Contains(t, string(guide), "`"+path+"`", "CONTRIBUTING.md does not say that a storage dtype is named in %s", path)
	}
}

// eachSource calls fn for every Go file of the module that is no test.
func eachSource(t *testing.T, fn func(path string, file *ast.File, position func(token.Pos) token.Position)) {
	t.Helper()
	set := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || len(d.Name()) > 1 && strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err == nil {
			fn(filepath.ToSlash(path), file, set.Position)
		}
		return err
	})
	require.NoError(t, err)
}
