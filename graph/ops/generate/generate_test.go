// Package generate writes package ops, the names of the rows, and holds it to the table. It stands apart because a row that
// has gone keeps package ops from starting.
package generate

import (
	"fmt"
	"go/format"
	"strings"
	"testing"

	_ "github.com/quire-ml/quire/graph" // defines the rows
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/internal/golden"
)

// TestOpNamesAreCurrent keeps package ops, the names of the rows, to the table.
func TestOpNamesAreCurrent(t *testing.T) {
	golden.Check(t, "../ops.go", opNames())
}

// opNames is the source of package ops.
func opNames() string {
	var b strings.Builder
	b.WriteString(`// Code generated from the table of operations by go test ./graph/ops/generate -update. DO NOT EDIT.

// Package ops names the rows of the table of operations, for engines, readers and writers that have something to say
// about one of them. What an op means stands in its row; the op reference lists them all.
package ops

import (
	_ "github.com/quire-ml/quire/graph" // defines the rows
	"github.com/quire-ml/quire/graph/ir"
)

var (
`)
	width := 0
	for _, op := range ir.Ops() {
		width = max(width, len(op.Name))
	}
	for _, op := range ir.Ops() {
		fmt.Fprintf(&b, "\t%-*s = row(%q) // %s\n", width, op.Name, op.Name, op.Doc)
	}
	b.WriteString(`)

func row(name string) *ir.Op {
	op := ir.OpByName(name)
	if op == nil {
		panic("ops: there is no op " + name + ": run go test ./graph/ops/generate -update")
	}
	named[op] = true
	return op
}

var named = map[*ir.Op]bool{}

// Has reports whether a row is one of these, and none of a program's own.
func Has(op *ir.Op) bool { return named[op] }
`)
	text, err := format.Source([]byte(b.String()))
	if err != nil {
		panic(err)
	}
	return string(text)
}
