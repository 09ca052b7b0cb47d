package gocpu

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/internal/golden"
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
				if err != nil {
					t.Fatalf("%s: %v", op.Name, err)
				}
				if p, err = ir.Lower(p, (&backend{workers: 1}).Lowers); err != nil {
					t.Fatalf("%s: %v", op.Name, err)
				}
				c, err := compile(context.Background(), p, 1)
				if err != nil {
					t.Fatalf("%s: %v", op.Name, err)
				}
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
		"ConvGeneral": "products too small to be cut into blocks are finished",
		"DotGeneral":  "products too small to be cut into blocks are finished",
		"Broadcast":   "one element is repeated at the speed of memory",
		"Pad":         "one element is repeated at the speed of memory",
		"RandomBits":  "the next state is written at last, three words",
	} {
		if !wrote[name] {
			t.Errorf("%s ends early, but is excused: %s", name, why)
		}
		delete(wrote, name)
	}
	if ran < 500 || len(wrote) > 0 {
		t.Errorf("of %d kernels these do not look at the context between blocks: %v", ran, slices.Sorted(maps.Keys(wrote)))
	}
}

// TestSlowCallsAreKnown lowers and compiles every sample of every row at every dtype. What is left without a kernel runs
// on the op's reference meaning, which is said by Program.Explain and listed in testdata/slow.txt, for people to read.
func TestSlowCallsAreKnown(t *testing.T) {
	found := map[string]dtypes.Set{}
	everySample(t, func(op *ir.Op, s ir.Sample, d dtypes.DType, c *code) {
		for _, step := range c.steps {
			if !step.slow {
				continue
			}
			found[step.op.Name] |= dtypes.SetOf(c.values[step.in[0]].shape.DType)
			p, err := s.Program(op, d)
			require.NoError(t, err)
			text, err := p.Explain((&backend{workers: 1}).Lowers)
			require.NoError(t, err)
			require.Contains(t, text, "left to the backend", "a slow call of %s is not explained", step.op)
		}
	})
	var lines []string
	for name, set := range found {
		lines = append(lines, fmt.Sprintf("%s of %s\n", name, set))
	}
	slices.Sort(lines)
	golden.Check(t, "testdata/slow.txt", strings.Join(lines, ""))
}
