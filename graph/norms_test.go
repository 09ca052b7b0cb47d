package graph_test

import (
	"math"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
)

func TestNorms(t *testing.T) {
	x := [][]float64{{3, -4}, {0, 0}, {0, -2}}
	z := []complex128{3 + 4i, 12i}
	for _, c := range []struct {
		name string
		fn   unary
		x    any
		want any
	}{
		{"L1 along an axis keeps it", func(x *node) *node { return graph.L1Norm(x, -1) }, x, [][]float64{{7}, {0}, {2}}},
		{"L1 of all is a scalar", func(x *node) *node { return graph.L1Norm(x) }, x, 9},
		{"L1 of complex is real", func(x *node) *node { return graph.L1Norm(x) }, z, 17},
		{"L2 along an axis", func(x *node) *node { return graph.L2Norm(x, 1) }, x, [][]float64{{5}, {0}, {2}}},
		{"L2 of complex is real", func(x *node) *node { return graph.L2Norm(x) }, z, 13},
		{"squares", func(x *node) *node { return graph.L2NormSquare(x, 0) }, x, [][]float64{{9, 20}}},
		{"squares of integers", func(x *node) *node { return graph.L2NormSquare(x) }, []int32{3, -4}, 25},
		{"unit length, but for 0", func(x *node) *node { return graph.L2Normalize(x, -1) }, x, [][]float64{{0.6, -0.8}, {0, 0}, {0, -1}}},
		{"unit length of complex", func(x *node) *node { return graph.L2Normalize(x, 0) }, []complex128{3i, 4}, []complex128{0.6i, 0.8}},
		{"over two axes", func(x *node) *node { return graph.L2Normalize(x, 0, 1) }, [][]float64{{1, 1}, {-1, 1}}, [][]float64{{0.5, 0.5}, {-0.5, 0.5}}},
		{"short vectors stay short", func(x *node) *node { return graph.L2NormalizeWithEpsilon(x, 16, -1) }, []float64{3, 0}, []float64{0.6, 0}},
		{"a vector 0 passes the gradient on", slope(func(x *node) *node { return graph.L2Normalize(x, -1) }), [][]float64{{0, 0}}, [][]float64{{1, 1}}},
	} {
		t.Run(c.name, func(t *testing.T) { wantValue(t, c.fn, c.want, c.x) })
	}
}

// Lengths of vectors whose squares are beyond the range of their dtype, and the slopes there.
func TestNormsOfVeryLargeAndVerySmallVectors(t *testing.T) {
	for _, d := range append(dtypes.Floats.List(), dtypes.Complex64, dtypes.Complex128) {
		_, hi := dtypes.Limits(d.Real())
		for what, k := range map[string]float64{"large": math.Ldexp(hi.(float64), -3), "small": 2 * least(d.Real()), "one": 1, "at the seam": 0x1p-40} {
			if k = scalarOf(k, d).Float64At(0); k == 0 {
				continue // float16 has no 2^-40
			}
			x := ir.Values(3*k, 4*k).Tensor(d)
			if d.IsComplex() { // a sample's imaginary parts are of other elements
				x = must(ir.Values(3*k, 4*k).Tensor(d.Real()).ConvertDType(d))
			}
			for name, c := range map[string]struct {
				f    unary
				want []float64
			}{
				"L2Norm":          {func(x *node) *node { return graph.L2Norm(x, -1) }, []float64{5 * k}},
				"L2Norm of all":   {func(x *node) *node { return graph.L2Norm(x) }, []float64{5 * k}},
				"slope of L2Norm": {slope(func(x *node) *node { return graph.L2Norm(x, -1) }), []float64{0.6, 0.8}},
				"L2Normalize":     {func(x *node) *node { return graph.L2Normalize(x, -1) }, []float64{0.6, 0.8}},
				"CosineSimilarity": {func(x *node) *node {
					return graph.CosineSimilarity(x, graph.ConstAs(x, []float64{1, 1}), -1)
				}, []float64{7 / (5 * math.Sqrt2)}},
			} {
				y, err := graph.CallOnce(graphtest.Reference(), func(x *node) *node { return realOf(c.f(x)) }, x)
				if err != nil {
					t.Errorf("%s of %s: %v", name, d, err)
					continue
				}
				for i, want := range c.want {
					if got := y.Float64At(i); !(math.Abs(got-want) <= 3*dtypes.Epsilon(d)*want+least(d.Real())) {
						t.Errorf("%s of %s %s: element %d is %v, want %v", name, what, d, i, got, want)
					}
				}
			}
		}
	}
	wantValue(t, func(x *node) *node { return graph.L2Norm(x) }, 3, -3.0)
	wantError(t, func(x *node) *node { return graph.L2Norm(x) }, "L2Norm int32[2]: int32 is not a dtype that it takes: float, complex", []int32{3, 4})
	wantValue(t, func(x *node) *node { return graph.L2Norm(x) }, inf, []float64{inf, 1})
	wantValue(t, func(x *node) *node { return graph.L2Norm(x) }, nan, []float64{nan, 1})
	wantValue(t, func(x *node) *node { return graph.L2Norm(x) }, inf, []float64{math.MaxFloat64, math.MaxFloat64})
	wantValue(t, func(x *node) *node { return graph.L2NormalizeWithEpsilon(x, 1e-60, 0) }, []float32{0, 0}, []float32{0, 0})
}

