package stablehlo_test

import (
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestNumbersWrittenInSeveralOperations compares what the text spells out with the reference, where a compiler's own
// operation would give another number.
func TestNumbersWrittenInSeveralOperations(t *testing.T) {
	const middle = 1 + 1.0/256 // between two values of bfloat16
	convert := func(d dtypes.DType) func(in []*graph.Node) *graph.Node {
		return func(in []*graph.Node) *graph.Node { return graph.ConvertDType(in[0], d) }
	}
	power := func(in []*graph.Node) *graph.Node { return graph.Pow(in[0], in[1]) }
	for _, c := range []struct {
		name  string
		in    []any
		build func(in []*graph.Node) *graph.Node
	}{
		{"float64 beside the middle is rounded once", []any{[]float64{middle, middle + 0x1p-40, middle - 0x1p-40, -middle - 0x1p-40}}, convert(dtypes.BFloat16)},
		{"float16 too", []any{[]float64{1 + 0x1p-11, 1 + 0x1p-11 + 0x1p-40, 65519.999999, 65520}}, convert(dtypes.Float16)},
		{"int32", []any{[]int32{1<<30 + 1<<22, 1<<30 + 1<<22 + 1, -(1<<30 + 1<<22 + 1), 17}}, convert(dtypes.BFloat16)},
		{"int64 beyond float64", []any{[]int64{1<<62 + 1<<54, 1<<62 + 1<<54 + 1, -(1<<62 + 1<<54 + 1), -9}}, convert(dtypes.BFloat16)},
		{"uint64 beyond int64", []any{[]uint64{1<<63 + 1<<55 + 1, 1<<64 - 1, 3}}, convert(dtypes.BFloat16)},
		{"an exponent of more than six bits", []any{[]int32{3, -3, 5}, []int32{1000, 12345, 1 << 30}}, power},
		{"a large unsigned exponent", []any{[]uint8{3, 7, 2}, []uint8{200, 255, 128}}, power},
		{"negative exponents", []any{[]int8{127, -127, -1, 1, 0}, []int8{-2, -2, -3, -3, -1}}, power},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := func(b ir.Backend) *tensors.Tensor {
				g := graph.NewGraph(b, "numbers")
				var in []*graph.Node
				for _, v := range c.in {
					in = append(in, graph.Parameter(g, "", tensors.MustFromAnyValue(v).Shape()))
				}
				require.NoError(t, g.Compile(c.build(in)))
				out, err := g.Run(c.in...)
				require.NoError(t, err)
				return out[0]
			}
			got, want := run(newThroughText()), run(graphtest.Reference())
			assert.NoError(t, graphtest.Diff(got, want, ir.Tolerance{}))
		})
	}
}
