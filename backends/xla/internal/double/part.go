//go:build cgo && (linux || darwin)

package double

import (
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// part is a part of a value: where it begins, and how long it is, along each axis.
type part struct {
	start, dims, whole []int
	size               int // of an element
}

// part returns the part of a value that a logical device holds.
func (c *code) part(s shapes.Shape, sharding ir.Sharding, device int) part {
	p := part{make([]int, s.Rank()), s.Dimensions, s.Dimensions, s.DType.Size()}
	if sharding != nil {
		p.start, p.dims = sharding.Block(c.sig.mesh, s, device)
	}
	return p
}

// copy copies the part into the whole value, or out of it.
func (p part) copy(whole, piece []byte, into bool) {
	if len(piece) == 0 {
		return
	}
	row := p.size // bytes that lie together in both
	last := len(p.dims) - 1
	if last >= 0 {
		row *= p.dims[last]
	}
	index := make([]int, len(p.dims)) // of a row in the part
	for done := 0; done < len(piece); done += row {
		at := 0
		for axis, i := range index {
			at = at*p.whole[axis] + p.start[axis] + i
		}
		if w, own := whole[at*p.size:][:row], piece[done:][:row]; into {
			copy(w, own)
		} else {
			copy(own, w)
		}
		for axis := last - 1; axis >= 0; axis-- {
			if index[axis]++; index[axis] < p.dims[axis] {
				break
			}
			index[axis] = 0
		}
	}
}
