package gocpu_test

import (
	"fmt"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir/capability"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// profileOf runs fn on the tensors under a profile.
func profileOf(t *testing.T, o gocpu.Options, fn func(in []*graph.Node) []*graph.Node, args ...any) (results []*tensors.Tensor, p *capability.Profile) {
	t.Helper()
	backend := gocpu.NewWithOptions(o)
	t.Cleanup(func() { backend.Close() })
	exec := graph.MustNewExec(backend, fn)
	results, err := exec.CallContext(graph.WithProfile(t.Context(), func(q *capability.Profile) { p = q }), args...)
	require.NoError(t, err)
	require.NotNil(t, p)
	return results, p
}

// text lists the calls of the steps.
func text(p *capability.Profile) (list []string) {
	for _, s := range p.Steps {
		for _, c := range s.Calls {
			list = append(list, fmt.Sprintf("%s ×%d %.0f FLOPs", c.Op.Name, s.Count, c.FLOPs))
		}
	}
	return list
}

func TestAProfileTellsTheSteps(t *testing.T) {
	x := tensors.FromScalarAndDimensions(float32(0.5), 64, 32)
	fn := func(in []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.CumSum(graph.MatMul(in[0], graph.Transpose(in[0], 0, 1)), 0)}
	}
	results, p := profileOf(t, gocpu.Options{}, fn, x)
	require.Equal(t, []string{"DotGeneral ×1 262144 FLOPs", "CumSum ×1 4096 FLOPs"}, text(p))
	require.Contains(t, p.Steps[0].Calls[0].Place.File, "profile_test.go")
	require.GreaterOrEqual(t, p.Steps[0].Bytes, float64(64*32*4+64*64*4))
	var sum int64
	for _, s := range p.Steps {
		assert.Positive(t, s.Took)
		sum += int64(s.Took)
	}
	assert.LessOrEqual(t, sum, int64(p.Took))

	plain := graph.MustNewExec(gocpu.New(), fn).MustCall(x)
	assert.True(t, results[0].Equal(plain[0]), "the values are those of other runs")
}

// A step that was made of several calls tells of each of them, at its own line.
func TestAProfileTellsTheCallsOfAFusedStep(t *testing.T) {
	_, _, fused := gocpu.Fusions(gocpu.Options{})
	_, p := profileOf(t, fused, func(in []*graph.Node) []*graph.Node {
		x := graph.MulScalar(in[0], 1.5)
		x = graph.Tanh(x)
		return []*graph.Node{graph.AddScalar(x, 2)}
	}, tensors.FromScalarAndDimensions(float32(1), 4096))
	require.Equal(t, []string{"Mul ×1 4096 FLOPs", "Tanh ×1 4096 FLOPs", "Add ×1 4096 FLOPs"}, text(p))
	require.Len(t, p.Steps, 1)
	calls := p.Steps[0].Calls
	assert.Equal(t, []int{calls[0].Place.Line, calls[0].Place.Line + 1, calls[0].Place.Line + 2}, []int{calls[0].Place.Line, calls[1].Place.Line, calls[2].Place.Line})
	assert.GreaterOrEqual(t, p.Steps[0].Bytes, float64(2*4*4096))
}

func TestAProfileTellsTheStepsOfALoopOnce(t *testing.T) {
	_, p := profileOf(t, gocpu.Options{}, func(in []*graph.Node) []*graph.Node {
		g := in[0].Graph()
		x := func(g *graph.Graph) *graph.Node { return graph.Parameter(g, "x", in[0].Shape()) }
		return graph.While(
			graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
				return []*graph.Node{graph.LessThan(graph.ReduceAllSum(x(g)), graph.Const(g, float32(100)))}
			}),
			graph.NewClosure(g, func(g *graph.Graph) []*graph.Node { return []*graph.Node{graph.CumSum(x(g), 0)} }), in[0])
	}, []float32{1, 1, 1, 1})
	counts := map[string]int{}
	for _, s := range p.Steps {
		counts[s.Calls[0].Op.Name] = s.Count
	}
	assert.Equal(t, 1, counts["While"])
	assert.Equal(t, counts["CumSum"]+1, counts["LessThan"], "the condition runs once more than the body")
	assert.Greater(t, counts["CumSum"], 2)
}

