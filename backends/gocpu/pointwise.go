package gocpu

import (
	"github.com/quire-ml/quire/backends/gocpu/internal/vector"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
)

// pointwise says how an elementwise op is written in a vector program, of numbers unless it is of masks. Numbers in programs are
// float32s; what an op makes of narrower ones is rounded, unless it is exact: then it is one of them.
type pointwise struct {
	write func(c *vector.Code, x []vector.Value) vector.Value
	cost  float64 // ns for an element
	exact bool
	masks bool
}

const (
	lightCost  = 0.03 // ns for an element of an addition within a group
	memoryCost = 0.1  // ns for reading or writing an element of a value
)

// direct is an op that package vector has, too.
func direct(op vector.Op) func(c *vector.Code, x []vector.Value) vector.Value {
	return func(c *vector.Code, x []vector.Value) vector.Value { return c.Op(op, x...) }
}

// light is an op of few instructions, function one of many: some ns for an element.
func light(op vector.Op) pointwise { return pointwise{write: direct(op), cost: lightCost} }

func exact(op vector.Op) pointwise { return pointwise{write: direct(op), cost: lightCost, exact: true} }

func function(op vector.Op, cost float64) pointwise { return pointwise{write: direct(op), cost: cost} }

func logical(op vector.Op) pointwise {
	return pointwise{write: direct(op), cost: lightCost, exact: true, masks: true}
}

// flipped is an op with its operands exchanged.
func flipped(op vector.Op) pointwise {
	return pointwise{cost: lightCost, exact: true,
		write: func(c *vector.Code, x []vector.Value) vector.Value { return c.Op(op, x[1], x[0]) }}
}

// pointwiseOps holds the rows that vector programs compute, but for ConvertDType and Where, whose operands differ, and Slice. A row that is
// missing runs by itself.
var pointwiseOps = map[*ir.Op]pointwise{
	ops.Add: light(vector.Add), ops.Sub: light(vector.Sub), ops.Mul: light(vector.Mul), ops.Div: function(vector.Div, 0.1),
	ops.Max: exact(vector.Max), ops.Min: exact(vector.Min), ops.Neg: exact(vector.Neg), ops.Abs: exact(vector.Abs), ops.Sign: exact(vector.Sign),
	ops.Floor: exact(vector.Floor), ops.Ceil: exact(vector.Ceil), ops.Round: exact(vector.Round),
	ops.Sqrt: function(vector.Sqrt, 0.15), ops.Rsqrt: function(vector.Rsqrt, 1), ops.Pow: function(vector.Pow, 1.3),
	ops.Exp: function(vector.Exp, 0.3), ops.Expm1: function(vector.Expm1, 0.4), ops.Log: function(vector.Log, 0.5), ops.Log1p: function(vector.Log1p, 0.6),
	ops.Tanh: function(vector.Tanh, 0.5), ops.Sigmoid: function(vector.Sigmoid, 0.5), ops.Silu: function(vector.Silu, 0.5), ops.Softplus: function(vector.Softplus, 0.8),
	ops.Erf: function(vector.Erf, 0.8), ops.NormalCDF: function(vector.NormalCDF, 0.7), ops.Gelu: function(vector.Gelu, 0.7), ops.GeluApproximate: function(vector.GeluApproximate, 0.6),
	ops.Sin: function(vector.Sin, 0.4), ops.Cos: function(vector.Cos, 0.4), ops.Tan: function(vector.Tan, 0.6),

	ops.Equal: exact(vector.Equal), ops.NotEqual: exact(vector.NotEqual), ops.IsFinite: exact(vector.IsFinite), ops.IsNaN: exact(vector.IsNaN),
	ops.LessThan: exact(vector.Less), ops.LessOrEqual: exact(vector.LessEqual), ops.GreaterThan: flipped(vector.Less), ops.GreaterOrEqual: flipped(vector.LessEqual),
	ops.LogicalAnd: logical(vector.And), ops.LogicalOr: logical(vector.Or), ops.LogicalXor: logical(vector.Xor), ops.LogicalNot: logical(vector.Not),

	ops.Square: {cost: lightCost, write: func(c *vector.Code, x []vector.Value) vector.Value { return c.Op(vector.Mul, x[0], x[0]) }},
	ops.Relu: {cost: lightCost, exact: true, write: func(c *vector.Code, x []vector.Value) vector.Value {
		return c.Op(vector.Max, x[0], c.Const(0))
	}},
	ops.Reciprocal: {cost: 0.1, write: func(c *vector.Code, x []vector.Value) vector.Value {
		return c.Op(vector.Div, c.Const(1), x[0])
	}},
	ops.Clamp: {cost: 2 * lightCost, exact: true, write: func(c *vector.Code, x []vector.Value) vector.Value {
		return c.Op(vector.Min, c.Op(vector.Max, x[1], x[0]), x[2])
	}},
}

