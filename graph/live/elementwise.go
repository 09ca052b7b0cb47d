package live

import "github.com/quire-ml/quire/graph"

// one records a function of x alone.
func (x *Array) one(fn func(*graph.Node) *graph.Node) *Array {
	x = x.check()
	return x.session.record(fn, nil, "", x)
}

// Neg returns -x, element by element: [graph.Neg].
func (x *Array) Neg() *Array { return x.one(graph.Neg) }

// Abs returns the absolute value of x; of complex numbers, how long they are, element by element: [graph.Abs].
func (x *Array) Abs() *Array { return x.one(graph.Abs) }

// Sign returns -1, 0 or 1 as the elements of x are negative, zero or positive, element by element: [graph.Sign].
func (x *Array) Sign() *Array { return x.one(graph.Sign) }

// Square returns x·x, element by element: [graph.Square].
func (x *Array) Square() *Array { return x.one(graph.Square) }

// Sqrt returns the square root of x, element by element: [graph.Sqrt].
func (x *Array) Sqrt() *Array { return x.one(graph.Sqrt) }

// Rsqrt returns 1/√x, element by element: [graph.Rsqrt].
func (x *Array) Rsqrt() *Array { return x.one(graph.Rsqrt) }

// Cbrt returns the cube root of x, element by element: [graph.Cbrt].
func (x *Array) Cbrt() *Array { return x.one(graph.Cbrt) }

// Reciprocal returns 1/x, element by element: [graph.Reciprocal].
func (x *Array) Reciprocal() *Array { return x.one(graph.Reciprocal) }

// Exp returns e to the power of x, element by element: [graph.Exp].
func (x *Array) Exp() *Array { return x.one(graph.Exp) }

// Expm1 returns exp(x)-1, accurate also for tiny x, element by element: [graph.Expm1].
func (x *Array) Expm1() *Array { return x.one(graph.Expm1) }

// Log returns the natural logarithm of x, element by element: [graph.Log].
func (x *Array) Log() *Array { return x.one(graph.Log) }

// Log1p returns log(1+x), accurate also for tiny x, element by element: [graph.Log1p].
func (x *Array) Log1p() *Array { return x.one(graph.Log1p) }

// Log2 returns the logarithm of x to base 2, element by element: [graph.Log2].
func (x *Array) Log2() *Array { return x.one(graph.Log2) }

// Sin returns the sine of x, element by element: [graph.Sin].
func (x *Array) Sin() *Array { return x.one(graph.Sin) }

// Cos returns the cosine of x, element by element: [graph.Cos].
func (x *Array) Cos() *Array { return x.one(graph.Cos) }

// Tan returns the tangent of x, element by element: [graph.Tan].
func (x *Array) Tan() *Array { return x.one(graph.Tan) }

// Asin returns the arcsine of x, element by element: [graph.Asin].
func (x *Array) Asin() *Array { return x.one(graph.Asin) }

// Acos returns the arccosine of x, element by element: [graph.Acos].
func (x *Array) Acos() *Array { return x.one(graph.Acos) }

// Atan returns the arctangent of x, element by element: [graph.Atan].
func (x *Array) Atan() *Array { return x.one(graph.Atan) }

// Sinh returns the hyperbolic sine of x, element by element: [graph.Sinh].
func (x *Array) Sinh() *Array { return x.one(graph.Sinh) }

// Cosh returns the hyperbolic cosine of x, element by element: [graph.Cosh].
func (x *Array) Cosh() *Array { return x.one(graph.Cosh) }

// Tanh returns the hyperbolic tangent of x, element by element: [graph.Tanh].
func (x *Array) Tanh() *Array { return x.one(graph.Tanh) }

// Erf returns the error function of x, element by element: [graph.Erf].
func (x *Array) Erf() *Array { return x.one(graph.Erf) }

// Sigmoid returns 1/(1+exp(-x)), element by element: [graph.Sigmoid].
func (x *Array) Sigmoid() *Array { return x.one(graph.Sigmoid) }

// Softplus returns log(1+exp(x)), element by element: [graph.Softplus].
func (x *Array) Softplus() *Array { return x.one(graph.Softplus) }

// Relu returns max(x, 0), element by element: [graph.Relu].
func (x *Array) Relu() *Array { return x.one(graph.Relu) }

// Silu returns x·sigmoid(x), element by element: [graph.Silu].
func (x *Array) Silu() *Array { return x.one(graph.Silu) }

// Gelu returns x·Φ(x), Φ the distribution function of the standard normal distribution, element by element: [graph.Gelu].
func (x *Array) Gelu() *Array { return x.one(graph.Gelu) }

// Floor returns the largest whole numbers not above x, element by element: [graph.Floor].
func (x *Array) Floor() *Array { return x.one(graph.Floor) }

// Ceil returns the smallest whole numbers not below x, element by element: [graph.Ceil].
func (x *Array) Ceil() *Array { return x.one(graph.Ceil) }

// Round returns x rounded to whole numbers, halves to even ones, element by element: [graph.Round].
func (x *Array) Round() *Array { return x.one(graph.Round) }

// IsNaN returns whether elements of x are not numbers, element by element: [graph.IsNaN].
func (x *Array) IsNaN() *Array { return x.one(graph.IsNaN) }

// IsFinite returns whether elements of x are neither infinite nor NaN, element by element: [graph.IsFinite].
func (x *Array) IsFinite() *Array { return x.one(graph.IsFinite) }

// Not returns whether elements of x, bools, are false, element by element: [graph.LogicalNot].
func (x *Array) Not() *Array { return x.one(graph.LogicalNot) }
