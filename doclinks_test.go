package quire_test

import (
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A link in a comment leads somewhere: go doc prints one that leads nowhere as text and says nothing, so a name that moved to
// another package leaves its old links behind. [N] of a shape is no link: a name without a package counts if some package
// exports it.
func TestLinksInCommentsLeadSomewhere(t *testing.T) {
	names, files := exportedNames(t)
	anywhere := map[string]bool{}
	for _, list := range names {
		for name := range list {
			anywhere[name] = true
		}
	}
	links := 0
	for _, f := range files {
		for _, group := range f.syntax.Comments {
			for _, link := range docLinks(group.Text(), f.imports) {
				dir, ours := strings.CutPrefix(link.ImportPath, module+"/")
				if link.ImportPath == "" {
					dir = f.dir
				} else if !ours {
					continue
				}
				name := strings.TrimPrefix(link.Recv+"."+link.Name, ".")
				if names[filepath.FromSlash(dir)][name] {
					links++
				} else if ours || anywhere[name] {
					t.Errorf("%s: the comment links to %s, which package %s does not have", f.set.Position(group.Pos()), name, dir)
				}
			}
		}
	}
	assert.GreaterOrEqual(t, links, 500, "links were found, which is hardly all")
}

// docLinks returns the links of a comment to names; imports holds the paths of the packages that it may name.
func docLinks(text string, imports map[string]string) []*comment.DocLink {
	p := comment.Parser{
		LookupPackage: func(name string) (string, bool) { path, ok := imports[name]; return path, ok },
		LookupSym:     func(recv, name string) bool { return true },
	}
	var list []*comment.DocLink
	var walk func(blocks []comment.Block)
	walk = func(blocks []comment.Block) {
		for _, b := range blocks {
			switch b := b.(type) {
			case *comment.Paragraph:
				for _, part := range b.Text {
					if link, ok := part.(*comment.DocLink); ok && link.Name != "" {
						list = append(list, link)
					}
				}
			case *comment.List:
				for _, item := range b.Items {
					walk(item.Content)
				}
			}
		}
	}
	walk(p.Parse(text).Content)
	return list
}

// commented is a file with what its comments may name.
type commented struct {
	dir     string
	set     *token.FileSet
	syntax  *ast.File
	imports map[string]string // by the names of the packages
}

// exportedNames returns the exported names of each folder's package, "Type.Method" and "Type.Field" among them, and all files.
func exportedNames(t *testing.T) (names map[string]map[string]bool, files []commented) {
	t.Helper()
	names = map[string]map[string]bool{}
	set, imports := token.NewFileSet(), map[string]map[string]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go"):
			return nil
		}
		syntax, err := parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := filepath.Dir(path)
		if names[dir] == nil {
			names[dir], imports[dir] = map[string]bool{}, map[string]string{}
		}
		for _, spec := range syntax.Imports { // a comment may name what any file of its package imports
			path := strings.Trim(spec.Path.Value, `"`)
			name := path[strings.LastIndex(path, "/")+1:]
			if spec.Name != nil {
				name = spec.Name.Name
			}
			imports[dir][name] = path
		}
		for _, decl := range syntax.Decls {
			addNames(names[dir], decl)
		}
		files = append(files, commented{dir, set, syntax, imports[dir]})
		return nil
	})
	require.NoError(t, err)
	return names, files
}

// addNames adds the names that decl declares.
func addNames(names map[string]bool, decl ast.Decl) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		name := d.Name.Name
		if d.Recv != nil {
			name = receiverName(d.Recv) + "." + name
		}
		names[name] = true
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				names[s.Name.Name] = true
				addMembers(names, s)
			case *ast.ValueSpec:
				for _, name := range s.Names {
					names[name.Name] = true
				}
			}
		}
	}
}

// addMembers adds the fields of a struct or the methods of an interface.
func addMembers(names map[string]bool, s *ast.TypeSpec) {
	var list *ast.FieldList
	switch typ := s.Type.(type) {
	case *ast.StructType:
		list = typ.Fields
	case *ast.InterfaceType:
		list = typ.Methods
	default:
		return
	}
	for _, field := range list.List {
		for _, name := range field.Names {
			names[s.Name.Name+"."+name.Name] = true
		}
	}
}
