// Package generate writes the assembly of package rows, and holds the committed files to it.
package generate

import (
	"fmt"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/internal/golden"
)

// TestAssemblyIsCurrent keeps the committed files to the generator.
func TestAssemblyIsCurrent(t *testing.T) {
	for _, m := range machines {
		f := asm.NewFile("rows", "amd64", "go test ./backends/gocpu/internal/rows/generate -update")
		for _, d := range directions {
			from := f.Words(m.name+d.name+"From", d.from)
			for _, e := range elements {
				(&finder{m, e, d, from}).write(f)
			}
		}
		sumsAlong(f, m)
		sumsDown(f, m)
		golden.Check(t, "../"+m.name+"_amd64.s", f.Assembly())
		golden.Check(t, "../"+m.name+"_amd64.go", f.Declarations())
	}
}

// machine is a set of instructions.
type machine struct {
	name       string
	wide, half string // prefixes of registers
	lanes      int    // float32s of a vector
}

var machines = []machine{{"avx512", "Z", "Y", 16}, {"avx2", "Y", "X", 8}}

func (m machine) masks() bool { return m.wide == "Z" }

// z is vector register i.
func (m machine) z(i int) string { return fmt.Sprintf("%s%d", m.wide, i) }

// element is a type of numbers, and how a vector of them at an address becomes float32s in a register.
type element struct {
	name string
	size int
	load []string // instructions; %[1]s is the address, %[2]s the register
}

var elements = []element{
	{"Float32", 4, []string{"VMOVUPS %[1]s, %[2]s"}},
	{"BFloat16", 2, []string{"VPMOVZXWD %[1]s, %[2]s", "VPSLLD $16, %[2]s, %[2]s"}},
	{"Float16", 2, []string{"VCVTPH2PS %[1]s, %[2]s"}},
}
