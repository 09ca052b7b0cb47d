package stablehlo_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/tensors"
)

// A loop that JAX has exported from lax.scan is differentiated, as one body, like its derivative by differences.
func TestGradientThroughLoopsOfJAX(t *testing.T) {
	text, err := os.ReadFile("testdata/jax/scan.mlir")
	require.NoError(t, err)
	values, err := tensors.LoadNpz("testdata/jax/scan.npz")
	require.NoError(t, err)
	wide := strings.ReplaceAll(string(text), "f32>", "f64>") // so that differences are worth something
	m, err := stablehlo.Read(wide)
	require.NoError(t, err)
	p, err := m.Program(nil)
	require.NoError(t, err)
	var in []*tensors.Tensor
	for i := range m.Main().Inputs {
		x, err := values[fmt.Sprintf("in%d", i)].ConvertDType(dtypes.Float64)
		require.NoError(t, err)
		in = append(in, x)
	}
	b := gocpu.New()
	defer b.Close()
	loss := func(nodes []*graph.Node) *graph.Node {
		sum := graph.ScalarZero(nodes[0].Graph(), dtypes.Float64)
		for _, y := range graph.Inline(nodes[0].Graph(), p, nodes...) {
			sum = graph.Add(sum, graph.ReduceAllSum(graph.Sin(y)))
		}
		return sum
	}
	value := graph.MustNewExec(b, func(nodes []*graph.Node) *graph.Node { return loss(nodes) })
	defer value.Close()
	gradients := graph.MustNewExec(b, func(nodes []*graph.Node) []*graph.Node { return graph.Gradient(loss(nodes), nodes...) })
	defer gradients.Close()
	args := make([]any, len(in))
	for i, x := range in {
		args[i] = x
	}
	got, err := gradients.Call(args...)
	require.NoError(t, err)
	for i, x := range in {
		for k := range x.Size() {
			at := func(h float64) float64 {
				moved := tensors.FromFlatDataAndDimensions(slices.Clone(tensors.Flat[float64](x)), x.Shape().Dimensions...)
				tensors.Flat[float64](moved)[k] += h
				with := append([]any(nil), args...)
				with[i] = moved
				return value.MustCall(with...)[0].Value().(float64)
			}
			const h = 1e-5
			assert.InDelta(t, (at(h)-at(-h))/(2*h), tensors.Flat[float64](got[i])[k], 1e-8, "input %d, element %d", i, k)
		}
	}
	g := graph.NewGraph(b, "loop")
	nodes := make([]*graph.Node, len(in))
	for i, x := range in {
		nodes[i] = graph.Parameter(g, "", x.Shape())
	}
	q, err := graph.NewProgram(g, graph.Gradient(loss(nodes), nodes...)...)
	require.NoError(t, err)
	scans := 0
	for _, instr := range q.Instrs {
		if instr.Op == ops.Scan {
			scans++
		}
		assert.NotEqual(t, ops.While, instr.Op)
	}
	assert.Equal(t, 2, scans, "one forth and one back")
	assert.Less(t, q.NumInstrs(), 120)
}
