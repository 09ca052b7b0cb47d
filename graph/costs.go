package graph

import (
	"math"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// What calls cost, for rows of which it is more than ir.Op.CostOf says. A multiplication and an addition count one
// operation each, and so does a function of an element.

// perOperandElement is the cost of ops that do n operations per element of their first operand.
func perOperandElement(n float64) func(any, []shapes.Shape, []shapes.Shape) ir.Cost {
	return func(_ any, in, out []shapes.Shape) ir.Cost {
		return ir.Cost{FLOPs: n * float64(in[0].Size()), Bytes: ir.Traffic(in, out)}
	}
}

// movesOnly is the cost of elementwise ops that choose among numbers and compute none.
func movesOnly(_ any, in, out []shapes.Shape) ir.Cost { return ir.Cost{Bytes: ir.Traffic(in, out)} }

// sumOfProducts is the cost of ops whose every result element is a sum of so many products.
func sumOfProducts(length func(attrs any, in []shapes.Shape) int) func(any, []shapes.Shape, []shapes.Shape) ir.Cost {
	return func(attrs any, in, out []shapes.Shape) ir.Cost {
		return ir.Cost{FLOPs: 2 * float64(out[0].Size()) * float64(length(attrs, in)), Bytes: ir.Traffic(in, out)}
	}
}

// overLastAxis is the length of the sums of products over the last axis of the first operand.
func overLastAxis(_ any, in []shapes.Shape) int {
	if in[0].Rank() == 0 {
		return 1
	}
	return in[0].Dim(-1)
}

// contracted is the length of DotGeneral's sums.
func contracted(attrs any, in []shapes.Shape) int {
	n := 1
	for _, axis := range attrs.(ir.DotAttrs).LhsContract {
		n *= in[0].Dimensions[axis]
	}
	return n
}

// perOutputChannel is the number of elements of a convolution's kernel per output channel.
func perOutputChannel(attrs any, in []shapes.Shape) int {
	return in[1].Size() / max(in[1].Dimensions[attrs.(ir.ConvAttrs).Axes.KernelOutputChannels], 1)
}

// einsumCost counts a sum of products as one loop over all its axes: a turn multiplies the operands and adds.
func einsumCost(attrs any, in, out []shapes.Shape) ir.Cost {
	c := ir.Cost{Bytes: ir.Traffic(in, out)}
	plan, err := planEinsum(attrs.(ir.EinsumAttrs), in)
	if err != nil {
		return c
	}
	turns := 1.0
	for _, n := range plan.sizes {
		turns *= float64(n)
	}
	c.FLOPs = turns * float64(max(2, len(in)))
	return c
}

// windowCost counts an operation per element of each window.
func windowCost(attrs any, in, out []shapes.Shape) ir.Cost {
	n := 1
	for _, w := range attrs.(ir.WindowAttrs).Window {
		n *= w
	}
	return ir.Cost{FLOPs: float64(n * min(in[0].Size(), out[0].Size())), Bytes: ir.Traffic(in, out)}
}

// fourierCost is the usual count for a transform of n complex elements, 5n·log₂n; half of it for real ones.
func fourierCost(perElement float64) func(any, []shapes.Shape, []shapes.Shape) ir.Cost {
	return func(attrs any, in, out []shapes.Shape) ir.Cost {
		n := 1
		for _, length := range attrs.(ir.FFTAttrs).Lengths {
			n *= length
		}
		size := float64(max(in[0].Size(), out[0].Size()))
		return ir.Cost{FLOPs: perElement * size * math.Log2(float64(max(n, 1))), Bytes: ir.Traffic(in, out)}
	}
}

// choleskyCost is n³/3 per matrix.
func choleskyCost(_ any, in, out []shapes.Shape) ir.Cost {
	return ir.Cost{FLOPs: float64(in[0].Size()) * float64(in[0].Dim(-1)) / 3, Bytes: ir.Traffic(in, out)}
}

// solveCost is n operations per element of the right-hand sides.
func solveCost(_ any, in, out []shapes.Shape) ir.Cost {
	return ir.Cost{FLOPs: float64(out[0].Size()) * float64(in[0].Dim(-1)), Bytes: ir.Traffic(in, out)}
}
