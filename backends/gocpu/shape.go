package gocpu

import (
	"slices"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
)

func init() {
	for _, op := range []*ir.Op{ops.Squeeze, ops.ExpandAxes} {
		lowerings[op] = viewOf
	}
	lowerings[ops.Broadcast] = broadcast
	lowerings[ops.Transpose] = transpose
	lowerings[ops.Reverse] = reverse
	lowerings[ops.Slice] = slice
	lowerings[ops.Pad] = pad
	lowerings[ops.Concatenate] = concatenate
	lowerings[ops.Iota] = counting
}

func moves(k *call, zero bool, m ...kernels.Move) kernels.Func {
	return kernels.Moves(k.out[0].DType.Size(), zero, m...)
}

func broadcast(k *call) kernels.Func {
	in, out := k.in[0], k.out[0]
	if in.Size() == out.Size() {
		return viewOf(k)
	}
	if in.Size() == 1 {
		return kernels.Repeat(in.DType.Size())
	}
	src, skip := make([]int, out.Rank()), out.Rank()-in.Rank()
	for i, s := range in.Strides() {
		if in.Dimensions[i] != 1 {
			src[skip+i] = s
		}
	}
	return moves(k, false, kernels.Move{Dims: out.Dimensions, Src: src, Dst: out.Strides()})
}

func transpose(k *call) kernels.Func {
	perm, strides := k.attrs.(ir.TransposeAttrs).Perm, k.in[0].Strides()
	var order []int // without axes of size 1 it may be the same
	src := make([]int, len(perm))
	for i, p := range perm {
		src[i] = strides[p]
		if k.in[0].Dimensions[p] != 1 {
			order = append(order, p)
		}
	}
	if slices.IsSorted(order) {
		return viewOf(k)
	}
	return moves(k, false, kernels.Move{Dims: k.out[0].Dimensions, Src: src, Dst: k.out[0].Strides()})
}

func reverse(k *call) kernels.Func {
	m := kernels.Move{Dims: k.out[0].Dimensions, Src: k.in[0].Strides(), Dst: k.out[0].Strides()}
	for _, ax := range k.attrs.(ir.AxesAttrs).Axes {
		m.From += (m.Dims[ax] - 1) * m.Src[ax]
		m.Src[ax] = -m.Src[ax]
	}
	return moves(k, false, m)
}

func slice(k *call) kernels.Func {
	if k.in[0].Size() == k.out[0].Size() {
		return viewOf(k)
	}
	a := k.attrs.(ir.SliceAttrs)
	if k.soon && k.findPart(a) {
		return nil
	}
	m := kernels.Move{Dims: k.out[0].Dimensions, Src: k.in[0].Strides(), Dst: k.out[0].Strides()}
	for i := range m.Src {
		m.From += a.Start[i] * m.Src[i]
		m.Src[i] *= a.Stride[i]
	}
	return moves(k, false, m)
}

// pad fills the result with the second operand and puts the first one's elements, or what negative numbers
// leave of them, in their places.
func pad(k *call) kernels.Func {
	axes := k.attrs.(ir.PadAttrs).Axes
	in, out := k.in[0], k.out[0]
	m := placed(in, out, func(i int) (start, step int) { return axes[i].Start, axes[i].Interior + 1 })
	fill, place := kernels.Repeat(in.DType.Size()), moves(k, false, m)
	return func(a *kernels.Args) {
		a.In[0], a.In[1] = a.In[1], a.In[0]
		fill(a)
		a.In[0], a.In[1] = a.In[1], a.In[0]
		place(a)
	}
}

// placed returns the copy of those elements of in that lie within out when, along axis i, they are put at
// start, start+step and so on.
func placed(in, out shapes.Shape, at func(i int) (start, step int)) kernels.Move {
	m := kernels.Move{Dims: slices.Clone(in.Dimensions), Src: in.Strides(), Dst: out.Strides()}
	for i, d := range in.Dimensions {
		start, step := at(i)
		first := 0 // the first element at or after 0
		if start < 0 {
			first = (-start + step - 1) / step
		}
		end := d // after the last one before the end
		if room := out.Dimensions[i] - start; room <= 0 {
			end = 0
		} else {
			end = min(d, (room+step-1)/step)
		}
		m.Dims[i] = max(0, end-first)
		m.From += first * m.Src[i]
		m.To += (start + first*step) * m.Dst[i]
		m.Dst[i] *= step
	}
	return m
}

func concatenate(k *call) kernels.Func { return concatenateSome(k, nil) }

// concatenateSome is concatenate for those operands that some says, nil for all: others lie in their places.
func concatenateSome(k *call, some []bool) kernels.Func {
	axis, at := k.attrs.(ir.AxisAttrs).Axis, 0
	var list []kernels.Move
	for i, in := range k.in {
		m := kernels.Move{Dims: in.Dimensions, Src: in.Strides(), Dst: k.out[0].Strides(), Operand: i}
		m.To = at * m.Dst[axis]
		at += in.Dimensions[axis]
		if some == nil || some[i] {
			list = append(list, m)
		}
	}
	return moves(k, false, list...)
}

// counting counts once, when the program is compiled; a run copies numbers. Along the last axis each row is a copy
// of the first one, along others each number is repeated.
func counting(k *call) kernels.Func {
	a, out := k.attrs.(ir.IotaAttrs), k.out[0]
	n, size := out.Dimensions[a.Axis], out.DType.Size()
	if n > 1<<24 {
		return nil
	}
	counts := aligned(n * 8)
	numbers := kernels.Of[int64](counts)
	for i := range numbers {
		numbers[i] = int64(i)
	}
	convert, ok := kernels.ConvertOf(dtypes.Int64, out.DType)
	if !ok {
		return nil
	}
	row := aligned(n * size)
	kernels.Unary(convert, n)(&kernels.Args{In: [][]byte{counts}, Out: [][]byte{row}, Workers: 1})
	src := make([]int, out.Rank())
	src[a.Axis] = 1
	copies := moves(k, false, kernels.Move{Dims: out.Dimensions, Src: src, Dst: out.Strides()})
	return func(a *kernels.Args) {
		a.In = append(a.In, row)
		copies(a)
		a.In = a.In[:0]
	}
}
