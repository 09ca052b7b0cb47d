package quire_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/ir"
)

// What adding something costs is a promise to whoever adds it, and is counted here, in files that people write (tests and what is
// generated do not count).

// written returns the files of the module that people write, parsed.
func written(t *testing.T) map[string]*ast.File {
	files := map[string]*ast.File{}
	require.NoError(t, filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err == nil && !ast.IsGenerated(f) {
			files[filepath.ToSlash(path)] = f
		}
		return err
	}))
	return files
}

// naming returns the files that name the row of each op: its own, and those that say ops.Name.
func naming(files map[string]*ast.File) map[string][]string {
	at := map[string][]string{}
	add := func(op, path string) {
		if !slices.Contains(at[op], path) {
			at[op] = append(at[op], path)
		}
	}
	for path, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "ops" {
					add(n.Sel.Name, path)
				}
			case *ast.BasicLit:
				if f.Name.Name == "graph" && n.Kind == token.STRING {
					if s := strings.Trim(n.Value, `"`); ir.OpByName(s) != nil {
						add(s, path)
					}
				}
			}
			return true
		})
	}
	return at
}

// An elementwise op with a loop of its own, written and read as StableHLO, takes the file of its row and that of its loop. Ops
// that an engine or a reader says more about take more; so do those that are also parts of vector programs, which makes them
// faster and is not counted.
func TestWhatAnOpCosts(t *testing.T) {
	at := naming(written(t))
	cheap := 0
	for _, op := range ir.Ops() {
		files := slices.DeleteFunc(slices.Clone(at[op.Name]), func(path string) bool { return path == "backends/gocpu/pointwise.go" })
		n := len(files)
		require.NotZero(t, n, "%s is named nowhere", op.Name)
		switch {
		case op.Regions != nil:
			require.LessOrEqual(t, n, 6, "%s, an op that runs functions: its row, a kernel, a writer, a reader, forged programs, and who makes or proves something of calls: %v", op.Name, at[op.Name])
		case op.Elementwise && op.Attrs == nil && op.HLO != "":
			if n <= 2 {
				cheap++
			}
		}
	}
	reader := func(path string) bool { return path == "backends/stablehlo/readcomplex.go" } // of complex functions, which are made of it
	require.LessOrEqual(t, len(slices.DeleteFunc(slices.Clone(at["Atan2"]), reader)), 2, "an op that is in no vector program: %v", at["Atan2"])
	// These need no more than their row and a loop; the others have meanings of their own in StableHLO (division by zero, bools).
	require.Greater(t, cheap, 15, "elementwise ops that take two files at most")
	for _, name := range []string{"Expm1", "Log1p", "Floor", "Ceil", "Atan2"} {
		files := slices.DeleteFunc(slices.Clone(at[name]), func(path string) bool { return path == "backends/gocpu/pointwise.go" || reader(path) })
		require.LessOrEqual(t, len(files), 2, "%s: %v", name, at[name])
	}
}

// An engine's author needs one package, of about a hundred names; package graph is for people, and reads as one page.
func TestHowWideThePackagesAre(t *testing.T) {
	api, err := os.ReadFile("api.txt")
	require.NoError(t, err)
	names := map[string]int{}
	for _, line := range strings.Split(string(api), "\n") {
		pkg, rest, _ := strings.Cut(strings.TrimPrefix(line, "pkg "), ", ")
		kind, _, _ := strings.Cut(rest, " ")
		if kind == "method" || strings.Contains(rest, " struct, ") || strings.Contains(rest, " interface, ") {
			continue
		}
		names[pkg]++
	}
	require.LessOrEqual(t, names["graph"], 399, "functions, types, constants and variables of package graph")
	require.LessOrEqual(t, names["graph/ir"], 108, "functions, types, constants and variables of package ir")
	require.NotZero(t, names["graph/ir"])
}

// Programs are made by an ir.Builder, which checks each call: no other package that people use writes one down.
func TestProgramsAreBuilt(t *testing.T) {
	for path, f := range written(t) {
		if strings.HasPrefix(path, "graph/ir/") {
			continue // where the Builder stands, and what breaks programs to test engines
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.CompositeLit); ok {
				if s, ok := lit.Type.(*ast.SelectorExpr); ok && (s.Sel.Name == "Program" || s.Sel.Name == "Instr") {
					if x, ok := s.X.(*ast.Ident); ok && (x.Name == "ir" || x.Name == "graph") {
						t.Errorf("%s: an %s.%s is written down: make it with ir.NewBuilder", path, x.Name, s.Sel.Name)
					}
				}
			}
			return true
		})
	}
}
