package gocpu

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
)

// TestSlowOpsAreListed compiles every sample of every row at every dtype and compares what runs on the reference
// meaning with the table.
func TestSlowOpsAreListed(t *testing.T) {
	found := map[string]dtypes.Set{}
	for _, op := range graph.Ops() {
		for _, s := range op.Samples {
			for _, d := range op.DTypes.List() {
				if s.DTypes != 0 && !s.DTypes.Has(d) {
					continue
				}
				g := graph.NewGraph(nil, "slow")
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
				for _, step := range c.steps {
					if step.slow {
						found[step.op.Name] |= dtypes.SetOf(c.values[step.in[0]].shape.DType)
					}
				}
			}
		}
	}
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
