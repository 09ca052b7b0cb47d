// Package fourier computes discrete Fourier transforms, y[k] = Σ_j x[j]·exp(-2πi·j·k/n), of lengths whose prime factors are 2, 3
// and 5, in float32 or float64. A [Plan] is made once for a length; its work is in pieces that any worker may do.
//
// Vectors are the lanes: as many transforms as a vector has lanes are computed at once, so that no step within a transform moves
// anything between lanes. Lanes are neighbouring columns of a matrix, or rows of one, or, for a long transform of few, its own
// columns and then its own rows (the "four-step" method: Bailey, "FFTs in external or hierarchical memory", 1990).
package fourier
