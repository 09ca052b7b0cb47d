package magics

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/types"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/relay"
)

func timeit() relay.Magic {
	return relay.Magic{
		Name: "timeit", Args: "STATEMENT", Short: "measure how long an expression or a statement takes, and what it allocates",
		Long: "It belongs into the main part of a cell, where what it names is in reach. Several statements stand between semicolons.",
		Twin: "viz.Show(viz.Time(func() { … }))",
		Go: func(args string) (string, error) {
			if strings.TrimSpace(args) == "" {
				return "", usage("timeit", "STATEMENT")
			}
			f := "func() { " + statement(args) + " }"
			if _, err := parser.ParseExpr(f); err != nil {
				return "", fmt.Errorf("%%timeit takes Go, and %q is none", args)
			}
			return "viz.Show(viz.Time(" + f + "))", nil
		},
	}
}

// statement returns a text as a statement: of an expression that is none, the value is dropped.
func statement(text string) string {
	x, err := parser.ParseExpr(text)
	if err != nil || isCall(x) {
		return text
	}
	return "_ = " + text
}

// isCall reports whether an expression may stand alone: a call or a receive.
func isCall(x ast.Expr) bool {
	switch x := ast.Unparen(x).(type) {
	case *ast.CallExpr:
		id, ok := x.Fun.(*ast.Ident)
		if !ok {
			_, isType := x.Fun.(*ast.ArrayType)
			return !isType
		}
		_, isType := types.Universe.Lookup(id.Name).(*types.TypeName)
		_, builtin := types.Universe.Lookup(id.Name).(*types.Builtin)
		stands := map[string]bool{"clear": true, "close": true, "copy": true, "delete": true, "panic": true, "print": true, "println": true, "recover": true}
		return !isType && (!builtin || stands[id.Name])
	case *ast.UnaryExpr:
		return x.Op.String() == "<-"
	}
	return false
}
