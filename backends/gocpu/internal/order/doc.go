// Package order sorts integers on vectors: a quicksort that parts numbers by a pivot, as many at a time as a vector has lanes,
// and sorts the small parts by networks of comparisons in registers. Floats and unsigned numbers are sorted by keys, integers
// that order as they do. Functions take the tier of instructions that they may use; results are the same in all.
package order
