package graph_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A function made of pieces has, where they meet, the slope that both pieces have, or, if it has a kink there, one that
// is stated.

// joint is a point where pieces meet, and the slope there; the point is the same in every float dtype.
type joint struct{ x, slope float64 }

// jointCase is a function of one node and its joints.
type jointCase struct {
	f      unary
	joints []joint
}

func joints(f unary, j ...joint) []jointCase { return []jointCase{{f, j}} }

// against makes f a function of its first operand, the other being v.
func against(f func(x, y *node) *node, v float64) unary {
	return func(x *node) *node { return f(x, graph.Scalar(x.Graph(), x.DType(), v)) }
}

// along makes a function of a vector (x, others…) of f's, over its only axis.
func along(f unary, others ...float64) unary {
	return func(x *node) *node {
		parts := []*node{graph.Reshape(x, 1)}
		for _, v := range others {
			parts = append(parts, graph.ConstAs(x, []float64{v}))
		}
		return f(graph.Concatenate(parts, 0))
	}
}

// first is the first element of f's result.
func first(f unary) unary {
	return func(x *node) *node { return graph.Reshape(graph.SliceAxis(f(x), 0, graph.AxisElem(0))) }
}

func axes0(f func(x *node, axes ...int) *node) unary { return func(x *node) *node { return f(x, 0) } }

// masked hides the second element from f.
func masked(f func(x, mask *node, axes ...int) *node) unary {
	return func(x *node) *node { return f(x, graph.Const(x.Graph(), []bool{true, false, true}), 0) }
}

var half, flat = 0.5, joint{0, 0}

