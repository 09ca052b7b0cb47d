// Package indexed reads and adds single elements at indices, in assembly: so few instructions for each that many accesses to
// memory are under way at once, which is what takes the time. Functions take the tier of instructions that they may use; results
// are the same in all.
package indexed