// Four values of 4 KiB: the argument, which stays; two that one call makes; and the result.
func TestAProfileTellsWhatLivesAtThePeak(t *testing.T) {
	_, p := profileOf(t, gocpu.Options{}, func(in []*graph.Node) []*graph.Node {
		a := graph.CumSum(in[0], 0)
		b := graph.CumSum(a, 1)
		return []*graph.Node{graph.MatMul(a, b)}
	}, tensors.FromScalarAndDimensions(float32(1), 32, 32))
	const matrix = 32 * 32 * 4
	require.NotNil(t, p.Memory.Step)
	require.Equal(t, "DotGeneral", p.Memory.Step.Op.Name)
	kinds := map[capability.LiveKind]int{}
	sum := 0
	for _, l := range p.Memory.Live {
		kinds[l.Kind] += l.Bytes
		sum += l.Bytes
	}
	assert.Equal(t, sum, p.Memory.Bytes)
	assert.Equal(t, matrix, kinds[capability.LiveArgument])
	assert.Equal(t, 2*matrix, kinds[capability.LiveValue])
	assert.Equal(t, matrix, kinds[capability.LiveResult])
}

// A value that is written over its operand has no memory of its own.
func TestAProfileCountsMemoryInPlaceOnce(t *testing.T) {
	_, p := profileOf(t, gocpu.Options{}, func(in []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.CumSum(graph.Exp(graph.Neg(graph.CumSum(in[0], 0))), 0)}
	}, tensors.FromScalarAndDimensions(float32(1), 1024))
	want := 2 * 4096 // argument and result, on which all others lie
	for _, l := range p.Memory.Live {
		if l.Kind == capability.LiveScratch {
			want += l.Bytes
		}
	}
	assert.Equal(t, want, p.Memory.Bytes, "%+v", p.Memory)
}

// An observer of the engine is told besides, also by a runner of one's own.
func TestAnObserverIsToldOfProfiledRuns(t *testing.T) {
	r := &recorder{}
	_, p := profileOf(t, gocpu.Options{Observer: r, Order: gocpu.Dataflow}, func(in []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.CumSum(in[0], 0)}
	}, []float32{1, 2})
	assert.Equal(t, []string{"CumSum ×1 2 FLOPs"}, text(p))
	assert.Equal(t, []string{"before [0] CumSum", "after [0] CumSum"}, r.lines)
}

func TestARunThatFailsHasNoProfile(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	told := false
	ctx := graph.WithProfile(t.Context(), func(*capability.Profile) { told = true })
	_, err := graph.MustNewExec(backend, graph.Div).CallContext(ctx, []int32{1}, []int32{0})
	require.ErrorContains(t, err, "integer division by zero")
	assert.False(t, told)
}

func TestPeaksOfTheMachine(t *testing.T) {
	backend := gocpu.NewWithOptions(gocpu.Options{Workers: 1})
	p, err := capability.PeaksOf(t.Context(), backend)
	require.NoError(t, err)
	assert.Greater(t, p.FLOPs, 1e8)
	assert.Greater(t, p.Bytes, 1e8)
	require.NoError(t, backend.Close())
	_, err = capability.PeaksOf(t.Context(), backend)
	require.ErrorContains(t, err, "closed")
	_, err = capability.PeaksOf(t.Context(), nil)
	require.ErrorContains(t, err, "the backend or the context is nil")
}

// A call of tensors of the same shapes as the last takes a shorter way, and tells all the same.
func TestEveryCallTellsItsProfile(t *testing.T) {
	exec := graph.MustNewExec(gocpu.New(), func(x *graph.Node) *graph.Node { return graph.Neg(x) })
	told := 0
	ctx := graph.WithProfile(t.Context(), func(*capability.Profile) { told++ })
	for range 3 {
		_, err := exec.CallContext(ctx, tensors.FromValue([]float32{1}))
		require.NoError(t, err)
	}
	assert.Equal(t, 3, told)
}
