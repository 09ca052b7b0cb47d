package graph_test

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// In the tails 1 + erf(x/√2) cancels: values and slopes have all digits all the same, as testdata/gelu.py works them
// out, in every dtype.
func TestTailsOfGelu(t *testing.T) {
	file, err := os.Open("testdata/gelu.txt")
	require.NoError(t, err)
	defer file.Close()
	cdf := func(x *node) *node { return graph.Apply(ir.OpByName("NormalCDF"), nil, x) }
	functions := []struct {
		name string
		f    unary
		ulps float64 // in float64, where e^2u shows how u was rounded: of GeluApproximate's 2u = 3000 half a unit
	}{
		{"Φ", cdf, 16}, {"Gelu", graph.Gelu, 16}, {"slope of Gelu", slope(graph.Gelu), 32},
		{"GeluApproximate", graph.GeluApproximate, 2048}, {"slope of GeluApproximate", slope(graph.GeluApproximate), 4096},
	}
	lines := 0
	for in := bufio.NewScanner(file); in.Scan(); lines++ {
		var x float64
		want := make([]float64, len(functions))
		_, err := fmt.Sscan(in.Text(), &x, &want[0], &want[1], &want[2], &want[3], &want[4])
		require.NoError(t, err)
		for i, f := range functions {
			for _, d := range dtypes.Floats.List() {
				got := at(t, f.f, x, d)
				exact := ir.ScalarValue(want[i]).Tensor(d).Float64At(0)
				allowed := max(f.ulps*dtypes.Epsilon(d)*math.Abs(want[i]), 2*least(d))
				if d != dtypes.Float64 { // computed in float32 at least
					allowed = max(2*dtypes.Epsilon(d)*math.Abs(want[i]), f.ulps*dtypes.Epsilon(dtypes.Float32)*math.Abs(want[i]), 2*least(d))
				}
				if math.Abs(x) < 1 { // the slope is 0 at -0.7518: there its two terms cancel
					allowed = max(allowed, dtypes.Epsilon(d)/2)
				}
				if math.Abs(got-exact) > allowed || got != got {
					t.Errorf("%s(%v) in %s is %v, want %v", f.name, x, d, got, exact)
				}
			}
		}
	}
	assert.Equal(t, 43, lines, "lines in testdata/gelu.txt")
}

// at returns f(x), computed in d by the reference.
func at(t *testing.T, f unary, x float64, d dtypes.DType) float64 {
	t.Helper()
	y, err := graph.CallOnce(graphtest.Reference(), f, scalarOf(x, d))
	require.NoError(t, err)
	return y.Float64At(0)
}

func scalarOf(x float64, d dtypes.DType) *tensors.Tensor { return ir.ScalarValue(x).Tensor(d) }

// least returns the smallest positive number of d.
func least(d dtypes.DType) float64 {
	return map[dtypes.DType]float64{dtypes.Float16: 0x1p-24, dtypes.BFloat16: 0x1p-133, dtypes.Float32: 0x1p-149, dtypes.Float64: 0x1p-1074}[d]
}
