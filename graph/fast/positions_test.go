package fast_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/fast"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
)

// normal returns random numbers.
func normal(dims ...int) *tensors.Tensor {
	rng := rand.New(rand.NewPCG(1, uint64(len(dims))))
	x := tensors.FromScalarAndDimensions(float32(0), dims...)
	flat := tensors.Flat[float32](x)
	for i := range flat {
		flat[i] = float32(rng.NormFloat64())
	}
	return x
}

// same requires that two functions give the same.
func same(t *testing.T, got, want func(in []*graph.Node) *graph.Node, in ...any) {
	t.Helper()
	out, err := graph.CallOnceN(gocpu.New(), func(in []*graph.Node) []*graph.Node { return []*graph.Node{got(in), want(in)} }, in...)
	require.NoError(t, err)
	require.NoError(t, graphtest.Diff(out[0], out[1], ir.Tolerance{ULP: 16, Abs: 16}))
}

func TestPositionsOfTimes(t *testing.T) {
	x := normal(2, 3, 5, 8) // [B, H, T, D]
	for _, traditional := range []bool{false, true} {
		rope := func(x *graph.Node) *fast.RoPEBuilder { return fast.RoPE(x).Dims(6).Traditional(traditional) }
		same(t, func(in []*graph.Node) *graph.Node { return rope(in[0]).Positions(in[1]).Done() },
			func(in []*graph.Node) *graph.Node { return rope(in[0]).OffsetBy(5).Done() }, x, []int32{5, 6, 7, 8, 9})
		same(t, func(in []*graph.Node) *graph.Node { return rope(in[0]).Positions(in[1]).Done() },
			func(in []*graph.Node) *graph.Node { return rope(in[0]).Offset(in[2]).Done() }, x, [][]int64{{3, 4, 5, 6, 7}, {-1, 0, 1, 2, 3}}, []int64{3, -1})
		turn := []int{0, 2, 1, 3} // to [B, T, H, D], and back
		same(t, func(in []*graph.Node) *graph.Node {
			return graph.TransposeAllAxes(rope(graph.TransposeAllAxes(in[0], turn...)).TimeAxis(1).Offset(in[1]).Done(), turn...)
		}, func(in []*graph.Node) *graph.Node { return rope(in[0]).Offset(in[1]).Done() }, x, []int32{3, 70})
		same(t, func(in []*graph.Node) *graph.Node {
			return graph.TransposeAllAxes(rope(graph.TransposeAllAxes(in[0], turn...)).TimeAxis(-3).Positions(in[1]).Done(), turn...)
		}, func(in []*graph.Node) *graph.Node { return rope(in[0]).Positions(in[1]).Done() }, x, [][]int32{{9, 0, 3, 3, 1}, {4, 5, 6, 7, 8}})
		same(t, func(in []*graph.Node) *graph.Node { return rope(in[0]).Magnitude(1.5).Done() }, func(in []*graph.Node) *graph.Node {
			y := rope(in[0]).Done()
			return graph.Concatenate([]*graph.Node{graph.MulScalar(graph.SliceAxis(y, -1, graph.AxisRange(0, 6)), 1.5), graph.SliceAxis(y, -1, graph.AxisRange(6, 8))}, -1)
		}, x)
	}
}

// Keys in another order, with their positions, are seen as in their own; those at -1 are not seen.
func TestPositionsOfKeys(t *testing.T) {
	q, k, v := normal(2, 4, 3, 8), normal(2, 2, 5, 8), normal(2, 2, 5, 6)
	order := []int32{3, 0, 4, 1, 2}
	take := func(x, order *graph.Node) *graph.Node {
		return graph.TransposeAllAxes(graph.Gather(graph.TransposeAllAxes(x, 2, 0, 1, 3), graph.ExpandAxes(order, -1)), 1, 2, 0, 3)
	}
	for _, window := range []int{0, 2} {
		for _, causal := range []bool{true, false} {
			attend := func(q, k, v *graph.Node) *fast.AttentionBuilder {
				return fast.ScaledDotProductAttention(q, k, v).Causal(causal).Window(window)
			}
			same(t, func(in []*graph.Node) *graph.Node {
				return attend(in[0], take(in[1], in[3]), take(in[2], in[3])).Offset(graph.Const(in[0].Graph(), int32(2))).KeyPositions(in[3]).Done()
			}, func(in []*graph.Node) *graph.Node { return attend(in[0], in[1], in[2]).Done() }, q, k, v, order)
			same(t, func(in []*graph.Node) *graph.Node { // each row by its own
				return attend(in[0], in[1], in[2]).Offset(in[3]).KeyPositions(in[4]).Done()
			}, func(in []*graph.Node) *graph.Node {
				return attend(in[0], in[1], in[2]).Offset(in[3]).Mask(in[5]).Done()
			}, q, k, v, []int32{2, 4}, [][]int32{{0, 1, 2, -1, 4}, {0, -1, 2, 3, -1}},
				[][][][]bool{{{{true, true, true, false, true}}}, {{{true, false, true, true, false}}}})
		}
	}
}

func TestPositionsThatDoNotFit(t *testing.T) {
	g := graph.NewGraph(nil, "positions")
	x := graph.Const(g, normal(2, 3, 5, 8))
	at := func(dims ...int) *graph.Node {
		return graph.Const(g, tensors.FromScalarAndDimensions(int32(0), dims...))
	}
	for want, build := range map[string]func(){
		"positions are int32[4], want integers of [5], or of [2 5]":             func() { fast.RoPE(x).Positions(at(4)).Done() },
		"positions are int32[3 5], want":                                        func() { fast.RoPE(x).Positions(at(3, 5)).Done() },
		"positions are float32[5], want":                                        func() { fast.RoPE(x).Positions(graph.ConvertDType(at(5), dtypes.Float32)).Done() },
		"Positions and an offset exclude each other":                            func() { fast.RoPE(x).Positions(at(5)).OffsetBy(1).Done() },
		"axis 3 cannot be that of times":                                        func() { fast.RoPE(x).TimeAxis(3).Done() },
		"axis -9 cannot be that of times":                                       func() { fast.RoPE(x).TimeAxis(-9).Done() },
		"the positions of keys are given, and those of queries are not":         func() { fast.ScaledDotProductAttention(x, x, x).KeyPositions(at(5)).Done() },
		"the positions of keys are int32[6], want integers of [5], or of [2 5]": func() { fast.ScaledDotProductAttention(x, x, x).Offset(at()).KeyPositions(at(6)).Done() },
	} {
		require.ErrorContains(t, graph.Catch(build), want)
	}
}