func realOf(x *node) *node {
	if x.DType().IsComplex() {
		return graph.Real(x)
	}
	return x
}

func must(t *tensors.Tensor, err error) *tensors.Tensor {
	if err != nil {
		panic(err)
	}
	return t
}

func TestCosineSimilarity(t *testing.T) {
	cosine := func(x, y *node) *node { return graph.CosineSimilarity(x, y, -1) }
	x, y := [][]float64{{2, 0}, {0, 3}, {0, 0}}, [][]float64{{0, 5}, {0, -2}, {1, 1}}
	wantValue(t, cosine, [][]float64{{0}, {-1}, {0}}, x, y)
	wantValue(t, cosine, [][]complex128{{1}}, [][]complex128{{2i}}, [][]complex128{{3i}})
	slope := func(x, y *node) *node { return graph.Gradient(graph.ReduceAllSum(cosine(x, y)), x)[0] }
	wantValue(t, slope, [][]float64{{0, 0.5}, {0, 0}, {0, 0}}, x, [][]float64{{0, 5}, {0, -2}, {0, 0}})
}

func TestConsecutiveDifference(t *testing.T) {
	x := [][]int32{{1, 4, 9}, {2, 2, 0}}
	wantValue(t, func(x *node) *node { return graph.ConsecutiveDifference(x, -1, false) }, [][]int32{{3, 5}, {0, -2}}, x)
	kept := func(x *node) *node { return graph.ConsecutiveDifference(x, 1, true) }
	wantValue(t, kept, [][]int32{{1, 3, 5}, {2, 0, -2}}, x)
	wantValue(t, func(x *node) *node { return graph.CumSum(kept(x), -1) }, x, x)
	wantError(t, func(x *node) *node {
		return graph.ConsecutiveDifference(graph.Zeros(x.Graph(), shapes.Make(dtypes.Int8, 0)), 0, false)
	}, "ConsecutiveDifference int8[0]: axis 0 is empty", 1)
}

func TestAxisNamesSurviveKeptReductions(t *testing.T) {
	g := graph.NewGraph(nil, "names")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 2, 3).WithAxisNames("batch", "class"))
	for _, c := range []struct {
		name string
		y    *node
		want string
	}{
		{"a reduction", graph.ReduceMax(x, -1), "float32[batch=2]"},
		{"a kept reduction", graph.ReduceAndKeep(x, graph.ReduceMean, 0), "float32[batch=1 class=3]"},
		{"a softmax", graph.Softmax(x), "float32[batch=2 class=3]"},
		{"an index", graph.ArgMax(x, 0), "int32[class=3]"},
	} {
		assert.Equal(t, c.want, c.y.Shape().String(), "%s has shape", c.name)
	}
}
