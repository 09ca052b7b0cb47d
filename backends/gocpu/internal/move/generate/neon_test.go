package generate

import (
	"fmt"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
	"github.com/quire-ml/quire/internal/golden"
)

func TestNEONIsCurrent(t *testing.T) {
	f := asm.NewFile("move", "arm64", command)
	for _, size := range []int{1, 2, 4, 8} {
		neonTranspose(f, size, neonParts(size))
	}
	golden.Check(t, "../move_arm64.s", f.Assembly())
	golden.Check(t, "../move_arm64.go", f.Declarations())
}

// neonParts is how many registers a step writes of each row of the result: two, for which there are not enough if elements are bytes.
func neonParts(size int) int { return min(2, size) }

// neonTranspose adds the transposition of a strip on arm64. A step takes 16 bytes of each row, as many rows as fill the parts; the square of
// each part is transposed as those of vector.transpose.
func neonTranspose(file *asm.File, size, parts int) {
	c := columns(size)
	f := file.Func(fmt.Sprintf("transpose%dNEON", size),
		fmt.Sprintf("writes %d rows of dst for each of so many steps: columns of %d rows of src, of %d bytes an element. Strides are in bytes.", c, c*parts, size),
		asm.Arg{Name: "dst", Type: "unsafe.Pointer"}, asm.Arg{Name: "src", Type: "unsafe.Pointer"},
		asm.Arg{Name: "dstStride", Type: "int"}, asm.Arg{Name: "srcStride", Type: "int"}, asm.Arg{Name: "steps", Type: "int"})
	for i, a := range []string{"dst", "src", "dstStride", "srcStride", "steps"} {
		f.Load(a, fmt.Sprintf("R%d", i))
	}
	f.Label("step")
	f.Op("MOVD R1, R5")
	f.Op("ADD $16, R1")
	var result [2][]int
	free := c * parts // a register to spare
	for p := range parts {
		regs := make([]int, c)
		for i := range regs {
			regs[i] = p*c + i
			f.Op("FMOVQ (R5), F%d", regs[i])
			f.Op("ADD R3, R5")
		}
		result[p], free = neonInterleave(f, regs, size, free)
	}
	for i := range c {
		for p := range parts {
			f.Op("FMOVQ F%d, %d(R0)", result[p][i], 16*p)
		}
		f.Op("ADD R2, R0")
	}
	f.Op("SUBS $1, R4")
	f.Op("BNE step")
	f.Op("RET")
}

// neonInterleave transposes the square in regs and returns the registers of its columns, and one that is free then.
func neonInterleave(f *asm.Func, regs []int, size, free int) ([]int, int) {
	shape := map[int]string{1: "B16", 2: "H8", 4: "S4", 8: "D2"}[size]
	for n := 1; n < len(regs); n *= 2 {
		var next []int
		for i, a := range regs[:len(regs)/2] {
			b := regs[i+len(regs)/2]
			f.Op("VZIP1 V%d.%[4]s, V%[2]d.%[4]s, V%[3]d.%[4]s", b, a, free, shape)
			f.Op("VZIP2 V%[1]d.%[3]s, V%[2]d.%[3]s, V%[1]d.%[3]s", b, a, shape)
			next = append(next, free, b)
			free = a
		}
		regs = next
	}
	return regs, free
}
