package kernels

import (
	"math"

	"github.com/quire-ml/quire/graph/dtypes"
)

// index reads the element i of indices of any integer dtype; what is too large for an int64 is its largest.
type index func(b []byte, i int) int64

func indexOf(d dtypes.DType) index {
	switch d {
	case dtypes.Int8:
		return readInt[int8]
	case dtypes.Int16:
		return readInt[int16]
	case dtypes.Int32:
		return readInt[int32]
	case dtypes.Int64:
		return readInt[int64]
	case dtypes.Uint8:
		return readInt[uint8]
	case dtypes.Uint16:
		return readInt[uint16]
	case dtypes.Uint32:
		return readInt[uint32]
	}
	return func(b []byte, i int) int64 { return int64(min(Of[uint64](b)[i], math.MaxInt64)) }
}

func readInt[T Integer](b []byte, i int) int64 { return int64(Of[T](b)[i]) }

// vectors reads vectors of indices, each of which points at an element of the leading axes of an operand.
type vectors struct {
	read    index
	dims    []int // that the indices run over
	strides []int
}

// at returns the offset that vector n points at, clamped into the dims, and whether it lay within them.
func (v *vectors) at(b []byte, n int) (offset int, inside bool) {
	inside = true
	for a, d := range v.dims {
		i := v.read(b, n*len(v.dims)+a)
		if i < 0 || i >= int64(d) {
			inside = false
			i = max(0, min(i, int64(d)-1))
		}
		offset += int(i) * v.strides[a]
	}
	return offset, inside
}

func newVectors(d dtypes.DType, dims, strides []int) *vectors {
	return &vectors{indexOf(d), dims, strides}
}

// Gather returns the kernel that takes rows of the operand, each of rest bytes, at n vectors of indices over
// its leading axes; strides are in bytes.
func Gather(d dtypes.DType, dims, strides []int, n, rest int) Func {
	v := newVectors(d, dims, strides)
	body := func(a *Args, _, lo, hi int) {
		for i := lo; i < hi; i++ {
			from, _ := v.at(a.In[1], i)
			copy(a.Out[0][i*rest:(i+1)*rest], a.In[0][from:from+rest])
		}
	}
	grain := max(1, 1<<14/(rest+16))
	return func(a *Args) { a.For(n, grain, body) }
}

// Scatter returns the kernel that puts n rows of updates, each of rest elements, into the first operand by put,
// where vectors of indices point; those that point outside are dropped. Updates are taken in order.
func Scatter[T any](d dtypes.DType, dims, strides []int, n, rest int, put func(old, update []T)) Func {
	v := newVectors(d, dims, strides)
	body := func(a *Args, _, lo, hi int) {
		z, u := Of[T](a.Out[0]), Of[T](a.In[2])
		for i := lo; i < hi; i++ {
			if to, inside := v.at(a.In[1], i); inside {
				put(z[to:to+rest], u[i*rest:(i+1)*rest])
			}
		}
	}
	grain := max(1, 1<<14/max(1, rest))
	return func(a *Args) {
		Copy(a)
		a.InOrder(n, grain, body)
	}
}

// AddRow adds update to old.
func AddRow[T Number](old, update []T) {
	for i, u := range update {
		old[i] += u
	}
}

// MaxRow keeps the larger ones, or NaN.
func MaxRow[T Real](old, update []T) {
	for i, u := range update {
		old[i] = max(old[i], u)
	}
}

// MinRow keeps the smaller ones, or NaN.
func MinRow[T Real](old, update []T) {
	for i, u := range update {
		old[i] = min(old[i], u)
	}
}

// CopyRow replaces old.
func CopyRow[T any](old, update []T) { copy(old, update) }

// starts returns the function that computes, from scalar operands of dtype d from number first on, the offset
// of a part with dimensions part, moved to lie within dims.
func starts(d dtypes.DType, dims, part, strides []int, first int) func(a *Args) int {
	read := indexOf(d)
	return func(a *Args) (offset int) {
		for ax, n := range dims {
			offset += int(max(0, min(read(a.In[first+ax], 0), int64(n-part[ax])))) * strides[ax]
		}
		return offset
	}
}

// DynamicSlice returns the kernel that copies a part of the operand, with the given dimensions, that begins
// where scalar operands of dtype d say.
func DynamicSlice(d dtypes.DType, size int, dims, part, strides, to []int) Func {
	offset := starts(d, dims, part, strides, 1)
	move := Moves(size, false, Move{Dims: part, Src: strides, Dst: to})
	return func(a *Args) {
		a.From = offset(a)
		move(a)
		a.From = 0
	}
}

// DynamicUpdateSlice returns the kernel that copies the first operand and puts the second one into it.
func DynamicUpdateSlice(d dtypes.DType, size int, dims, part, strides, from []int) Func {
	offset := starts(d, dims, part, strides, 2)
	move := Moves(size, false, Move{Dims: part, Src: from, Dst: strides, Operand: 1})
	return func(a *Args) {
		Copy(a)
		a.To = offset(a)
		move(a)
		a.To = 0
	}
}

// OneHot returns the kernel that sets element x of each row of depth elements, which are size bytes, to one,
// given as bytes.
func OneHot(d dtypes.DType, n, depth int, one []byte) Func {
	read, size := indexOf(d), len(one)
	body := func(a *Args, _, lo, hi int) {
		z := a.Out[0][lo*depth*size : hi*depth*size]
		clear(z)
		for i := lo; i < hi; i++ {
			if x := read(a.In[0], i); x >= 0 && x < int64(depth) {
				copy(z[((i-lo)*depth+int(x))*size:], one)
			}
		}
	}
	grain := max(1, copyGrain/max(1, depth*size))
	return func(a *Args) { a.For(n, grain, body) }
}
