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
)

// Exported means promised. api.txt lists every exported name, so that a change of what is promised shows in a
// review: go test -run API -update . rewrites it.
func TestAPIIsWhatIsListed(t *testing.T) {
	var names []string
	err := filepath.WalkDir(".", func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if name := d.Name(); dir != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "internal") {
			return filepath.SkipDir
		}
		names = append(names, exported(t, dir)...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	want := strings.Join(slices.Compact(names), "\n") + "\n"
	if *update {
		if err := os.WriteFile("api.txt", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("api.txt")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) == want {
		return
	}
	listed, real := strings.Split(string(got), "\n"), strings.Split(want, "\n")
	for _, n := range real {
		if !slices.Contains(listed, n) {
			t.Errorf("%s is not in api.txt", n)
		}
	}
	for _, n := range listed {
		if !slices.Contains(real, n) {
			t.Errorf("%s is in api.txt and does not exist", n)
		}
	}
	t.Error("if that is meant, run go test -run API -update .")
}

// exported returns the exported functions, types, methods, variables and constants of the package in dir, as
// "graph/shapes Shape.Rank".
func exported(t *testing.T, dir string) (names []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	add := func(name string) { names = append(names, filepath.ToSlash(dir)+" "+name) }
	hidden := map[string][]string{}   // exported methods of types that are not
	embedded := map[string][]string{} // types that a struct embeds
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name.Name == "main" {
			return nil
		}
		for _, decl := range f.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Recv == nil {
					add(d.Name.Name)
				} else if d.Name.IsExported() && exportedReceiver(d.Recv) {
					add(receiverName(d.Recv) + "." + d.Name.Name)
				} else if d.Name.IsExported() {
					hidden[receiverName(d.Recv)] = append(hidden[receiverName(d.Recv)], d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.TypeSpec:
						if s.Name.IsExported() {
							add(s.Name.Name)
						}
						if st, ok := s.Type.(*ast.StructType); ok {
							for _, f := range st.Fields.List {
								if len(f.Names) == 0 {
									embedded[s.Name.Name] = append(embedded[s.Name.Name], receiverName(&ast.FieldList{List: []*ast.Field{f}}))
								}
							}
						}
					case *ast.ValueSpec:
						for _, name := range s.Names {
							if name.IsExported() {
								add(name.Name)
							}
						}
					}
				}
			}
		}
	}
	var promoted func(typ, from string) // what users call on typ though it is written for a hidden type, as godoc shows it
	promoted = func(typ, from string) {
		for _, inner := range embedded[from] {
			for _, method := range hidden[inner] {
				add(typ + "." + method)
			}
			promoted(typ, inner)
		}
	}
	for typ := range embedded {
		if ast.IsExported(typ) {
			promoted(typ, typ)
		}
	}
	return names
}

// receiverName returns the type's name of a method's receiver.
func receiverName(recv *ast.FieldList) (name string) {
	ast.Inspect(recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			name = id.Name
		}
		return name == ""
	})
	return name
}
