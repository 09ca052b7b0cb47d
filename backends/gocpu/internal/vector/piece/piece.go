// Package piece names the pieces of assembly that programs over vectors are made of: what their generator writes and what
// compiling a program picks from.
//
// A machine has a few virtual registers, each of [Vectors] vector registers, and scratch memory, which holds the rest: the
// numbers that are the same for all elements (uniforms), masks, folds, and values for which there is no register (slots, as
// long as a virtual register). A program is an array of the addresses of pieces, each with a word for it; a piece does its
// work on a block of as many elements as a virtual register holds and jumps to the next.
package piece

// Vectors is how many vector registers make a virtual register.
const Vectors = 4

// Kind is what a piece does. Its comment says what its word holds: offsets are in bytes, in scratch memory unless said
// otherwise; a:b:c are parts of 16 bits, lowest first. r is the virtual register that it is for, other what it takes beside it.
type Kind uint8

// The pieces of a program around its ops.
const (
	None      Kind = iota
	Constants      // copies c vectors from a (in the program) to b; a and b are the word's lower halves
	Scalar32       // widens the first element of an operand: its offset among the operands : uniform
	ScalarBFloat16
	ScalarFloat16
	ScalarInt32
	ScalarBool // : mask
	StartSum   // lanes of a fold : offset of its result; likewise the next ones
	StartExtreme
	EndSum
	EndLargest
	EndLeast
	EndMagnitude
	Begin // goes to the tail, at an offset in the program, if there is no whole block
	Next  // goes on with the next block, at an offset in the program, if there is one
	Tail  // goes on after the tail, at an offset in the program, if nothing is left
	Exit
)

// Pieces that move blocks. Those of a tail, each after its like, move as many elements as are left.
const (
	LoadFloat32     Kind = Exit + 1 + iota // r: offset among the operands
	LoadFloat32Tail                        //
	LoadBFloat16
	LoadBFloat16Tail
	LoadFloat16
	LoadFloat16Tail
	LoadInt32
	LoadInt32Tail
	LoadBool // offset among the operands : mask
	LoadBoolTail
	StoreFloat32
	StoreFloat32Tail
	StoreBFloat16
	StoreBFloat16Tail
	StoreFloat16
	StoreFloat16Tail
	StoreInt32
	StoreInt32Tail
	StoreBool
	StoreBoolTail
	FoldSum // r: lanes
	FoldSumTail
	FoldRoughSum // likewise, sums of four first
	FoldRoughSumTail
	FoldMagnitude // likewise
	FoldMagnitudeTail
	FoldLargest
	FoldLargestTail
	FoldLeast
	FoldLeastTail
	Fill   // r: uniform
	Reload // r: slot
	Spill  // r: slot
	Move   // r from other
)

// Ops. Of two operands: r with other, which is a virtual register, a slot or a uniform; the word has the offset.
const (
	Add       Kind = Move + 1 + iota // r + other
	Sub                              // r - other
	SubFrom                          // other - r
	Mul                              // r · other
	Div                              // r / other
	DivFrom                          // other / r
	Max                              // of r and other
	Min                              // of r and other
	MaxNumber                        // Max for an other, a uniform, that is neither NaN nor +0
	MinNumber                        // Min for an other, a uniform, that is neither NaN nor -0
	MaxZero                          // Max of r and 0, a uniform
	Equal                            // a mask: slot or uniform : mask, the other comparisons too
	NotEqual                         // r ≠ other
	Less                             // r < other
	LessEqual
	Greater
	GreaterEqual
	IsFinite // r: mask
	IsNaN
	And // masks: a and b to c
	Or
	Xor
	Not
	SelectYes // r where the mask holds, else other; slot or uniform : mask
	SelectNo  // other where the mask holds, else r
	Neg       // r, the ops from here on too
	Abs
	Sqrt
	Floor
	Ceil
	Round
	Sign
	RoundBFloat16
	RoundFloat16
)

// Operand, set in a slot of a function of one operand, makes it the offset of an operand of float32s. It is not for tails.
const Operand = 1 << 15

// Functions, from slot a to slot b; the second operand of Pow is slot c. All virtual registers are lost.
const (
	Rsqrt Kind = RoundFloat16 + 1 + iota
	Exp
	Expm1
	Log
	Log1p
	Tanh
	Sigmoid
	Silu
	Softplus
	Erf
	NormalCDF
	Gelu
	GeluApproximate
	Sin
	Cos
	Tan
	Pow
	Kinds
)

// Loop is the piece of a program that has one of its own, which no table has: it goes over all whole blocks, before everything
// else. Its word is where the program goes on if nothing is left.
const Loop = Kinds

// Places of the second operand that are no virtual register.
const (
	Slot    = 6
	Uniform = 7
)

// Registers is the most virtual registers that a machine has.
const Registers = 6

// Table is how many addresses the table of a machine's pieces has.
const Table = int(Kinds) * Registers * 8

// Index is where the table has the address of a piece. Pieces that are for no virtual register have r = 0, those without a
// second operand have other = 0.
func Index(k Kind, r, other int) int { return (int(k)*Registers+r)*8 + other }

// Scratch memory begins with what the pieces themselves keep there.
const (
	TailMask = 0    // which elements of the tail there are: bits on AVX-512, words for the four vectors on AVX2
	Result   = 192  // the address of the folds' results
	Copy     = 256  // 256 bytes in which pieces pack elements of a tail, or keep what they need again
	Far      = 512  // 256 bytes for results that replace others
	Own      = 768  // from here on scratch memory is the program's
	Small    = 4096 // bytes of scratch memory that are enough for most programs
	Large    = 32768
)
