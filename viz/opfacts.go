package viz

import (
	"fmt"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// What views ask of an op, and rows of ops do not say themselves: the one file of this package that knows ops by their names.

// isLayout reports whether an op only rearranges values, so that a constant stays as easy to say.
func isLayout(op *graph.Op) bool {
	switch op.Name {
	case "BroadcastToShape", "BroadcastInDim", "Broadcast", "Reshape", "ConvertDType", "ExpandAxes", "Squeeze", "Identity":
		return true
	}
	return false
}

// costOf returns the number of floating-point operations of an op, a multiplication and an addition counting
// one each:
//
//	products and convolutions   2 · size of the result · length of the inner sum
//	reductions, sorting         size of the operand
//	windows of a pool           size of the smaller side · size of the window
//	softmax                     5 · size of the result
//	element by element          size of the result, whatever the function
//	moving values around        0
func costOf(op *graph.Op, attrs any, in, out []shapes.Shape) int64 {
	if op == nil || len(out) == 0 || !out[0].Ok() {
		return 0
	}
	size := int64(out[0].Size())
	switch op.Name {
	case "MatMul", "Dot", "DotGeneral":
		return 2 * size * innerLength(attrs, in)
	case "Einsum":
		return einsumFlops(attrs, in)
	case "ConvGeneral":
		if len(in) >= 2 && in[1].Rank() > 0 {
			return 2 * size * kernelLength(attrs, in[1])
		}
	case "LogSoftmax", "MaskedLogSoftmax", "MaskedSoftmax", "Softmax":
		return 5 * size // maximum, difference, exponential, sum, quotient
	}
	switch op.Family {
	case "shape", "constants", "control", "gradient", "select", "random", "index":
		return 0
	case "reduce", "sort":
		if len(in) > 0 {
			return int64(in[0].Size())
		}
	case "pool":
		if w, ok := attrs.(graph.WindowAttrs); ok && len(in) > 0 {
			return min(size, int64(in[0].Size())) * int64(product(w.Window))
		}
	}
	if len(in) == 0 {
		return 0
	}
	return size
}

// innerLength returns the number of products that are summed per element of a dot product.
func innerLength(attrs any, in []shapes.Shape) int64 {
	if len(in) < 2 || in[0].Rank() == 0 {
		return 1
	}
	if d, ok := attrs.(ir.DotAttrs); ok {
		k := 1
		for _, a := range d.LhsContract {
			k *= in[0].Dim(a)
		}
		return int64(k)
	}
	return int64(in[0].Dim(-1))
}

// kernelLength returns the number of products per element of a convolution: the kernel's elements per
// output channel.
func kernelLength(attrs any, kernel shapes.Shape) int64 {
	channels := kernel.Dim(-1)
	if c, ok := attrs.(ir.ConvAttrs); ok {
		channels = kernel.Dim(c.Axes.KernelOutputChannels)
	}
	return int64(kernel.Size() / max(channels, 1))
}

func product(v []int) int {
	p := 1
	for _, x := range v {
		p *= x
	}
	return p
}

// einsumFlops counts a sum of products as one loop over all its axes: 2 per turn for two operands, n for n.
func einsumFlops(attrs any, in []shapes.Shape) int64 {
	a, ok := attrs.(ir.EinsumAttrs)
	if !ok {
		return 0
	}
	left, _, _ := strings.Cut(strings.ReplaceAll(a.Equation, " ", ""), "->")
	sizes := map[string]int{}
	for i, term := range strings.Split(left, ",") {
		if i >= len(in) {
			return 0
		}
		for axis, name := range axisNames(term, in[i].Rank()) {
			sizes[name] = max(sizes[name], in[i].Dimensions[axis])
		}
	}
	turns := int64(1)
	for _, n := range sizes {
		turns *= int64(n)
	}
	return turns * int64(max(2, len(in)))
}

// axisNames returns a name per axis of one term of an equation: its letter, or, of the axes that an ellipsis
// stands for, the place counted from the last of them, where they line up.
func axisNames(term string, rank int) []string {
	before, after, dots := strings.Cut(term, "...")
	names := strings.Split(before, "")
	if dots {
		for k := rank - len(before) - len(after); k > 0; k-- {
			names = append(names, fmt.Sprintf("...%d", k))
		}
		names = append(names, strings.Split(after, "")...)
	}
	return names[:min(len(names), rank)]
}
