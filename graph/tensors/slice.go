package tensors

import (
	"fmt"
	"runtime"

	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/slicetext"
)

// Slice returns a copy of the part of t that text names, in the words of Python:
//
//	t.Slice("1:5, ::2") // elements 1 to 4 of the first axis, every second one of the next
//	t.Slice("-1")       // the last element of the first axis, which is removed
//	t.Slice("..., 0")   // the first ones along the last axis, which is removed
//	t.Slice("::-1")     // from the last to the first
//
// Axes keep their names. A bound outside of its axis is an error, as is a closed tensor.
func (t *Tensor) Slice(text string) (*Tensor, error) {
	if err := t.CheckValid(); err != nil {
		return nil, err
	}
	ranges, err := slicetext.Parse(text, t.shape.Dimensions)
	if err != nil {
		return nil, fmt.Errorf("slicing %s: %w", t.shape, err)
	}
	var dims []int
	var names []string
	for axis, r := range ranges {
		if !r.Drop {
			dims, names = append(dims, r.Count), append(names, t.shape.Name(axis))
		}
	}
	out, err := newTensor(shapes.Make(t.shape.DType, dims...).WithAxisNames(names...), false)
	if err != nil {
		return nil, err
	}
	to := out.bytes()
	err = t.ConstBytes(func(from []byte) { copyRanges(to, from, t.shape, ranges) })
	runtime.KeepAlive(out)
	if err != nil {
		out.Close()
		return nil, err
	}
	return out, nil
}

// copyRanges copies the elements of ranges of from, which has the given shape, in their order.
func copyRanges(to, from []byte, shape shapes.Shape, ranges []slicetext.Range) {
	if len(to) == 0 {
		return
	}
	size := shape.DType.Size()
	strides := shape.Strides()
	block := size // of elements that lie together, of the axes from whole on
	whole := len(ranges)
	for whole > 0 && ranges[whole-1] == (slicetext.Range{Count: shape.Dimensions[whole-1], Step: 1}) {
		whole--
		block *= shape.Dimensions[whole]
	}
	if whole > 0 && ranges[whole-1].Step == 1 { // and some of the next one
		whole--
		block *= ranges[whole].Count
	}
	at := 0
	for axis := whole; axis < len(ranges); axis++ {
		at += ranges[axis].Start * strides[axis] * size
	}
	copyAxes(to, from[at:], block, size, strides, ranges[:whole])
}

// copyAxes copies a block for each index of the axes of ranges, and returns what is left of to.
func copyAxes(to, from []byte, block, size int, strides []int, ranges []slicetext.Range) []byte {
	if len(ranges) == 0 {
		return to[copy(to[:block], from):]
	}
	for i := range ranges[0].Count {
		at := (ranges[0].Start + i*ranges[0].Step) * strides[0] * size
		to = copyAxes(to, from[at:], block, size, strides[1:], ranges[1:])
	}
	return to
}

// MustSlice is [Tensor.Slice]; it panics on an error. It chains: t.MustSlice("::2").MustReshaped(-1, 4).
func (t *Tensor) MustSlice(text string) *Tensor { return must(t.Slice(text)) }

// Row returns a copy of the part of t at an index of its first axis, which is removed; a negative index counts from the end.
func (t *Tensor) Row(index int) (*Tensor, error) {
	if err := t.CheckValid(); err != nil {
		return nil, err
	}
	if t.Rank() == 0 {
		return nil, fmt.Errorf("%s has no rows: it has no axes", t.shape)
	}
	return t.Slice(fmt.Sprint(index))
}

// MustRow is [Tensor.Row]; it panics on an error.
func (t *Tensor) MustRow(index int) *Tensor { return must(t.Row(index)) }

// MustReshaped is [Tensor.Reshaped]; it panics on an error.
func (t *Tensor) MustReshaped(dimensions ...int) *Tensor { return must(t.Reshaped(dimensions...)) }
