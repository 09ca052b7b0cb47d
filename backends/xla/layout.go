//go:build cgo

package xla

import (
	"fmt"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// layout says where the parts of a value are: over the devices of a mesh, as the sharding divides it; without a
// mesh whole on the first device.
type layout struct {
	mesh     *ir.Mesh
	sharding ir.Sharding
}

// numDevices returns how many devices hold a part.
func (l layout) numDevices() int {
	if l.mesh == nil {
		return 1
	}
	return l.mesh.NumDevices()
}

// whole reports whether every device holds the whole value.
func (l layout) whole() bool { return l.numDevices() == 1 || l.sharding.Replicated() }

// equal reports whether both put the same parts onto the same devices.
func (l layout) equal(o layout) bool {
	if l.numDevices() != o.numDevices() {
		return false
	}
	return l.whole() && o.whole() || l.mesh.Equal(o.mesh) && l.sharding.Equal(o.sharding)
}

// block returns which part of a value a device holds.
func (l layout) block(s shapes.Shape, device int) (start, dims []int) {
	if l.whole() {
		return make([]int, s.Rank()), s.Dimensions
	}
	return l.sharding.Block(l.mesh, s, device)
}

// laidOut returns the value laid out otherwise, for the caller to release. With keep it stays for the next program that
// wants it so, as weights do that were loaded on one device; else it goes with the caller's use. The caller has
// retained v.
func (v *value) laidOut(l layout, keep bool) (*value, error) {
	v.moving.Lock()
	defer v.moving.Unlock()
	for _, m := range v.moved {
		if m.layout.equal(l) && m.retain() {
			return m, nil
		}
	}
	t, err := v.toHost()
	if err != nil {
		return nil, err
	}
	defer t.Close()
	m, err := v.engine.put(t, l)
	if err != nil {
		return nil, fmt.Errorf("moving the buffer %s: %w", v.shape, explain(err))
	}
	m.retain()
	if keep {
		v.moved = append(v.moved, m)
	} else {
		v.engine.disown(&m.counted)
	}
	return m, nil
}

// copyBlock copies the block at start with the given dimensions between a row-major value of shape s and the block
// on its own: out of the value, or with into, the other way round. Elements have size bytes.
func copyBlock(value, block []byte, s shapes.Shape, start, dims []int, into bool) {
	size := s.DType.Size()
	rank := len(dims)
	for _, d := range dims {
		if d == 0 {
			return
		}
	}
	// Axes that are whole from the right on are copied in one run with the first that is not.
	run, inner := size, rank
	for inner > 0 {
		inner--
		run *= dims[inner]
		if dims[inner] != s.Dimensions[inner] {
			break
		}
	}
	strides := s.Strides()
	index := make([]int, inner)
	for at := 0; at < len(block); at += run {
		from := 0
		for axis := range rank {
			i := start[axis]
			if axis < inner {
				i += index[axis]
			}
			from += i * strides[axis]
		}
		from *= size
		if into {
			copy(value[from:from+run], block[at:at+run])
		} else {
			copy(block[at:at+run], value[from:from+run])
		}
		for axis := inner - 1; axis >= 0; axis-- {
			if index[axis]++; index[axis] < dims[axis] {
				break
			}
			index[axis] = 0
		}
	}
}
