package graph

import (
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Reverse returns x with its elements in opposite order along the given axes, all axes if none are given.
// Negative axes count from the end. Shape, dtype and names are x's.
//
//	y[…, i, …] = x[…, n-1-i, …]
func Reverse(x *Node, axes ...int) *Node {
	return Apply(reverse, AxesAttrs{adjust("Reverse", x, axes)}, x)
}

var reverse *Op

func init() {
	reverse = Define(Op{
		Name: "Reverse", Family: "shape", Doc: "y[…, i, …] = x[…, n-1-i, …] along the axes", DTypes: dtypes.Any, Attrs: AxesAttrs{}, HLO: "stablehlo.reverse",
		Infer: func(attrs any, in []shapes.Shape) (shapes.Shape, error) {
			return in[0], checkAxes("axes", attrs.(AxesAttrs).Axes, in[0].Rank())
		},
		Ref: moveRef(func(attrs any, out, in []*tensors.Tensor) func(int) int {
			axes := attrs.(AxesAttrs).Axes
			return indexMap(out[0].Shape(), in[0].Shape(), func(to, from []int) bool {
				copy(from, to)
				for _, a := range axes {
					from[a] = in[0].Shape().Dimensions[a] - 1 - to[a]
				}
				return true
			})
		}),
		VJP: func(y, dy *Node) []*Node { return []*Node{Apply(reverse, y.Attrs(), dy)} },
		Samples: []Sample{
			{In: []Input{Ramp(4)}, Attrs: AxesAttrs{[]int{0}}},
			{Name: "last axis", In: []Input{Array([]int{2, 3}, 1, 2, 3, 4, 5, 6)}, Attrs: AxesAttrs{[]int{1}}, DTypes: dtypes.Reals, Want: []float64{3, 2, 1, 6, 5, 4}},
			{Name: "first axis", In: []Input{Ramp(3, 2)}, Attrs: AxesAttrs{[]int{0}}},
			{Name: "two of three", In: []Input{Ramp(2, 3, 2)}, Attrs: AxesAttrs{[]int{0, 2}}},
			{Name: "none", In: []Input{ScalarValue(1.5)}, Attrs: AxesAttrs{nil}},
			{Name: "empty", In: []Input{Ramp(0, 2)}, Attrs: AxesAttrs{[]int{0, 1}}},
		},
	})
}
