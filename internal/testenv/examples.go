package testenv

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// NeedExamples fails for each exported function of the package in a folder, and each other name, that has no example
// with an output, so that what is new is shown at work before it is promised.
func NeedExamples(t testing.TB, dir string, others ...string) {
	t.Helper()
	shown := map[string]string{}
	for _, e := range examples(t, dir) {
		shown[e.Name] = e.Output
	}
	for _, name := range slices.Concat(slices.Sorted(maps.Keys(Functions(t, dir))), others) {
		if strings.TrimSpace(shown[name]) == "" {
			t.Errorf("%s has no example with an output: write Example%s", name, name)
		}
	}
}

// examples returns the examples of the package in a folder.
func examples(t testing.TB, dir string) []*doc.Example {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return doc.Examples(files...)
}
