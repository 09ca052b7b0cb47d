//go:build cgo

package xla

import (
	"fmt"
	"testing"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Blocks taken out of a value element by element are those that copyBlock takes, and put together again they are the value.
func TestBlocks(t *testing.T) {
	mesh := &ir.Mesh{Axes: []ir.MeshAxis{{Name: "a", Size: 2}, {Name: "b", Size: 3}}}
	for _, c := range []struct {
		dims     []int
		sharding ir.Sharding
	}{
		{[]int{4, 6, 2}, nil},
		{[]int{4, 6, 2}, ir.Sharding{"a", "", ""}},
		{[]int{4, 6, 2}, ir.Sharding{"", "b", ""}},
		{[]int{4, 6, 2}, ir.Sharding{"", "b", "a"}},
		{[]int{4, 6, 6}, ir.Sharding{"a", "", "b"}},
		{[]int{12}, ir.Sharding{"b,a"}},
		{[]int{12}, ir.Sharding{"a,b"}},
		{[]int{2, 0, 3}, ir.Sharding{"a", "", "b"}},
		{nil, nil},
	} {
		s := shapes.Make(dtypes.Int16, c.dims...)
		require.NoError(t, c.sharding.Check(mesh, s))
		whole := make([]int16, s.Size())
		for i := range whole {
			whole[i] = int16(i)
		}
		x := tensors.FromFlatDataAndDimensions(whole, c.dims...)
		back := tensors.FromShape(s)
		l := layout{mesh, c.sharding}
		for device := range l.numDevices() {
			start, dims := l.block(s, device)
			part := tensors.FromShape(shapes.Make(s.DType, dims...))
			copyBlock(x.Storage().Bytes()[:s.ByteSize()], part.Storage().Bytes()[:part.ByteSize()], s, start, dims, false)
			eachIndex(dims, func(index []int) {
				at := make([]int, len(index))
				for axis := range at {
					at[axis] = start[axis] + index[axis]
				}
				if part.At(index...) != x.At(at...) {
					t.Fatalf("%v %s: device %d, element %v is %v, want %v", c.dims, c.sharding, device, index, part.At(index...), x.At(at...))
				}
			})
			copyBlock(back.Storage().Bytes()[:s.ByteSize()], part.Storage().Bytes()[:part.ByteSize()], s, start, dims, true)
		}
		assert.True(t, back.Equal(x), "%v %s: put together it is %v", c.dims, c.sharding, back)
	}
}

// eachIndex calls f with every index of a value with these dimensions.
func eachIndex(dims []int, f func(index []int)) {
	n := 1
	for _, d := range dims {
		n *= d
	}
	for i := range n {
		index := make([]int, len(dims))
		for axis, k := len(dims)-1, i; axis >= 0; axis-- {
			index[axis], k = k%dims[axis], k/dims[axis]
		}
		f(index)
	}
}

func TestLayoutsAreCompared(t *testing.T) {
	line := func(n int) *ir.Mesh { return &ir.Mesh{Axes: []ir.MeshAxis{{Name: "a", Size: n}}} }
	split := ir.Sharding{"a"}
	for _, c := range []struct {
		a, b layout
		want bool
	}{
		{layout{}, layout{}, true},
		{layout{}, layout{mesh: line(1)}, true},
		{layout{}, layout{mesh: line(1), sharding: ir.Sharding{""}}, true},
		{layout{}, layout{line(1), split}, true},
		{layout{}, layout{mesh: line(2)}, false},
		{layout{mesh: line(2)}, layout{mesh: line(2), sharding: ir.Sharding{""}}, true},
		{layout{mesh: line(2)}, layout{mesh: line(2), sharding: split}, false},
		{layout{line(2), split}, layout{line(2), split}, true},
		{layout{line(2), split}, layout{line(3), split}, false},
	} {
		assert.Equal(t, c.want, c.a.equal(c.b), fmt.Sprint(c.a, c.b))
		assert.Equal(t, c.want, c.b.equal(c.a), fmt.Sprint(c.a, c.b))
	}
}
