package gocpu

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// everySample compiles every sample of every row at every dtype and shows the code.
func everySample(t *testing.T, look func(op *ir.Op, s ir.Sample, d dtypes.DType, c *code)) {
	for _, op := range ir.Ops() {
		for _, s := range op.Samples {
			for _, d := range op.DTypes.List() {
				if s.DTypes != 0 && !s.DTypes.Has(d) {
					continue
				}
				p, err := s.Program(op, d)
				require.NoError(t, err, op.Name)
				p, err = ir.Lower(p, (&backend{workers: 1}).Lowers)
				require.NoError(t, err, op.Name)
				c, err := compile(context.Background(), p, 1)
				require.NoError(t, err, op.Name)
				look(op, s, d, c)
			}
		}
	}
}

// TestKernelsEndEarly runs the kernels of every sample with a context that has ended: none may write a result.
func TestKernelsEndEarly(t *testing.T) {
	ended := make(chan struct{})
	close(ended)
	wrote := map[string]bool{}
	ran := 0
	everySample(t, func(op *ir.Op, s ir.Sample, d dtypes.DType, c *code) {
		if len(c.steps) != 1 || c.steps[0].run == nil || c.steps[0].slow || c.steps[0].op != op {
			return // of samples with several steps the others meet each kernel alone
		}
		step := &c.steps[0]
		a := kernels.Args{Workers: 1}
		for _, id := range step.in {
			a.In = append(a.In, aligned(c.values[id].size))
		}
		for i, x := range s.Tensors(d) {
			if i < len(step.in) {
				x.MustConstBytes(func(data []byte) { copy(a.In[i], data) })
			}
		}
		for _, id := range step.out {
			out := aligned(c.values[id].size)
			for i := range out {
				out[i] = 0xA5
			}
			a.Out = append(a.Out, out)
		}
		if step.scratch >= 0 {
			a.Scratch = aligned(c.values[step.scratch].size)
		}
		a.EndWith(ended)
		step.run(&a)
		ran++
		for _, out := range a.Out {
			for _, b := range out {
				if b != 0xA5 {
					wrote[op.Name] = true
				}
			}
		}
	})
	for name, why := range map[string]string{
		"DotGeneral":    "products too small to be cut into blocks are finished",
		"RandomBits":    "the next state is written at last, three words",
		"RandomUniform": "likewise",
		"RandomNormal":  "likewise",
	} {
		assert.True(t, wrote[name], "%s ends early, but is excused: %s", name, why)
		delete(wrote, name)
	}
	if ran < 500 || len(wrote) > 0 {
		t.Errorf("of %d kernels these do not look at the context between blocks: %v", ran, slices.Sorted(maps.Keys(wrote)))
	}
}

// TestEveryCallHasAKernel lowers and compiles every sample of every row at every dtype: nothing is left to the op's
// reference meaning, which is slow.
func TestEveryCallHasAKernel(t *testing.T) {
	slow := map[string]dtypes.Set{}
	everySample(t, func(_ *ir.Op, _ ir.Sample, _ dtypes.DType, c *code) {
		for _, step := range c.steps {
			if step.slow {
				slow[step.op.Name] |= dtypes.SetOf(c.values[step.in[0]].shape.DType)
			}
		}
	})
	assert.Empty(t, slow)
}
