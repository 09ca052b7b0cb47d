// Package move moves data at the speed of memory, where plain Go does not reach it: transpositions and conversions between
// float dtypes. Each function takes the tier of instructions that it may use; at [cpu.Portable] it is plain Go, which says what
// the others do.
package move
