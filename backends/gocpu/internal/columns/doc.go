// Package columns adds rows of numbers to a row of sums: what a reduction over the first axes does, in the order in which
// the numbers lie in memory.
package columns
