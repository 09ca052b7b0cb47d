package failure

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// packagesOf are where the packages are that remedies name, with the standard library's by their import paths.
var packagesOf = map[string]string{
	"graph": "../../../graph", "live": "../../../graph/live", "tensors": "../../../graph/tensors", "dtypes": "../../../graph/dtypes",
	"layers": "../../../ml/layers", "model": "../../../ml/model", "csv": "../../../ml/data/csv", "viz": "../../../viz", "plots": "../../../viz/plots",
	"backends": "../../../backends",
	"fmt":      "fmt", "math": "math", "os": "os", "slices": "slices", "maps": "maps", "strings": "strings", "strconv": "strconv", "regexp": "regexp", "rand": "math/rand/v2", "unsafe": "unsafe",
	"sync": "sync", "context": "context",
}

// exportedBy returns the names that the package in a folder, or of the standard library, exports.
func exportedBy(t *testing.T, place string) map[string]bool {
	if place[0] != '.' {
		p, err := build.Import(place, "", build.FindOnly)
		require.NoError(t, err)
		place = p.Dir
	}
	files, err := filepath.Glob(filepath.Join(place, "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, files, place)
	names := map[string]bool{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				names[d.Name.Name] = true
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						names[s.Name.Name] = true
					case *ast.ValueSpec:
						for _, n := range s.Names {
							names[n.Name] = true
						}
					}
				}
			}
		}
	}
	return names
}

// What remedies tell people to write is there: each name of a package in the texts of the files that have them.
func TestWhatRemediesNameIsThere(t *testing.T) {
	named := regexp.MustCompile(`\b(` + strings.Join(slices.Collect(maps.Keys(packagesOf)), "|") + `)\.([A-Z]\w*)`)
	known := map[string]map[string]bool{}
	found := 0
	for _, file := range []string{"habits.go", "members.go", "remedies.go", "mistake.go", "../flow/others.go"} {
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			text, ok := n.(*ast.BasicLit)
			if !ok || text.Kind != token.STRING {
				return true
			}
			s, err := strconv.Unquote(text.Value)
			require.NoError(t, err)
			for _, m := range named.FindAllStringSubmatch(s, -1) {
				if known[m[1]] == nil {
					known[m[1]] = exportedBy(t, packagesOf[m[1]])
				}
				found++
				assert.True(t, known[m[1]][m[2]], "%s: there is no %s", set.Position(text.Pos()), m[0])
			}
			return true
		})
	}
	assert.Greater(t, found, 50)
}
