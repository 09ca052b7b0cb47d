// Package generate writes the assembly of package philox.
package generate

import (
	"fmt"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/internal/golden"
)

const command = "go test ./backends/gocpu/internal/philox/generate -update"

func TestAssemblyIsCurrent(t *testing.T) {
	f := asm.NewFile("philox", "amd64", command)
	constants := f.Floats("constants", values...)
	for _, v := range []vector{{"AVX2", "Y", 8}, {"AVX512", "Z", 16}} {
		places := make([]uint32, v.lanes)
		for i := range places {
			places[i] = uint32(i%4*v.lanes/4 + i/4)
		}
		v.words(f, f.Words("places"+v.tier, places...))
		v.uniform(f, constants)
		v.normal(f, constants)
	}
	golden.Check(t, "../philox_amd64.s", f.Assembly())
	golden.Check(t, "../philox_amd64.go", f.Declarations())
}

// vector is a kind of registers, of so many lanes of 32 bits.
type vector struct {
	tier, prefix string
	lanes        int
}

// writer writes a function for one kind of registers. Its methods name registers by number.
type writer struct {
	vector
	*asm.Func
}

func (v vector) function(file *asm.File, name, doc string, args ...asm.Arg) *writer {
	return &writer{v, file.Func(name+v.tier, doc, args...)}
}

func (w *writer) wide() bool { return w.lanes == 16 }

func (w *writer) r(i int) string { return fmt.Sprintf("%s%d", w.prefix, i) }

// op adds an instruction on registers, sources first, immediate values as they are.
func (w *writer) op(name string, operands ...any) {
	text := name
	for i, o := range operands {
		sep := ", "
		if i == 0 {
			sep = " "
		}
		if n, ok := o.(int); ok {
			o = w.r(n)
		}
		text += fmt.Sprint(sep, o)
	}
	w.Op("%s", text)
}

// logic adds a bitwise instruction, whose name tells the width of its lanes in AVX-512.
func (w *writer) logic(name string, operands ...any) {
	if w.wide() {
		name += "D"
	}
	w.op(name, operands...)
}

// load and store are unaligned.
func (w *writer) load(from string, to int) { w.op(w.mov(), from, to) }

func (w *writer) store(from int, to string) { w.op(w.mov(), from, to) }

func (w *writer) mov() string {
	if w.wide() {
		return "VMOVDQU32"
	}
	return "VMOVDQU"
}

// interleave writes to next the lanes of four registers in turn: the first of each, the second of each, and so on.
func (w *writer) interleave(a, b, c, d int, free [4]int) [4]int {
	w.op("VPUNPCKLDQ", c, a, free[0])
	w.op("VPUNPCKHDQ", c, a, free[1])
	w.op("VPUNPCKLDQ", d, b, free[2])
	w.op("VPUNPCKHDQ", d, b, free[3])
	w.op("VPUNPCKLDQ", free[2], free[0], a)
	w.op("VPUNPCKHDQ", free[2], free[0], b)
	w.op("VPUNPCKLDQ", free[3], free[1], c)
	w.op("VPUNPCKHDQ", free[3], free[1], d)
	return [4]int{a, b, c, d}
}
