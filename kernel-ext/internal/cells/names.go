package cells

import (
	"go/ast"
	"go/parser"
	"go/token"
)

// Declared are names that a cell declares.
type Declared struct {
	Package []string // outside of functions: later cells have them
	Main    []string // in the statements of its main part, also within blocks: they end with it
}

// Names returns what a cell declares. Of a cell that is not Go, it returns what there is before the mistake.
func Names(lines []string) (names Declared) {
	text, _ := goFile(lines)
	file, _ := parser.ParseFile(token.NewFileSet(), "", text, parser.SkipObjectResolution)
	if file == nil {
		return names
	}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			switch {
			case d.Recv == nil && d.Name.Name == "main":
				names.Main = append(names.Main, locals(d.Body)...)
			case d.Recv == nil:
				names.Package = append(names.Package, d.Name.Name)
			}
		case *ast.GenDecl:
			names.Package = append(names.Package, specNames(d)...)
		}
	}
	return names
}

// specNames returns the names of constants, variables and types.
func specNames(d *ast.GenDecl) (names []string) {
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.ValueSpec:
			for _, name := range s.Names {
				names = append(names, name.Name)
			}
		case *ast.TypeSpec:
			names = append(names, s.Name.Name)
		}
	}
	return names
}

// locals returns the names that statements declare, without those of functions within.
func locals(body *ast.BlockStmt) (names []string) {
	if body == nil {
		return nil
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if id, ok := left.(*ast.Ident); ok && n.Tok == token.DEFINE && id.Name != "_" {
					names = append(names, id.Name)
				}
			}
		case *ast.GenDecl:
			names = append(names, specNames(n)...)
		}
		return true
	})
	return names
}

// InMain reports whether a line of a cell, counted from 1, belongs to its main part.
func InMain(lines []string, line int) bool {
	for i := 0; i < line-1 && i < len(lines); i++ {
		if command := uncommented(lines[i]); isMain(command) {
			return true
		}
	}
	return false
}
