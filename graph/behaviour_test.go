package graph_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/shapes"
)

// What the rows' samples cannot say: gradients at kinks, errors, and functions composed of ops.

type (
	node  = graph.Node
	unary = func(x *node) *node
)

var inf, nan = math.Inf(1), math.NaN()

// wantValue checks that fn(args...) prints as want.
func wantValue[F graph.ExecGraphFnOneOutput](t *testing.T, fn F, want any, args ...any) {
	t.Helper()
	got, err := graph.CallOnce(graphtest.Reference(), fn, args...)
	if err != nil {
		t.Errorf("%v", err)
	} else if fmt.Sprint(got.Value()) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got.Value(), want)
	}
}

// wantError checks that fn(args...) fails with an error that contains want.
func wantError[F graph.ExecGraphFnOneOutput](t *testing.T, fn F, want string, args ...any) {
	t.Helper()
	got, err := graph.CallOnce(graphtest.Reference(), fn, args...)
	switch {
	case err == nil:
		t.Errorf("got %v, want the error %q", got, want)
	case !strings.Contains(err.Error(), want):
		t.Errorf("the error is\n%v\nwhich does not say\n%s", err, want)
	}
}

// slope is the gradient of the sum of f(x).
func slope(f unary) unary {
	return func(x *node) *node { return graph.Gradient(graph.ReduceAllSum(f(x)), x)[0] }
}

func TestIntegerDivisionByZeroIsAnError(t *testing.T) {
	x, zero := []int32{1, 2}, []int32{1, 0}
	wantError(t, graph.Div, "integer division by zero", x, zero)
	wantError(t, graph.Rem, "integer division by zero", x, zero)
	wantError(t, graph.Div, "integer division by zero", []uint8{1}, []uint8{0})
	wantError(t, func(x *node) *node { return graph.DivScalar(x, 0) }, "behaviour_test.go:", x)
	wantError(t, func(x *node) *node { return graph.DivScalar(x, 0) }, "DivScalar int32[2]: integer division by zero", x)
	wantError(t, func(x *node) *node { return graph.ModScalar(x, 0) }, "ModScalar int32[2]: integer division by zero", x)
	wantValue(t, func(x *node) *node { return graph.DivScalar(x, 0) }, []float64{inf, -inf}, []float64{1, -1})
}

func TestIntegersWrapAround(t *testing.T) {
	low, minus := []int64{math.MinInt64}, []int64{-1}
	wantValue(t, graph.Div, low, low, minus)
	wantValue(t, graph.Rem, []int64{0}, low, minus)
	wantValue(t, graph.Abs, low, low)
	wantValue(t, graph.Neg, []uint8{255}, []uint8{1})
	wantValue(t, graph.Pow, []uint8{0, 1, 243}, []uint8{2, 255, 3}, []uint8{8, 2, 5})
	wantValue(t, graph.Pow, []int8{-128, 1}, []int8{-2, -1}, []int8{7, -128})
	wantValue(t, func(x *node) *node { return graph.ReduceMultiply(x) }, int8(-64), []int8{64, 3})
}

