package data

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/quire-ml/quire/internal/testenv"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The tables of docs/data.md have all stages, readers and samplers, and nothing that there is not.
func TestDocsNameEveryStageAndReader(t *testing.T) {
	text, err := os.ReadFile("../../docs/data.md")
	require.NoError(t, err)
	inTables := map[string]bool{} // "data.Batched"
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| `") {
			first, _, _ := strings.Cut(line[2:], " |")
			for _, m := range regexp.MustCompile("`([a-z]+\\.[A-Z]\\w*)`").FindAllStringSubmatch(first, -1) {
				inTables[m[1]] = true
			}
		}
	}
	functions := map[string]bool{} // of this package and those below it
	dirs, err := filepath.Glob("*/doc.go")
	require.NoError(t, err)
	for _, dir := range append([]string{"doc.go"}, dirs...) {
		dir = filepath.Dir(dir)
		name := filepath.Base(dir)
		if dir == "." {
			name = "data"
		}
		exported := 0
		for _, f := range testenv.Files(t, dir) {
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || fn.Recv != nil || !fn.Name.IsExported() {
					continue
				}
				functions[name+"."+fn.Name.Name] = true
				if inTables[name+"."+fn.Name.Name] {
					exported++
				}
				if name == "data" && fn.Type.Results != nil && choosesOrYields(fn.Type.Results.List[0].Type) || name == "ingraph" {
					assert.True(t, inTables[name+"."+fn.Name.Name], "docs/data.md has no line for %s.%s", name, fn.Name.Name)
				}
			}
		}
		if name != "fetch" { // which reads nothing, but downloads
			assert.NotZero(t, exported, "docs/data.md has no line for package %s", name)
		}
	}
	for name := range inTables {
		assert.True(t, functions[name], "docs/data.md names %s, which there is not", name)
	}
}

// choosesOrYields reports whether a function with such a result is a stage, a sampler or a way to divide examples.
func choosesOrYields(result ast.Expr) bool {
	switch r := result.(type) {
	case *ast.StarExpr:
		return choosesOrYields(r.X)
	case *ast.ArrayType:
		return choosesOrYields(r.Elt)
	case *ast.Ident:
		return r.Name == "Pipeline" || r.Name == "Sampler" || r.Name == "Fold"
	}
	return false
}
