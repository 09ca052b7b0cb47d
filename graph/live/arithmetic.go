package live

import "github.com/quire-ml/quire/graph"

// two records a function of x and y, see [Session.operand].
func (x *Array) two(fn func(x, y *graph.Node) *graph.Node, y any) *Array {
	x = x.check()
	return x.session.record(fn, nil, "", x, x.session.operand(x, y))
}

// Add returns x + y, element by element: [graph.Add]. y is an array, a tensor, a number or a slice of Go, see [Array].
func (x *Array) Add(y any) *Array { return x.two(graph.Add, y) }

// Sub returns x - y, element by element: [graph.Sub]. y is an array, a tensor, a number or a slice of Go, see [Array].
func (x *Array) Sub(y any) *Array { return x.two(graph.Sub, y) }

// Mul returns x · y, element by element: [graph.Mul]. y is an array, a tensor, a number or a slice of Go, see [Array].
func (x *Array) Mul(y any) *Array { return x.two(graph.Mul, y) }

// Div returns x / y; of integers without the rest, element by element: [graph.Div]. y is an array, a tensor, a number or a slice of Go, see [Array].
func (x *Array) Div(y any) *Array { return x.two(graph.Div, y) }

// Rem returns the rest of x / y, with the sign of x, element by element: [graph.Rem]. y is an array, a tensor, a number or a slice of Go, see [Array].
func (x *Array) Rem(y any) *Array { return x.two(graph.Rem, y) }

// Pow returns x to the power of y, element by element: [graph.Pow]. y is an array, a tensor, a number or a slice of Go, see [Array].
func (x *Array) Pow(y any) *Array { return x.two(graph.Pow, y) }

// Maximum returns the larger of x and y, element by element: [graph.Max]. y is an array, a tensor, a number or a slice of Go, see [Array].
func (x *Array) Maximum(y any) *Array { return x.two(graph.Max, y) }

// Minimum returns the smaller of x and y, element by element: [graph.Min]. y is an array, a tensor, a number or a slice of Go, see [Array].
func (x *Array) Minimum(y any) *Array { return x.two(graph.Min, y) }

// Atan2 returns the angle of the point (y, x), x being its height, element by element: [graph.Atan2]. y is an array, a tensor, a number or a slice of Go, see [Array].
func (x *Array) Atan2(y any) *Array { return x.two(graph.Atan2, y) }

// Equal returns whether x equals y, element by element: [graph.Equal]. y is an array, a tensor, a number or a slice of Go, see [Array].
func (x *Array) Equal(y any) *Array { return x.two(graph.Equal, y) }

// NotEqual returns whether x differs from y, element by element: [graph.NotEqual]. y is an array, a tensor, a number or a slice of Go, see [Array].
func (x *Array) NotEqual(y any) *Array { return x.two(graph.NotEqual, y) }

// Less returns whether x is less than y, element by element: [graph.LessThan]. y is an array, a tensor, a number or a slice of Go, see [Array].
func (x *Array) Less(y any) *Array { return x.two(graph.LessThan, y) }

// LessOrEqual returns whether x is less than y or equal, element by element: [graph.LessOrEqual]. y is an array, a tensor, a number or a slice of Go, see [Array].
func (x *Array) LessOrEqual(y any) *Array { return x.two(graph.LessOrEqual, y) }

// Greater returns whether x is greater than y, element by element: [graph.GreaterThan]. y is an array, a tensor, a number or a slice of Go, see [Array].
func (x *Array) Greater(y any) *Array { return x.two(graph.GreaterThan, y) }

// GreaterOrEqual returns whether x is greater than y or equal, element by element: [graph.GreaterOrEqual]. y is an array, a tensor, a number or a slice of Go, see [Array].
func (x *Array) GreaterOrEqual(y any) *Array { return x.two(graph.GreaterOrEqual, y) }

// And returns whether x and y, bools, are both true, element by element: [graph.LogicalAnd]. y is an array, a tensor, a number or a slice of Go, see [Array].
func (x *Array) And(y any) *Array { return x.two(graph.LogicalAnd, y) }

// Or returns whether x or y, bools, is true, element by element: [graph.LogicalOr]. y is an array, a tensor, a number or a slice of Go, see [Array].
func (x *Array) Or(y any) *Array { return x.two(graph.LogicalOr, y) }

// Xor returns whether one of x and y, bools, is true, element by element: [graph.LogicalXor]. y is an array, a tensor, a number or a slice of Go, see [Array].
func (x *Array) Xor(y any) *Array { return x.two(graph.LogicalXor, y) }

// FloorDiv returns x / y rounded down, element by element. y is an array, a tensor, a number or a slice of Go.
func (x *Array) FloorDiv(y any) *Array {
	return x.two(func(x, y *graph.Node) *graph.Node {
		if x.DType().IsFloat() {
			return graph.Floor(graph.Div(x, y))
		}
		q := graph.Div(x, y) // towards zero
		if x.DType().IsUnsigned() {
			return q
		}
		rest := graph.Sub(x, graph.Mul(q, y))
		below := graph.LogicalAnd(graph.NotEqual(rest, graph.ZerosLike(rest)), graph.NotEqual(graph.IsNegative(rest), graph.IsNegative(graph.Add(y, graph.ZerosLike(rest)))))
		return graph.Sub(q, graph.ConvertDType(below, x.DType()))
	}, y)
}

// Clip returns x, element by element, but no less than lo and no more than hi, which are operands as those of [Array.Add].
func (x *Array) Clip(lo, hi any) *Array { return x.Maximum(lo).Minimum(hi) }

// Where returns the elements of x where condition, an array of bools, is true, and those of otherwise where it is not: [graph.Where].
func (x *Array) Where(condition *Array, otherwise any) *Array {
	x = x.check()
	return x.session.record(graph.Where, nil, "", condition, x, x.session.operand(x, otherwise))
}

// IsClose returns whether |x - y| ≤ absolute + relative·|y|, element by element, as NumPy's isclose does; infinities are close to themselves,
// NaN to nothing. NumPy's tolerances are 1e-5 relative and 1e-8 absolute.
func (x *Array) IsClose(y any, relative, absolute float64) *Array {
	x = x.check()
	o := x.session.operand(x, y)
	near := x.Sub(o).Abs().LessOrEqual(o.Abs().Mul(relative).Add(absolute))
	return near.And(o.IsFinite()).Or(x.Equal(o))
}

// AllClose returns whether all elements are close, see [Array.IsClose]: one bool.
func (x *Array) AllClose(y any, relative, absolute float64) *Array {
	return x.IsClose(y, relative, absolute).All()
}

// ArrayEqual returns whether all elements of x and y are equal, one bool; arrays of different shapes are not.
func (x *Array) ArrayEqual(y any) *Array {
	x = x.check()
	o := x.session.operand(x, y)
	if x.err == nil && o.err == nil && !x.shape.Equal(o.shape) {
		return x.session.Of(false)
	}
	return x.Equal(o).All()
}
