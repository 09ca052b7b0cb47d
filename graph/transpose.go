package graph

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Transpose returns x with two of its axes exchanged; their names go with them. Negative axes count from
// the end. It panics with [Error] if x has no such axis.
func Transpose(x *Node, axisA, axisB int) *Node {
	a, b := adjust1("Transpose", x, axisA), adjust1("Transpose", x, axisB)
	perm := axesFrom(0, x.Rank())
	perm[a], perm[b] = b, a
	return transposeTo(x, perm)
}

// TransposeAllAxes returns x with all axes reordered: axis i of the result is axis permutations[i] of x,
// and takes its name along.
//
//	y[i0, i1, …] = x[j…], where j[permutations[k]] = i[k]
//
// Each axis must be given once; negative ones count from the end. It panics with [Error] otherwise.
func TransposeAllAxes(x *Node, permutations ...int) *Node {
	need("TransposeAllAxes", x)
	if len(permutations) != x.Rank() {
		x.graph.fail("TransposeAllAxes", []shapes.Shape{x.Shape()}, fmt.Errorf("%d axes given for %d: name each once", len(permutations), x.Rank()))
	}
	return transposeTo(x, listOf("TransposeAllAxes", x, permutations))
}

var transpose *ir.Op

// transposeTo is TransposeAllAxes with axes counted from 0; nothing is added if nothing moves.
func transposeTo(x *Node, perm []int) *Node {
	if slices.IsSorted(perm) {
		return x
	}
	return Apply(transpose, ir.TransposeAttrs{Perm: perm}, x)
}

func init() {
	transpose = Define(ir.Op{
		Name: "Transpose", Family: "shape", Layout: ir.Permutation, Simplify: firstOf(simplerTranspose, viewTranspose, crossedTranspose), Doc: "y[i…] = x[j…], axis k of y being axis Perm[k] of x", DTypes: dtypes.Any | dtypes.Storage, Attrs: ir.TransposeAttrs{}, HLO: "stablehlo.transpose",
		Infer: func(attrs any, in []shapes.Shape) (shapes.Shape, error) {
			perm := attrs.(ir.TransposeAttrs).Perm
			if len(perm) != in[0].Rank() {
				return shapes.Shape{}, fmt.Errorf("%d axes given for %d", len(perm), in[0].Rank())
			}
			if err := checkAxes("permutation", perm, in[0].Rank()); err != nil {
				return shapes.Shape{}, err
			}
			return pick(in[0], perm), nil
		},
		Ref: moveRef(func(attrs any, out, in []*tensors.Tensor) func(int) int {
			perm := attrs.(ir.TransposeAttrs).Perm
			return indexMap(out[0].Shape(), in[0].Shape(), func(to, from []int) bool {
				for k, a := range perm {
					from[a] = to[k]
				}
				return true
			})
		}),
		Samples: []ir.Sample{
			{In: []ir.Input{ir.Ramp(2, 3)}, Attrs: ir.TransposeAttrs{Perm: []int{1, 0}}},
			{Name: "worked out", In: []ir.Input{ir.Array([]int{2, 3}, 1, 2, 3, 4, 5, 6)}, Attrs: ir.TransposeAttrs{Perm: []int{1, 0}}, DTypes: dtypes.Reals, Want: []float64{1, 4, 2, 5, 3, 6}},
			{Name: "three axes", In: []ir.Input{ir.Ramp(2, 3, 4)}, Attrs: ir.TransposeAttrs{Perm: []int{2, 0, 1}}},
			{Name: "outer two", In: []ir.Input{ir.Ramp(2, 3, 4)}, Attrs: ir.TransposeAttrs{Perm: []int{1, 0, 2}}},
			{Name: "four axes", In: []ir.Input{ir.Ramp(2, 3, 2, 2)}, Attrs: ir.TransposeAttrs{Perm: []int{0, 2, 3, 1}}},
			{Name: "empty", In: []ir.Input{ir.Ramp(0, 3)}, Attrs: ir.TransposeAttrs{Perm: []int{1, 0}}},
		},
	}, Rule{
		VJP: func(y, dy *Node) []*Node {
			return []*Node{transposeTo(dy, inverse(y.Attrs().(ir.TransposeAttrs).Perm))}
		},
	})
}
