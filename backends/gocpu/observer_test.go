package gocpu_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// recorder notes what an observer is told, a line each.
type recorder struct {
	lines  []string
	errs   []error
	before func(s *gocpu.Step)
}

func (r *recorder) Before(s *gocpu.Step) {
	r.lines = append(r.lines, fmt.Sprint("before ", s.ID, " ", s.Op.Name))
	if r.before != nil {
		r.before(s)
	}
}

func (r *recorder) After(s *gocpu.Step, err error) {
	r.lines = append(r.lines, fmt.Sprint("after ", s.ID, " ", s.Op.Name))
	if err != nil {
		r.errs = append(r.errs, err)
	}
}

// observe runs fn on inputs under r.
func (r *recorder) observe(t *testing.T, ctx context.Context, fn func(in []*graph.Node) []*graph.Node, inputs ...*tensors.Tensor) (*ir.Program, error) {
	t.Helper()
	backend := gocpu.NewWithOptions(gocpu.Options{Workers: 1, Observer: r})
	t.Cleanup(func() { backend.Close() })
	g := graph.NewGraph(backend, "observed")
	var in []*graph.Node
	var bufs []ir.Buffer
	for _, x := range inputs {
		in, bufs = append(in, graph.Parameter(g, "", x.Shape())), append(bufs, put(t, backend, x))
	}
	require.NoError(t, g.Compile(fn(in)...))
	_, err := g.RunWithBuffers(ctx, bufs, nil)
	return g.Program(), err
}

func TestAnObserverIsToldBeforeAndAfterEachStep(t *testing.T) {
	r := &recorder{}
	r.before = func(s *gocpu.Step) {
		if s.Op.Name != "Add" {
			return
		}
		assert.True(t, strings.HasSuffix(s.Place.File, "observer_test.go"), "the place is %v", s.Place)
		if len(s.In) != 2 || len(s.Out) != 1 || s.In[0].Shape.DType != dtypes.Float64 || len(s.In[0].Data) != 16 {
			t.Errorf("operands %v, results %v", s.In, s.Out)
		}
	}
	p, err := r.observe(t, t.Context(), func(in []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Exp(graph.Add(in[0], in[0]))}
	}, tensors.FromValue([]float64{1, 2}))
	require.NoError(t, err)
	var want []string
	for i, in := range p.Instrs {
		want = append(want, fmt.Sprint("before [", i, "] ", in.Op.Name), fmt.Sprint("after [", i, "] ", in.Op.Name))
	}
	require.Equal(t, want, r.lines)
	require.Empty(t, r.errs)
}

// TestStepsOfBodiesHaveTheIDsOfTheirRegions has a branch in a branch.
func TestStepsOfBodiesHaveTheIDsOfTheirRegions(t *testing.T) {
	r := &recorder{}
	p, err := r.observe(t, t.Context(), func(in []*graph.Node) []*graph.Node {
		g, yes := in[0].Graph(), in[1]
		closure := func(f func() *graph.Node) *graph.Function {
			return graph.NewClosure(g, func(*graph.Graph) []*graph.Node { return []*graph.Node{f()} })
		}
		inner := func() *graph.Node {
			return graph.If(yes, closure(func() *graph.Node { return graph.Exp(in[0]) }), closure(func() *graph.Node { return graph.Tanh(in[0]) }))[0]
		}
		return graph.If(graph.LogicalNot(yes), closure(func() *graph.Node { return graph.Neg(in[0]) }), closure(inner))
	}, tensors.FromValue([]float32{1, 2}), tensors.FromValue(true))
	require.NoError(t, err)
	find := func(p *ir.Program, op string) int {
		return slices.IndexFunc(p.Instrs, func(in ir.Instr) bool { return in.Op.Name == op })
	}
	outer := find(p, "If")
	second := p.Instrs[outer].Regions[1]
	middle := find(second, "If")
	first := second.Instrs[middle].Regions[0]
	var ids, open []string
	for _, line := range r.lines {
		when, step, _ := strings.Cut(line, " ")
		if when == "before" {
			ids, open = append(ids, step), append(open, step)
			continue
		}
		require.Equal(t, open[len(open)-1], step, "what was told first ends last")
		open = open[:len(open)-1]
	}
	require.Empty(t, open)
	require.Contains(t, ids, fmt.Sprint([]int{outer}, " If"))
	require.Contains(t, ids, fmt.Sprint([]int{outer, 1, middle}, " If"))
	require.Contains(t, ids, fmt.Sprint([]int{outer, 1, middle, 0, find(first, "Exp")}, " Exp"))
	require.NotContains(t, strings.Join(ids, "\n"), "Tanh")
}

func TestAnObserverIsToldOfAStepThatFails(t *testing.T) {
	r := &recorder{}
	_, err := r.observe(t, t.Context(), func(in []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Neg(graph.Div(in[0], in[1]))}
	}, tensors.FromValue([]int32{1}), tensors.FromValue([]int32{0}))
	require.ErrorContains(t, err, "integer division by zero")
	require.Equal(t, []string{"before [0] Div", "after [0] Div"}, r.lines)
	require.Len(t, r.errs, 1)
	require.ErrorContains(t, err, r.errs[0].Error())
}

// TestAnObserverIsToldOfACancelledRun cancels before the second step: it is told of, and no other.
func TestAnObserverIsToldOfACancelledRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := &recorder{}
	r.before = func(s *gocpu.Step) {
		if s.Op.Name == "Tanh" {
			cancel()
		}
	}
	_, err := r.observe(t, ctx, func(in []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Neg(graph.Tanh(graph.Exp(in[0])))}
	}, tensors.FromValue([]float64{1, 2}))
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, []string{"before [0] Exp", "after [0] Exp", "before [1] Tanh", "after [1] Tanh"}, r.lines)
	require.Len(t, r.errs, 1)
	require.True(t, errors.Is(r.errs[0], context.Canceled))
}

func TestAnObserverThatPanicsIsAnError(t *testing.T) {
	r := &recorder{before: func(*gocpu.Step) { panic("no more paper") }}
	_, err := r.observe(t, t.Context(), func(in []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Exp(in[0])}
	}, tensors.FromValue([]float32{1}))
	require.ErrorContains(t, err, "Exp: the observer broke: no more paper")
}
