package vector

import (
	"math"
	"strings"

	"github.com/quire-ml/quire/backends/gocpu/internal/vector/piece"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
	"github.com/quire-ml/quire/internal/elementary"
)

// Op is an elementwise op.
type Op uint8

// Ops of numbers. NaN gives NaN unless said otherwise.
const (
	Add             Op = iota // x + y
	Sub                       // x - y
	Mul                       // x · y
	Div                       // x / y
	Max                       // the larger one, NaN if an operand is NaN; Max(+0, -0) = +0
	Min                       // the smaller one, likewise; Min(+0, -0) = -0
	Pow                       // x to the power of y, with the special cases of math.Pow
	Neg                       // -x
	Abs                       // |x|
	Sqrt                      // √x
	Floor                     // the whole number below or at x
	Ceil                      // the whole number above or at x
	Round                     // the nearest whole number, of two the even one
	Sign                      // -1 or 1; zeros stay
	RoundBFloat16             // the nearest number that is a bfloat16, of two the even one
	RoundFloat16              // the nearest number that is a float16, of two the even one
	Rsqrt                     // 1/√x
	Exp                       // eˣ
	Expm1                     // eˣ - 1
	Log                       // log(x)
	Log1p                     // log(1 + x)
	Tanh                      // the hyperbolic tangent
	Sigmoid                   // 1/(1 + e⁻ˣ)
	Silu                      // x/(1 + e⁻ˣ)
	Softplus                  // log(1 + eˣ)
	Erf                       // the error function
	NormalCDF                 // (1 + Erf(x/√2))/2, the normal distribution
	Gelu                      // x · NormalCDF(x)
	GeluApproximate           // x/2 · (1 + Tanh(√(2/π)·(x + 0.044715·x³)))
	Sin                       // the sine of any x
	Cos                       // the cosine
	Tan                       // the tangent
)

// Ops that give masks, and ops on masks. Comparisons with NaN do not hold, but for NotEqual.
const (
	Equal     = Tan + 1 + iota // x = y
	NotEqual                   // x ≠ y
	Less                       // x < y
	LessEqual                  // x ≤ y
	IsFinite                   // x is neither infinite nor NaN
	IsNaN                      // x is NaN
	And                        // both masks hold
	Or                         // one of them or both
	Xor                        // one of them
	Not                        // it does not
	Select                     // the second operand where the mask, the first one, holds, else the third
	numOps
)

// operation is a row of the table of ops: how many operands there are, what it means, as one of the functions, whose result is
// rounded to float32, and the piece that does it.
type operation struct {
	arity int
	f1    func(x float64) float64
	f2    func(x, y float64) float64
	test1 func(x float64) bool // of ops that give masks
	test2 func(x, y float64) bool
	join  func(x, y bool) bool // of ops on masks
	kind  piece.Kind
}

func unary(k piece.Kind, f func(x float64) float64) operation {
	return operation{arity: 1, kind: k, f1: f}
}

func binary(k piece.Kind, f func(x, y float64) float64) operation {
	return operation{arity: 2, kind: k, f2: f}
}

func comparison(k piece.Kind, f func(x, y float64) bool) operation {
	return operation{arity: 2, kind: k, test2: f}
}

func logic(arity int, k piece.Kind, f func(x, y bool) bool) operation {
	return operation{arity: arity, kind: k, join: f}
}

