// Package vector runs straight-line programs over vectors of float32 numbers: what a chain of elementwise ops, or a pass over
// the rows of a matrix, is compiled to.
//
// A program is written as a [Code], value by value, and compiled once:
//
//	var c vector.Code
//	x, bias := c.Load(0, vector.Float32), c.Scalar(1, vector.Float32)
//	y := c.Op(vector.Max, c.Op(vector.Add, x, bias), c.Const(0))
//	c.Store(2, vector.Float32, y)
//	total := c.Accumulate(vector.Sum, y)
//	p := c.Compile()
//	p.Run([]unsafe.Pointer{px, pbias, py}, n, acc) // n elements; acc[total] is the sum of y
//
// Values live in vector registers for as long as a piece of the vectors is worked on, so that a chain of ops reads its
// operands once and writes its results once. What an op means is a Go function in the table of ops, and where nothing faster is
// known a program is interpreted by these (portable.go).
//
// # The machine
//
// On amd64 and arm64 a program becomes an array of addresses and words: each address is that of a piece of assembly without a
// frame, which works on a block of elements (64 on AVX-512, 32 on AVX2 and NEON) and jumps to the next one. Package piece names the
// pieces and says what their words hold; package generate writes them. Compiling (compile.go) gives values their places: virtual
// registers of four vectors (of NEON, four pairs of registers), slots of scratch memory where these do not suffice, uniforms (constants and scalars, kept once)
// and masks. Functions such as Exp take slots and return slots, and have all vector registers for themselves; they are the
// longest part of a chain, so that what goes through memory costs little; a float32 operand that lies nowhere else is read, and a
// result that is stored at once is written, where it lies. A tail of less than a block is done by a second form of
// the same steps, which loads, stores and folds by masks.
//
// Programs that run for every row of a matrix (softmaxes, norms, sums) would mostly go from piece to piece. Package kernels lists them, and
// each has a piece of its own on amd64: a loop over all whole blocks that keeps operands, constants and folds in registers
// (generate/loops_test.go). Compiling finds it by the program's lines, which stay as they are: they do the tail, and all of it on
// other tiers.
//
// Ops other than functions give the same bits on all tiers. Functions are within one unit in the last place of the true value;
// their bits may depend on the tier, but neither on where an element stands nor on what stands beside it.
package vector
