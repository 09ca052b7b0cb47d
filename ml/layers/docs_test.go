package layers_test

import (
	"fmt"
	"go/ast"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/internal/testenv"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// docs/layers.md is what the comments of layers say: each has its equation, and its source.
func TestLayersPage(t *testing.T) {
	var folders []string
	require.NoError(t, filepath.WalkDir(".", func(dir string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || !d.IsDir():
			return err
		case d.Name() == "testdata":
			return fs.SkipDir
		case dir != ".":
			folders = append(folders, dir)
		}
		return nil
	}))
	var b, contents strings.Builder
	for _, dir := range append([]string{"."}, folders...) {
		pkg := "layers"
		if dir != "." {
			pkg = "layers/" + filepath.ToSlash(dir)
		}
		fmt.Fprintf(&b, "\n## %s\n", pkg)
		docs := layerDocs(t, dir)
		names := slices.Sorted(maps.Keys(docs))
		fmt.Fprintf(&contents, "| [`ml/%s`](#%s) | %s |\n", pkg, strings.ReplaceAll(pkg, "/", ""), strings.Join(names, ", "))
		for _, name := range names {
			if hasScope(docs[name]) && !strings.HasSuffix(name, "FromScope") {
				text := docs[name].Doc.Text()
				assert.Contains(t, text, "\n\t", "%s.%s: its comment has no equation, in lines that are indented", pkg, name)
				assert.Contains(t, text, "Source: ", "%s.%s: its comment does not say where it comes from", pkg, name)
			}
			fmt.Fprintf(&b, "\n### %s\n%s", name, markdown(docs[name].Doc.Text()))
		}
	}
	head := "# Layers\nWhat each layer computes, with its source. This page is written from the comments of `ml/layers` and the packages below it by\n" +
		"`go test ./ml/layers -run LayersPage -update`; all are compared with PyTorch 2.6 (`ml/layers/testdata/reference/make.py`).\n\n" +
		"A layer has a scope, in which its variables are. How to look at what layers make inside of a model, and how to change them from outside, is in the\n" +
		"comments of [`ml/model`](../ml/model/doc.go) and [`ml/layers/adapters`](../ml/layers/adapters/adapters.go).\n\n| package | layers |\n|---|---|\n"
	golden.Check(t, "../../docs/layers.md", head+contents.String()+b.String())
}

// layerDocs returns the functions of a package that make layers or change them.
func layerDocs(t *testing.T, dir string) map[string]*ast.FuncDecl {
	signatures, docs := testenv.Functions(t, dir), map[string]*ast.FuncDecl{}
	for _, file := range testenv.Files(t, dir) {
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !fn.Name.IsExported() {
				continue
			}
			if s := signatures[fn.Name.Name]; strings.Contains(s, "*graph.Node") || strings.Contains(s, "*model.Store") {
				docs[fn.Name.Name] = fn
			}
		}
	}
	return docs
}

// hasScope reports whether a function takes a scope or a store: others are functions of nodes alone.
func hasScope(fn *ast.FuncDecl) bool {
	return slices.ContainsFunc(fn.Type.Params.List, func(p *ast.Field) bool {
		star, ok := p.Type.(*ast.StarExpr)
		if !ok {
			return false
		}
		s, ok := star.X.(*ast.SelectorExpr)
		return ok && (s.Sel.Name == "Scope" || s.Sel.Name == "Store")
	})
}

// markdown writes a comment: its indented lines as a block, its links as code.
func markdown(doc string) string {
	var b strings.Builder
	block, blanks := false, ""
	for line := range strings.Lines(doc) {
		text, indented := strings.CutPrefix(line, "\t")
		if strings.TrimSpace(line) == "" {
			blanks += line
			continue
		}
		switch {
		case block && !indented:
			b.WriteString("```\n" + blanks)
		case indented && !block:
			b.WriteString(blanks + "```\n")
		default:
			b.WriteString(blanks)
		}
		blanks, block = "", indented
		if !block {
			text = links.ReplaceAllString(text, "`$1`")
		}
		b.WriteString(text)
	}
	if block {
		b.WriteString("```\n")
	}
	return b.String()
}

var links = regexp.MustCompile(`\[([A-Za-z]+(?:\.[A-Za-z]+)*)\]`)
