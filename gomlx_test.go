package quire_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/internal/golden"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const gomlxPage = "docs/gomlx.md"

// The examples of docs/gomlx.md are those of gomlx_example_test.go, which run, and so on: go test -run ShowTheExamples -update . writes
// them into the pages.
func TestPagesShowTheExamples(t *testing.T) {
	for page, file := range map[string]string{gomlxPage: "gomlx_example_test.go", "docs/transforms.md": "transforms_example_test.go"} {
		t.Run(page, func(t *testing.T) { checkExamples(t, page, file) })
	}
}

func checkExamples(t *testing.T, name, file string) {
	page, err := os.ReadFile(name)
	require.NoError(t, err)
	examples := examplesOf(t, file)
	shown := map[string]bool{}
	block := regexp.MustCompile("(?s)<!-- (Example_\\w+) -->\n(```go\n.*?```\n)?")
	want := block.ReplaceAllFunc(page, func(m []byte) []byte {
		example := string(block.FindSubmatch(m)[1])
		assert.NotEmpty(t, examples[example], "%s shows %s, which does not exist", name, example)
		shown[example] = true
		return []byte("<!-- " + example + " -->\n```go\n" + examples[example] + "```\n")
	})
	for example := range examples {
		assert.True(t, shown[example], "%s does not show %s", name, example)
	}
	golden.Check(t, name, string(want))
}

// examplesOf returns the bodies of the examples of a file, with their comments.
func examplesOf(t *testing.T, file string) map[string]string {
	source, err := os.ReadFile(file)
	require.NoError(t, err)
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, file, source, 0)
	require.NoError(t, err)
	examples := map[string]string{}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || !strings.HasPrefix(fn.Name.Name, "Example") {
			continue
		}
		body := source[files.Position(fn.Body.Lbrace).Offset+1 : files.Position(fn.Body.Rbrace).Offset]
		examples[fn.Name.Name] = strings.TrimSpace(strings.ReplaceAll(string(body), "\n\t", "\n")) + "\n"
	}
	return examples
}

// Every new name in the tables of docs/gomlx.md exists, and no old one does.
func TestGomlxRenamesAreTrue(t *testing.T) {
	api := apiNames(t)
	page, err := os.ReadFile(gomlxPage)
	require.NoError(t, err)
	_, table, _ := strings.Cut(string(page), "## Renames")
	table, rest, _ := strings.Cut(table, "## The same name")
	exists := func(name string) bool { // graph.Exec.Call is "graph Exec.Call", dtypes.Of is "graph/dtypes Of"
		pkg, symbol, _ := strings.Cut(name, ".")
		for listed := range api {
			if path, what, _ := strings.Cut(listed, " "); what == symbol && (path == pkg || strings.HasSuffix(path, "/"+pkg)) {
				return true
			}
		}
		return false
	}
	rows := regexp.MustCompile("(?m)^\\| (`.*) \\| (`.*) \\|$").FindAllStringSubmatch(table, -1)
	require.GreaterOrEqual(t, len(rows), 20, "rows")
	names := func(cell string) (list []string) {
		for _, m := range regexp.MustCompile("`([\\w.]+)").FindAllStringSubmatch(cell, -1) {
			list = append(list, m[1])
		}
		return list
	}
	for _, row := range rows {
		for _, old := range names(row[1]) {
			if exists(old) && !slices.Contains(names(row[2]), old) {
				t.Errorf("%s exists: it needs no rename", old)
			}
		}
		for _, new := range names(row[2]) {
			if !exists(new) {
				t.Errorf("%s does not exist", new)
			}
		}
	}
	_, missing, _ := strings.Cut(rest, "## Not there yet")
	for _, name := range names(missing) {
		assert.False(t, exists("graph."+name), "%s is there, but listed as missing", name)
	}
}
