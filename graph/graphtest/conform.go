package graphtest

import (
	"fmt"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
)

// call is one row's sample at one dtype.
type call struct {
	op     *ir.Op
	sample ir.Sample
	dtype  dtypes.DType
}

// calls returns every sample of op at every dtype that the row and the sample allow.
func calls(op *ir.Op) []call {
	var list []call
	for _, s := range op.Samples {
		for _, d := range sampleDTypes(op, s) {
			list = append(list, call{op, s, d})
		}
	}
	return list
}

func sampleDTypes(op *ir.Op, s ir.Sample) []dtypes.DType {
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
	return Apply(g, c.op, c.sample, in)
}

// Apply makes a sample's call of op in g, on nodes in the place of its inputs.
func Apply(g *graph.Graph, op *ir.Op, s ir.Sample, in []*graph.Node) []*graph.Node {
	switch {
	case s.Build != nil:
	case op.InferMulti != nil:
		return graph.ApplyMulti(op, s.Attrs, in...)
	default:
		return []*graph.Node{graph.ApplyIn(g, op, s.Attrs, in...)}
	}
	b := ir.NewBuilder(op.Name)
	args := make([]ir.Value, len(in))
	for i, x := range in {
		args[i] = must(b.Input("", x.Shape()))
	}
	p := must(b.Program(must(s.Apply(b, op, args))...))
	return graph.Inline(g, p, in...)
}

// runOn builds fn over parameters of the inputs' shapes and runs it.
func runOn(b ir.Backend, fn func(g *graph.Graph, in []*graph.Node) []*graph.Node, inputs []*tensors.Tensor) ([]*tensors.Tensor, error) {
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
	defer g.Close()
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
func Conform(t *testing.T, newBackend func() ir.Backend, together ...int) {
	b := newBackend()
	t.Cleanup(func() { b.Close() })
	n := atOnce(together)
	for _, op := range ir.Ops() {
		t.Run(op.Name, func(t *testing.T) {
			if n > 1 {
				t.Parallel()
			}
			report(t, b, valuesOf(op), n)
		})
	}
}

// valuesOf returns the checks of a row's values.
func valuesOf(op *ir.Op) (checks []check) {
	for i, c := range calls(op) {
		checks = append(checks, check{c.name(i), c.check})
	}
	return checks
}

// ConformBriefly checks one call of every row of those that [Conform] makes, all together in programs of so many calls: for a backend // that hands programs to one that conforms, so that what may be wrong is the way there. QUIRE_SWEEP=1 makes it Conform.
func ConformBriefly(t *testing.T, newBackend func() ir.Backend, together int) {
	if sweep() {
		Conform(t, newBackend, together)
		return
	}
	b := newBackend()
	t.Cleanup(func() { b.Close() })
	var checks []check
	for _, op := range ir.Ops() {
		if list := calls(op); len(list) > 0 {
			i := len(list) / 2 // the dtypes in the middle are no row's only ones
			checks = append(checks, check{op.Name + ": " + list[i].name(i), list[i].check})
		}
	}
	report(t, b, checks, together)
}

func (c call) check(run runner) error {
	in := c.inputs()
	want, err := runOn(Reference(), c.apply, in)
	if err != nil {
		return fmt.Errorf("reference: %w", err)
	}
	if c.sample.Want != nil {
		hand := ir.Array(want[0].Shape().Dimensions, c.sample.Want...).Tensor(want[0].DType())
		if err := Diff(want[0], hand, ir.Tolerance{ULP: c.op.Tol.ULP + 1, Abs: c.op.Tol.Abs}); err != nil {
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

func diffAll(got, want []*tensors.Tensor, tol ir.Tolerance) error {
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
	op *ir.Op
}

func (e expanding) Lowers(c ir.Call) bool { return c.Op != e.op && e.reference.Lowers(c) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("graphtest: %v", err))
	}
	return v
}