var jointTable = map[string][]jointCase{
	"Abs":             joints(graph.Abs, flat),
	"Relu":            joints(graph.Relu, flat, joint{inf, 1}, joint{-inf, 0}),
	"Sign":            joints(graph.Sign, flat),
	"SignPlusOrMinus": joints(graph.SignPlusOrMinus, flat),
	"Floor":           joints(graph.Floor, joint{1, 0}),
	"Ceil":            joints(graph.Ceil, joint{1, 0}),
	"Round":           joints(graph.Round, joint{0.5, 0}),
	"MirroredLog1p":   joints(graph.MirroredLog1p, joint{0, 1}, joint{math.Copysign(0, -1), 1}, joint{-3, 0.25}),
	"Softplus":        joints(graph.Softplus, joint{0, 0.5}, joint{inf, 1}, joint{-inf, 0}),
	"Sigmoid":         joints(graph.Sigmoid, joint{0, 0.25}, joint{inf, 0}, joint{-inf, 0}),
	"Tanh":            joints(graph.Tanh, joint{0, 1}, joint{inf, 0}, joint{-inf, 0}),
	"Silu":            joints(graph.Silu, joint{0, 0.5}, joint{inf, 1}, joint{-inf, 0}),
	"Gelu":            joints(graph.Gelu, joint{0, 0.5}, joint{inf, 1}, joint{-inf, 0}),
	"GeluApproximate": joints(graph.GeluApproximate, joint{0, 0.5}, joint{inf, 1}, joint{-inf, 0}),
	"Expm1":           joints(graph.Expm1, joint{0, 1}),
	"Log1p":           joints(graph.Log1p, joint{0, 1}),
	"Erf":             joints(graph.Erf, joint{0, 2 / math.SqrtPi}),
	"Asin":            joints(graph.Asin, joint{0, 1}),
	"Acos":            joints(graph.Acos, joint{0, -1}),
	"Atan":            joints(graph.Atan, joint{0, 1}, joint{inf, 0}, joint{-inf, 0}),
	"Sinh":            joints(graph.Sinh, joint{0, 1}),
	"Cosh":            joints(graph.Cosh, flat),
	"Asinh":           joints(graph.Asinh, joint{0, 1}, joint{1, math.Sqrt2 / 2}, joint{inf, 0}, joint{-inf, 0}),
	"Atanh":           joints(graph.Atanh, joint{0, 1}),
	"Exp2":            joints(graph.Exp2, joint{0, math.Ln2}, joint{0.5, math.Sqrt2 * math.Ln2}, joint{-inf, 0}),
	"Cbrt":            joints(graph.Cbrt, joint{1, 1.0 / 3}, joint{inf, 0}),
	"Hypot":           {{against(graph.Hypot, 4), []joint{{0, 0}, {3, 0.6}, {inf, 1}, {-inf, -1}}}, {against(graph.Hypot, 0), []joint{{0, 0}, {-2, -1}}}, {against(graph.Hypot, inf), []joint{{3, 0}}}},
	"NextAfter":       joints(against(graph.NextAfter, 2), joint{1, 1}, joint{2, 1}, joint{3, 1}),
	"Erfc":            joints(graph.Erfc, joint{0, -2 / math.SqrtPi}, joint{inf, 0}, joint{-inf, 0}),
	"ErfInv":          joints(graph.ErfInv, joint{0, math.SqrtPi / 2}),
	"Digamma":         joints(graph.Digamma, joint{0.5, math.Pi * math.Pi / 2}, joint{1, math.Pi * math.Pi / 6}, joint{inf, 0}),
	"BesselI0e":       joints(graph.BesselI0e, flat, joint{inf, 0}, joint{-inf, 0}),
	"BesselI1e":       joints(graph.BesselI1e, joint{0, 0.5}, joint{inf, 0}, joint{-inf, 0}),
	"Square":          joints(graph.Square, flat),
	"Max":             joints(against(graph.Max, 2), joint{2, half}),
	"Min":             joints(against(graph.Min, 2), joint{2, half}),
	"MaxScalar":       joints(func(x *node) *node { return graph.MaxScalar(x, 2) }, joint{2, half}),
	"MinScalar":       joints(func(x *node) *node { return graph.MinScalar(x, 2) }, joint{2, half}),
	"Clamp": joints(func(x *node) *node {
		return graph.Clamp(graph.ConstAs(x, -1), x, graph.ConstAs(x, 1))
	}, joint{-1, 1}, joint{1, 1}),
	"Clip":       joints(func(x *node) *node { return graph.Clip(x, graph.ConstAs(x, -1), graph.ConstAs(x, 1)) }, joint{-1, 1}, joint{1, 1}),
	"ClipScalar": joints(func(x *node) *node { return graph.ClipScalar(x, -1, 1) }, joint{-1, 1}, joint{1, 1}),
	"Pow": {
		{against(graph.Pow, 1), []joint{{0, 1}, {-2, 1}}}, {against(graph.Pow, 2), []joint{{0, 0}, {-2, -4}}}, {against(graph.Pow, 0), []joint{{0, 0}, {3, 0}}},
		{func(x *node) *node { return graph.Pow(graph.ConstAs(x, 0), x) }, []joint{{2, 0}, {0, 0}}},
		{func(x *node) *node { return graph.Pow(graph.ConstAs(x, 1), x) }, []joint{{2, 0}, {0, 0}}},
	},
	"PowScalar": {
		{func(x *node) *node { return graph.PowScalar(x, 1) }, []joint{{0, 1}}}, {func(x *node) *node { return graph.PowScalar(x, 2) }, []joint{{0, 0}}},
		{func(x *node) *node { return graph.PowScalar(x, 3) }, []joint{{0, 0}, {-1, 3}}}, {func(x *node) *node { return graph.PowScalar(x, 0) }, []joint{{0, 0}}},
	},
	"Rem":       {{against(graph.Rem, 2), []joint{{0, 1}, {2, 1}, {-4, 1}}}},
	"ModScalar": joints(func(x *node) *node { return graph.ModScalar(x, 2) }, joint{0, 1}, joint{2, 1}),
	"LogAddExp": {
		{against(graph.LogAddExp, 3), []joint{{3, half}, {inf, 1}, {-inf, 0}}}, {against(graph.LogAddExp, inf), []joint{{inf, half}, {3, 0}}},
		{against(graph.LogAddExp, -inf), []joint{{3, 1}, {-inf, half}}}, {func(x *node) *node { return graph.LogAddExp(x, x) }, []joint{{2, 1}}},
	},
	"Atan2": {{against(graph.Atan2, 1), []joint{{0, 1}}}, {func(x *node) *node { return graph.Atan2(graph.ConstAs(x, 2), x) }, []joint{{0, -half}}}},
	"Where": joints(func(x *node) *node { return graph.Where(graph.IsPositive(x), x, graph.Log(x)) }, joint{3, 1}),

	"L1Norm":                 joints(along(axes0(graph.L1Norm), 3, -4), flat),
	"L2Norm":                 {{along(axes0(graph.L2Norm)), []joint{{0, 0}}}, {along(axes0(graph.L2Norm), 4), []joint{{0, 0}, {3, 0.6}}}},
	"L2NormSquare":           joints(along(axes0(graph.L2NormSquare), 4), joint{0, 0}),
	"L2Normalize":            joints(first(along(func(x *node) *node { return graph.L2Normalize(x, 0) }, 0)), joint{0, 1}, joint{2, 0}),
	"L2NormalizeWithEpsilon": joints(first(along(func(x *node) *node { return graph.L2NormalizeWithEpsilon(x, 0.25, 0) }, 0)), joint{0, 2}),
	"CosineSimilarity": joints(along(func(x *node) *node {
		return graph.CosineSimilarity(x, graph.ConstAs(x, []float64{0, 5}), 0)
	}, 0), joint{0, 0}),
	"CumMax":         joints(along(func(x *node) *node { return graph.CumMax(x, 0) }, 2), joint{3, 2}, joint{2, 1.5}, joint{1, 1}),
	"CumMin":         joints(along(func(x *node) *node { return graph.CumMin(x, 0) }, 2), joint{3, 1}, joint{2, 1.5}, joint{1, 2}),
	"ReduceMax":      {{along(axes0(graph.ReduceMax), 2, 2, 1), []joint{{2, 1.0 / 3}, {1, 0}}}, {along(axes0(graph.ReduceMax), -inf), []joint{{-inf, half}}}},
	"ReduceMin":      joints(along(axes0(graph.ReduceMin), 2, 3), joint{2, half}),
	"ReduceMultiply": {{along(axes0(graph.ReduceMultiply), 2, 3), []joint{{0, 6}}}, {along(axes0(graph.ReduceMultiply), 0, 3), []joint{{0, 0}}}},
	"Variance":       joints(along(axes0(graph.Variance), 2, 2), joint{2, 0}),
	"LogSumExp": {
		{along(axes0(graph.LogSumExp), 1, 2), []joint{{inf, 1}, {-inf, 0}}}, {along(axes0(graph.LogSumExp), inf), []joint{{1, 0}, {inf, half}, {-inf, 0}}},
		{along(axes0(graph.LogSumExp), -inf), []joint{{-inf, 0}, {2, 1}}}, {along(axes0(graph.LogSumExp), 1000), []joint{{1000, half}}},
	},
	"Softmax":            {{first(along(axes0(graph.Softmax), 1)), []joint{{1, 0.25}, {-inf, 0}}}},
	"LogSoftmax":         {{first(along(axes0(graph.LogSoftmax), 1)), []joint{{1, half}}}},
	"MaskedSoftmax":      {{first(along(masked(graph.MaskedSoftmax), nan, 1)), []joint{{1, 0.25}, {-inf, 0}}}},
	"MaskedLogSoftmax":   {{first(along(masked(graph.MaskedLogSoftmax), inf, 1)), []joint{{1, half}}}},
	"MaskedReduceMax":    {{along(masked(graph.MaskedReduceMax), 2, 2), []joint{{2, half}}}, {along(masked(graph.MaskedReduceMax), nan, -inf), []joint{{-inf, half}}}},
	"MaskedReduceMin":    {{along(masked(graph.MaskedReduceMin), 2, 2), []joint{{2, half}}}, {along(masked(graph.MaskedReduceMin), -inf, inf), []joint{{inf, half}}}},
	"MaskedReduceMean":   {{along(masked(graph.MaskedReduceMean), nan, 2), []joint{{2, half}}}},
	"MaskedReduceSum":    {{along(masked(graph.MaskedReduceSum), inf, 2), []joint{{2, 1}}}},
	"MaskedReduceAllMax": {{along(func(x *node) *node { return graph.MaskedReduceAllMax(x, graph.IsFinite(x)) }, nan, 2), []joint{{2, half}}}},
	"MaskedReduceAllMin": {{along(func(x *node) *node { return graph.MaskedReduceAllMin(x, graph.IsFinite(x)) }, nan, 2), []joint{{2, half}}}},
}

