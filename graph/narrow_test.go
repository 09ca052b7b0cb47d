package graph_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
)

// What float16 and bfloat16 can hold they get: nothing that is added up, and no constant on the way, is rounded to 16
// bits before the result is.

// narrowTable has the functions that compute, of a vector, and how many units of epsilon the result may be off.
var narrowTable = map[string]struct {
	f    unary
	ulps float64
}{
	"Abs": {graph.Abs, 0}, "Relu": {graph.Relu, 0}, "Sign": {graph.Sign, 0}, "SignPlusOrMinus": {graph.SignPlusOrMinus, 0},
	"Floor": {graph.Floor, 0}, "Ceil": {graph.Ceil, 0}, "Round": {graph.Round, 0},
	"Exp": {graph.Exp, 1}, "Expm1": {graph.Expm1, 1}, "Log": {graph.Log, 1}, "Log1p": {graph.Log1p, 1}, "MirroredLog1p": {graph.MirroredLog1p, 1},
	"Sqrt": {graph.Sqrt, 1}, "Rsqrt": {graph.Rsqrt, 1}, "Square": {graph.Square, 1}, "Reciprocal": {graph.Reciprocal, 1},
	"Sin": {graph.Sin, 1}, "Cos": {graph.Cos, 1}, "Tan": {graph.Tan, 1}, "Tanh": {graph.Tanh, 1}, "Erf": {graph.Erf, 1},
	"Asin": {graph.Asin, 1}, "Acos": {graph.Acos, 1}, "Atan": {graph.Atan, 1}, "Sinh": {graph.Sinh, 1}, "Cosh": {graph.Cosh, 1},
	"Asinh": {graph.Asinh, 1}, "Acosh": {graph.Acosh, 1}, "Atanh": {graph.Atanh, 1}, "Log2": {graph.Log2, 1}, "Exp2": {graph.Exp2, 1}, "Cbrt": {graph.Cbrt, 1},
	"Hypot": {against(graph.Hypot, 1), 1}, "Erfc": {graph.Erfc, 1}, "ErfInv": {graph.ErfInv, 1}, "Lgamma": {graph.Lgamma, 1}, "Digamma": {graph.Digamma, 1},
	"BesselI0e": {graph.BesselI0e, 1}, "BesselI1e": {graph.BesselI1e, 1},
	"Sigmoid": {graph.Sigmoid, 1}, "Softplus": {graph.Softplus, 1}, "Silu": {graph.Silu, 1}, "Gelu": {graph.Gelu, 1}, "GeluApproximate": {graph.GeluApproximate, 1},
	"Neg": {graph.Neg, 0}, "OnePlus": {graph.OnePlus, 1}, "OneMinus": {graph.OneMinus, 1}, "MinusOne": {graph.MinusOne, 1},
	"Add": {against(graph.Add, 1), 1}, "Sub": {against(graph.Sub, 1), 1}, "Mul": {against(graph.Mul, 0.5), 1}, "Div": {against(graph.Div, 2), 1},
	"AddScalar": {func(x *node) *node { return graph.AddScalar(x, 1) }, 1}, "SubScalar": {func(x *node) *node { return graph.SubScalar(x, 1) }, 1},
	"MulScalar": {func(x *node) *node { return graph.MulScalar(x, 0.5) }, 1}, "DivScalar": {func(x *node) *node { return graph.DivScalar(x, 2) }, 1},
	"MaxScalar": {func(x *node) *node { return graph.MaxScalar(x, 1) }, 0}, "MinScalar": {func(x *node) *node { return graph.MinScalar(x, 1) }, 0},
	"ModScalar": {func(x *node) *node { return graph.ModScalar(x, 0.5) }, 0}, "PowScalar": {func(x *node) *node { return graph.PowScalar(graph.Abs(x), 0.5) }, 1},
	"ClipScalar": {func(x *node) *node { return graph.ClipScalar(x, -1, 1) }, 0},
	"Max":        {against(graph.Max, 1), 0}, "Min": {against(graph.Min, 1), 0}, "Rem": {against(graph.Rem, 0.5), 0},
	"Pow": {func(x *node) *node { return against(graph.Pow, 0.5)(graph.Abs(x)) }, 1}, "Atan2": {against(graph.Atan2, 1), 1}, "LogAddExp": {against(graph.LogAddExp, 1), 1},
	"Clamp": {func(x *node) *node { return graph.Clamp(graph.ConstAs(x, -1), x, graph.ConstAs(x, 1)) }, 0},
	"Clip":  {func(x *node) *node { return graph.Clip(x, graph.ConstAs(x, -1), graph.ConstAs(x, 1)) }, 0},
	"Where": {func(x *node) *node { return graph.Where(graph.IsPositive(x), x, graph.OnesLike(x)) }, 0},

	"ReduceSum": {axes0(graph.ReduceSum), 1}, "ReduceMean": {axes0(graph.ReduceMean), 1}, "ReduceMultiply": {axes0(graph.ReduceMultiply), 1},
	"ReduceMax": {axes0(graph.ReduceMax), 0}, "ReduceMin": {axes0(graph.ReduceMin), 0}, "Variance": {axes0(graph.Variance), 1},
	"ReduceAllSum": {graph.ReduceAllSum, 1}, "ReduceAllMean": {graph.ReduceAllMean, 1}, "ReduceAllMultiply": {graph.ReduceAllMultiply, 1},
	"ReduceAllMax": {graph.ReduceAllMax, 0}, "ReduceAllMin": {graph.ReduceAllMin, 0},
	"ReduceAndKeep": {func(x *node) *node { return graph.ReduceAndKeep(x, graph.ReduceMean, 0) }, 1},
	"CumSum":        {func(x *node) *node { return graph.CumSum(x, 0) }, 1},
	"CumProd":       {func(x *node) *node { return graph.CumProd(x, 0) }, 1}, "CumLogSumExp": {func(x *node) *node { return graph.CumLogSumExp(x, 0) }, 1},
	"CumMax": {func(x *node) *node { return graph.CumMax(x, 0) }, 0}, "CumMin": {func(x *node) *node { return graph.CumMin(x, 0) }, 0},
	"Outer": {func(x *node) *node { return graph.Outer(x, graph.ConstAs(x, 0.75)) }, 1},
	"Kron":  {func(x *node) *node { return graph.Kron(x, graph.ConstAs(x, []float64{0.75, -1})) }, 1},
	"Trace": {func(x *node) *node { return graph.Trace(graph.Reshape(x, 32, 64)) }, 1},
	"ConsecutiveDifference": {func(x *node) *node {
		return graph.ConsecutiveDifference(x, 0, true)
	}, 1},
	"LogSumExp": {axes0(graph.LogSumExp), 1}, "Softmax": {axes0(graph.Softmax), 1}, "LogSoftmax": {axes0(graph.LogSoftmax), 1},
	"MaskedSoftmax": {shown(graph.MaskedSoftmax), 1}, "MaskedLogSoftmax": {shown(graph.MaskedLogSoftmax), 1},
	"L1Norm": {axes0(graph.L1Norm), 1}, "L2Norm": {axes0(graph.L2Norm), 1}, "L2NormSquare": {axes0(graph.L2NormSquare), 1},
	"L2Normalize": {func(x *node) *node { return graph.L2Normalize(x, 0) }, 1},
	"SoftmaxCrossEntropy": {func(x *node) *node {
		return graph.SoftmaxCrossEntropy(x, graph.ReduceAllSum(graph.ConvertDType(graph.IsNaN(x), dtypes.Int32)))
	}, 1},
	"LayerNorm": {func(x *node) *node {
		return graph.LayerNorm(x, graph.OnesLike(x), graph.ZerosLike(x), 1e-5, 0)
	}, 3},
	"RMSNorm":                {func(x *node) *node { return graph.RMSNorm(x, graph.OnesLike(x), 1e-6, 0) }, 3},
	"L2NormalizeWithEpsilon": {func(x *node) *node { return graph.L2NormalizeWithEpsilon(x, 1e-12, 0) }, 1},
	"CosineSimilarity":       {func(x *node) *node { return graph.CosineSimilarity(x, graph.OnesLike(x), 0) }, 1},
	"MaskedReduceSum":        {shown(graph.MaskedReduceSum), 1}, "MaskedReduceMean": {shown(graph.MaskedReduceMean), 1},
	"MaskedReduceMax": {shown(graph.MaskedReduceMax), 0}, "MaskedReduceMin": {shown(graph.MaskedReduceMin), 0},
	"MaskedReduceAllSum":  {func(x *node) *node { return graph.MaskedReduceAllSum(x, odd(x)) }, 1},
	"MaskedReduceAllMean": {func(x *node) *node { return graph.MaskedReduceAllMean(x, odd(x)) }, 1},
	"MaskedReduceAllMax":  {func(x *node) *node { return graph.MaskedReduceAllMax(x, odd(x)) }, 0},
	"MaskedReduceAllMin":  {func(x *node) *node { return graph.MaskedReduceAllMin(x, odd(x)) }, 0},
	"MaskedReduceAndKeep": {func(x *node) *node { return graph.MaskedReduceAndKeep(x, odd(x), graph.MaskedReduceMean, 0) }, 1},
	"DotProduct":          {func(x *node) *node { return graph.DotProduct(x, graph.MulScalar(graph.OnesLike(x), 0x1p-11)) }, 1},
	"MatMul": {func(x *node) *node {
		return graph.MatMul(graph.Reshape(x, 1, -1), graph.MulScalar(graph.OnesLike(graph.Reshape(x, -1, 1)), 0x1p-11))
	}, 1},
	"Einsum": {func(x *node) *node { return graph.Einsum("i,i->", x, graph.MulScalar(graph.OnesLike(x), 0x1p-11)) }, 1},
	"EinsumAxes": {func(x *node) *node {
		return graph.EinsumAxes(x, graph.MulScalar(graph.OnesLike(x), 0x1p-11), [][2]int{{0, 0}}, nil)
	}, 1},
	"DotGeneral": {func(x *node) *node {
		return graph.DotGeneral(x, []int{0}, nil, graph.MulScalar(graph.OnesLike(x), 0x1p-11), []int{0}, nil)
	}, 1},

	// Not functions, but builders and gradients with sums of their own.
	"MeanPool": {func(x *node) *node { return graph.MeanPool(graph.Reshape(x, 1, -1, 1)).Window(2048).Done() }, 1},
	"MeanPool at the edge": {func(x *node) *node {
		return graph.MeanPool(graph.Reshape(x, 1, -1, 1)).Window(2048).Strides(512).PadSame().Done()
	}, 1},
	"SumPool":              {func(x *node) *node { return graph.SumPool(graph.Reshape(x, 1, -1, 1)).Window(2048).Done() }, 1},
	"slope of LogSumExp":   {slope(axes0(graph.LogSumExp)), 1},
	"slope of Sigmoid":     {slope(graph.Sigmoid), 1},
	"slope of Tanh":        {slope(graph.Tanh), 1},
	"slope of Silu":        {slope(graph.Silu), 1},
	"slope of a softmax":   {slope(func(x *node) *node { return graph.SliceAxis(graph.Softmax(x, 0), 0, graph.AxisElem(0)) }), 1},
	"slope of a logarithm": {slope(func(x *node) *node { return graph.SliceAxis(graph.LogSoftmax(x, 0), 0, graph.AxisElem(0)) }), 1},
}

