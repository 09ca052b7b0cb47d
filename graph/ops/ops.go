// Code generated from the table of operations by go test ./graph/ops/generate -update. DO NOT EDIT.

// Package ops names the rows of the table of operations, for engines, readers and writers that have something to say
// about one of them. What an op means stands in its row; the op reference lists them all.
package ops

import (
	_ "github.com/quire-ml/quire/graph" // defines the rows
	"github.com/quire-ml/quire/graph/ir"
)

var (
	Abs                               = row("Abs")                               // |x|, real for complex x
	Acos                              = row("Acos")                              // the angle whose cosine is x
	Acosh                             = row("Acosh")                             // log(x + √(x² - 1))
	Add                               = row("Add")                               // x + y
	ArgMax                            = row("ArgMax")                            // the first index of the largest x along an axis, of the first NaN if there is one
	ArgMin                            = row("ArgMin")                            // the first index of the smallest x along an axis, of the first NaN if there is one
	Asin                              = row("Asin")                              // the angle whose sine is x
	Asinh                             = row("Asinh")                             // log(x + √(x² + 1))
	Atan                              = row("Atan")                              // the angle whose tangent is x
	Atan2                             = row("Atan2")                             // the angle of the point (y, x)
	Atanh                             = row("Atanh")                             // (log(1 + x) - log(1 - x)) / 2
	BesselI0e                         = row("BesselI0e")                         // exp(-|x|)·I₀(x)
	BesselI1e                         = row("BesselI1e")                         // exp(-|x|)·I₁(x)
	BitCount                          = row("BitCount")                          // how many bits are set
	Bitcast                           = row("Bitcast")                           // the bits of x as numbers of another dtype
	BitwiseAnd                        = row("BitwiseAnd")                        // the bits set in x and y
	BitwiseNot                        = row("BitwiseNot")                        // x with all bits flipped
	BitwiseOr                         = row("BitwiseOr")                         // the bits set in x or y
	BitwiseShiftLeft                  = row("BitwiseShiftLeft")                  // x · 2ʸ on the bits
	BitwiseShiftRightArithmetic       = row("BitwiseShiftRightArithmetic")       // x shifted right by y, the top bit repeated
	BitwiseShiftRightLogical          = row("BitwiseShiftRightLogical")          // x shifted right by y, zeros coming in
	BitwiseXor                        = row("BitwiseXor")                        // the bits in which x and y differ
	Broadcast                         = row("Broadcast")                         // x repeated along axes of size 1 and new leading ones
	Call                              = row("Call")                              // the results of a function
	Cbrt                              = row("Cbrt")                              // ∛x
	Ceil                              = row("Ceil")                              // the smallest whole number ≥ x
	Checkpoint                        = row("Checkpoint")                        // the results of a function whose values a gradient computes again
	Cholesky                          = row("Cholesky")                          // the triangular y with x = y · yᴴ, or yᴴ · y
	Clamp                             = row("Clamp")                             // min(max(y, x), z), with y the value and x and z the range
	Clz                               = row("Clz")                               // how many zeros stand above the highest bit
	Complex                           = row("Complex")                           // x + i·y
	Concatenate                       = row("Concatenate")                       // the operands one after the other along an axis
	Conj                              = row("Conj")                              // the complex conjugate of x
	Const                             = row("Const")                             // a fixed value
	ConvGeneral                       = row("ConvGeneral")                       // z[n, o, c] = Σ_k Σ_i x[n, o·stride + k·dilation - padding, i] · y[k, i, c]
	ConvertDType                      = row("ConvertDType")                      // x in another dtype
	Cos                               = row("Cos")                               // cos(x)
	Cosh                              = row("Cosh")                              // (exp(x) + exp(-x)) / 2
	CumSum                            = row("CumSum")                            // x[0] + … + x[i] along an axis
	CustomGradient                    = row("CustomGradient")                    // values with a gradient of the caller's own
	Digamma                           = row("Digamma")                           // ψ(x) = Γ'(x) / Γ(x)
	Div                               = row("Div")                               // x / y, integers towards zero
	Dot                               = row("Dot")                               // the product of vectors or matrices
	DotGeneral                        = row("DotGeneral")                        // z[b…, i…, j…] = Σ_k x[b…, i…, k…] · y[b…, j…, k…]
	DynamicSlice                      = row("DynamicSlice")                      // a part of x that begins where the other operands say
	DynamicUpdateSlice                = row("DynamicUpdateSlice")                // x with y in it, beginning where the other operands say
	Einsum                            = row("Einsum")                            // a sum of products by an equation of axes, such as bij,bjk->bik
	Equal                             = row("Equal")                             // x = y
	Erf                               = row("Erf")                               // 2/√π · ∫₀ˣ exp(-t²) dt
	ErfInv                            = row("ErfInv")                            // the number whose error function is x
	Erfc                              = row("Erfc")                              // 1 - erf(x)
	Exp                               = row("Exp")                               // exp(x)
	Exp2                              = row("Exp2")                              // 2ˣ
	ExpandAxes                        = row("ExpandAxes")                        // x with new axes of size 1
	Expm1                             = row("Expm1")                             // exp(x) - 1
	FFT                               = row("FFT")                               // y[…, k] = Σ_j x[…, j] · exp(-2πi·j·k/n) over the last axes
	Floor                             = row("Floor")                             // the largest whole number ≤ x
	Gather                            = row("Gather")                            // z[b…, r…] = x[y[b…, 0], …, y[b…, k-1], r…], indices clamped
	GatherSlices                      = row("GatherSlices")                      // slices of x that begin where y says
	Gelu                              = row("Gelu")                              // x/2 · (1 + erf(x/√2))
	GeluApproximate                   = row("GeluApproximate")                   // x/2 · (1 + tanh(√(2/π)·(x + 0.044715x³)))
	GreaterOrEqual                    = row("GreaterOrEqual")                    // x ≥ y
	GreaterThan                       = row("GreaterThan")                       // x > y
	Hypot                             = row("Hypot")                             // √(x² + y²)
	Identity                          = row("Identity")                          // x
	If                                = row("If")                                // the results of one of two branches, by a bool scalar
	Imag                              = row("Imag")                              // the imaginary part of x
	InverseFFT                        = row("InverseFFT")                        // y[…, j] = 1/n · Σ_k x[…, k] · exp(2πi·j·k/n) over the last axes
	InverseRealFFT                    = row("InverseRealFFT")                    // the real x of which RealFFT gives this
	Iota                              = row("Iota")                              // 0, 1, 2, … along an axis
	IsFinite                          = row("IsFinite")                          // whether x is neither infinite nor NaN
	IsNaN                             = row("IsNaN")                             // whether x is not a number
	L2Normalize                       = row("L2Normalize")                       // x / √(Σ |x|² + epsilon)
	LayerNorm                         = row("LayerNorm")                         // y · (x - mean(x)) / √(variance(x) + epsilon) + z
	LayerNormGradient                 = row("LayerNormGradient")                 // the gradient of LayerNorm with respect to x, given y and that of its result, z
	LessOrEqual                       = row("LessOrEqual")                       // x ≤ y
	LessThan                          = row("LessThan")                          // x < y
	Lgamma                            = row("Lgamma")                            // log|Γ(x)|
	Log                               = row("Log")                               // the natural logarithm of x
	Log1p                             = row("Log1p")                             // log(1 + x)
	Log2                              = row("Log2")                              // log(x) / log(2)
	LogAddExp                         = row("LogAddExp")                         // log(exp(x) + exp(y))
	LogSoftmax                        = row("LogSoftmax")                        // x - log Σ exp(x) over the axes
	LogSumExp                         = row("LogSumExp")                         // log Σ exp(x) over the axes
	LogicalAnd                        = row("LogicalAnd")                        // x and y
	LogicalNot                        = row("LogicalNot")                        // not x
	LogicalOr                         = row("LogicalOr")                         // x or y
	LogicalXor                        = row("LogicalXor")                        // either x or y
	MaskedLogSoftmax                  = row("MaskedLogSoftmax")                  // x - log Σ exp(x) over the axes, of those x for which y holds; -∞ for others
	MaskedSoftmax                     = row("MaskedSoftmax")                     // exp(x) / Σ exp(x) over the axes, of those x for which y holds; 0 for others
	MatMul                            = row("MatMul")                            // z[…, i, j] = Σ_k x[…, i, k] · y[…, k, j], batches broadcast
	Max                               = row("Max")                               // the larger of x and y, NaN if either is
	Min                               = row("Min")                               // the smaller of x and y, NaN if either is
	Mul                               = row("Mul")                               // x · y
	MulHi                             = row("MulHi")                             // the upper half of the product
	NameAxes                          = row("NameAxes")                          // x with names for its axes
	Neg                               = row("Neg")                               // -x
	NextAfter                         = row("NextAfter")                         // the next number after x in the direction of y
	NormalCDF                         = row("NormalCDF")                         // Φ(x) = (1 + erf(x/√2)) / 2
	NotEqual                          = row("NotEqual")                          // x ≠ y
	OneHot                            = row("OneHot")                            // y[…, i] = 1 if x[…] = i, else 0
	OptimizationBarrier               = row("OptimizationBarrier")               // x, across which nothing is moved
	Pad                               = row("Pad")                               // x with the scalar y around and between its elements
	Pow                               = row("Pow")                               // x to the power of y
	QuantizedDot                      = row("QuantizedDot")                      // x · (z·value(y) + w)ᵀ, y being codes of few bits, z scales and w biases of groups of them; these may be left out
	RMSNorm                           = row("RMSNorm")                           // y · x / √(mean(x²) + epsilon)
	RMSNormGradient                   = row("RMSNormGradient")                   // the gradient of RMSNorm with respect to x, given y and that of its result, z
	RandomBernoulli                   = row("RandomBernoulli")                   // the next state, and 1 with probability y, else 0
	RandomBits                        = row("RandomBits")                        // the next state, and uniform bits of Philox-4x32-10
	RandomIntN                        = row("RandomIntN")                        // the next state, and integers uniform over 0 … y-1
	RandomNormal                      = row("RandomNormal")                      // the next state, and floats of the standard normal distribution
	RandomPermutation                 = row("RandomPermutation")                 // the next state, and 0 … N-1 in random order
	RandomUniform                     = row("RandomUniform")                     // the next state, and floats uniform over [0, 1)
	Real                              = row("Real")                              // the real part of x
	RealFFT                           = row("RealFFT")                           // the first n/2 + 1 elements of FFT(x) for a real x
	Reciprocal                        = row("Reciprocal")                        // 1/x
	ReduceBitwiseAnd                  = row("ReduceBitwiseAnd")                  // the bits set in all x over the axes
	ReduceBitwiseOr                   = row("ReduceBitwiseOr")                   // the bits set in any x over the axes
	ReduceBitwiseXor                  = row("ReduceBitwiseXor")                  // the bits set in an odd number of x over the axes
	ReduceLogicalAnd                  = row("ReduceLogicalAnd")                  // whether all x hold over the axes
	ReduceLogicalOr                   = row("ReduceLogicalOr")                   // whether any x holds over the axes
	ReduceLogicalXor                  = row("ReduceLogicalXor")                  // whether an odd number of x hold over the axes
	ReduceMax                         = row("ReduceMax")                         // the largest x over the axes, NaN if one is
	ReduceMean                        = row("ReduceMean")                        // Σ x / n over the axes
	ReduceMin                         = row("ReduceMin")                         // the smallest x over the axes, NaN if one is
	ReduceMultiply                    = row("ReduceMultiply")                    // Π x over the axes
	ReducePrecision                   = row("ReducePrecision")                   // x rounded to a float of so many bits
	ReduceSum                         = row("ReduceSum")                         // Σ x over the axes
	ReduceWindow                      = row("ReduceWindow")                      // y[o…] = sum, largest or smallest of x[o·stride + k - padding …] over the window's k
	Relu                              = row("Relu")                              // max(x, 0)
	Rem                               = row("Rem")                               // x - y·trunc(x/y), with the sign of x
	Reshape                           = row("Reshape")                           // x's elements in row-major order under other dimensions
	Reverse                           = row("Reverse")                           // y[…, i, …] = x[…, n-1-i, …] along the axes
	Round                             = row("Round")                             // the nearest whole number, halves to even
	Rsqrt                             = row("Rsqrt")                             // 1/√x
	ScaledDotProductAttention         = row("ScaledDotProductAttention")         // softmax(scale · x·yᵀ + mask)·z over the keys y, and the logarithms of the sums of exponentials; the mask, a fourth operand, may be left out
	ScaledDotProductAttentionGradient = row("ScaledDotProductAttentionGradient") // the gradients of ScaledDotProductAttention with respect to x, y and z, given the logarithms, Σ dy·y less the gradient of these, and dy, the gradient of the result
	Scan                              = row("Scan")                              // what a body makes of a carry, turn by turn, and of a slice of each array; and what it returns in each turn, stacked
	ScatterMax                        = row("ScatterMax")                        // x with the larger of it and z where y points at
	ScatterMin                        = row("ScatterMin")                        // x with the smaller of it and z where y points at
	ScatterSum                        = row("ScatterSum")                        // x with z added where y points at
	ScatterUpdate                     = row("ScatterUpdate")                     // x with z in its place where y points at
	SelectAndGather                   = row("SelectAndGather")                   // y at the first largest or smallest x of each window
	SelectAndScatter                  = row("SelectAndScatter")                  // zeros of x's shape, with y added at the first largest or smallest x of each window
	Shard                             = row("Shard")                             // x, divided over the devices of a mesh
	Sigmoid                           = row("Sigmoid")                           // 1 / (1 + exp(-x))
	Sign                              = row("Sign")                              // -1, 0 or 1 as x is below, at or above 0
	Silu                              = row("Silu")                              // x / (1 + exp(-x))
	Sin                               = row("Sin")                               // sin(x)
	Sinh                              = row("Sinh")                              // (exp(x) - exp(-x)) / 2
	Slice                             = row("Slice")                             // y[i…] = x[Start + i·Stride …]
	Softmax                           = row("Softmax")                           // exp(x) / Σ exp(x) over the axes
	SoftmaxCrossEntropy               = row("SoftmaxCrossEntropy")               // -Σ y·log softmax(x) over the last axis, or of classes y, which are integers, -log softmax(x)[y]
	SoftmaxCrossEntropyGradient       = row("SoftmaxCrossEntropyGradient")       // the gradient of SoftmaxCrossEntropy with respect to x, given y and that of its result, z: (softmax(x)·Σ y - y)·z
	Softplus                          = row("Softplus")                          // log(1 + exp(x))
	Sort                              = row("Sort")                              // x in order along an axis, NaN as the largest
	SortWithIndices                   = row("SortWithIndices")                   // x in order along an axis, and where the elements came from
	Split                             = row("Split")                             // x in equal parts along an axis
	Sqrt                              = row("Sqrt")                              // √x
	Square                            = row("Square")                            // x²
	Squeeze                           = row("Squeeze")                           // x without axes of size 1
	Stack                             = row("Stack")                             // the operands side by side along a new axis
	StopGradient                      = row("StopGradient")                      // x, through which no gradient flows
	Sub                               = row("Sub")                               // x - y
	Switch                            = row("Switch")                            // the results of one of several branches, by an int32 scalar that counts them
	Tan                               = row("Tan")                               // tan(x)
	Tanh                              = row("Tanh")                              // tanh(x)
	TopK                              = row("TopK")                              // the K largest (or smallest) of x along an axis in the total order of floats, and where they are
	Transpose                         = row("Transpose")                         // y[i…] = x[j…], axis k of y being axis Perm[k] of x
	TriangularSolve                   = row("TriangularSolve")                   // the z with op(x) · z = y, or z · op(x) = y, for a triangular x
	Variance                          = row("Variance")                          // Σ (x - mean)² / n over the axes
	Where                             = row("Where")                             // y where x holds, else z
	While                             = row("While")                             // the state after repeating a body while a condition holds
)

func row(name string) *ir.Op {
	op := ir.OpByName(name)
	if op == nil {
		panic("ops: there is no op " + name + ": run go test ./graph/ops/generate -update")
	}
	named[op] = true
	return op
}

var named = map[*ir.Op]bool{}

// Has reports whether a row is one of these, and none of a program's own.
func Has(op *ir.Op) bool { return named[op] }
