package cells

import (
	"fmt"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// module is the path of the module that cells import.
const module = "github.com/quire-ml/quire"

// Traces returns the text of a file of a cell's program that notes the shapes of its graphs, "" if the program builds none: then
// package graph is not worth the time that linking takes.
func Traces(program string) string {
	if !slices.ContainsFunc(imports(program), buildsGraphs) {
		return ""
	}
	return fmt.Sprintf("package main\n\nimport _ %q\n", module+"/kernel-ext/traces")
}

// buildsGraphs reports whether a package is one of quire's that brings package graph with it.
func buildsGraphs(path string) bool {
	sub, ours := strings.CutPrefix(path, module+"/")
	return ours && (sub == "graph" || sub == "viz" || strings.HasPrefix(sub, "ml/") && !strings.HasPrefix(sub, "ml/data"))
}

// imports returns the paths that a program imports.
func imports(program string) (paths []string) {
	file, _ := parser.ParseFile(token.NewFileSet(), "main.go", program, parser.ImportsOnly|parser.SkipObjectResolution)
	if file == nil {
		return nil
	}
	for _, spec := range file.Imports {
		if path, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, path)
		}
	}
	return paths
}
