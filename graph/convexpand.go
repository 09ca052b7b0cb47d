package graph

import (
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
)

// expandConv writes a convolution as a sum over the places of the kernel: at each, the elements of x that
// meet it are a strided slice, and a matrix product over the channels does the rest. Groups are a batch
// axis of that product.
func expandConv(attrs any, in []*Node) []*Node {
	a := attrs.(ir.ConvAttrs)
	n, d := len(a.Strides), in[0].DType()
	shape, err := convRule(a, inShapes(in))
	if err != nil {
		in[0].graph.fail(convGeneral.Name, inShapes(in), err)
	}
	x := transposeTo(withoutNames(in[0]), slices.Concat([]int{a.Axes.InputBatch}, a.Axes.InputSpatial, []int{a.Axes.InputChannels}))
	k := transposeTo(withoutNames(in[1]), slices.Concat(a.Axes.KernelSpatial, []int{a.Axes.KernelInputChannels, a.Axes.KernelOutputChannels}))
	if d.IsHalf() {
		x, k = ConvertDType(x, dtypes.Float32), ConvertDType(k, dtypes.Float32)
	}
	pads := make([]ir.PadAxis, n+2)
	for i, p := range a.Paddings {
		pads[i+1] = ir.PadAxis{Start: p[0], End: p[1], Interior: a.InputDilations[i] - 1}
	}
	x = Pad(x, ScalarZero(x.graph, x.DType()), pads...) // [N, P…, C]
	batch, channels := x.Dim(0), k.Dim(-2)
	groups := max(a.ChannelGroups, a.BatchGroups)
	groupAxis := 0 // of x with the groups as an axis of their own
	if a.ChannelGroups > 1 {
		groupAxis = n + 1
	}
	out := make([]int, n)
	for i, axis := range a.Axes.OutputSpatial {
		out[i] = shape.Dimensions[axis]
	}
	window, tap := k.Shape().Dimensions[:n], make([]int, n)
	var sum *Node
	for t := range product(window) {
		unravel(t, window, tap)
		part, place := fullSlice(x.Shape()), fullSlice(k.Shape())
		for i := range n {
			part.Start[i+1], part.Stride[i+1] = tap[i]*a.KernelDilations[i], a.Strides[i]
			part.Limit[i+1] = part.Start[i+1] + dilated(out[i], a.Strides[i])
			place.Start[i], place.Limit[i] = tap[i], tap[i]+1
		}
		var dims []int // [G, N/G, O…, C] or [N, O…, G, C/G]
		if groupAxis == 0 {
			dims = slices.Concat([]int{groups, batch / groups}, out, []int{channels})
		} else {
			dims = slices.Concat([]int{batch}, out, []int{groups, channels})
		}
		xt := Reshape(Apply(slice, part, x), dims...)
		kt := Reshape(Apply(slice, place, k), channels, groups, k.Dim(-1)/groups)
		y := DotGeneral(xt, []int{n + 2}, []int{groupAxis}, kt, []int{0}, []int{1}) // [G, N, O…, C']
		if sum == nil {
			sum = y
		} else {
			sum = Add(sum, y)
		}
	}
	y := transposeTo(sum, slices.Concat(axesFrom(1, n+1), []int{0, n + 2})) // [N, O…, G, C']
	y = Reshape(y, slices.Concat([]int{y.Dim(0)}, out, []int{k.Dim(-1)})...)
	order := slices.Concat([]int{a.Axes.OutputBatch}, a.Axes.OutputSpatial, []int{a.Axes.OutputChannels})
	return []*Node{nameLike(ConvertDType(transposeTo(y, inverse(order)), d), shape)}
}

// expandWindow writes a reduction of windows as one of slices, one for each place in the window.
func expandWindow(attrs any, in []*Node) []*Node {
	a, x := attrs.(ir.WindowAttrs), withoutNames(in[0])
	g, d := x.graph, x.DType()
	windows, err := windowRule(a, inShapes(in))
	if err != nil {
		g.fail(reduceWindow.Name, inShapes(in), err)
	}
	if d.IsHalf() && a.Kind == ir.WindowSum {
		x = ConvertDType(x, dtypes.Float32)
	}
	fill, reduce := ScalarZero(g, x.DType()), Add
	switch a.Kind {
	case ir.WindowMax:
		fill, reduce = Infinity(g, x.DType(), -1), Max
	case ir.WindowMin:
		fill, reduce = Infinity(g, x.DType(), 1), Min
	}
	padded := padded(a, x, fill)
	var y *Node
	taps(a, windows, func(_ int, _ []int, s ir.SliceAttrs) {
		if v := Apply(slice, s, padded); y == nil {
			y = v
		} else {
			y = reduce(y, v)
		}
	})
	return []*Node{nameLike(ConvertDType(y, d), windows)}
}
