// Package generate writes the pieces of assembly of package vector, and holds the files to what it writes.
package generate

import (
	"testing"

	"github.com/quire-ml/quire/internal/golden"
)

// TestPiecesAreCurrent keeps the pieces of every machine to their generator.
func TestPiecesAreCurrent(t *testing.T) {
	list := readListings(t)
	for _, m := range []*machine{newMachine("avx512", 64, 32, 6), newMachine("avx2", 32, 16, 3)} {
		m.control()
		m.memory()
		m.light()
		m.functions()
		m.loops(list)
		assembly, declarations := m.finish()
		golden.Check(t, "../"+m.name+"_amd64.s", assembly)
		golden.Check(t, "../"+m.name+"_amd64.go", declarations)
	}
	golden.Check(t, "../loops_amd64.go", loopsTable(list))
}
