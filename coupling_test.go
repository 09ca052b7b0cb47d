package quire_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/internal/testenv"
)

// sources parses the Go files of the module below the given folders, without tests, and calls visit for each node; ancestors are
// the nodes around it, the innermost last.
func sources(t *testing.T, folders []string, visit func(path, place string, n ast.Node, ancestors []ast.Node)) {
	t.Helper()
	for _, folder := range folders {
		require.NoError(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && (d.Name() == "testdata" || len(d.Name()) > 1 && strings.HasPrefix(d.Name(), ".")):
				return fs.SkipDir
			case d.IsDir(), !strings.HasSuffix(path, ".go"), strings.HasSuffix(path, "_test.go"):
				return nil
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			var around []ast.Node
			ast.Inspect(file, func(n ast.Node) bool {
				if n == nil {
					around = around[:len(around)-1]
					return true
				}
				visit(filepath.ToSlash(path), fmt.Sprint(set.Position(n.Pos())), n, around)
				around = append(around, n)
				return true
			})
			return nil
		}))
	}
}

// Names that one package gives are not written down again in another: they would come apart in silence. What is asked of an op
// stands in its row, or is a type of its attributes.
func TestNamesOfOtherPackagesAreNoStrings(t *testing.T) {
	families, ops, layers := map[string]bool{}, map[string]bool{}, namesOf(t, "ml/layers")
	for _, op := range ir.Ops() {
		families[op.Family], ops[op.Name] = true, true
	}
	prefix := stringConstant(t, "ml/model", "parameterPrefix")
	report := func(place, text, what string) {
		t.Errorf("%s: %q is %s", place, text, what)
	}
	sources(t, []string{"backends", "docker", "internal", "kernel-ext", "ml", "tutorials", "viz"}, func(path, place string, n ast.Node, around []ast.Node) {
		if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Family" {
			report(place, "Family", "the heading of an op in the op reference: ask its row for a fact")
		}
		text, ok := text(n)
		if !ok {
			return
		}
		users := strings.HasPrefix(path, "viz/") || strings.HasPrefix(path, "ml/") && !strings.HasPrefix(path, "ml/tokenizers/") // of ops: engines, writers and readers are another matter
		switch {
		case strings.HasPrefix(text, prefix) && path != "ml/model/graphvars.go" && path != "kernel-ext/traces/collect.go": // a test of its own holds that one
			report(place, text, "how package model names parameters: ask model.VariablePath")
		case layers[text] && !strings.HasPrefix(path, "ml/layers/"):
			report(place, text, "a name of package layers")
		case users && ops[text]:
			report(place, text, "the name of an op: ask its row, or for the type of its attributes")
		case users && families[text] && decides(around):
			report(place, text, "a family of ops: ask a row for a fact")
		}
	})
}

// text returns the string that a literal is.
func text(n ast.Node) (string, bool) {
	if lit, ok := n.(ast.Expr); ok {
		return literal(lit)
	}
	return "", false
}

// decides reports whether a literal among these nodes is compared with something. As a word for readers a family may stand
// anywhere: "shape" heads a column.
func decides(around []ast.Node) bool {
	switch n := around[len(around)-1].(type) {
	case *ast.CaseClause, *ast.IndexExpr:
		return true
	case *ast.BinaryExpr:
		return n.Op == token.EQL || n.Op == token.NEQ
	case *ast.KeyValueExpr:
		return false
	case *ast.CompositeLit: // slices.Contains([]string{"reduce", "sort"}, …)
		_, call := around[max(0, len(around)-2)].(*ast.CallExpr)
		return call
	}
	return false
}

// namesOf returns the exported types and functions of a package.
func namesOf(t *testing.T, dir string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for name := range testenv.Functions(t, dir) {
		names[name] = true
	}
	for _, file := range testenv.Files(t, dir) {
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.IsExported() {
				names[spec.Name.Name] = true
			}
			return true
		})
	}
	return names
}

// stringConstant returns the value of a constant, read from the source.
func stringConstant(t *testing.T, dir, name string) string {
	t.Helper()
	for _, file := range testenv.Files(t, dir) {
		for _, d := range file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, spec := range g.Specs {
				if v := spec.(*ast.ValueSpec); len(v.Values) == 1 && v.Names[0].Name == name {
					value, ok := literal(v.Values[0])
					require.True(t, ok)
					return value
				}
			}
		}
	}
	t.Fatalf("package %s has no constant %s", dir, name)
	return ""
}

// Where a type is asked whether it can do more, what is asked for has a name and a doc comment, so that who writes such a type
// finds it.
func TestOptionalInterfacesHaveNames(t *testing.T) {
	sources(t, []string{"ml", "viz"}, func(_, place string, n ast.Node, _ []ast.Node) {
		var asked []ast.Expr
		switch n := n.(type) {
		case *ast.TypeAssertExpr:
			asked = append(asked, n.Type)
		case *ast.TypeSwitchStmt:
			for _, c := range n.Body.List {
				asked = append(asked, c.(*ast.CaseClause).List...)
			}
		}
		for _, e := range asked {
			_, ok := e.(*ast.InterfaceType)
			assert.False(t, ok, "%s: an interface without a name is asked for: name it, and say in its doc comment what has it", place)
		}
	})
}

// Which lines are a notebook's is decided in one place.
func TestTheNotebooksFolderIsAskedForOnce(t *testing.T) {
	var places []string
	sources(t, []string{"backends", "graph", "internal", "ml", "viz"}, func(path, _ string, n ast.Node, _ []ast.Node) {
		if text, ok := text(n); ok && text == "GONB_TMP_DIR" {
			places = append(places, path)
		}
	})
	require.Equal(t, []string{"internal/frames/cell.go"}, places)
}
