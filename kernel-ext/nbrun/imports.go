package nbrun

import (
	"go/parser"
	"go/token"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/notebook"
)

// imports returns the import paths in the code cells of a notebook.
func imports(nb *notebook.Notebook) []string {
	var list []string
	for _, c := range nb.Cells {
		if c.Kind != notebook.Code || strings.HasPrefix(c.Source, "%%script") || strings.HasPrefix(c.Source, "%%writefile") {
			continue
		}
		f, _ := parser.ParseFile(token.NewFileSet(), "", "package p\n"+goLines(c.Source), parser.ImportsOnly)
		if f == nil {
			continue
		}
		for _, spec := range f.Imports {
			if path, err := strconv.Unquote(spec.Path.Value); err == nil {
				list = append(list, path)
			}
		}
	}
	return list
}

// goLines blanks the lines that are commands to the kernel.
func goLines(source string) string {
	all := strings.Split(source, "\n")
	for i, line := range all {
		if strings.HasPrefix(line, "%") || strings.HasPrefix(line, "!") {
			all[i] = ""
		}
	}
	return strings.Join(all, "\n")
}

// firstLine returns the first line of a cell that says something: not a bare "%%", not an import.
func firstLine(source string) string {
	first := ""
	inImport := false
	for line := range strings.Lines(source) {
		line = strings.TrimSpace(line)
		if first == "" {
			first = line
		}
		switch {
		case strings.HasPrefix(line, "import ("):
			inImport = !strings.HasSuffix(line, ")")
		case inImport:
			inImport = line != ")"
		case line == "", line == "%%", line == "%main", strings.HasPrefix(line, "import "):
		case strings.HasPrefix(line, "//") && strings.Trim(line, "/ ") == "":
		default:
			return clip(line, 60)
		}
	}
	return clip(first, 60)
}

// clip shortens s to n characters.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
