package graphtest

import (
	"fmt"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors"
)

// call is one row's sample at one dtype.
type call struct {
	op     *graph.Op
	sample graph.Sample
	dtype  dtypes.DType
}

// calls returns every sample of op at every dtype that the row and the sample allow.
func calls(op *graph.Op) []call {
	var list []call
	for _, s := range op.Samples {
		for _, d := range sampleDTypes(op, s) {
			list = append(list, call{op, s, d})
		}
	}
	return list
}

func sampleDTypes(op *graph.Op, s graph.Sample) []dtypes.DType {
	set := op.DTypes
	if s.DTypes != 0 {
		if set = s.DTypes; op.DTypes != 0 {
			set &= op.DTypes
		}
	}
	if set == 0 || len(s.In) == 0 || op.Typed >= len(s.In) { // nothing varies
		return []dtypes.DType{dtypes.Float32}
	}
	if d := s.In[op.Typed].DType; d != dtypes.Invalid {
		return []dtypes.DType{d}
	}
	return set.List()
}

func (c call) name(i int) string {
	name := c.sample.Name
	if name == "" {
		name = fmt.Sprint("sample ", i)
	}
	return name + "/" + c.dtype.String()
}

func (c call) inputs() []*tensors.Tensor { return c.sample.Tensors(c.dtype) }

// apply makes the call in g.
func (c call) apply(g *graph.Graph, in []*graph.Node) []*graph.Node {
	return c.sample.Apply(g, c.op, in)
}

// runOn builds fn over parameters of the inputs' shapes and runs it.
func runOn(b graph.Backend, fn func(g *graph.Graph, in []*graph.Node) []*graph.Node, inputs []*tensors.Tensor) ([]*tensors.Tensor, error) {
	g := graph.NewGraph(b, "graphtest")
	var out []*graph.Node
	err := graph.Catch(func() {
		var in []*graph.Node
		for _, t := range inputs {
			in = append(in, graph.Parameter(g, "", t.Shape()))
		}
		out = fn(g, in)
	})
	if err != nil {
		return nil, err
	}
	if err := g.Compile(out...); err != nil {
		return nil, err
	}
	defer g.Finalize()
	args := make([]any, len(inputs))
	for i, t := range inputs {
		args[i] = t
	}
	return g.Run(args...)
}

// Conform checks every row of the table on a backend: each sample at each dtype against the row's
// reference meaning, within the row's tolerance; values given by hand; and, for rows with both, that
// reference and expansion agree.
//
// For a backend that compiles slowly, together, if given, is how many calls are put into one program; rows are then
// checked in parallel.
func Conform(t *testing.T, newBackend func() graph.Backend, together ...int) {
	b := newBackend()
	t.Cleanup(func() { b.Close() })
	n := atOnce(together)
	for _, op := range graph.Ops() {
		t.Run(op.Name, func(t *testing.T) {
			if n > 1 {
				t.Parallel()
			}
			var checks []check
			for i, c := range calls(op) {
				checks = append(checks, check{c.name(i), c.check})
			}
			report(t, b, checks, n)
		})
	}
}

func (c call) check(run runner) error {
	in := c.inputs()
	want, err := runOn(Reference(), c.apply, in)
	if err != nil {
		return fmt.Errorf("reference: %w", err)
	}
	if c.sample.Want != nil {
		hand := graph.Array(want[0].Shape().Dimensions, c.sample.Want...).Tensor(want[0].DType())
		if err := Diff(want[0], hand, graph.Tolerance{ULP: c.op.Tol.ULP + 1, Abs: c.op.Tol.Abs}); err != nil {
			return fmt.Errorf("the reference differs from the value worked out by hand: %w", err)
		}
	}
	got, err := run(c.apply, in)
	if err != nil {
		return err
	}
	if err := diffAll(got, want, c.op.Tol); err != nil {
		return err
	}
	if c.op.Ref == nil || c.op.Expand == nil {
		return nil
	}
	got, err = runOn(expanding{reference{}, c.op}, c.apply, in)
	if err == nil {
		err = diffAll(got, want, c.op.Tol)
	}
	if err != nil {
		return fmt.Errorf("reference and expansion differ: %w", err)
	}
	return nil
}

func diffAll(got, want []*tensors.Tensor, tol graph.Tolerance) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d results, want %d", len(got), len(want))
	}
	for k := range want {
		if err := Diff(got[k], want[k], tol); err != nil {
			return fmt.Errorf("result %d: %w", k, err)
		}
	}
	return nil
}

// expanding is the reference backend without one op.
type expanding struct {
	reference
	op *graph.Op
}

func (e expanding) Lowers(op *graph.Op) bool { return op != e.op && e.reference.Lowers(op) }
