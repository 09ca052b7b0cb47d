package graph_test

import (
	"math"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
)

// Rounding to the layout of a float that there is gives what conversion to it gives, but for what is smaller than its
// smallest normal number.
func TestRoundingToAFloatIsConversion(t *testing.T) {
	x := make([]float64, 4000)
	for i := range x {
		x[i] = math.Ldexp(math.Sin(float64(i))+0.01, i%40-20)
	}
	for d, bits := range map[dtypes.DType][2]int{dtypes.Float16: {5, 10}, dtypes.BFloat16: {8, 7}, dtypes.Float32: {8, 23}} {
		out := graph.MustCallOnceN(graphtest.Reference(), func(x *graph.Node) (*graph.Node, *graph.Node) {
			return graph.ReducePrecision(x, bits[0], bits[1]), graph.ConvertDType(graph.ConvertDType(x, d), dtypes.Float64)
		}, x)
		got, want := tensors.MustCopyFlatData[float64](out[0]), tensors.MustCopyFlatData[float64](out[1])
		for i := range x {
			if d == dtypes.Float16 && math.Abs(want[i]) < math.Ldexp(1, -14) {
				want[i] = 0
			}
			if got[i] != want[i] {
				t.Errorf("%s: %v is rounded to %v, converted to %v", d, x[i], got[i], want[i])
			}
		}
	}
}

func TestThereIsNoFloatWithoutAnExponent(t *testing.T) {
	x := graph.Parameter(graph.NewGraph(nil, "g"), "x", shapes.Make(dtypes.Float32))
	for _, c := range []struct{ exponent, mantissa int }{{0, 3}, {8, -1}, {100, 3}} {
		err := graph.Catch(func() { graph.ReducePrecision(x, c.exponent, c.mantissa) })
		assert.ErrorContains(t, err, "there is no float of", "e%dm%d", c.exponent, c.mantissa)
	}
}
