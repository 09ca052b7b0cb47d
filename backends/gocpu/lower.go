package gocpu

import (
	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
)

// lowering chooses the kernel for a call, or returns nil if there is none for its dtypes: then the op's
// reference meaning runs. It may answer with a view instead.
type lowering func(k *call) kernels.Func

// lowerings holds the native lowerings by op. Files of this package add theirs in init functions.
var lowerings = map[*ir.Op]lowering{}

// answers says whether there is a kernel for a call, for ops whose kernels take work to make, such as tables.
var answers = map[*ir.Op]func(k *call) bool{}

// lowers reports whether there is a kernel for a call, and makes none if that takes work.
func lowers(op *ir.Op, k *call) bool {
	if answer := answers[op]; answer != nil {
		return answer(k)
	}
	if op.Kernel != nil {
		f, err := own(op, k)
		return f != nil || err != nil // which the compilation says
	}
	f := lowerings[op]
	return f != nil && (f(k) != nil || k.view)
}

// broadcasts reports whether the kernel of a call of op with n operands broadcasts them.
func broadcasts(op *ir.Op, n int) bool { return op.Elementwise && n > 1 && op.Kernel == nil }

func init() {
	for _, op := range []*ir.Op{ops.Reshape, ops.StopGradient, ops.Identity, ops.NameAxes, ops.OptimizationBarrier} {
		lowerings[op] = viewOf
	}
}

// viewOf is the lowering of ops whose result is their operand's memory.
func viewOf(k *call) kernels.Func {
	k.view = true
	return nil
}
