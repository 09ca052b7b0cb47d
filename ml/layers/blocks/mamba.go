package blocks

import (
	"math"
	"math/rand/v2"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"
)

// Mamba mixes a sequence over time by a state space whose step size, input and output depend on the input:
//
//	u, z = x·input                                 [B, T, D] each, D = expand·C
//	u    = silu(u ∗ conv)                          causal, each channel on its own, of 4 times
//	δ, b, c = u·select                             [B, T, R], [B, T, N], [B, T, N]
//	Δ    = softplus(δ·step + biases)               [B, T, D]
//	h[t] = exp(-Δ·exp(decay))·h[t-1] + Δ·b·u       [D, N], beginning with 0
//	y    = ((Σ_n c·h[t] + skip·u) · silu(z))·output
//
// x is [B, T, C], a float; the result has its shape. N is states, usually 16; expand usually 2; R is C/16, rounded up. The recurrence is an
// associative scan, in float32 at least: 2·log₂ T large ops.
//
// Source: Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", 2023, arXiv:2312.00752, algorithm 2 and section 3.4.
func Mamba(scope *model.Scope, x *graph.Node, states, expand int) *graph.Node {
	needFloat("Mamba", x, 3, "[batch, time, channels]")
	if states < 1 || expand < 1 {
		graph.Errorf("Mamba %s: %d states, %d times as wide: want 1 or more of both", x.Shape(), states, expand)
	}
	scope = scope.Layer("Mamba", x)
	channels, width := x.Dim(-1), expand*x.Dim(-1)
	rank := (channels + 15) / 16

	parts := graph.Split(layers.Dense(scope.In("input"), x, false, 2*width), -1, 2)
	u, z := parts[0], parts[1]
	u = layers.Convolution(scope.In("conv"), u).Channels(width).KernelSize(4).PadCausal().ChannelGroupCount(width).Done()
	u = graph.Silu(u) // [B, T, D]

	selected := layers.Dense(scope.In("select"), u, false, rank+2*states)
	slice := func(from, to int) *graph.Node { return graph.SliceAxis(selected, -1, graph.AxisRange(from, to)) }
	in, out := slice(rank, rank+states), slice(rank+states, rank+2*states) // [B, T, N]
	step := layers.Dense(scope.In("step"), slice(0, rank), false, width)
	step = graph.Add(step, scope.WithInitializer(stepBiases).VariableWithShape("biases", oneOf(x, width)).NodeValue(x))

	w := wide(x.DType())
	as := func(x *graph.Node) *graph.Node { return graph.ConvertDType(x, w) }
	delta := graph.ExpandAxes(graph.Softplus(as(step)), 3) // [B, T, D, 1]
	decay := scope.WithInitializer(logsOfNumbers).VariableWithShape("decay", oneOf(x, width, states)).NodeValue(x)
	keep := graph.Exp(graph.Neg(graph.Mul(delta, graph.Exp(as(decay))))) // [B, T, D, N]
	add := graph.Mul(graph.Mul(delta, graph.ExpandAxes(as(u), 3)), graph.ExpandAxes(as(in), 2))
	h := graph.AssociativeScan([]*graph.Node{keep, add}, 1, func(a, b []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Mul(a[0], b[0]), graph.Add(graph.Mul(b[0], a[1]), b[1])}
	})[1]
	y := graph.ReduceSum(graph.Mul(h, graph.ExpandAxes(as(out), 2)), 3) // [B, T, D]
	skip := scope.WithInitializer(initializers.One).VariableWithShape("skip", oneOf(x, width)).NodeValue(x)
	y = graph.ConvertDType(graph.Add(y, graph.Mul(as(skip), as(u))), x.DType())
	return scope.Result(layers.Dense(scope.In("output"), graph.Mul(y, graph.Silu(z)), false, channels))
}

// logsOfNumbers fills each row with log 1 … log N: section 3.6 of the paper, S4D-Real.
func logsOfNumbers(_ *rand.Rand, shape shapes.Shape, out []float64) {
	n := shape.Dimensions[len(shape.Dimensions)-1]
	for i := range out {
		out[i] = math.Log(float64(i%n + 1))
	}
}

// stepBiases makes softplus of them evenly distributed, by their logarithm, from 0.001 to 0.1: section 3.6.
func stepBiases(r *rand.Rand, shape shapes.Shape, out []float64) {
	initializers.RandomUniformFn(math.Log(0.001), math.Log(0.1))(r, shape, out)
	for i, x := range out {
		step := math.Exp(x)
		out[i] = step + math.Log(-math.Expm1(-step)) // the inverse of softplus
	}
}
