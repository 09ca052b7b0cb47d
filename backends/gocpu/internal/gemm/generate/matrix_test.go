package generate

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu/internal/asm"
)

// Kernels that multiply tiles: AMX. A tile is a register of 16 rows of 64 bytes.

// tileRows is how many rows a tile has, tileBytes how many bytes a row, and panelBytes how many a row of a panel of two tiles.
const (
	tileRows   = 16
	tileBytes  = 64
	panelBytes = 2 * tileBytes
)

// aheadLines is how many lines of other memory a step asks for: 8 blocks of C, one below the other, ask for as much as the panel has.
const aheadLines = 4

// matrixProduct is a type of products of tiles.
type matrixProduct struct{ name, multiply string }

var matrixProducts = []matrixProduct{{"BFloat16", "TDPBF16PS"}, {"Int8", "TDPBSSD"}, {"Uint8", "TDPBUUD"}}

func matrixName(p matrixProduct, rows, cols int) string {
	return fmt.Sprintf("amx%s%dx%d", p.name, rows, cols)
}

// matrixKernels writes what there is for AMX.
func matrixKernels(f *asm.File) {
	for _, p := range matrixProducts {
		for rows := 1; rows <= 2; rows++ {
			for cols := 1; cols <= 2; cols++ {
				matrixBlocks(f, p, rows, cols)
			}
		}
	}
	panelOf(f, 2)
	panelOf(f, 4)
}

// Registers of blocks.
const (
	blockStepA, blockStepB, blockStride = "R8", "R9", "R10"
	blockA, blockLower, blockB, blockC  = "R13", "R14", "SI", "DI" // lower: the second tile of A
	blockTail, blockAhead               = "R15", "R11"
	blockOffset, blockEnd               = "CX", "DX"
)

// matrixBlocks writes the kernel of blocks of rows by cols tiles. Tiles 0 to 3 are sums, 4 and 5 of A, 6 and 7 of B.
func matrixBlocks(f *asm.File, p matrixProduct, rows, cols int) {
	w := f.Func(matrixName(p, rows, cols), "is a blocks: see there.",
		asm.Arg{Name: "shape", Type: "*tileShape"}, asm.Arg{Name: "a", Type: "unsafe.Pointer"}, asm.Arg{Name: "stepA", Type: "int"},
		asm.Arg{Name: "offsets", Type: "*int"}, asm.Arg{Name: "steps", Type: "int"}, asm.Arg{Name: "tail", Type: "unsafe.Pointer"},
		asm.Arg{Name: "b", Type: "unsafe.Pointer"}, asm.Arg{Name: "c", Type: "unsafe.Pointer"}, asm.Arg{Name: "stride", Type: "int"},
		asm.Arg{Name: "count", Type: "int"}, asm.Arg{Name: "add", Type: "int"}, asm.Arg{Name: "ahead", Type: "unsafe.Pointer"})
	w.Load("shape", "AX")
	w.ConfigureTiles("AX", 0)
	for _, a := range []struct{ name, register string }{{"a", blockA}, {"stepA", blockStepA}, {"tail", blockTail}, {"c", blockC}, {"stride", blockStride}, {"ahead", blockAhead}} {
		w.Load(a.name, a.register)
	}
	w.Load("offsets", blockEnd)
	w.Load("steps", "AX")
	w.Op("LEAQ (%[1]s)(AX*8), %[1]s", blockEnd)
	w.Op("MOVQ $%d, %s", panelBytes, blockStepB)
	sums := func(f func(tile, disp int, base string)) {
		for r := range rows {
			base := blockC
			if r > 0 {
				base = "BX"
				w.Op("MOVQ %s, BX", blockStride)
				w.Op("SHLQ $4, BX")
				w.Op("ADDQ %s, BX", blockC)
			}
			for c := range cols {
				f(2*r+c, c*tileBytes, base)
			}
		}
	}
	products := func(first, second string, stride string, disp int) {
		for r := range rows {
			base, d := first, 0
			if r > 0 {
				base, d = second, disp
			}
			w.LoadTileOnce(d, base, stride, 4+r) // rows of A pass, the panel stays
			for c := range cols {
				if r == 0 {
					w.LoadTile(c*tileBytes, blockB, blockStepB, 6+c)
				}
				w.MultiplyTiles(p.multiply, 6+c, 4+r, 2*r+c)
			}
		}
	}
	w.Label("block")
	w.Op("MOVQ %s, %s", blockStepA, blockLower)
	w.Op("SHLQ $4, %s", blockLower)
	w.Op("ADDQ %s, %s", blockA, blockLower)
	w.Load("b", blockB)
	w.Load("offsets", blockOffset)
	w.Op("CMPQ %s, $0", w.Arg("add"))
	w.Op("JNE more")
	for r := range rows {
		for c := range cols {
			w.ZeroTile(2*r + c)
		}
	}
	w.Op("JMP begin")
	w.Label("more")
	sums(func(tile, disp int, base string) { w.LoadTile(disp, base, blockStride, tile) })
	w.Label("begin")
	w.Op("CMPQ %s, %s", blockOffset, blockEnd)
	w.Op("JEQ last")
	w.Label("next")
	w.Op("MOVQ (%s), BX", blockOffset)
	w.Op("LEAQ (%s)(BX*1), AX", blockA)
	if rows > 1 {
		w.Op("ADDQ %s, BX", blockLower)
	}
	products("AX", "BX", blockStepA, 0)
	for i := range aheadLines {
		w.Op("PREFETCHT1 %d(%s)", i*64, blockAhead)
	}
	w.Op("ADDQ $%d, %s", aheadLines*64, blockAhead)
	w.Op("ADDQ $8, %s", blockOffset)
	w.Op("ADDQ $%d, %s", tileRows*panelBytes, blockB)
	w.Op("CMPQ %s, %s", blockOffset, blockEnd)
	w.Op("JNE next")
	w.Label("last")
	w.Op("TESTQ %[1]s, %[1]s", blockTail)
	w.Op("JZ store")
	w.Op("MOVQ $%d, AX", tileBytes)
	products(blockTail, blockTail, "AX", tileRows*tileBytes)
	w.Op("ADDQ $%d, %s", rows*tileRows*tileBytes, blockTail)
	w.Label("store")
	sums(func(tile, disp int, base string) { w.StoreTile(tile, disp, base, blockStride) })
	for _, move := range []struct{ step, at string }{{blockStepA, blockA}, {blockStride, blockC}} {
		w.Op("MOVQ %s, AX", move.step)
		w.Op("SHLQ $%d, AX", 3+rows) // 16 or 32 rows
		w.Op("ADDQ AX, %s", move.at)
	}
	w.Op("DECQ %s", w.Arg("count"))
	w.Op("JNZ block")
	w.ReleaseTiles()
	w.Op("RET")
}

