package quire_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/ir"

	_ "github.com/quire-ml/quire/graph" // defines the rows
)

// A fact about an op stands once, in its row. TestOpsAreNamedOnce finds op names that stand as strings anywhere but in the
// file of the row: in lists that would disagree with the table one day. Engines name rows by package graph/ops, which is
// generated from the table and held to it.
func TestOpsAreNamedOnce(t *testing.T) {
	names := map[string]bool{}
	for _, op := range ir.Ops() {
		names[op.Name] = true
	}
	at := map[string][]string{} // file:line of each string that is an op's name
	home := map[string]string{} // the file that defines it
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || path == filepath.Join("graph", "ops", "ops.go") {
			return err
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(path, "graph"+string(filepath.Separator)) && !slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool {
			return strings.HasPrefix(i.Path.Value, `"github.com/quire-ml/quire/graph`) || strings.HasPrefix(i.Path.Value, `"github.com/quire-ml/quire/backends`)
		}) {
			return nil // what knows no graph names no op
		}
		defines := false
		ast.Inspect(f, func(n ast.Node) bool {
			if c, ok := n.(*ast.CallExpr); ok {
				if id, ok := c.Fun.(*ast.Ident); ok && id.Name == "Define" && f.Name.Name == "graph" {
					defines = true
				}
			}
			return true
		})
		ast.Inspect(f, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			if s, err := strconv.Unquote(lit.Value); err == nil && names[s] {
				if defines && home[s] == "" {
					home[s] = path
				}
				at[s] = append(at[s], set.Position(lit.Pos()).String())
			}
			return true
		})
		return nil
	})
	require.NoError(t, err)
	for name, places := range at {
		for _, place := range places {
			if !strings.HasPrefix(place, home[name]+":") {
				t.Errorf("%s: %q is the name of an op whose row stands in %s: use ops.%s, or ask the row", place, name, home[name], name)
			}
		}
	}
}
