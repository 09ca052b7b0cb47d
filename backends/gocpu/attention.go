package gocpu

import (
	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
)

func init() {
	for op, lower := range map[*ir.Op]func(k *call, a kernels.Attention) kernels.Func{
		ops.ScaledDotProductAttention:         attention,
		ops.ScaledDotProductAttentionGradient: attentionGradient,
	} {
		answers[op] = func(k *call) bool { return attendsTo(k.in[0], k.in[1], k.in[2]) }
		lowerings[op] = func(k *call) kernels.Func {
			if !answers[op](k) {
				return nil
			}
			return lower(k, attentionOf(k))
		}
		readsStrides[op] = func(perm []int) bool { return perm[len(perm)-1] == len(perm)-1 } // rows stay rows
	}
}

func attention(k *call, a kernels.Attention) kernels.Func {
	if len(k.in) > 3 {
		a.Mask = attentionMask(k, 3)
	}
	f, scratch := kernels.ScaledDotProductAttention(cpu.Use(), a, k.workers)
	k.scratch = scratch
	return f
}

func attentionGradient(k *call, a kernels.Attention) kernels.Func {
	a.Logs, a.Off, a.Slope = matrices(k, 3, 1), matrices(k, 4, 1), matrices(k, 5, 2)
	if len(k.in) > 6 {
		a.Mask = attentionMask(k, 6)
	}
	f, scratch := kernels.ScaledDotProductAttentionGradient(cpu.Use(), a, k.workers)
	k.scratch = scratch
	return f
}

// fewQueries is how many queries are computed in their own way sooner than in blocks, which are for as many as a vector has lanes.
const fewQueries = 4

// attendsTo reports whether there is a kernel: for something, in floats, of so many queries that a block of them is worth it.
func attendsTo(q, k, v shapes.Shape) bool {
	return q.Size() > 0 && k.Size() > 0 && v.Size() > 0 && q.Dim(-2) >= fewQueries
}

// attentionOf is the attention of a call's first three operands.
func attentionOf(k *call) kernels.Attention {
	a, q, key := k.attrs.(ir.AttentionAttrs), k.in[0], k.in[1]
	heads := product(q.Dimensions[:q.Rank()-2])
	return kernels.Attention{
		DType: q.DType, Scale: a.Scale, Causal: a.Causal,
		Heads: heads, Groups: q.Dim(-3) / key.Dim(-3),
		Queries: q.Dim(-2), Keys: key.Dim(-2), Width: q.Dim(-1), ValueWidth: k.in[2].Dim(-1),
		Query: matrices(k, 0, 2), Key: matrices(k, 1, 2), Value: matrices(k, 2, 2),
	}
}

// matrices returns where the matrices, or rows, of the last axes of operand i are: of as many axes as inner.
func matrices(k *call, i, inner int) kernels.Matrices {
	dims, strides := k.in[i].Dimensions, k.strides(i)
	n := len(dims) - inner
	return kernels.Matrices{Base: kernels.NewAxis(dims[:n], strides[:n]), Row: strides[n]}
}

// attentionMask returns where the elements of the mask, operand i, are for the scores that it is broadcast to.
func attentionMask(k *call, i int) *kernels.AttentionMask {
	mask, q := k.in[i], k.in[0]
	scores := append(append([]int{}, q.Dimensions[:q.Rank()-1]...), k.in[1].Dim(-2))
	strides, skip := make([]int, len(scores)), len(scores)-mask.Rank()
	for axis, s := range k.strides(i) {
		if mask.Dimensions[axis] > 1 {
			strides[skip+axis] = s
		}
	}
	n := len(scores) - 2
	base := kernels.NewAxis(scores[:n], strides[:n])
	return &kernels.AttentionMask{Matrices: kernels.Matrices{Base: base, Row: strides[n]}, Column: strides[n+1], Bool: mask.DType == dtypes.Bool}
}
