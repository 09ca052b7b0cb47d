package live

import (
	"fmt"
	"math"
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
)

// bits are x as whole numbers, for keys.
func bits(x float64) []int { return []int{int(math.Float64bits(x))} }

// Reshape returns the elements of x, in their order, with other dimensions; one of them may be -1 and is what is left: [graph.Reshape].
func (x *Array) Reshape(dims ...int) *Array { return x.over(graph.Reshape, dims) }

// Flatten returns the elements of x in a row.
func (x *Array) Flatten() *Array {
	if x = x.check(); x.err == nil && x.shape.Rank() == 1 {
		return x
	}
	return x.Reshape(x.Size())
}

// Transpose returns x with its axes in another order, each given once; in opposite order if none are given: [graph.TransposeAllAxes].
func (x *Array) Transpose(axes ...int) *Array {
	x = x.check()
	if len(axes) == 0 {
		for a := x.Rank() - 1; a >= 0; a-- {
			axes = append(axes, a)
		}
	}
	return x.over(graph.TransposeAllAxes, axes)
}

// T returns x with its axes in opposite order: of a matrix, its transpose.
func (x *Array) T() *Array { return x.Transpose() }

// Squeeze returns x without the given axes, which are of size 1; without all such axes if none are given: [graph.Squeeze].
func (x *Array) Squeeze(axes ...int) *Array { return x.over(graph.Squeeze, axes) }

// ExpandDims returns x with new axes of size 1, at the given places of the result: [graph.ExpandAxes].
func (x *Array) ExpandDims(axes ...int) *Array { return x.over(graph.ExpandAxes, axes) }

// BroadcastTo returns x repeated along axes of size 1, and along new leading ones, as NumPy's broadcast_to does.
func (x *Array) BroadcastTo(dims ...int) *Array {
	return x.over(graph.BroadcastToDims, dims)
}

// Tile returns x repeated as a whole, times[i] times along axis i: [graph.Tile].
func (x *Array) Tile(times ...int) *Array { return x.over(graph.Tile, times) }

// Repeat returns x with each of its elements repeated along an axis: [graph.Repeat].
func (x *Array) Repeat(times, axis int) *Array {
	x = x.check()
	return x.session.record(func(x *graph.Node) *graph.Node { return graph.Repeat(x, times, axis) }, []int{times, axis}, "", x)
}

// Roll returns x moved by n places along an axis, what leaves it at one end coming back at the other: [graph.Roll].
func (x *Array) Roll(n, axis int) *Array {
	x = x.check()
	return x.session.record(func(x *graph.Node) *graph.Node { return graph.Roll(x, n, axis) }, []int{n, axis}, "", x)
}

// Flip returns x with its elements in opposite order along the given axes, all axes if none are given: [graph.Reverse].
func (x *Array) Flip(axes ...int) *Array { return x.over(graph.Reverse, axes) }

// Pad returns x with value around it: before and after its elements along axis i as many as widths[i] says. Axes without widths stay as they
// are. value is a number of Go.
func (x *Array) Pad(value any, widths ...[2]int) *Array {
	x = x.check()
	var args []int
	axes := make([]graph.PadAxis, len(widths))
	for i, w := range widths {
		if w[0] < 0 || w[1] < 0 {
			return failed(x.session, "axis %d is padded by %d and %d elements: want no negative number (cut with Slice)", i, w[0], w[1])
		}
		args = append(args, w[0], w[1])
		axes[i] = graph.PadAxis{Start: w[0], End: w[1]}
	}
	return x.session.record(func(x, value *graph.Node) *graph.Node { return graph.Pad(x, value, axes...) }, args, "", x, x.session.operand(x, value))
}

// ConvertDType returns the elements of x in another dtype: [graph.ConvertDType].
func (x *Array) ConvertDType(dtype dtypes.DType) *Array {
	x = x.check()
	if x.err == nil && x.shape.DType == dtype {
		return x
	}
	return x.session.record(func(x *graph.Node) *graph.Node { return graph.ConvertDType(x, dtype) }, []int{int(dtype)}, "", x)
}

// Bitcast returns the memory of x's elements read as another dtype: [graph.Bitcast].
func (x *Array) Bitcast(dtype dtypes.DType) *Array {
	x = x.check()
	return x.session.record(func(x *graph.Node) *graph.Node { return graph.Bitcast(x, dtype) }, []int{int(dtype)}, "", x)
}

// ZerosLike returns zeros of the shape and dtype of x.
func (x *Array) ZerosLike() *Array { return x.one(graph.ZerosLike) }

// WithAxisNames names the axes of x, one name per axis: [graph.Node.WithAxisNames].
func (x *Array) WithAxisNames(names ...string) *Array {
	x = x.check()
	return x.session.record(func(x *graph.Node) *graph.Node { return x.WithAxisNames(names...) }, nil, fmt.Sprintf("%q", names), x)
}

// Concatenate returns arrays, or what [Of] takes, one after the other along an axis: [graph.Concatenate].
func Concatenate(axis int, xs ...any) *Array {
	return joined(xs, []int{axis}, func(in []*graph.Node) *graph.Node { return graph.Concatenate(in, axis) })
}

// Stack returns arrays of one shape, or what [Of] takes, along a new axis: [graph.Stack].
func Stack(axis int, xs ...any) *Array {
	return joined(xs, []int{axis}, func(in []*graph.Node) *graph.Node { return graph.Stack(in, axis) })
}

// joined records a function of any number of arrays. What is no array takes the dtype of the first that is one.
func joined(xs []any, args []int, fn func(in []*graph.Node) *graph.Node) *Array {
	s := sessionOf(xs)
	if len(xs) == 0 {
		return &Array{session: s, err: here(errNoArrays)}
	}
	var first *Array
	if i := slices.IndexFunc(xs, func(x any) bool { a, ok := x.(*Array); return ok && a.check().err == nil }); i >= 0 {
		first = xs[i].(*Array)
	}
	in := make([]*Array, len(xs))
	for i, x := range xs {
		in[i] = s.operand(first, x)
	}
	return s.record(fn, args, "", in...)
}

// Split returns x cut into n equal parts along an axis, which stays: [graph.Split]. If that cannot be, it is one array with the error.
func (x *Array) Split(n, axis int) []*Array {
	return Call(func(x *graph.Node) []*graph.Node { return graph.Split(x, axis, n) }, x.check())
}

// MatMul returns the matrix product of x and y as NumPy's matmul does: [graph.MatMul]. y is an array, a tensor or a slice of Go.
func (x *Array) MatMul(y any) *Array { return x.two(graph.MatMul, y) }

// Outer returns the products of all elements of x with all of y, both of one axis: [graph.Outer].
func (x *Array) Outer(y any) *Array { return x.two(graph.Outer, y) }

// AddMM returns alpha·(a · b) + beta·x, with the matrix product of a and b.
func (x *Array) AddMM(a, b *Array, alpha, beta float64) *Array {
	return a.MatMul(b).Mul(alpha).Add(x.Mul(beta))
}

// Einsum returns a sum of products of arrays by an equation such as "ij,jk->ik": [graph.Einsum].
func Einsum(equation string, xs ...any) *Array {
	s := sessionOf(xs)
	if len(xs) == 0 {
		return &Array{session: s, err: here(errNoArrays)}
	}
	in := make([]*Array, len(xs))
	for i, x := range xs {
		in[i] = s.operand(nil, x)
	}
	return s.record(func(in []*graph.Node) *graph.Node { return graph.Einsum(equation, in...) }, nil, equation, in...)
}
