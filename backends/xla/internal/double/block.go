//go:build cgo && (linux || darwin)

package double

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
)

// block is a part of a value: where it begins, and how long it is, along each axis.
type block struct {
	start, dims, whole []int
	size               int // of an element
}

// block returns the part of a value that a logical device holds.
func (c *code) block(s shapes.Shape, sharding graph.Sharding, device int) block {
	b := block{make([]int, s.Rank()), s.Dimensions, s.Dimensions, s.DType.Size()}
	if sharding != nil {
		b.start, b.dims = sharding.Block(c.sig.mesh, s, device)
	}
	return b
}

// copy copies the part into the whole value, or out of it.
func (b block) copy(whole, part []byte, into bool) {
	if len(part) == 0 {
		return
	}
	row := b.size // bytes that lie together in both
	last := len(b.dims) - 1
	if last >= 0 {
		row *= b.dims[last]
	}
	index := make([]int, len(b.dims)) // of a row in the part
	for done := 0; done < len(part); done += row {
		at := 0
		for axis, i := range index {
			at = at*b.whole[axis] + b.start[axis] + i
		}
		if w, p := whole[at*b.size:][:row], part[done:][:row]; into {
			copy(w, p)
		} else {
			copy(p, w)
		}
		for axis := last - 1; axis >= 0; axis-- {
			if index[axis]++; index[axis] < b.dims[axis] {
				break
			}
			index[axis] = 0
		}
	}
}
