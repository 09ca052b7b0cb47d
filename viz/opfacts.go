package viz

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
)

// What views ask of an op. Its row answers.

// isLayout reports whether an op only rearranges values, so that a constant stays as easy to say.
func isLayout(op *graph.Op) bool {
	return op.Layout == ir.View || op.Layout == ir.Repetition || op == ops.ConvertDType
}

// costOf returns the number of floating-point operations of an op, a multiplication and an addition counting one each.
func costOf(op *graph.Op, attrs any, in, out []shapes.Shape) int64 {
	if op == nil || len(out) == 0 || !out[0].Ok() {
		return 0
	}
	return int64(op.CostOf(attrs, in, out).FLOPs)
}
