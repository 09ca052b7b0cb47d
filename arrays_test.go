package quire_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/graphtest"
)

// madeOfOps are packages whose functions are no rows of the table of ops, but are made of them.
var madeOfOps = []string{"fast", "linalg", "quant", "segment", "signal", "stats", "vision"}

// What rows do for ops, values of other libraries do for functions that are made of them: there are some for each.
func TestFunctionsMadeOfOpsAreHeldToValues(t *testing.T) {
	held := graphtest.ArrayFunctions()
	for _, name := range madeOfOps {
		files, err := filepath.Glob(filepath.Join("graph", name, "*.go"))
		require.NoError(t, err)
		n := 0
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.IsExported() {
					require.Contains(t, held, name+"."+fn.Name.Name, "%s: give it values in graph/graphtest/testdata/arrays/make.py", path)
					n++
				}
			}
		}
		require.NotZero(t, n, name)
	}
}
