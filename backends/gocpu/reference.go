package gocpu

import (
	"fmt"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/tensors"
)

// reference returns the kernel of an op that has none here: its meaning, on copies of the operands.
func reference(op *ir.Op, k *call) kernels.Func {
	attrs, in, out := k.attrs, k.in, k.out
	return func(a *kernels.Args) {
		ins, outs := make([]*tensors.Tensor, len(in)), make([]*tensors.Tensor, len(out))
		for i, s := range in {
			ins[i] = must(tensors.FromBytes(s, a.In[i]))
		}
		for i, s := range out {
			outs[i] = must(tensors.New(s))
		}
		if ops.Has(op) {
			op.Ref(attrs, outs, ins)
		} else {
			onItsOwn(func() { op.Ref(attrs, outs, ins) })
		}
		for i, t := range outs {
			t.MustConstBytes(func(data []byte) { copy(a.Out[i], data) })
		}
		for _, t := range append(ins, outs...) {
			t.Close()
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Errorf("the reference meaning: %w", err))
	}
	return v
}