var table = [numOps]operation{
	Add:             binary(piece.Add, func(x, y float64) float64 { return x + y }),
	Sub:             binary(piece.Sub, func(x, y float64) float64 { return x - y }),
	Mul:             binary(piece.Mul, func(x, y float64) float64 { return x * y }),
	Div:             binary(piece.Div, func(x, y float64) float64 { return x / y }),
	Max:             binary(piece.Max, func(x, y float64) float64 { return max(x, y) }),
	Min:             binary(piece.Min, func(x, y float64) float64 { return min(x, y) }),
	Pow:             binary(piece.Pow, elementary.Pow),
	Neg:             unary(piece.Neg, func(x float64) float64 { return -x }),
	Abs:             unary(piece.Abs, math.Abs),
	Sqrt:            unary(piece.Sqrt, math.Sqrt),
	Floor:           unary(piece.Floor, math.Floor),
	Ceil:            unary(piece.Ceil, math.Ceil),
	Round:           unary(piece.Round, math.RoundToEven),
	Sign:            unary(piece.Sign, sign),
	RoundBFloat16:   unary(piece.RoundBFloat16, func(x float64) float64 { return bfloat16.FromFloat64(x).Float64() }),
	RoundFloat16:    unary(piece.RoundFloat16, func(x float64) float64 { return float16.FromFloat64(x).Float64() }),
	Rsqrt:           unary(piece.Rsqrt, func(x float64) float64 { return 1 / math.Sqrt(x) }),
	Exp:             unary(piece.Exp, elementary.Exp),
	Expm1:           unary(piece.Expm1, elementary.Expm1),
	Log:             unary(piece.Log, elementary.Log),
	Log1p:           unary(piece.Log1p, elementary.Log1p),
	Tanh:            unary(piece.Tanh, elementary.Tanh),
	Sigmoid:         unary(piece.Sigmoid, elementary.Sigmoid),
	Silu:            unary(piece.Silu, elementary.Silu),
	Softplus:        unary(piece.Softplus, elementary.Softplus),
	Erf:             unary(piece.Erf, elementary.Erf),
	NormalCDF:       unary(piece.NormalCDF, elementary.NormalCDF),
	Gelu:            unary(piece.Gelu, elementary.Gelu),
	GeluApproximate: unary(piece.GeluApproximate, elementary.GeluApproximate),
	Sin:             unary(piece.Sin, elementary.Sin),
	Cos:             unary(piece.Cos, elementary.Cos),
	Tan:             unary(piece.Tan, elementary.Tan),
	Equal:           comparison(piece.Equal, func(x, y float64) bool { return x == y }),
	NotEqual:        comparison(piece.NotEqual, func(x, y float64) bool { return x != y }),
	Less:            comparison(piece.Less, func(x, y float64) bool { return x < y }),
	LessEqual:       comparison(piece.LessEqual, func(x, y float64) bool { return x <= y }),
	IsFinite:        {arity: 1, kind: piece.IsFinite, test1: func(x float64) bool { return x-x == 0 }},
	IsNaN:           {arity: 1, kind: piece.IsNaN, test1: func(x float64) bool { return x != x }},
	And:             logic(2, piece.And, func(x, y bool) bool { return x && y }),
	Or:              logic(2, piece.Or, func(x, y bool) bool { return x || y }),
	Xor:             logic(2, piece.Xor, func(x, y bool) bool { return x != y }),
	Not:             logic(1, piece.Not, func(x, _ bool) bool { return !x }),
	Select:          {arity: 3},
}

func sign(x float64) float64 {
	if x == 0 || x != x {
		return x
	}
	return math.Copysign(1, x)
}

// names are the ops' names, in their order.
const names = "Add Sub Mul Div Max Min Pow Neg Abs Sqrt Floor Ceil Round Sign RoundBFloat16 RoundFloat16 Rsqrt Exp Expm1 Log " +
	"Log1p Tanh Sigmoid Silu Softplus Erf NormalCDF Gelu GeluApproximate Sin Cos Tan Equal NotEqual Less LessEqual " +
	"IsFinite IsNaN And Or Xor Not Select"

// String returns the name of the op.
func (o Op) String() string { return strings.Fields(names)[o] }

// Arity returns how many operands o takes.
func (o Op) Arity() int { return table[o].arity }

// masks reports whether operand i is a mask.
func (o Op) masks(i int) bool { return table[o].join != nil || o == Select && i == 0 }

// toMask reports whether the result is a mask.
func (o Op) toMask() bool {
	row := &table[o]
	return row.join != nil || row.test1 != nil || row.test2 != nil
}

// isFunction reports whether the op is a function that takes its operands from slots.
func (o Op) isFunction() bool { return table[o].kind >= piece.Rsqrt }
