// Package generate writes the assembly of package indexed.
package generate

import (
	"fmt"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/internal/golden"
)

const command = "go test ./backends/gocpu/internal/indexed/generate -update"

func TestAssemblyIsCurrent(t *testing.T) {
	f := asm.NewFile("indexed", "amd64", command)
	for _, tier := range []string{"AVX2", "AVX512"} {
		for _, element := range []int{4, 8} {
			for _, index := range []int{4, 8} {
				take(f, tier, element, index)
			}
		}
	}
	for _, element := range []int{4, 8} {
		for _, index := range []int{4, 8} {
			add(f, element, index)
		}
	}
	golden.Check(t, "../indexed_amd64.s", f.Assembly())
	golden.Check(t, "../indexed_amd64.go", f.Declarations())
}

// registers returns the prefix of registers of so many bytes.
func registers(bytes int) string { return map[int]string{16: "X", 32: "Y", 64: "Z"}[bytes] }

// take adds the gather of elements, of so many bytes, at indices of so many bytes: as many at a time as the wider ones fill a
// register.
func take(file *asm.File, tier string, element, index int) {
	width := map[string]int{"AVX2": 32, "AVX512": 64}[tier]
	lanes := width / max(element, index)
	f := file.Func(fmt.Sprintf("take%dby%d%s", 8*element, 8*index, tier),
		fmt.Sprintf("writes to z elements of x at indices, %d for each of so many steps; indices are clamped to 0 and last.", lanes),
		asm.Arg{Name: "z", Type: "unsafe.Pointer"}, asm.Arg{Name: "x", Type: "unsafe.Pointer"}, asm.Arg{Name: "indices", Type: "unsafe.Pointer"}, asm.Arg{Name: "last", Type: "int"}, asm.Arg{Name: "steps", Type: "int"})
	f.Load("z", "DI")
	f.Load("x", "SI")
	f.Load("indices", "DX")
	f.Load("steps", "CX")
	i, e := registers(lanes*index), registers(lanes*element)
	letter := map[int]string{4: "D", 8: "Q"}
	wide := tier == "AVX512"
	f.Op("VPBROADCAST%s last+24(FP), %s4", letter[index], i)
	f.Op("VPXOR X5, X5, X5")
	f.Label("step")
	move := "VMOVDQU"
	if wide {
		move = "VMOVDQU64"
	}
	f.Op("%s (DX), %s0", move, i)
	switch {
	case wide || index == 4:
		f.Op("VPMAXS%s %s5, %s0, %s0", letter[index], i, i, i)
		f.Op("VPMINS%s %s4, %s0, %s0", letter[index], i, i, i)
	default:
		f.Op("VPCMPGTQ %s0, %s5, %s1", i, i, i)
		f.Op("VPANDN %s0, %s1, %s0", i, i, i)
		f.Op("VPCMPGTQ %s4, %s0, %s1", i, i, i)
		f.Op("VPBLENDVB %s1, %s4, %s0, %s0", i, i, i, i)
	}
	name := "VPGATHER" + letter[index] + letter[element]
	if wide {
		f.Op("KXNORW K1, K1, K1")
		f.Op("%s (SI)(%s0*%d), K1, %s2", name, i, element, e)
	} else {
		f.Op("VPCMPEQD %s3, %s3, %s3", e, e, e)
		f.Op("%s %s3, (SI)(%s0*%d), %s2", name, e, i, element, e)
	}
	f.Op("%s %s2, (DI)", move, e)
	f.Op("ADDQ $%d, DX", lanes*index)
	f.Op("ADDQ $%d, DI", lanes*element)
	f.Op("DECQ CX")
	f.Op("JNZ step")
	f.Op("VZEROUPPER")
	f.Op("RET")
}

// add adds the addition of floats, of so many bytes, at indices of so many bytes.
func add(file *asm.File, element, index int) {
	f := file.Func(fmt.Sprintf("add%dby%d", 8*element, 8*index),
		"adds n floats of x, one after the other, to elements of z at indices; indices outside of its size are passed over.",
		asm.Arg{Name: "z", Type: "unsafe.Pointer"}, asm.Arg{Name: "x", Type: "unsafe.Pointer"}, asm.Arg{Name: "indices", Type: "unsafe.Pointer"}, asm.Arg{Name: "size", Type: "int"}, asm.Arg{Name: "n", Type: "int"})
	f.Load("z", "DI")
	f.Load("x", "SI")
	f.Load("indices", "DX")
	f.Load("size", "R8")
	f.Load("n", "CX")
	f.Comment("from the end of x and the indices, so that one register counts")
	f.Op("LEAQ (SI)(CX*%d), SI", element)
	f.Op("LEAQ (DX)(CX*%d), DX", index)
	f.Op("NEGQ CX")
	f.Label("step")
	f.Op("%s (DX)(CX*%d), AX", map[int]string{4: "MOVLQSX", 8: "MOVQ"}[index], index)
	f.Op("CMPQ AX, R8")
	f.Op("JCC next")
	suffix := map[int]string{4: "SS", 8: "SD"}[element]
	f.Op("VMOV%s (SI)(CX*%d), X0", suffix, element)
	f.Op("VADD%s (DI)(AX*%d), X0, X0", suffix, element)
	f.Op("VMOV%s X0, (DI)(AX*%d)", suffix, element)
	f.Label("next")
	f.Op("INCQ CX")
	f.Op("JNZ step")
	f.Op("RET")
}