// smooth are functions that are smooth wherever they are finite.
var smooth = strings.Fields(`
	Add AddScalar Cos Sin Tan Exp Log Sqrt Rsqrt Reciprocal Div DivScalar Mul MulScalar Neg Sub SubScalar OnePlus OneMinus MinusOne
	Acosh Log2 Lgamma
	Conj Real Imag Complex ConvertDType ReducePrecision ReduceSum ReduceMean LayerNorm RMSNorm SoftmaxCrossEntropy CumSum CumProd CumLogSumExp ConsecutiveDifference
	Reduce ScatterFunc Hessian ValueAndGradient ReduceAllSum ReduceAllMean ReduceAllMultiply ReduceAllMax ReduceAllMin ReduceAndKeep
	MaskedReduceAllSum MaskedReduceAllMean MaskedReduceAndKeep
	DotGeneral DotProduct MatMul Outer Kron Trace Einsum EinsumAxes ConvGeneral FFT InverseFFT RealFFT InverseRealFFT Cholesky TriangularSolve
`)

// withoutSlope are functions of which the result, or the slope, is a constant or no number.
var withoutSlope = strings.Fields(`
	Identity IdentityWithCustomGradient OptimizationBarrier StopGradient ZerosLike OnesLike ConstAs Apply ApplyIn
	SearchSorted Unique NonZero NormalizeIndices EqualTotalOrder NotEqualTotalOrder LessThanTotalOrder LessOrEqualTotalOrder GreaterThanTotalOrder GreaterOrEqualTotalOrder
	ArgMax ArgMin ArgSort BottomK TopK TopKMask OneHot Equal NotEqual GreaterThan GreaterOrEqual LessThan LessOrEqual IsFinite IsNaN IsZero
	IsNegative IsNonNegative IsNonPositive IsPositive PositiveIndicator NegativeIndicator NonNegativeIndicator NonPositiveIndicator
	LogicalAll LogicalAnd LogicalAny LogicalNot LogicalOr LogicalXor BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BitCount Bitcast Clz MulHi BitwiseShiftLeft
	BitwiseShiftLeftScalar BitwiseShiftRightArithmetic BitwiseShiftRightArithmeticScalar BitwiseShiftRightLogical
	BitwiseShiftRightLogicalScalar ReduceBitwiseAnd ReduceBitwiseOr ReduceBitwiseXor ReduceLogicalAnd ReduceLogicalOr ReduceLogicalXor
	RNGStateSplit RandomBernoulli RandomBits RandomIntN RandomNormal RandomPermutation RandomShuffle RandomUniform`)

