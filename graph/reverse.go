package graph

import (
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Reverse returns x with its elements in opposite order along the given axes, all axes if none are given.
// Negative axes count from the end. Shape, dtype and names are x's.
//
//	y[…, i, …] = x[…, n-1-i, …]
func Reverse(x *Node, axes ...int) *Node {
	return Apply(reverse, ir.AxesAttrs{Axes: adjust("Reverse", x, axes)}, x)
}

var reverse *ir.Op

func init() {
	reverse = Define(ir.Op{
		Name: "Reverse", Family: "shape", Layout: ir.Permutation, Simplify: simplerReverse, Doc: "y[…, i, …] = x[…, n-1-i, …] along the axes", DTypes: dtypes.Any | dtypes.Storage, Attrs: ir.AxesAttrs{}, HLO: "stablehlo.reverse",
		Infer: func(attrs any, in []shapes.Shape) (shapes.Shape, error) {
			return in[0], checkAxes("axes", attrs.(ir.AxesAttrs).Axes, in[0].Rank())
		},
		Ref: moveRef(func(attrs any, out, in []*tensors.Tensor) func(int) int {
			axes := attrs.(ir.AxesAttrs).Axes
			return indexMap(out[0].Shape(), in[0].Shape(), func(to, from []int) bool {
				copy(from, to)
				for _, a := range axes {
					from[a] = in[0].Shape().Dimensions[a] - 1 - to[a]
				}
				return true
			})
		}),
		Samples: []ir.Sample{
			{In: []ir.Input{ir.Ramp(4)}, Attrs: ir.AxesAttrs{Axes: []int{0}}},
			{Name: "last axis", In: []ir.Input{ir.Array([]int{2, 3}, 1, 2, 3, 4, 5, 6)}, Attrs: ir.AxesAttrs{Axes: []int{1}}, DTypes: dtypes.Reals, Want: []float64{3, 2, 1, 6, 5, 4}},
			{Name: "first axis", In: []ir.Input{ir.Ramp(3, 2)}, Attrs: ir.AxesAttrs{Axes: []int{0}}},
			{Name: "two of three", In: []ir.Input{ir.Ramp(2, 3, 2)}, Attrs: ir.AxesAttrs{Axes: []int{0, 2}}},
			{Name: "none", In: []ir.Input{ir.ScalarValue(1.5)}, Attrs: ir.AxesAttrs{Axes: nil}},
			{Name: "empty", In: []ir.Input{ir.Ramp(0, 2)}, Attrs: ir.AxesAttrs{Axes: []int{0, 1}}},
		},
	}, Rule{
		VJP: func(y, dy *Node) []*Node { return []*Node{Apply(reverse, y.Attrs(), dy)} },
	})
}
