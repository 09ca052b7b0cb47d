package cells

import (
	"fmt"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
)

// Link returns the text of a file of a cell's program that links packages into it, "" if the program uses the standard library
// alone: what it does not ask for is not worth the time that linking takes. The file is left out of programs without cgo.
func Link(program string, packages []string) string {
	if len(packages) == 0 || !foreign(program) {
		return ""
	}
	var b strings.Builder
	b.WriteString("//go:build cgo\n\npackage main\n\n")
	for _, path := range packages {
		fmt.Fprintf(&b, "import _ %q\n", path)
	}
	return b.String()
}

// foreign reports whether a program imports a package outside the standard library, whose paths begin without a dot.
func foreign(program string) bool {
	file, _ := parser.ParseFile(token.NewFileSet(), "main.go", program, parser.ImportsOnly|parser.SkipObjectResolution)
	if file == nil {
		return false
	}
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		first, _, _ := strings.Cut(path, "/")
		if err == nil && strings.Contains(first, ".") {
			return true
		}
	}
	return false
}
