package gopls

import (
	"context"
	"go/parser"
	"go/token"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/workspace"
)

// mostKept bounds for how many packages of quire gopls keeps what it knows: some ten megabytes each.
const mostKept = 16

// keep opens a file of each package of quire that a text imports. gopls type-checks the package that declares what is hovered over,
// for each hover anew, unless a file of it is open: 90 ms for package graph, against 2. The turn is the caller's.
func (s *session) keep(ctx context.Context, text string) {
	for _, path := range imports(text) {
		sub, ours := strings.CutPrefix(path, workspace.ModulePath)
		if !ours || s.kept[path] || len(s.kept) >= mostKept {
			continue
		}
		if s.kept == nil {
			s.kept = map[string]bool{}
		}
		s.kept[path] = true // also one that is not there: it is not looked for again
		if file, content := smallFile(filepath.Join(s.module, filepath.FromSlash(sub))); file != "" {
			_ = s.conn.notify(ctx, "textDocument/didOpen", map[string]any{ // what went wrong is seen by the question that follows
				"textDocument": map[string]any{"uri": fileURI(file), "languageId": "go", "version": 1, "text": content},
			})
		}
	}
}

// imports returns the paths whose names a program uses, as far as it parses.
func imports(text string) (paths []string) {
	file, _ := parser.ParseFile(token.NewFileSet(), "", text, parser.ImportsOnly|parser.SkipObjectResolution)
	if file == nil {
		return nil
	}
	for _, spec := range file.Imports {
		if spec.Name != nil && spec.Name.Name == "_" { // its names are not used
			continue
		}
		if path, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, path)
		}
	}
	return paths
}

// smallFile returns the Go file of a directory that says the least, which is its documentation mostly, with what it holds.
func smallFile(dir string) (path, content string) {
	files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	least := int64(1 << 20)
	for _, file := range files {
		info, err := os.Stat(file)
		name := strings.TrimSuffix(filepath.Base(file), ".go")
		if err != nil || strings.Contains(name, "_") || info.Size() >= least { // tests, and files of other systems
			continue
		}
		path, least = file, info.Size()
	}
	text, err := os.ReadFile(path)
	if path == "" || err != nil || strings.Contains(string(text), "//go:build") {
		return "", ""
	}
	return path, string(text)
}

func fileURI(path string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
}
