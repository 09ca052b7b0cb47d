package viz_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/internal/testenv"
)

// Every exported function has an Example, and go test compares what it prints.
func TestFunctionsHaveExamples(t *testing.T) {
	for _, dir := range []string{".", "plots"} {
		names, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		require.NoError(t, err)
		var files []*ast.File
		for _, name := range names {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
			require.NoError(t, err)
			files = append(files, file)
		}
		printing := map[string]bool{}
		for _, e := range doc.Examples(files...) {
			printing[e.Name] = e.Output != ""
		}
		for name := range testenv.Functions(t, dir) {
			if !printing[name] {
				t.Errorf("%s: %s has no Example with output", dir, name)
			}
		}
	}
}
