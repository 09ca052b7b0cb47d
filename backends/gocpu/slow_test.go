package gocpu

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
)

// everySample compiles every sample of every row at every dtype and shows the code.
func everySample(t *testing.T, look func(op *graph.Op, s graph.Sample, d dtypes.DType, c *code)) {
	for _, op := range graph.Ops() {
		for _, s := range op.Samples {
			for _, d := range op.DTypes.List() {
				if s.DTypes != 0 && !s.DTypes.Has(d) {
					continue
				}
				g := graph.NewGraph(nil, "sample")
				var in, out []*graph.Node
				err := graph.Catch(func() {
					for i, x := range s.In {
						in = append(in, graph.Parameter(g, fmt.Sprint(i), x.Tensor(d).Shape()))
					}
					out = s.Apply(g, op, in)
				})
				if err != nil {
					t.Fatalf("%s: %v", op.Name, err)
				}
				p, err := graph.NewProgram(g, out, (&backend{}).Lowers)
				if err != nil {
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
	everySample(t, func(op *graph.Op, s graph.Sample, d dtypes.DType, c *code) {
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

// TestSlowOpsAreListed compiles every sample of every row at every dtype and compares what runs on the reference
// meaning with the table.
func TestSlowOpsAreListed(t *testing.T) {
	found := map[string]dtypes.Set{}
	everySample(t, func(_ *graph.Op, _ graph.Sample, _ dtypes.DType, c *code) {
		for _, step := range c.steps {
			if step.slow {
				found[step.op.Name] |= dtypes.SetOf(c.values[step.in[0]].shape.DType)
			}
		}
	})
	for name, set := range found {
		if extra := set &^ slow[name]; extra != 0 {
			t.Errorf("%s of %s has no kernel and is not listed in slow", name, extra)
		}
	}
	var idle []string
	for name, set := range slow {
		if rest := set &^ found[name]; rest != 0 {
			idle = append(idle, fmt.Sprintf("%s of %s", name, rest))
		}
	}
	if slices.Sort(idle); len(idle) > 0 {
		t.Errorf("listed in slow, but with a kernel: %s", strings.Join(idle, "; "))
	}
}

func TestLoweringsAreOfOpsThatExist(t *testing.T) {
	for name := range lowerings {
		if graph.OpByName(name) == nil {
			t.Errorf("%s is lowered, but there is no such op", name)
		}
	}
	for name := range elementwise {
		if lowerings[name] == nil {
			t.Errorf("%s is elementwise, but not lowered", name)
		}
	}
}
