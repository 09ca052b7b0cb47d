package testenv

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
	"testing"
)

// Functions returns the exported functions of the package in a folder with their signatures, without the names of
// parameters: "MeanSquaredError": "([]*graph.Node, []*graph.Node) *graph.Node". Tests that are driven by a table ask it
// what the table must hold, so that what is new fails until it is there. Methods are left out.
func Functions(t testing.TB, dir string) map[string]string {
	t.Helper()
	functions := map[string]string{}
	for _, file := range Files(t, dir) {
		for _, d := range file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.IsExported() {
				functions[fn.Name.Name] = strings.TrimSpace("(" + typeList(fn.Type.Params) + ") " + typeList(fn.Type.Results))
			}
		}
	}
	if len(functions) == 0 {
		t.Fatalf("%s has no exported functions: is it the folder of a package?", dir)
	}
	return functions
}

// Files parses the Go files in a folder, those of all systems, without tests. A folder without any has none.
func Files(t testing.TB, dir string) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// typeList writes the types of parameters or results, one for each name.
func typeList(list *ast.FieldList) string {
	if list == nil {
		return ""
	}
	var all []string
	for _, f := range list.List {
		for range max(1, len(f.Names)) {
			all = append(all, types.ExprString(f.Type))
		}
	}
	return strings.Join(all, ", ")
}
