package stablehlo_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/require"
)

// special runs an operation of the CHLO dialect on doubles and returns the result and its gradients.
func special(t *testing.T, op string, in ...[]float64) [][]float64 {
	t.Helper()
	n := len(in[0])
	typ := fmt.Sprintf("tensor<%dxf64>", n)
	params, args, types := "", "", ""
	for i := range in {
		if i > 0 {
			params, args, types = params+", ", args+", ", types+", "
		}
		params, args, types = params+fmt.Sprintf("%%x%d: %s", i, typ), args+fmt.Sprintf("%%x%d", i), types+typ
	}
	m, err := stablehlo.Read(fmt.Sprintf("func.func @main(%s) -> %s {\n%%0 = %s %s : %s -> %s\nreturn %%0 : %s\n}\n", params, typ, op, args, types, typ, typ))
	require.NoError(t, err)
	exec := graph.MustNewExec(graphtest.Reference(), func(in []*graph.Node) []*graph.Node {
		y := m.Main().Call(in...)[0]
		return append([]*graph.Node{y}, graph.Gradient(graph.ReduceAllSum(y), in...)...)
	})
	var list []any
	for _, x := range in {
		list = append(list, x)
	}
	out, err := exec.Call(list...)
	require.NoError(t, err)
	var flat [][]float64
	for _, y := range out {
		flat = append(flat, tensors.MustCopyFlatData[float64](y))
	}
	return flat
}

// near reports values that are further apart than 2e-13 of the one wanted or, unless only relative errors count, 2e-14.
func near(t *testing.T, name string, x, got, want []float64, relative bool) {
	t.Helper()
	for i, w := range want {
		limit := 2e-13 * math.Abs(w)
		if !relative {
			limit = max(limit, 2e-14)
		}
		if g := got[i]; g != w && !(math.Abs(g-w) <= limit) && !(g != g && w != w) {
			t.Errorf("%s(%v) is %v, want %v", name, x[i], g, w)
		}
	}
}

// The values are mpmath's, with 40 digits.
func TestSpecialFunctions(t *testing.T) {
	x := []float64{-30, -2.5, -0.5, -1e-5, 0, 1e-8, 0.3, 1, 2, 4.5, 10, 26.5}
	near(t, "erfc", x, special(t, "chlo.erfc", x)[0], []float64{2.0, 1.999593047982555, 1.5204998778130465, 1.0000112837916706, 1.0, 0.99999998871620833, 0.67137324054087258, 0.15729920705028513, 0.0046777349810472658, 1.9661604415428875e-10, 2.0884875837625448e-45, 2.2109076642637343e-307}, true)
	x = []float64{-7.25, -3.5, -0.75, -1e-3, 1e-5, 0.25, 0.5, 0.9, 1, 1.0001, 1.5, 2, 2.5, 7, 33.25, 1000, 1e10}
	gamma, psi := special(t, "chlo.lgamma", x), special(t, "chlo.digamma", x)
	near(t, "lgamma", x, gamma[0], []float64{-7.54188344347575, -1.309006684993042, 1.5757045971498584, 6.9083333175150284, 11.512919692895826, 1.2880225246980775, 0.57236494292470009, 0.066376239734742954, 0.0, -5.7713342220471268e-5, -0.12078223763524522, 0.0, 0.28468287047291916, 6.579251212010101, 82.429238345909042, 5905.2204232091812, 220258509288.81058}, false)
	want := []float64{5.1899772149562879, 1.3888709263595289, -2.8941202000429321, 999.42113819789133, -100000.57719921567, -4.2274535333762654, -1.9635100260214235, -0.75492694994705135, -0.57721566490153286, -0.57705118351433487, 0.036489973978576521, 0.42278433509846714, 0.70315664064524319, 1.8727843350984671, 3.4889418035209387, 6.9072551956488121, 23.025850929890457}
	near(t, "digamma", x, psi[0], want, false)
	near(t, "the gradient of lgamma", x, gamma[1], want, false)
	near(t, "the gradient of digamma", x, psi[1], []float64{19.610354539293269, 9.6208792980503482, 18.975106932284889, 1000001.6473414317, 10000000001.644908, 17.197329154507111, 4.9348022005446793, 1.9225399594772034, 1.6449340668482264, 1.6446936879331444, 0.93480220054467931, 0.64493406684822644, 0.49035775610023486, 0.15354517795933755, 0.030531979535421604, 0.0010005001666666333, 1.00000000005e-10}, false)
	s, q := []float64{2, 1.01, 3.5, 10, 2, 30}, []float64{1, 0.5, 0.1, 2.5, 100, 1.5}
	near(t, "zeta", q, special(t, "chlo.zeta", s, q)[0], []float64{1.6449340668482264, 101.97709317748227, 3163.1034212176388, 0.00010882584206868631, 0.010050166663333571, 5.2150962038157318e-6}, true)
	s, q = []float64{0, 1, 2, 3, 5}, []float64{0.3, 0.3, 1.5, 7, 0.8}
	near(t, "polygamma", q, special(t, "chlo.polygamma", s, q)[0], []float64{-3.5025242222001331, 12.245364546107731, -0.82879664423432, 0.0071981985631254454, 461.59599795899233}, true)
}

func TestSpecialFunctionsAtTheirPoles(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	x := []float64{0, -1, -2, inf, -inf, nan}
	for op, want := range map[string][]float64{
		"chlo.lgamma": {inf, inf, inf, inf, inf, nan}, "chlo.digamma": {nan, nan, nan, inf, nan, nan}, "chlo.erfc": {1, 1.8427007929497149, 1.9953222650189527, 0, 2, nan},
	} {
		near(t, op, x, special(t, op, x)[0], want, true)
	}
	s, q := []float64{1, 2, 2, 0.5, 2}, []float64{3, 0, -1, 3, nan}
	near(t, "zeta", q, special(t, "chlo.zeta", s, q)[0], []float64{inf, inf, inf, nan, nan}, true)
}
