package gocpu

import "github.com/quire-ml/quire/graph/ir"

// ArenaSize returns how many bytes a run needs for the values within it, and how many results may take the memory of
// a donated input.
func ArenaSize(exe ir.Executable) (bytes, donors int) {
	c := exe.(*executable).code
	for _, i := range c.donors {
		if i >= 0 {
			donors++
		}
	}
	return c.arena, donors
}

// Fusions returns options whose programs must compute the same: with no vector programs, one for each call, and fused ones.
func Fusions(o Options) (plain, apart, fused Options) {
	plain, apart, fused = o, o, o
	plain.fusion, apart.fusion, fused.fusion = unfused, alone, together
	return plain, apart, fused
}
