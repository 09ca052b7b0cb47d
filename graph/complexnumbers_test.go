package graph_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// ofComplex are calls that NumPy or SciPy make with complex numbers, of a [3 3] and b [3 3].
var ofComplex = map[string]func(a, b *node) *node{
	"Add": graph.Add, "Sub": graph.Sub, "Mul": graph.Mul, "Div": graph.Div, "Pow": graph.Pow, "Equal": graph.Equal, "NotEqual": graph.NotEqual,
	"MatMul": graph.MatMul, "Outer": graph.Outer, "Kron": graph.Kron,
	"Neg": ofOne(graph.Neg), "Abs": ofOne(graph.Abs), "Sign": ofOne(graph.Sign), "Conj": ofOne(graph.Conj), "Real": ofOne(graph.Real), "Imag": ofOne(graph.Imag),
	"Exp": ofOne(graph.Exp), "Exp2": ofOne(graph.Exp2), "Expm1": ofOne(graph.Expm1), "Log": ofOne(graph.Log), "Log2": ofOne(graph.Log2), "Log1p": ofOne(graph.Log1p),
	"Sqrt": ofOne(graph.Sqrt), "Square": ofOne(graph.Square), "Reciprocal": ofOne(graph.Reciprocal), "Rsqrt": ofOne(graph.Rsqrt),
	"Sin": ofOne(graph.Sin), "Cos": ofOne(graph.Cos), "Tan": ofOne(graph.Tan), "Sinh": ofOne(graph.Sinh), "Cosh": ofOne(graph.Cosh), "Tanh": ofOne(graph.Tanh),
	"Asin": ofOne(graph.Asin), "Acos": ofOne(graph.Acos), "Atan": ofOne(graph.Atan), "Asinh": ofOne(graph.Asinh), "Acosh": ofOne(graph.Acosh), "Atanh": ofOne(graph.Atanh),
	"Round": ofOne(graph.Round), "IsNaN": ofOne(graph.IsNaN), "IsFinite": ofOne(graph.IsFinite),
	"ReduceSum": ofOne(reduceAll(graph.ReduceSum)), "ReduceMultiply": ofOne(reduceAll(graph.ReduceMultiply)), "ReduceMean": ofOne(reduceAll(graph.ReduceMean)),
	"Variance": ofOne(reduceAll(graph.Variance)), "L2Norm": ofOne(reduceAll(graph.L2Norm)), "Trace": ofOne(graph.Trace),
	"CumSum": ofOne(func(a *node) *node { return graph.CumSum(a, 0) }), "CumProd": ofOne(func(a *node) *node { return graph.CumProd(a, 0) }),
	"Cholesky":   ofOne(func(a *node) *node { return graph.Cholesky(a, true) }),
	"DotGeneral": func(a, b *node) *node { return graph.DotGeneral(a, []int{1}, nil, b, []int{0}, nil) },
	"Einsum":     func(a, b *node) *node { return graph.Einsum("ij,ij->i", a, b) },
	"Convolve": func(a, b *node) *node {
		return graph.Convolve(graph.ExpandAxes(a, -1), graph.ExpandAxes(b, 1)).PadSame().Done()
	},
	"Where":  func(a, b *node) *node { return graph.Where(graph.Equal(a, b), a, b) },
	"Gather": ofOne(func(a *node) *node { return graph.Gather(a, graph.Const(a.Graph(), [][]int32{{1}})) }),
	"ScatterSum": func(a, b *node) *node {
		return graph.ScatterSum(a, graph.Const(a.Graph(), [][]int32{{1}, {0}, {1}}), b, false, false)
	},
	"Pad": ofOne(func(a *node) *node {
		return graph.Pad(a, graph.ScalarZero(a.Graph(), a.DType()), graph.PadAxis{Start: 1})
	}),
	"Concatenate": func(a, b *node) *node { return graph.Concatenate([]*node{a, b}, 0) },
	"Max":         graph.Max, "Min": graph.Min, "ReduceMax": ofOne(reduceAll(graph.ReduceMax)), "ReduceMin": ofOne(reduceAll(graph.ReduceMin)),
	"Sort":   ofOne(func(a *node) *node { return graph.Sort(a, 0, true) }),
	"ArgMax": ofOne(func(a *node) *node { return graph.ArgMax(a, 0) }), "ArgMin": ofOne(func(a *node) *node { return graph.ArgMin(a, 0) }),
}

// notOfComplex are those of them that package graph has for real numbers alone, in the order in which docs/ops.md says so.
var notOfComplex = []string{"Asin", "Acos", "Atan", "Asinh", "Acosh", "Atanh", "Max", "Min", "ReduceMax", "ReduceMin", "ArgMax", "ArgMin", "Sort"}

func ofOne(fn func(a *node) *node) func(a, _ *node) *node {
	return func(a, _ *node) *node { return fn(a) }
}

func reduceAll(fn func(a *node, axes ...int) *node) func(a *node) *node {
	return func(a *node) *node { return fn(a) }
}

// What takes complex numbers where NumPy does, and what does not, is as the op reference says.
func TestComplexNumbers(t *testing.T) {
	refused := map[string]bool{}
	for name, fn := range ofComplex {
		for _, d := range dtypes.Complexes.List() {
			g := graph.NewGraph(nil, "g")
			a, b := graph.Parameter(g, "a", shapes.Make(d, 3, 3)), graph.Parameter(g, "b", shapes.Make(d, 3, 3))
			if err := graph.Catch(func() { fn(a, b) }); err != nil {
				assert.ErrorContains(t, err, "complex", name)
				refused[name] = true
			}
		}
	}
	var want []string
	for _, name := range notOfComplex {
		want = append(want, name)
		assert.True(t, refused[name], "%s takes complex numbers now: take it from the list, and say so in docs/ops.md", name)
		delete(refused, name)
	}
	assert.Empty(t, refused, "these do not take complex numbers")
	page, err := os.ReadFile("../docs/ops.md")
	require.NoError(t, err)
	assert.Contains(t, strings.ReplaceAll(string(page), "\n", " "), "`"+strings.Join(want, " ")+"`", "docs/ops.md names what does not take complex numbers")
}

// Rows that take complex numbers have samples of them: these are run on every engine, and so are their gradients.
func TestRowsOfComplexNumbersHaveSamples(t *testing.T) {
	n := 0
	for _, op := range ir.Ops() {
		if op.DTypes&dtypes.Complexes == 0 {
			continue
		}
		found := false
		for _, s := range op.Samples {
			found = found || len(s.In) == 0 || s.DTypes == 0 || s.DTypes&dtypes.Complexes != 0
		}
		n++
		assert.True(t, found, "%s takes complex numbers, and no sample has any", op.Name)
	}
	require.Greater(t, n, 50)
}
