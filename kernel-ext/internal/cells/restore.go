package cells

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
)

// restored begins a cell that gives a new gonb what an old one knew. Nothing comes from it.
const restored = "// Declarations of earlier cells, after a new start of the kernel."

// Restore returns a cell that declares what a program declares, without its main part; "" if that is nothing.
func Restore(program string) string {
	set := token.NewFileSet()
	file, _ := parser.ParseFile(set, "", program, parser.SkipObjectResolution|parser.ParseComments)
	if file == nil || len(file.Decls) == 0 {
		return ""
	}
	text := []byte(program)
	something := false
	inits := 0
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		switch {
		case ok && f.Recv == nil && f.Name.Name == "main":
			blank(text, set, f)
			continue
		case ok && f.Recv == nil && f.Name.Name == "init":
			inits++
		}
		something = true
	}
	if !something {
		return ""
	}
	out := string(text)
	for i := range inits { // gonb keeps one function of a name
		out = strings.Replace(out, "func init()", fmt.Sprintf("func init_restored_%d()", i+1), 1)
	}
	_, out, _ = strings.Cut(out, "\n") // package main
	return restored + "\n" + out
}