func TestGradientsAtKinks(t *testing.T) {
	for _, c := range []struct {
		name string
		fn   unary
		x    any
		want any
	}{
		{"Abs has slope 0 at 0", slope(graph.Abs), []float64{-2, 0, 2}, []float64{-1, 0, 1}},
		{"Abs of a complex 0 has gradient 0", slope(graph.Abs), []complex128{0, 3 - 4i}, []complex128{0, 0.6 + 0.8i}},
		{"Relu has slope 0 at 0", slope(graph.Relu), []float64{-1, 0, 1}, []float64{0, 0, 1}},
		{"rounding has slope 0", slope(graph.Round), []float64{-1.5, 0, 1.2}, []float64{0, 0, 0}},
		{"the ends of a range belong to x", slope(func(x *node) *node { return graph.ClipScalar(x, -1, 1) }), []float64{-2, -1, 0, 1, 2}, []float64{0, 1, 1, 1, 0}},
		{"equal operands of Max share", slope(func(x *node) *node { return graph.MaxScalar(x, 2) }), []float64{1, 2, 3}, []float64{0, 0.5, 1}},
		{"equal operands of Min share", slope(func(x *node) *node { return graph.MinScalar(x, 2) }), []float64{1, 2, 3}, []float64{1, 0.5, 0}},
		{"equal maxima share", slope(func(x *node) *node { return graph.ReduceMax(x, -1) }), [][]float64{{1, 4, 4}, {2, 2, 2}}, [][]float64{{0, 0.5, 0.5}, {1. / 3, 1. / 3, 1. / 3}}},
		{"equal minima share", slope(func(x *node) *node { return graph.ReduceMin(x) }), []float64{1, 4, 1, 1, 1}, []float64{0.25, 0, 0.25, 0.25, 0.25}},
		{"a square has slope 0 at 0", slope(func(x *node) *node { return graph.PowScalar(x, 2) }), []float64{0, -3}, []float64{0, -6}},
		{"a cube has its slope below 0", slope(func(x *node) *node { return graph.PowScalar(x, 3) }), []float64{0, -2}, []float64{0, 12}},
		{"the power 0 is flat, at 0 too", slope(func(x *node) *node { return graph.PowScalar(x, 0) }), []float64{0, 2}, []float64{0, 0}},
		{"exponents have no slope where the base has no logarithm",
			slope(func(b *node) *node { return graph.Pow(graph.Const(b.Graph(), []float64{-2, 0, 1}), b) }), []float64{2, 2, 2}, []float64{0, 0, 0}},
		{"a length of 0 has slope 0", slope(func(x *node) *node { return graph.L2Norm(x, -1) }), [][]float64{{0, 0}, {0, -2}}, [][]float64{{0, 0}, {0, -1}}},
		{"LogAddExp has a slope at -∞", slope(func(x *node) *node { return graph.LogAddExp(x, graph.OnesLike(x)) }), []float64{-inf, 1}, []float64{0, 0.5}},
	} {
		t.Run(c.name, func(t *testing.T) { wantValue(t, c.fn, c.want, c.x) })
	}
}

func TestProductsDifferentiateTwiceThroughZeros(t *testing.T) {
	product := func(x *node) *node { return graph.ReduceMultiply(x) }
	wantValue(t, slope(product), []float64{0, 0, 0}, []float64{0, 0, 5})
	wantValue(t, slope(product), []float64{15, 0, 0}, []float64{0, 3, 5})
	// The derivative of the first slope, x[1]·x[2], in all directions.
	second := func(x *node) *node {
		return slope(func(x *node) *node { return graph.SliceAxis(slope(product)(x), 0, graph.AxisElem(0)) })(x)
	}
	wantValue(t, second, []float64{0, 5, 0}, []float64{0, 0, 5})
}

func TestNaNAndInfinitiesInReductions(t *testing.T) {
	for _, c := range []struct {
		name string
		fn   unary
		x    any
		want any
	}{
		{"a maximum with NaN is NaN", func(x *node) *node { return graph.ReduceMax(x) }, []float32{1, float32(nan), 3}, nan},
		{"the maximum of nothing is -∞", func(x *node) *node { return graph.ReduceMax(x) }, []float32{}, -inf},
		{"the maximum of no int8 is the smallest", func(x *node) *node { return graph.ReduceMax(x) }, []int8{}, -128},
		{"the minimum of no uint16 is the largest", func(x *node) *node { return graph.ReduceMin(x) }, []uint16{}, 65535},
		{"the mean of nothing is NaN", func(x *node) *node { return graph.ReduceMean(x) }, []float32{}, nan},
		{"all of nothing hold", func(x *node) *node { return graph.LogicalAll(x) }, []int8{}, true},
		{"none of nothing holds", func(x *node) *node { return graph.LogicalAny(x) }, []int8{}, false},
		{"NaN counts as true", func(x *node) *node { return graph.LogicalAny(x) }, []float64{0, nan}, true},
		{"all bits of nothing are set", func(x *node) *node { return graph.ReduceBitwiseAnd(x) }, []uint16{}, 65535},
		{"LogSumExp of -∞ only is -∞", func(x *node) *node { return graph.LogSumExp(x) }, []float64{-inf, -inf}, -inf},
		{"LogSumExp of -∞ only has slope 0", slope(func(x *node) *node { return graph.LogSumExp(x) }), []float64{-inf, -inf}, []float64{0, 0}},
	} {
		t.Run(c.name, func(t *testing.T) { wantValue(t, c.fn, c.want, c.x) })
	}
}

