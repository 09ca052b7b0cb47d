// Package codes multiplies vectors and rows of a matrix whose numbers are held in codes of 2, 4 or 8 bits, in assembly: bytes of codes
// become floats in registers, on their way to a sum. The number of a code is looked up in a register that holds all of them, or the code
// itself, or for other codes of 8 bits looked up in a table in memory.
package codes
