// Package generate writes the assembly of package order.
package generate

import (
	"fmt"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/internal/golden"
)

const command = "go test ./backends/gocpu/internal/order/generate -update"

func TestAssemblyIsCurrent(t *testing.T) {
	f := &output{asm.NewFile("order", "amd64", command), map[string]string{}}
	for _, v := range []vector{{"AVX2", "Y", 8, 4}, {"AVX2", "Y", 4, 8}, {"AVX512", "Z", 16, 4}, {"AVX512", "Z", 8, 8}} {
		for rows := 1; rows <= v.most(); rows *= 2 {
			v.network(f, rows)
		}
		v.part(f)
		v.keys(f)
		v.values(f)
		v.below(f)
	}
	golden.Check(t, "../order_amd64.s", f.Assembly())
	golden.Check(t, "../order_amd64.go", f.Declarations())
}

// output is the file, and the symbols of its data by name.
type output struct {
	*asm.File
	known map[string]string
}

// vector is a kind of registers, of so many lanes of size bytes, which hold integers with a sign.
type vector struct {
	tier, prefix string
	lanes, size  int
}

func (v vector) wide() bool { return v.prefix == "Z" }

func (v vector) bytes() int { return v.lanes * v.size }

// most is how many registers a network sorts.
func (v vector) most() int {
	if v.wide() {
		return 16
	}
	return 8
}

// writer writes a function for one kind of registers. Its methods name registers by number.
type writer struct {
	vector
	*asm.Func
	file *output
}

func (v vector) function(file *output, name, doc string, args ...asm.Arg) *writer {
	return &writer{v, file.Func(fmt.Sprintf("%s%d%s", name, 8*v.size, v.tier), doc, args...), file}
}

// op adds an instruction on registers, sources first, immediate values, masks and addresses as they are.
func (w *writer) op(name string, operands ...any) {
	text := name
	for i, o := range operands {
		sep := ", "
		if i == 0 {
			sep = " "
		}
		if n, ok := o.(int); ok {
			o = fmt.Sprintf("%s%d", w.prefix, n)
		}
		text += fmt.Sprint(sep, o)
	}
	w.Op("%s", text)
}

// letter is what names of instructions on the lanes end with.
func (w *writer) letter() string {
	if w.size == 8 {
		return "Q"
	}
	return "D"
}

// lane adds an instruction whose name ends with the width of the lanes.
func (w *writer) lane(name string, operands ...any) { w.op(name+w.letter(), operands...) }

// move is a load or store, or a copy.
func (w *writer) move(from, to any) {
	if w.wide() {
		w.op("VMOVDQU64", from, to)
		return
	}
	w.op("VMOVDQU", from, to)
}

// masked is a load or store, or a copy, of some lanes.
func (w *writer) masked(from any, mask string, to any) {
	w.op(map[int]string{4: "VMOVDQU32", 8: "VMOVDQU64"}[w.size], from, mask, to)
}

// logic adds a bitwise instruction.
func (w *writer) logic(name string, operands ...any) {
	if w.wide() {
		w.lane(name, operands...)
		return
	}
	w.op(name, operands...)
}

// words returns the address of read-only words.
func (w *writer) words(name string, words ...uint32) string {
	if w.file.known[name] == "" {
		w.file.known[name] = w.file.Words(name, words...)
	}
	return w.file.known[name]
}

func (w *writer) end() {
	w.Op("VZEROUPPER")
	w.Op("RET")
}
