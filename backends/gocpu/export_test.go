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