// notNarrow are functions of complex numbers and matrices, whose accuracy is tested elsewhere, those of functions, which are as accurate
// as these are, and NextAfter, whose values are the dtype's own.
var notNarrow = []string{"NextAfter", "Reduce", "ScatterFunc", "Hessian", "ValueAndGradient", "Conj", "Real", "Imag", "Complex", "ConvertDType", "ReducePrecision", "ConvGeneral", "FFT", "InverseFFT", "RealFFT", "InverseRealFFT", "Cholesky", "TriangularSolve"}

// odd is a mask of every other element.
func odd(x *node) *node {
	mask := make([]bool, x.Shape().Size())
	for i := range mask {
		mask[i] = i%2 == 1
	}
	return graph.Const(x.Graph(), mask)
}

func shown(f func(x, mask *node, axes ...int) *node) unary {
	return func(x *node) *node { return f(x, odd(x), 0) }
}

func TestNarrowDTypes(t *testing.T) {
	for _, name := range functionsOfNodes(t) {
		if _, known := narrowTable[name]; !known && !slices.Contains(slices.Concat(notNarrow, withoutSlope, moving), name) {
			t.Errorf("%s is not in narrowTable", name)
		}
	}
	for _, d := range dtypes.Halves.List() {
		_, hi := dtypes.Limits(d)
		largest, eps := hi.(float64), dtypes.Epsilon(d)
		vector := func(f func(i int) float64) *tensors.Tensor {
			v := make([]float64, 2048)
			for i := range v {
				v[i] = f(i)
			}
			return ir.Values(v...).Tensor(d)
		}
		for what, x := range map[string]*tensors.Tensor{
			"hundreds":        vector(func(int) float64 { return 100 }),
			"the largest":     vector(func(int) float64 { return largest }),
			"large, of signs": vector(func(i int) float64 { return math.Copysign(largest/4*float64(1+i%3), float64(i%2)-0.5) }),
			"the least":       vector(func(i int) float64 { return least(d) * float64(1+i%5) }),
			"next to 1":       vector(func(i int) float64 { return 1 + eps*float64(i%3-1) }),
			"small":           vector(func(i int) float64 { return 0.001 * float64(i%100) }),
			"both signs":      vector(func(i int) float64 { return float64(i%13) - 6.25 }),
		} {
			for name, c := range narrowTable {
				assert.NoError(t, compareNarrow(c.f, c.ulps, x, d), "%s of %s, %s", name, what, d)
			}
		}
	}
}

// unfolding is a backend without those ops that can be expanded.
type unfolding struct{ ir.Backend }

func (e unfolding) Lowers(c ir.Call) bool { return c.Op.Expand == nil && e.Backend.Lowers(c) }

// compareNarrow compares f of x in d, by the ops' meaning and by their expansion, with f of the same numbers in float64.
func compareNarrow(f unary, ulps float64, x *tensors.Tensor, d dtypes.DType) error {
	wide, _ := x.ConvertDType(dtypes.Float64)
	want, err := graph.CallOnce(graphtest.Reference(), f, wide)
	if err != nil {
		return err
	}
	_, hi := dtypes.Limits(d)
	for _, b := range []ir.Backend{graphtest.Reference(), unfolding{graphtest.Reference()}} {
		got, err := graph.CallOnce(b, f, x)
		if err != nil {
			return err
		}
		for i := range want.Size() {
			g, w := got.Float64At(i), want.Float64At(i)
			if !(math.Abs(w) <= hi.(float64)) { // not representable
				continue
			}
			if !(math.Abs(g-w) <= ulps*dtypes.Epsilon(d)*math.Abs(w)+least(d)) {
				return fmt.Errorf("element %d is %v, want %v", i, g, w)
			}
		}
	}
	return nil
}
