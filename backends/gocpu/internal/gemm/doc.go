// Package gemm multiplies blocks of matrices with vector instructions:
//
//	C[m, n] = Σ_k A[m, k] · B[k, n]      or C += …
//
// [Kernels] are what there is for one type of numbers on one tier of instructions: tiles of C that are held in registers while
// k runs, and the copying that brings B into the order that tiles want. A is read where it lies, wherever its rows begin; B lies in
// panels of [Kernels].Cols columns, row by row. [Kernels.Multiply] goes over the tiles of a block of C. Who divides
// matrices into blocks, and blocks among goroutines, is package kernels.
//
// The assembly is written by package generate, and portable.go says in Go what it does.
package gemm
