// Package generate writes the assembly of package codes.
package generate

import (
	"cmp"
	"fmt"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/internal/golden"
)

const command = "go test ./backends/gocpu/internal/codes/generate -update"

func TestAssemblyIsCurrent(t *testing.T) {
	f := asm.NewFile("codes", "amd64", command)
	for _, m := range []machine{{"AVX2", "Y", 32}, {"AVX512", "Z", 64}} {
		for _, bits := range []int{2, 4, 8} {
			row(f, m, fmt.Sprintf("row%d", bits), bits, "")
		}
		row(f, m, "rowUnsigned", 8, "VPMOVZXBD")
		row(f, m, "rowSigned", 8, "VPMOVSXBD")
	}
	golden.Check(t, "../codes_amd64.s", f.Assembly())
	golden.Check(t, "../codes_amd64.go", f.Declarations())
}

// machine is a tier: its name, the letter of its registers, and their bytes.
type machine struct {
	name, letter string
	bytes        int
}

// Registers: sums of a group, the sum of all, the table of numbers, and what is in between.
const (
	even, odd, all, biased = 0, 1, 2, 3
	bytes, number, high    = 4, 5, 6
	mask, scale            = 7, 8
	table, tableHigh       = 14, 15
)

// row adds the product of a vector and a row of codes, which are looked up unless they are integers that an instruction widens.
func row(file *asm.File, m machine, name string, bits int, widen string) {
	f := file.Func(name+m.name, fmt.Sprintf("multiplies x and codes of %d bits, groups of so many steps of %d bytes; biases may be nil.", bits, m.bytes/4),
		asm.Arg{Name: "codes", Type: "unsafe.Pointer"}, asm.Arg{Name: "x", Type: "unsafe.Pointer"}, asm.Arg{Name: "scales", Type: "unsafe.Pointer"},
		asm.Arg{Name: "biases", Type: "unsafe.Pointer"}, asm.Arg{Name: "sums", Type: "unsafe.Pointer"}, asm.Arg{Name: "table", Type: "unsafe.Pointer"},
		asm.Arg{Name: "groups", Type: "int"}, asm.Arg{Name: "steps", Type: "int"}, asm.Arg{Name: "y", Type: "*float32"})
	w := writer{f, m}
	f.Load("codes", "SI")
	f.Load("x", "DI")
	f.Load("scales", "R8")
	f.Load("biases", "R9")
	f.Load("sums", "R10")
	f.Load("table", "R11")
	f.Load("groups", "CX")
	f.Load("steps", "DX")
	if bits < 8 {
		f.Op("%s (R11), %s", w.move(), w.r(table))
		if m.bytes == 32 {
			f.Op("%s 32(R11), %s", w.move(), w.r(tableHigh))
		}
	}
	w.clear(all)
	w.clear(biased)
	f.Label("group")
	w.clear(even)
	w.clear(odd)
	f.Op("MOVQ DX, BX")
	f.Label("step")
	f.Op("%s (SI), %s", cmp.Or(widen, "VPMOVZXBD"), w.r(bytes))
	f.Op("ADDQ $%d, SI", m.bytes/4)
	per := 8 / bits
	for i := range per {
		if i > 0 {
			f.Op("VPSRLD $%d, %s, %[2]s", bits, w.r(bytes))
		}
		w.look(bits, widen != "")
		f.Op("VFMADD231PS %d(DI), %s, %s", i*m.bytes, w.r(number), w.r([]int{even, odd}[i%2]))
	}
	f.Op("ADDQ $%d, DI", per*m.bytes)
	f.Op("DECQ BX")
	f.Op("JNZ step")
	f.Op("VADDPS %s, %s, %[2]s", w.r(odd), w.r(even))
	f.Op("VBROADCASTSS (R8), %s", w.r(scale))
	f.Op("VFMADD231PS %s, %s, %s", w.r(even), w.r(scale), w.r(all))
	f.Op("ADDQ $4, R8")
	f.Op("TESTQ R9, R9")
	f.Op("JZ next")
	f.Op("VMOVSS (R9), X%d", number)
	f.Op("VFMADD231SS (R10), X%d, X%d", number, biased)
	f.Op("ADDQ $4, R9")
	f.Op("ADDQ $4, R10")
	f.Label("next")
	f.Op("DECQ CX")
	f.Op("JNZ group")
	f.Comment("the sum of all lanes")
	if m.bytes == 64 {
		f.Op("VEXTRACTF64X4 $1, Z%d, Y%d", all, number)
		f.Op("VADDPS Y%d, Y%d, Y%[2]d", number, all)
	}
	f.Op("VEXTRACTF128 $1, Y%d, X%d", all, number)
	f.Op("VADDPS X%d, X%d, X%[2]d", number, all)
	f.Op("VHADDPS X%d, X%[1]d, X%[1]d", all)
	f.Op("VHADDPS X%d, X%[1]d, X%[1]d", all)
	f.Op("VADDSS X%d, X%d, X%[2]d", biased, all)
	f.Load("y", "DI")
	f.Op("VMOVSS X%d, (DI)", all)
	f.Op("VZEROUPPER")
	f.Op("RET")
}

type writer struct {
	*asm.Func
	m machine
}

func (w writer) r(n int) string { return fmt.Sprintf("%s%d", w.m.letter, n) }

func (w writer) move() string {
	if w.m.bytes == 64 {
		return "VMOVDQU64"
	}
	return "VMOVDQU"
}

func (w writer) clear(n int) { w.Op("VXORPS X%d, X%[1]d, X%[1]d", n) } // all of the register

// look makes numbers of the lowest bits of each lane of bytes.
func (w writer) look(bits int, whole bool) {
	switch {
	case whole:
		w.Op("VCVTDQ2PS %s, %s", w.r(bytes), w.r(number))
	case bits == 8 && w.m.bytes == 64:
		w.Op("KXNORW K1, K1, K1")
		w.Op("VPXORD %s, %[1]s, %[1]s", w.r(number))
		w.Op("VGATHERDPS (R11)(%s*4), K1, %s", w.r(bytes), w.r(number))
	case bits == 8:
		w.Op("VPCMPEQD %s, %[1]s, %[1]s", w.r(mask))
		w.Op("VGATHERDPS %s, (R11)(%s*4), %s", w.r(mask), w.r(bytes), w.r(number))
	case w.m.bytes == 64:
		w.Comment("by the lowest 4 bits")
		w.Op("VPERMPS %s, %s, %s", w.r(table), w.r(bytes), w.r(number))
	default:
		w.Comment("by the lowest 3 bits, in the table's two halves, and by the fourth")
		w.Op("VPERMPS %s, %s, %s", w.r(table), w.r(bytes), w.r(number))
		w.Op("VPERMPS %s, %s, %s", w.r(tableHigh), w.r(bytes), w.r(high))
		w.Op("VPSLLD $28, %s, %s", w.r(bytes), w.r(mask))
		w.Op("VBLENDVPS %s, %s, %s, %s", w.r(mask), w.r(high), w.r(number), w.r(number))
	}
}
