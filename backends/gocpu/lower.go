package gocpu

import "github.com/quire-ml/quire/backends/gocpu/internal/kernels"

// lowering chooses the kernel for a call, or returns nil if there is none for its dtypes: then the op's
// reference meaning runs. It may answer with a view instead.
type lowering func(k *call) kernels.Func

// lowerings holds the native lowerings by op. Files of this package add theirs in init functions.
var lowerings = map[string]lowering{}

// elementwise names the ops whose kernels broadcast their operands.
var elementwise = map[string]bool{}

func init() {
	for _, name := range []string{"Reshape", "StopGradient", "Identity", "NameAxes", "OptimizationBarrier"} {
		lowerings[name] = viewOf
	}
}

// viewOf is the lowering of ops whose result is their operand's memory.
func viewOf(k *call) kernels.Func {
	k.view = true
	return nil
}
