package generate

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
)

// vector is a kind of registers: how many there are, and how many parts of 16 bytes each has. Go's name of the instruction
// that writes such a part differs, too.
type vector struct {
	tier, prefix, insert string
	registers, parts     int
}

var vectors = []vector{
	{"AVX2", "Y", "VINSERTI128", 16, 2},
	{"AVX512", "Z", "VINSERTI32X4", 32, 4},
}

// columns is how many columns of a matrix a part of 16 bytes has, and so how many registers a step of a transposition takes.
func columns(size int) int { return 16 / size }

// fits reports whether a step's registers, and one to spare, are there.
func (v vector) fits(size int) bool { return columns(size) < v.registers }

// rowsAhead is the logarithm of how many rows of the result ahead lines are fetched: no processor sees by itself what comes
// next where each line of a column lies in another page (BenchmarkTranspose: a fifth less time for 1024 by 1024).
const rowsAhead = 5

// transpose adds the transposition of a strip. A step takes 16 bytes of each row, as many rows as fill a vector with
// one element of each. Register i gets rows i, i+c, i+2c and so on in its parts, c being the columns of a step; then registers
// i and i+c/2 are interleaved, log2(c) times over, which transposes the squares of c by c that lie in equal parts.
func (v vector) transpose(file *asm.File, size int) {
	c := columns(size)
	f := file.Func(fmt.Sprintf("transpose%d%s", size, v.tier),
		fmt.Sprintf("writes %d rows of dst for each of so many steps: columns of %d rows of src, of %d bytes an element. Strides are in bytes.", c, c*v.parts, size),
		asm.Arg{Name: "dst", Type: "unsafe.Pointer"}, asm.Arg{Name: "src", Type: "unsafe.Pointer"},
		asm.Arg{Name: "dstStride", Type: "int"}, asm.Arg{Name: "srcStride", Type: "int"}, asm.Arg{Name: "steps", Type: "int"})
	const dst, stride, triple, steps, to, toTriple, across, ahead = "DI", "R8", "R9", "CX", "R10", "R11", "R12", "R13"
	part := []string{"SI", "AX", "BX", "DX"}[:v.parts] // where the rows of each part begin
	f.Load("dst", dst)
	f.Load("src", part[0])
	f.Load("dstStride", to)
	f.Load("srcStride", stride)
	f.Load("steps", steps)
	f.Op("LEAQ (%s)(%s*2), %s", stride, stride, triple)
	f.Op("LEAQ (%s)(%s*2), %s", to, to, toTriple)
	f.Op("MOVQ %s, %s", stride, across)
	f.Op("IMULQ $%d, %s", c, across)
	for i := 1; i < v.parts; i++ {
		f.Op("LEAQ (%s)(%s*1), %s", part[i-1], across, part[i])
	}
	f.Op("SUBQ $16, %s", across)
	f.Op("MOVQ %s, %s", to, ahead)
	f.Op("SHLQ $%d, %s", rowsAhead, ahead)
	f.Op("ADDQ %s, %s", dst, ahead)
	f.Label("step")
	regs := v.load(f, part, c, stride, triple)
	for _, p := range part {
		if c > 4 { // load has gone down the rows
			f.Op("SUBQ %s, %s", across, p)
		} else {
			f.Op("ADDQ $16, %s", p)
		}
	}
	regs = v.interleave(f, regs, size)
	for i, r := range regs {
		f.Op("VMOVDQU%s %s, %s", map[string]string{"Y": "", "Z": "64"}[v.prefix], r, row(dst, to, toTriple, i%4))
		f.Op("PREFETCHT1 %s", row(ahead, to, toTriple, i%4))
		if i%4 == 3 || i == c-1 {
			f.Op("LEAQ (%s)(%s*%d), %s", dst, to, min(4, c), dst)
			f.Op("LEAQ (%s)(%s*%d), %s", ahead, to, min(4, c), ahead)
		}
	}
	f.Op("DECQ %s", steps)
	f.Op("JNZ step")
	f.Op("VZEROUPPER")
	f.Op("RET")
}

// row is the address of row i < 4 from base on.
func row(base, stride, triple string, i int) string {
	switch i {
	case 0:
		return fmt.Sprintf("(%s)", base)
	case 3:
		return fmt.Sprintf("(%s)(%s*1)", base, triple)
	}
	return fmt.Sprintf("(%s)(%s*%d)", base, stride, i)
}

// load fills c registers and returns them. With more than 4 rows the parts' pointers are left c rows further down.
func (v vector) load(f *asm.Func, part []string, c int, stride, triple string) []string {
	regs := make([]string, c)
	for i := range regs {
		regs[i] = fmt.Sprintf("%s%d", v.prefix, i)
		f.Op("VMOVDQU %s, X%d", row(part[0], stride, triple, i%4), i)
		for k := 1; k < v.parts; k++ {
			f.Op("%s $%d, %s, %s, %s", v.insert, k, row(part[k], stride, triple, i%4), regs[i], regs[i])
		}
		if c > 4 && i%4 == 3 {
			for _, p := range part {
				f.Op("LEAQ (%s)(%s*4), %s", p, stride, p)
			}
		}
	}
	return regs
}

// interleave transposes the squares in regs and returns the registers of their columns.
func (v vector) interleave(f *asm.Func, regs []string, size int) []string {
	unit := map[int]string{1: "BW", 2: "WD", 4: "DQ", 8: "QDQ"}[size]
	free := fmt.Sprintf("%s%d", v.prefix, len(regs))
	for n := 1; n < len(regs); n *= 2 {
		var next []string
		for i, a := range regs[:len(regs)/2] {
			b := regs[i+len(regs)/2]
			f.Op("VPUNPCKL%s %s, %s, %s", unit, b, a, free)
			f.Op("VPUNPCKH%s %s, %s, %s", unit, b, a, b)
			next = append(next, free, b)
			free = a
		}
		regs = next
	}
	return regs
}
