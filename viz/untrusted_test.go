package viz_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/viz"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// furtherViews are those that the golden files do not have, by the function or the type that makes them.
func furtherViews(t *testing.T) map[string]viz.Bundle {
	t.Helper()
	backend := gocpu.New()
	t.Cleanup(func() { backend.Close() })
	_, err := graph.CallOnce(backend, wrongWay, wave(32, 64), wave(32, 64))
	require.Error(t, err)
	progress := viz.NewProgress(10)
	progress.Set("loss", 0.5)
	progress.Step()
	t.Cleanup(progress.Close)
	product := graph.MustNewExec(backend, wrongWay)
	return map[string]viz.Bundle{
		"CurvesWith":    viz.CurvesWith(viz.CurveOptions{}, run(1000, 1000, 1), run(1000, 700, 2)),
		"Describe":      viz.Describe(penguinTable()),
		"Error":         viz.Stack(viz.Error(err), viz.Error(errors.New("a<b> & c"))),
		"Image":         viz.Image(image.NewGray(image.Rect(0, 0, 4, 3))),
		"Plain":         viz.Plain("a<b> & c"),
		"Profile":       viz.Profile(product, wave(32, 64), wave(64, 10)),
		"SVG":           viz.SVG(`<svg xmlns="http://www.w3.org/2000/svg"><style>@media(prefers-color-scheme:dark){}</style></svg>`, "a picture"),
		"Store":         viz.Store(realStore()),
		"Tensor":        viz.Tensor(wave(3, 4)),
		"Run":           run(1000, 420, 1).Bundle(),
		"LiveView":      (&viz.LiveView{Run: run(1000, 420, 1)}).Bundle(),
		"Progress":      progress.Bundle(),
		"GraphWith":     viz.GraphWith(viz.GraphOptions{Depth: 2}, mlp, f32(32, 64), f32(64, 128), f32(128), f32(128, 10), f32(10)),
		"Interactive":   viz.Interactive(viz.Curves(run(100, 100, 1))),
		"Timing":        viz.Time(func() {}).Bundle(),
		"SliderInput":   viz.Slider("rate", 0.5, 4).Bundle(),
		"ChoiceInput":   viz.Choice("title", "a<b>", "wave").Bundle(),
		"CheckboxInput": viz.Checkbox("negate", false).Bundle(),
		"ButtonInput":   viz.Button("again").Bundle(),
	}
}

// ownSource are functions that show what they are given, which may be anything.
var ownSource = []string{"HTML", "Bundle"}

// A notebook that somebody else made shows every view there is: each function and each type that makes one is looked at here or has a
// golden file.
func TestEveryViewSurvivesAnUntrustedNotebook(t *testing.T) {
	further := furtherViews(t)
	for name, b := range further {
		assert.NotEmpty(t, b.Text(), name)
		assert.Nil(t, sanitize(b.HTML()), "%s: the sanitizer takes away", name)
	}
	golden, err := os.ReadFile("golden_test.go")
	require.NoError(t, err)
	makers := viewMakers(t)
	assert.Greater(t, len(makers), 25, "%q", makers)
	for _, name := range makers {
		_, here := further[name]
		known := here || strings.Contains(string(golden), "viz."+name+"(") || slices.Contains(ownSource, name)
		assert.True(t, known, "viz.%s makes a view that is not looked at: add it to furtherViews, or to the golden files", name)
	}
}

// viewMakers reads from the source which exported functions return a view, and which exported types have one.
func viewMakers(t *testing.T) (names []string) {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !fn.Name.IsExported() || fn.Type.Results == nil || len(fn.Type.Results.List) != 1 {
				continue
			}
			if result, ok := fn.Type.Results.List[0].Type.(*ast.Ident); !ok || result.Name != "Bundle" {
				continue
			}
			if fn.Recv == nil {
				names = append(names, fn.Name.Name)
				continue
			}
			if name := typeName(fn.Recv.List[0].Type); ast.IsExported(name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