// moving are functions that move elements; those that choose among equals share the gradient or give it to the first, as
// their own tests say.
var moving = strings.Fields(`
	BroadcastPrefix BroadcastToDims BroadcastToShape Concatenate DiagonalWithValue DynamicSlice DynamicUpdateSlice ExpandAndBroadcast
	ExpandAxes ExpandLeftToRank Gather GatherSlices GatherWithBatchDims Tile Repeat Roll GrowLeft GrowRight InsertAxes Pad Reshape ReshapeWithShape Reverse
	Scatter ScatterSum ScatterUpdate Shard Shift ShiftLeft ShiftRight ShiftWithScalar ShiftWithValue Slice SliceAxis Squeeze Stack
	TakeLowerTriangular TakeUpperTriangular Transpose TransposeAllAxes
	ReduceWindow ScatterMax ScatterMin Sort SortWithIndices`)

func TestSlopesWherePiecesMeet(t *testing.T) {
	for _, name := range functionsOfNodes(t) {
		cases, known := jointTable[name]
		if !known && !slices.Contains(slices.Concat(smooth, withoutSlope, moving), name) {
			t.Errorf("%s is neither in jointTable nor in smooth, withoutSlope or moving", name)
		}
		for i, c := range cases {
			for _, d := range dtypes.Floats.List() {
				for _, j := range c.joints {
					got := at(t, slope(c.f), j.x, d)
					if want := ir.ScalarValue(j.slope).Tensor(d).Float64At(0); math.Abs(got-want) > 2*dtypes.Epsilon(d)*math.Abs(want) || got != got {
						t.Errorf("%s, case %d, in %s: the slope at %v is %v, want %v", name, i, d, j.x, got, want)
					}
				}
			}
		}
	}
}

// functionsOfNodes returns the exported functions of the package that make a node of nodes.
func functionsOfNodes(t *testing.T) (names []string) {
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	isNode := func(e ast.Expr) bool {
		if v, ok := e.(*ast.Ellipsis); ok {
			e = v.Elt
		}
		if v, ok := e.(*ast.ArrayType); ok {
			e = v.Elt
		}
		star, ok := e.(*ast.StarExpr)
		if !ok {
			return false
		}
		id, ok := star.X.(*ast.Ident)
		return ok && id.Name == "Node"
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, 0)
		require.NoError(t, err)
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !fn.Name.IsExported() || fn.Type.Results == nil {
				continue
			}
			takes := slices.ContainsFunc(fn.Type.Params.List, func(p *ast.Field) bool { return isNode(p.Type) })
			if star, ok := fn.Type.Results.List[0].Type.(*ast.StarExpr); takes && ok && isNode(star) {
				names = append(names, fn.Name.Name)
			}
		}
	}
	assert.GreaterOrEqual(t, len(names), 150, "only %d functions of nodes were found", len(names))
	return names
}
