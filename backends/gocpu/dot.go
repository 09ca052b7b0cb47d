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
	lowerings[ops.DotGeneral] = dotGeneral
}

// maxBatches is how many matrices a product may have: each has its places in tables.
const maxBatches = 1 << 24

// dotGeneral lowers all products of tensors to matrix products: axes are joined to a batch, a free and a
// contracted one by tables of places, wherever they stand.
func dotGeneral(k *call) kernels.Func {
	if product(k.out[0].Dimensions[:len(k.attrs.(ir.DotAttrs).LhsBatch)]) > maxBatches {
		return nil
	}
	f, scratch := k.multiply(k.gemm())
	k.scratch = scratch
	return f
}

// gemm returns the matrix products that a call is.
func (k *call) gemm() kernels.Gemm {
	a, lhs, rhs := k.attrs.(ir.DotAttrs), k.in[0], k.in[1]
	g := kernels.Gemm{
		A: operand(lhs, k.strides(0), a.LhsBatch, a.LhsContract),
		B: operand(rhs, k.strides(1), a.RhsBatch, a.RhsContract),
	}
	g.OutStride = g.B.Free.N
	for i := range g.A.Base {
		g.OutBase = append(g.OutBase, i*g.A.Free.N*g.B.Free.N)
	}
	return g
}

// multiply returns the kernel of g, with the dtypes of a call, and the scratch memory that it wants.
func (k *call) multiply(g kernels.Gemm) (kernels.Func, int) {
	if k.packed {
		p, _ := k.inTwo(g)
		return p.Multiply, p.Scratch
	}
	wrap := k.attrs.(ir.DotAttrs).Accumulator
	if wrap == dtypes.Invalid {
		wrap = k.out[0].DType
	}
	return kernels.Product(g, k.in[0].DType, wrap, k.out[0].DType, k.workers)
}

// operand returns a matrix per batch of a tensor whose elements lie at the given strides.
func operand(s shapes.Shape, strides, batch, contract []int) kernels.Operand {
	axis := func(axes []int) kernels.Axis {
		dims, steps := make([]int, len(axes)), make([]int, len(axes))
		for i, ax := range axes {
			dims[i], steps[i] = s.Dimensions[ax], strides[ax]
		}
		return kernels.NewAxis(dims, steps)
	}
	var free []int
	for ax := range s.Rank() {
		if !slices.Contains(batch, ax) && !slices.Contains(contract, ax) {
			free = append(free, ax)
		}
	}
	b := axis(batch)
	return kernels.Operand{Base: b.Places(), Free: axis(free), Sum: axis(contract)}
}
