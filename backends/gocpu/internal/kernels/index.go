package kernels

import (
	"math"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/indexed"
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

// readInts reads elements at, at+step and so on, as indexOf's functions do.
func readInts[T Integer](into []int64, b []byte, at, step int) {
	x := Of[T](b)
	for i := range into {
		into[i] = int64(x[at])
		at += step
	}
}

// indexBlock is how many vectors of indices are read at a time.
const indexBlock = 256

// vectors reads vectors of indices, each of which points at a row, the elements of the trailing axes of an operand.
type vectors struct {
	dtype   dtypes.DType
	dims    []int // of the leading axes, over which the indices run
	strides []int // in rows
}

// newVectors returns the vectors over leading axes with such strides, in the unit in which a row has size.
func newVectors(d dtypes.DType, dims, strides []int, size int) *vectors {
	v := &vectors{d, dims, make([]int, len(dims))}
	for i, s := range strides {
		v.strides[i] = s / max(1, size)
	}
	return v
}

// read reads number axis of the vectors from number n on.
func (v *vectors) read(into []int64, b []byte, n, axis int) {
	at, step := n*len(v.dims)+axis, len(v.dims)
	switch v.dtype {
	case dtypes.Int8:
		readInts[int8](into, b, at, step)
	case dtypes.Int16:
		readInts[int16](into, b, at, step)
	case dtypes.Int32:
		readInts[int32](into, b, at, step)
	case dtypes.Int64:
		readInts[int64](into, b, at, step)
	case dtypes.Uint8:
		readInts[uint8](into, b, at, step)
	case dtypes.Uint16:
		readInts[uint16](into, b, at, step)
	case dtypes.Uint32:
		readInts[uint32](into, b, at, step)
	case dtypes.Uint64:
		x := Of[uint64](b)
		for i := range into {
			into[i] = int64(min(x[at], math.MaxInt64))
			at += step
		}
	}
}

// clamped writes the rows that the vectors from number n on point at, with indices clamped into the dims.
func (v *vectors) clamped(rows []int, b []byte, n int) {
	var near [indexBlock]int64
	clear(rows)
	for axis, d := range v.dims {
		indices, last, stride := near[:len(rows)], int64(d)-1, v.strides[axis]
		v.read(indices, b, n, axis)
		for i, x := range indices {
			rows[i] += int(max(0, min(x, last))) * stride
		}
	}
}

// outside is the number of a row that is none. With any that is added it stays below 0.
const outside = math.MinInt / 2

// within writes the rows that the vectors from number n on point at, below 0 for those that point outside of the dims.
func (v *vectors) within(rows []int, b []byte, n int) {
	var near [indexBlock]int64
	clear(rows)
	for axis, d := range v.dims {
		indices, stride := near[:len(rows)], v.strides[axis]
		v.read(indices, b, n, axis)
		for i, x := range indices {
			if x < 0 || x >= int64(d) {
				rows[i] = outside
				continue
			}
			rows[i] += int(x) * stride
		}
	}
}

// Gather returns the kernel that takes rows of the operand, each of rest bytes, at n vectors of indices over
// its leading axes; strides are in bytes. It may use the instructions of a tier.
func Gather(tier cpu.Tier, d dtypes.DType, dims, strides []int, n, rest int) Func {
	v := newVectors(d, dims, strides, rest)
	if f := v.elements(tier, n, rest); f != nil {
		return f
	}
	body := func(a *Args, _, lo, hi int) {
		var near [indexBlock]int
		for ; lo < hi; lo += indexBlock {
			rows := near[:min(indexBlock, hi-lo)]
			v.clamped(rows, a.In[1], lo)
			takeRows(a.Out[0][lo*rest:], a.In[0], rows, rest)
		}
	}
	grain := max(1, 1<<16/(rest+16))
	return func(a *Args) { a.For(n, grain, body) }
}

// elements returns the kernel of a gather of single elements, whose indices package indexed reads; nil for others.
func (v *vectors) elements(tier cpu.Tier, n, size int) Func {
	if len(v.dims) != 1 || v.dims[0] == 0 || v.strides[0] != 1 || !indexed.Native(tier, v.dims[0]) {
		return nil
	}
	switch {
	case v.dtype == dtypes.Int32 && size == 4:
		return takeElements[uint32, int32](tier, n)
	case v.dtype == dtypes.Int32 && size == 8:
		return takeElements[uint64, int32](tier, n)
	case v.dtype == dtypes.Int64 && size == 4:
		return takeElements[uint32, int64](tier, n)
	case v.dtype == dtypes.Int64 && size == 8:
		return takeElements[uint64, int64](tier, n)
	}
	return nil
}

func takeElements[E indexed.Element, I indexed.Index](tier cpu.Tier, n int) Func {
	body := func(a *Args, _, lo, hi int) {
		indexed.Take(tier, Of[E](a.Out[0])[lo:hi], Of[E](a.In[0]), Of[I](a.In[1])[lo:hi])
	}
	return func(a *Args) { a.For(n, 1<<13, body) }
}

// ScatterAdd returns the kernel of a [Scatter] that adds single floats along one axis of size elements, in the instructions of a
// tier; nil for other indices or where it has none.
func ScatterAdd[T indexed.Float](tier cpu.Tier, d dtypes.DType, size, n int) Func {
	switch {
	case !indexed.Native(tier, size) || size == 0:
		return nil
	case d == dtypes.Int32:
		return addElements[T, int32](tier, n)
	case d == dtypes.Int64:
		return addElements[T, int64](tier, n)
	}
	return nil
}

func addElements[T indexed.Float, I indexed.Index](tier cpu.Tier, n int) Func {
	body := func(a *Args, _, lo, hi int) {
		indexed.Add(tier, Of[T](a.Out[0]), Of[T](a.In[2])[lo:hi], Of[I](a.In[1])[lo:hi])
	}
	return func(a *Args) {
		Copy(a)
		a.InOrder(n, 1<<16, body)
	}
}

// takeRows copies rows of x, of size bytes, to z.
func takeRows(z, x []byte, rows []int, size int) {
	switch size {
	case 1:
		take(Of[uint8](z), Of[uint8](x), rows)
	case 2:
		take(Of[uint16](z), Of[uint16](x), rows)
	case 4:
		take(Of[uint32](z), Of[uint32](x), rows)
	case 8:
		take(Of[uint64](z), Of[uint64](x), rows)
	default:
		for i, r := range rows {
			copy(z[i*size:(i+1)*size], x[r*size:(r+1)*size])
		}
	}
}

func take[T any](z, x []T, rows []int) {
	z = z[:len(rows)]
	for i, r := range rows {
		z[i] = x[r]
	}
}

// Put takes updates, rows of so many elements, into rows of z, in order; those below 0 are none.
type Put[T any] func(z, updates []T, rows []int, size int)

// Scatter returns the kernel that puts n rows of updates, each of rest elements, into the first operand, where vectors of
// indices point, and its scratch memory; updates that point outside are dropped. They are taken in order.
func Scatter[T any](d dtypes.DType, dims, strides []int, n, rest int, put Put[T]) (Func, int) {
	v := newVectors(d, dims, strides, rest)
	body := func(a *Args, _, lo, hi int) {
		z, updates := Of[T](a.Out[0]), Of[T](a.In[2])
		for ; lo < hi; lo += indexBlock {
			rows := Of[int](a.Scratch)[:min(indexBlock, hi-lo)]
			v.within(rows, a.In[1], lo)
			put(z, updates[lo*rest:], rows, rest)
		}
	}
	grain := max(1, 1<<16/max(1, rest))
	return func(a *Args) {
		Copy(a)
		a.InOrder(n, grain, body)
	}, indexBlock * sizeOf[int]()
}

// AddRows adds updates to what is there.
func AddRows[T Number](z, updates []T, rows []int, size int) {
	if size == 1 {
		updates = updates[:len(rows)]
		for i, r := range rows {
			if r >= 0 {
				z[r] += updates[i]
			}
		}
		return
	}
	for i, r := range rows {
		if r < 0 {
			continue
		}
		old := z[r*size:][:size]
		for k, u := range updates[i*size:][:size] {
			old[k] += u
		}
	}
}

// MaxRows keeps the larger ones, or NaN.
func MaxRows[T Real](z, updates []T, rows []int, size int) {
	for i, r := range rows {
		if r < 0 {
			continue
		}
		old := z[r*size:][:size]
		for k, u := range updates[i*size:][:size] {
			old[k] = max(old[k], u)
		}
	}
}

// MinRows keeps the smaller ones, or NaN.
func MinRows[T Real](z, updates []T, rows []int, size int) {
	for i, r := range rows {
		if r < 0 {
			continue
		}
		old := z[r*size:][:size]
		for k, u := range updates[i*size:][:size] {
			old[k] = min(old[k], u)
		}
	}
}

// CopyRows replaces what is there.
func CopyRows[T any](z, updates []T, rows []int, size int) {
	if size == 1 {
		updates = updates[:len(rows)]
		for i, r := range rows {
			if r >= 0 {
				z[r] = updates[i]
			}
		}
		return
	}
	for i, r := range rows {
		if r >= 0 {
			copy(z[r*size:][:size], updates[i*size:])
		}
	}
}

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

// Starts returns the function that tells how many bytes behind its operand a dynamic slice begins, see [DynamicSlice].
func Starts(d dtypes.DType, size int, dims, part, strides []int) func(a *Args) int {
	offset := starts(d, dims, part, strides, 1)
	return func(a *Args) int { return offset(a) * size }
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