func TestArgMaxFindsTheFirst(t *testing.T) {
	argMax := func(x *node) *node { return graph.ArgMax(x, -1) }
	argMin := func(x *node) *node { return graph.ArgMin(x, 0, dtypes.Uint8) }
	wantValue(t, argMax, []int32{1, 0, 2}, [][]float64{{1, 3, 3}, {nan, 9, nan}, {-inf, -inf, 0}})
	wantValue(t, argMin, []uint8{0, 1, 1}, [][]int64{{1, 3, 2}, {1, 2, -5}, {4, 2, 0}})
	wantError(t, argMax, "ArgMax", 1.5)
	wantError(t, func(x *node) *node { return graph.ArgMax(graph.Zeros(x.Graph(), shapes.Make(dtypes.Float32, 2, 0)), 1) }, "axis 1 is empty", 0)
	wantError(t, func(x *node) *node {
		return graph.ArgMax(graph.Zeros(x.Graph(), shapes.Make(dtypes.Float32, 300)), 0, dtypes.Uint8)
	}, "uint8 cannot hold the indices of an axis of 300", 0)
	wantError(t, func(x *node) *node { return graph.ArgMax(x, 0, dtypes.Float32) }, "an index cannot be float32", []float64{1})
}

func TestScalarsThatAnIntegerCannotHoldAreErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		fn   unary
		x    any
		want string // "" for none
	}{
		{"a whole float fits", func(x *node) *node { return graph.AddScalar(x, 2.0) }, []int8{1}, ""},
		{"a broken float does not fit", func(x *node) *node { return graph.MulScalar(x, 0.5) }, []int8{1}, "MulScalar int8[1]: 0.5 is not a value of int8"},
		{"a number above the range does not fit", func(x *node) *node { return graph.AddScalar(x, 128) }, []int8{1}, "128 is not a value of int8"},
		{"the lowest number fits", func(x *node) *node { return graph.AddScalar(x, -128) }, []int8{1}, ""},
		{"a negative number does not fit an unsigned type", func(x *node) *node { return graph.MaxScalar(x, int8(-1)) }, []uint8{1}, "-1 is not a value of uint8"},
		{"a large uint8 does not fit an int8", func(x *node) *node { return graph.MinScalar(x, uint8(200)) }, []int8{1}, "200 is not a value of int8"},
		{"the largest uint64 fits", func(x *node) *node { return graph.SubScalar(x, uint64(math.MaxUint64)) }, []uint64{1}, ""},
		{"the largest uint64 does not fit an int64", func(x *node) *node { return graph.SubScalar(x, uint64(math.MaxUint64)) }, []int64{1}, "is not a value of int64"},
		{"NaN does not fit", func(x *node) *node { return graph.AddScalar(x, nan) }, []int64{1}, "NaN is not a value of int64"},
		{"floats take all", func(x *node) *node { return graph.PowScalar(x, 0.5) }, []float32{1}, ""},
		{"a range must be whole, too", func(x *node) *node { return graph.ClipScalar(x, 0, 0.5) }, []int32{1}, "ClipScalar int32[1]: 0.5 is not a value of int32"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.want != "" {
				wantError(t, c.fn, c.want, c.x)
			} else if _, err := graph.CallOnce(graphtest.Reference(), c.fn, c.x); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestScalarForms(t *testing.T) {
	x := []float32{-2, 0, 0.5}
	for _, c := range []struct {
		name string
		fn   unary
		x    any
		want any
	}{
		{"AddScalar", func(x *node) *node { return graph.AddScalar(x, 1.5) }, x, []float32{-0.5, 1.5, 2}},
		{"SubScalar", func(x *node) *node { return graph.SubScalar(x, 1) }, x, []float32{-3, -1, -0.5}},
		{"MulScalar", func(x *node) *node { return graph.MulScalar(x, uint8(2)) }, x, []float32{-4, 0, 1}},
		{"DivScalar", func(x *node) *node { return graph.DivScalar(x, 2) }, x, []float32{-1, 0, 0.25}},
		{"DivScalar of integers", func(x *node) *node { return graph.DivScalar(x, 2) }, []int8{-3, 3}, []int8{-1, 1}},
		{"PowScalar", func(x *node) *node { return graph.PowScalar(x, 3) }, x, []float32{-8, 0, 0.125}},
		{"PowScalar 2 of complex", func(x *node) *node { return graph.PowScalar(x, 2) }, []complex64{2i}, []complex64{-4}},
		{"ModScalar", func(x *node) *node { return graph.ModScalar(x, 1.5) }, x, []float32{-0.5, 0, 0.5}},
		{"MaxScalar", func(x *node) *node { return graph.MaxScalar(x, 0) }, x, []float32{0, 0, 0.5}},
		{"MinScalar", func(x *node) *node { return graph.MinScalar(x, 0) }, x, []float32{-2, 0, 0}},
		{"OnePlus", graph.OnePlus, x, []float32{-1, 1, 1.5}},
		{"OneMinus", graph.OneMinus, x, []float32{3, 1, 0.5}},
		{"MinusOne", graph.MinusOne, x, []float32{-3, -1, -0.5}},
		{"IsZero", graph.IsZero, x, []bool{false, true, false}},
		{"IsPositive", graph.IsPositive, x, []bool{false, false, true}},
		{"IsNegative", graph.IsNegative, x, []bool{true, false, false}},
		{"IsNonNegative", graph.IsNonNegative, x, []bool{false, true, true}},
		{"IsNonPositive", graph.IsNonPositive, x, []bool{true, true, false}},
		{"PositiveIndicator", graph.PositiveIndicator, x, []float32{0, 0, 1}},
		{"NegativeIndicator", graph.NegativeIndicator, x, []float32{1, 0, 0}},
		{"NonNegativeIndicator", graph.NonNegativeIndicator, x, []float32{0, 1, 1}},
		{"NonPositiveIndicator", graph.NonPositiveIndicator, x, []float32{1, 1, 0}},
		{"SignPlusOrMinus", graph.SignPlusOrMinus, x, []float32{-1, 1, 1}},
		{"MirroredLog1p", graph.MirroredLog1p, []float64{-2, 0, 2}, []float64{-math.Log1p(2), 0, math.Log1p(2)}},
		{"Sign of unsigned", graph.Sign, []uint8{0, 3}, []uint8{0, 1}},
		{"Abs of unsigned", graph.Abs, []uint8{0, 255}, []uint8{0, 255}},
		{"Sign of complex", graph.Sign, []complex128{0, 3 - 4i}, []complex128{0, 0.6 - 0.8i}},
		{"Imag of reals", graph.Imag, []float32{1}, []float32{0}},
		{"shifts to the left", func(x *node) *node { return graph.BitwiseShiftLeftScalar(x, 7) }, []int8{1, 2}, []int8{-128, 0}},
		{"shifts with the sign", func(x *node) *node { return graph.BitwiseShiftRightArithmeticScalar(x, 1) }, []int8{-3, 3}, []int8{-2, 1}},
		{"shifts without the sign", func(x *node) *node { return graph.BitwiseShiftRightLogicalScalar(x, 1) }, []int8{-3, 3}, []int8{126, 1}},
		{"shifts beyond the width", func(x *node) *node { return graph.BitwiseShiftRightArithmeticScalar(x, 100) }, []int8{-3, 3}, []int8{-1, 0}},
	} {
		t.Run(c.name, func(t *testing.T) { wantValue(t, c.fn, c.want, c.x) })
	}
}

func TestInfinityOfEachKind(t *testing.T) {
	ends := func(d dtypes.DType) unary {
		return func(x *node) *node {
			return graph.Stack([]*node{graph.Infinity(x.Graph(), d, -1), graph.Infinity(x.Graph(), d, 1)}, 0)
		}
	}
	wantValue(t, ends(dtypes.Float32), []float32{float32(-inf), float32(inf)}, 0)
	wantValue(t, ends(dtypes.Int8), []int8{-128, 127}, 0)
	wantValue(t, ends(dtypes.Uint64), []uint64{0, math.MaxUint64}, 0)
	wantError(t, ends(dtypes.Bool), "Infinity: bool is not ordered", 0)
	wantError(t, ends(dtypes.Complex64), "Infinity: complex64 is not ordered", 0)
}

func TestMistakesAreNamed(t *testing.T) {
	x := [][]float32{{1, 2, 3}, {4, 5, 6}}
	for _, c := range []struct {
		name string
		fn   func(x, y *node) *node
		x, y any
		want string
	}{
		{"a condition of floats", func(x, y *node) *node { return graph.Where(x, x, y) }, x, x, "Where [2 3] · [2 3] · [2 3]: the condition must hold bools, not float32"},
		{"a condition over leading axes", func(x, y *node) *node { return graph.Where(graph.IsZero(y), x, x) }, x, []float32{1, 2}, "axis 1: 3 against 2 (a condition over leading axes needs trailing axes of size 1, see ExpandAxes)"},
		{"choices of two dtypes", func(x, y *node) *node { return graph.Where(graph.IsZero(x), x, y) }, x, []int8{1, 2, 3}, "dtypes differ: float32 and int8"},
		{"a mask over leading axes", func(x, y *node) *node { return graph.MaskedReduceSum(x, y) }, x, []bool{true, false}, "MaskedReduceSum float32[2 3] · bool[2]: the mask does not fit: axis 1: 2 cannot be repeated to 3 (a mask over leading axes needs trailing axes of size 1"},
		{"a mask of integers", func(x, y *node) *node { return graph.MaskedSoftmax(x, y) }, x, []int8{1, 0, 1}, "the mask must hold bools, not int8"},
		{"the softmax of a scalar", func(x, y *node) *node { return graph.Softmax(y) }, x, 1.0, "Softmax float64[]: a scalar has no axis to go over"},
		{"the mean of integers", func(x, y *node) *node { return graph.ReduceMean(y) }, x, []int8{1}, "ReduceMean int8[1]: int8 is not a dtype that it takes: float, complex"},
		{"the masked mean of integers", func(x, y *node) *node { return graph.MaskedReduceMean(y, graph.IsZero(y)) }, x, []int8{1}, "int8 is not a dtype that it takes"},
		{"an axis that there is not", func(x, y *node) *node { return graph.CumSum(x, 2) }, x, x, "CumSum float32[2 3]: axis 2 is out of range"},
		{"bits of floats", graph.BitwiseAnd, x, x, "float32 is not a dtype that it takes: integer"},
		{"an order of complex numbers", graph.Max, []complex64{1}, []complex64{2}, "complex64 is not a dtype that it takes"},
		{"the logarithm of integers", func(x, y *node) *node { return graph.Log(y) }, x, []int8{1}, "Log int8[1]: int8 is not a dtype that it takes: float, complex"},
		{"complex numbers of halves", func(x, y *node) *node {
			x = graph.ConvertDType(x, dtypes.Float16)
			return graph.Complex(x, x)
		}, x, x, "float16 is not a dtype that it takes"},
	} {
		t.Run(c.name, func(t *testing.T) { wantError(t, c.fn, c.want, c.x, c.y) })
	}
}