var chosen = exact(vector.Select)

var loaded = pointwise{exact: true, write: func(_ *vector.Code, x []vector.Value) vector.Value { return x[0] }}

// conversions holds what ConvertDType is between the dtypes that vector programs know. Widening is for the load to do, and
// rounding for the store, or as after any op.
var conversions = map[[2]dtypes.DType]pointwise{
	{dtypes.Bool, dtypes.Float32}:    fromMask,
	{dtypes.Float32, dtypes.Bool}:    toMask,
	{dtypes.Float32, dtypes.Int32}:   rounding,
	{dtypes.Int32, dtypes.Float32}:   widening,
	{dtypes.Bool, dtypes.BFloat16}:   fromMask,
	{dtypes.BFloat16, dtypes.Bool}:   toMask,
	{dtypes.Bool, dtypes.Float16}:    fromMask,
	{dtypes.Float16, dtypes.Bool}:    toMask,
	{dtypes.Float32, dtypes.Float16}: rounding, {dtypes.Float16, dtypes.Float32}: widening,
	{dtypes.Float32, dtypes.BFloat16}: rounding, {dtypes.BFloat16, dtypes.Float32}: widening,
	{dtypes.Float16, dtypes.BFloat16}: rounding, {dtypes.BFloat16, dtypes.Float16}: rounding,
}

var (
	fromMask = pointwise{cost: lightCost, exact: true, write: func(c *vector.Code, x []vector.Value) vector.Value {
		return c.Op(vector.Select, x[0], c.Const(1), c.Const(0))
	}}
	toMask = pointwise{cost: lightCost, exact: true, write: func(c *vector.Code, x []vector.Value) vector.Value {
		return c.Op(vector.NotEqual, x[0], c.Const(0))
	}}
	rounding = pointwise{cost: lightCost, write: func(_ *vector.Code, x []vector.Value) vector.Value { return x[0] }}
	widening = pointwise{cost: lightCost, exact: true, write: rounding.write}
)

// elementTypes are the dtypes that vector programs load and store. Whole numbers are only converted.
var elementTypes = map[dtypes.DType]vector.Type{
	dtypes.Float32: vector.Float32, dtypes.BFloat16: vector.BFloat16, dtypes.Float16: vector.Float16, dtypes.Bool: vector.Bool, dtypes.Int32: vector.Int32,
}

// rounds are the ops that round to narrower numbers.
var rounds = map[dtypes.DType]vector.Op{dtypes.BFloat16: vector.RoundBFloat16, dtypes.Float16: vector.RoundFloat16}

// writing returns how a call is written, false if vector programs do not compute it.
func writing(op *ir.Op, in []dtypes.DType, out dtypes.DType) (p pointwise, ok bool) {
	switch op {
	case ops.ConvertDType:
		p, ok = conversions[[2]dtypes.DType{in[0], out}]
		return p, ok
	case ops.Where:
		return chosen, isNumber(in[1])
	case ops.Slice: // how it is loaded is all there is to it: see sourceOf
		return loaded, in[0] == dtypes.Float32 // of others a load and a store may change a NaN
	}
	p, ok = pointwiseOps[op]
	for _, d := range in {
		ok = ok && (p.masks && d == dtypes.Bool || !p.masks && isNumber(d))
	}
	return p, ok
}

func isNumber(d dtypes.DType) bool { return d == dtypes.Float32 || d.IsHalf() }

// reduction says how a row that joins elements is written in a vector program, as its last step.
type reduction struct {
	fold vector.Fold
	mean bool
}

var reductions = map[*ir.Op]reduction{
	ops.ReduceSum: {vector.Sum, false}, ops.ReduceMean: {vector.Sum, true},
	ops.ReduceMax: {vector.Largest, false}, ops.ReduceMin: {vector.Least, false},
}
