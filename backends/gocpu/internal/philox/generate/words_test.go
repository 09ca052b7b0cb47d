package generate

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
)

const rounds = 10

// words adds the generator: blocks of four words, a block per lane. Lane j of part q (parts have 16 bytes) computes block 4j+q
// of a step, or 2j+q with half as many parts: then interleaved registers lie in order. places has the lanes' blocks.
func (v vector) words(file *asm.File, places string) {
	w := v.function(file, "words", fmt.Sprintf("writes %d blocks for each of so many steps, from counter on, whose lowest word must not overflow. keys has two words for each round.", v.lanes),
		asm.Arg{Name: "z", Type: "unsafe.Pointer"}, asm.Arg{Name: "counter", Type: "*[4]uint32"}, asm.Arg{Name: "keys", Type: "*[20]uint32"}, asm.Arg{Name: "steps", Type: "int"})
	w.Load("z", "DI")
	w.Load("counter", "SI")
	w.Load("keys", "DX")
	w.Load("steps", "CX")
	const low, one, two, three, step, m0, m1 = 15, 14, 13, 12, 11, 10, 9
	w.op("VPBROADCASTD", "(SI)", low)
	w.op("VPADDD", places, low, low)
	for i, to := range []int{one, two, three} {
		w.op("VPBROADCASTD", fmt.Sprintf("%d(SI)", 4*i+4), to)
	}
	for _, c := range []struct {
		value uint32
		to    int
	}{{uint32(v.lanes), step}, {0xD2511F53, m0}, {0xCD9E8D57, m1}} {
		w.Op("MOVL $0x%x, AX", c.value)
		w.Op("VMOVD AX, X%d", c.to)
		w.op("VPBROADCASTD", fmt.Sprintf("X%d", c.to), c.to)
	}
	if w.wide() {
		w.Op("MOVL $0xAAAA, AX")
		w.Op("KMOVW AX, K1")
		w.Op("KNOTW K1, K2")
	}
	w.Label("step")
	c := [4]int{0, 1, 2, 3}
	mov := "VMOVDQA"
	if w.wide() {
		mov = "VMOVDQA32"
	}
	for i, from := range []int{low, one, two, three} {
		w.op(mov, from, c[i])
	}
	w.op("VPADDD", step, low, low)
	free := [4]int{4, 5, 6, 7}
	for r := range rounds {
		high0, low0 := w.product(c[0], m0, free[0], free[1])
		high1, low1 := w.product(c[2], m1, free[2], free[3])
		w.xor3(fmt.Sprintf("%d(DX)", 8*r), c[1], high1)
		w.xor3(fmt.Sprintf("%d(DX)", 8*r+4), c[3], high0)
		c, free = [4]int{high1, low1, high0, low0}, [4]int{c[0], c[1], c[2], c[3]}
	}
	for i, x := range w.interleave(c[0], c[1], c[2], c[3], free) {
		w.store(x, fmt.Sprintf("%d(DI)", 4*w.lanes*i))
	}
	w.Op("ADDQ $%d, DI", 16*w.lanes)
	w.Op("DECQ CX")
	w.Op("JNZ step")
	w.Op("VZEROUPPER")
	w.Op("RET")
}

// product multiplies lanes of x by m to 64 bits and returns the registers of their upper and lower halves, which are the two
// given ones. Register 8 is used.
func (w *writer) product(x, m, even, odd int) (high, low int) {
	const t = 8
	w.op("VPSRLQ", "$32", x, odd)
	w.op("VPMULUDQ", m, x, even)
	w.op("VPMULUDQ", m, odd, odd)
	if w.wide() {
		w.op("VMOVDQA32", even, t)
		w.op("VMOVSLDUP", odd, "K1", even)
		w.op("VMOVSHDUP", t, "K2", odd)
		return odd, even
	}
	w.op("VMOVSHDUP", even, t)
	w.op("VPBLENDD", "$0xAA", odd, t, t)
	w.op("VMOVSLDUP", odd, odd)
	w.op("VPBLENDD", "$0xAA", odd, even, even)
	w.op("VMOVDQA", t, odd)
	return odd, even
}

// xor3 adds to z, bit by bit without carry, x and the word at key.
func (w *writer) xor3(key string, x, z int) {
	if w.wide() {
		w.op("VPTERNLOGD.BCST", "$0x96", key, x, z)
		return
	}
	w.op("VPXOR", x, z, z)
	w.op("VPBROADCASTD", key, 8)
	w.op("VPXOR", 8, z, z)
}
