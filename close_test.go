package quire_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// otherActs are exported methods that sound like Close and are something else, or not yet Close, with the reason.
var otherActs = map[string]string{
	"graph/tensors Storage.Release": "gives back one reference of several: the counterpart of Retain",
	"viz Area.Close":                "without an error: a display that cannot be drawn has nobody to tell",
	"viz LiveView.Close":            "without an error: a display that cannot be drawn has nobody to tell",
	"viz Progress.Close":            "without an error: a display that cannot be drawn has nobody to tell",
}

var soundsLikeClose = regexp.MustCompile(`^(Must)?(Close|Finali[sz]e|Release|Free|Destroy|Dispose|Shutdown|Teardown|Cleanup)(All)?$`)

// What holds something is released by Close() error, Go's word, whatever it is: no type has a second word, unless it is a
// deprecated one. See DESIGN.md.
func TestWhatIsReleasedIsClosed(t *testing.T) {
	found, met := 0, map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "internal"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		files := token.NewFileSet()
		f, err := parser.ParseFile(files, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Recv == nil || !exportedReceiver(fn.Recv) || !soundsLikeClose.MatchString(fn.Name.Name) {
				continue
			}
			name := filepath.ToSlash(filepath.Dir(path)) + " " + receiverName(fn.Recv) + "." + fn.Name.Name
			found++
			met[name] = true
			if _, listed := otherActs[name]; listed || strings.Contains(fn.Doc.Text(), "Deprecated: use Close") {
				continue
			}
			form := fn.Name.Name + strings.TrimPrefix(types.ExprString(fn.Type), "func")
			assert.Equal(t, "Close() error", form, "%s: %s is declared as %s: the word is Close() error", files.Position(fn.Pos()), name, form)
		}
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, found, 10, "methods that sound like Close")
	for name := range otherActs {
		require.True(t, met[name], "otherActs lists %s, and it does not exist", name)
	}
}

// receiverName returns the name of a method's type.
func receiverName(recv *ast.FieldList) (name string) {
	ast.Inspect(recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			name = id.Name
		}
		return name == ""
	})
	return name
}