// panelOf writes the function that joins elements of so many rows that stand above each other to the rows of a panel of units of 4
// bytes.
func panelOf(f *asm.File, rows int) {
	name := "Pairs"
	if rows == 4 {
		name = "Fours"
	}
	var order []uint32 // which bytes of the rows, half of them in each of two registers, a unit has
	for column := range 2 * tileBytes / 4 {
		unit := 0
		for b := range 4 {
			row, part, half := b*rows/4, b%(4/rows), rows/2
			at := row/half*64 + row%half*64/half + column*(4/rows) + part
			unit |= at << (8 * b)
		}
		order = append(order, uint32(unit))
	}
	index := f.Words("order"+name, order...)
	w := f.Func("amxPanel"+name, "is a panel: see there.",
		asm.Arg{Name: "dst", Type: "unsafe.Pointer"}, asm.Arg{Name: "src", Type: "unsafe.Pointer"}, asm.Arg{Name: "stride", Type: "int"},
		asm.Arg{Name: "count", Type: "int"}, asm.Arg{Name: "cols", Type: "int"})
	w.Load("dst", "R8")
	w.Load("src", "R10")
	w.Load("stride", "R9")
	w.Load("count", "R12")
	w.Load("cols", "CX")
	w.Op("LEAQ (R9)(R9*2), R11")
	w.Op("MOVQ $%s, AX", index)
	w.Op("VMOVDQU64 (AX), Z4")
	w.Op("VMOVDQU64 64(AX), Z5")
	w.Op("MOVQ $-1, DI")
	w.Op("BZHIQ CX, DI, DI")
	w.Op("KMOVQ DI, K1")
	w.Label("next")
	if rows == 2 {
		w.Op("VMOVDQU16.Z (R10), K1, Z0")
		w.Op("VMOVDQU16.Z (R10)(R9*1), K1, Z1")
	} else {
		w.Op("VMOVDQU8.Z (R10), K1, Y0")
		w.Op("VMOVDQU8.Z (R10)(R9*1), K1, Y2")
		w.Op("VMOVDQU8.Z (R10)(R9*2), K1, Y1")
		w.Op("VMOVDQU8.Z (R10)(R11*1), K1, Y3")
		w.Op("VINSERTI64X4 $1, Y2, Z0, Z0")
		w.Op("VINSERTI64X4 $1, Y3, Z1, Z1")
	}
	w.Op("VMOVDQA64 Z0, Z2")
	w.Op("VPERMT2B Z1, Z4, Z0")
	w.Op("VPERMT2B Z1, Z5, Z2")
	w.Op("VMOVDQU64 Z0, (R8)")
	w.Op("VMOVDQU64 Z2, %d(R8)", tileBytes)
	w.Op("LEAQ (R10)(R9*%d), R10", rows)
	w.Op("ADDQ $%d, R8", panelBytes)
	w.Op("DECQ R12")
	w.Op("JNZ next")
	w.Op("VZEROUPPER")
	w.Op("RET")
}
