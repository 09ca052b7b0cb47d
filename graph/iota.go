package graph

import (
	"fmt"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Iota returns a tensor of the given shape, a number dtype included, that counts 0, 1, 2, … along
// iotaAxis and is the same along the others:
//
//	y[…, i, …] = i
//
// A negative axis counts from the end. It panics with [Error] if there is no such axis, or if the dtype does not hold
// the last number (a uint8 ends at 255).
func Iota(g *Graph, shape shapes.Shape, iotaAxis int) *Node {
	axis, err := shapes.AdjustAxis(iotaAxis, shape.Rank())
	if err != nil {
		g.fail("Iota", []shapes.Shape{shape}, err)
	}
	if _, err := dtypes.Fit(max(0, shape.Dimensions[axis]-1), shape.DType); err != nil && shape.DType != dtypes.Bool {
		g.fail("Iota", []shapes.Shape{shape}, err)
	}
	return ApplyIn(g, iotaOp, ir.IotaAttrs{Shape: shape, Axis: axis})
}

// IotaFull returns a tensor of the given shape that counts its elements in row-major order.
func IotaFull(g *Graph, shape shapes.Shape) *Node {
	flat := Iota(g, shapes.Make(shape.DType, shape.Size()), 0)
	return ReshapeWithShape(flat, shape)
}

// IndicesForShape returns the indices of all elements of shape in row-major order, as int64 of shape
// [shape's size, shape's rank]. They can be given to [Gather].
func IndicesForShape(g *Graph, shape shapes.Shape) *Node {
	return Reshape(gridIndices(g, dtypes.Int64, shape.Dimensions), shape.Size(), shape.Rank())
}

// gridIndices returns the index of each element of dims, of shape [dims…, rank].
func gridIndices(g *Graph, d dtypes.DType, dims []int) *Node {
	if len(dims) == 0 {
		return Zeros(g, shapes.Make(d, 0))
	}
	axes := make([]*Node, len(dims))
	for a := range dims {
		axes[a] = Iota(g, shapes.Make(d, dims...), a)
	}
	return Stack(axes, -1)
}

// OneHot returns, for each index, a vector of depth elements that are 0, but for a 1 at the index:
//
//	y[…, i] = 1 if indices[…] = i, else 0
//
// indices are integers; the result is of the given dtype, with one more axis, the last. An index outside
// of 0 … depth-1 gives zeros only. It panics with [Error] if indices are not integers.
func OneHot(indices *Node, depth int, dtype dtypes.DType) *Node {
	return Apply(oneHot, ir.OneHotAttrs{Depth: depth, DType: dtype}, indices)
}

// LowerTriangular returns a bool matrix [dim, dim] that is true on the diagonal and below.
func LowerTriangular(g *Graph, dim int) *Node { return ShapedLowerTriangular(g, dim, dim, 0) }

// UpperTriangular returns a bool matrix [dim, dim] that is true on the diagonal and above.
func UpperTriangular(g *Graph, dim int) *Node {
	row, column := rowsAndColumns(g, dim, dim)
	return LessOrEqual(row, column)
}

// ShapedLowerTriangular returns a bool matrix [rows, column] that is true where the column is at most
// k to the right of the row: k = 0 is the diagonal and below, negative k leave out diagonals.
func ShapedLowerTriangular(g *Graph, rows, column, k int) *Node {
	r, c := rowsAndColumns(g, rows, column)
	return LessOrEqual(c, AddScalar(r, max(-rows, min(k, column)))) // beyond these all k are the same
}

// TakeLowerTriangular returns x with zeros where the column (the last axis) is more than k to the right
// of the row (the axis before it). It panics with [Error] if x has less than two axes.
func TakeLowerTriangular(x *Node, k int) *Node {
	matrixAxes("TakeLowerTriangular", x)
	keep := ShapedLowerTriangular(x.graph, x.Dim(-2), x.Dim(-1), k)
	return Where(BroadcastToDims(keep, x.Shape().Dimensions...), x, ZerosLike(x))
}

// TakeUpperTriangular returns x with zeros where the column (the last axis) is less than k to the right
// of the row (the axis before it). It panics with [Error] if x has less than two axes.
func TakeUpperTriangular(x *Node, k int) *Node {
	matrixAxes("TakeUpperTriangular", x)
	drop := ShapedLowerTriangular(x.graph, x.Dim(-2), x.Dim(-1), k-1)
	return Where(BroadcastToDims(drop, x.Shape().Dimensions...), ZerosLike(x), x)
}

// Diagonal returns a bool matrix [dim, dim] that is true on the diagonal.
func Diagonal(g *Graph, dim int) *Node {
	row, column := rowsAndColumns(g, dim, dim)
	return Equal(row, column)
}

// DiagonalWithValue returns a matrix [dim, dim] with scalar on the diagonal and zeros elsewhere.
func DiagonalWithValue(scalar *Node, dim int) *Node {
	need("DiagonalWithValue", scalar)
	if scalar.Rank() != 0 {
		scalar.graph.fail("DiagonalWithValue", []shapes.Shape{scalar.Shape()}, fmt.Errorf("the value must be a scalar"))
	}
	d := BroadcastToDims(scalar, dim, dim)
	return Where(Diagonal(scalar.graph, dim), d, ZerosLike(d))
}

func rowsAndColumns(g *Graph, rows, columns int) (r, c *Node) {
	s := shapes.Make(dtypes.Int32, rows, columns)
	return Iota(g, s, 0), Iota(g, s, 1)
}

func matrixAxes(op string, x *Node) {
	need(op, x)
	if x.Rank() < 2 {
		x.graph.fail(op, []shapes.Shape{x.Shape()}, fmt.Errorf("a matrix has at least two axes"))
	}
}

var iotaOp, oneHot *ir.Op

func init() {
	var iotas, hots []ir.Sample
	for _, d := range dtypes.Numbers.List() {
		iotas = append(iotas, ir.Sample{Name: d.String(), Attrs: ir.IotaAttrs{Shape: shapes.Make(d, 4), Axis: 0}})
	}
	iotas = append(iotas,
		ir.Sample{Name: "worked out", Attrs: ir.IotaAttrs{Shape: shapes.Make(dtypes.Float32, 4), Axis: 0}, Want: []float64{0, 1, 2, 3}},
		ir.Sample{Name: "rows", Attrs: ir.IotaAttrs{Shape: shapes.Make(dtypes.Float32, 2, 3), Axis: 0}, Want: []float64{0, 0, 0, 1, 1, 1}},
		ir.Sample{Name: "columns", Attrs: ir.IotaAttrs{Shape: shapes.Make(dtypes.Int32, 2, 3), Axis: 1}, Want: []float64{0, 1, 2, 0, 1, 2}},
		ir.Sample{Name: "wraps", Attrs: ir.IotaAttrs{Shape: shapes.Make(dtypes.Uint8, 300), Axis: 0}},
		ir.Sample{Name: "empty", Attrs: ir.IotaAttrs{Shape: shapes.Make(dtypes.Int32, 0, 2), Axis: 1}})
	for _, d := range dtypes.Any.List() {
		hots = append(hots, ir.Sample{Name: d.String(), In: []ir.Input{ir.Values(1, 0, 3)}, Attrs: ir.OneHotAttrs{Depth: 3, DType: d}, DTypes: dtypes.SetOf(dtypes.Int32, dtypes.Uint8)})
	}
	hots = append(hots,
		ir.Sample{Name: "worked out", In: []ir.Input{ir.Values(1, -1, 2)}, DTypes: dtypes.Signed, Attrs: ir.OneHotAttrs{Depth: 3, DType: dtypes.Float32}, Want: []float64{0, 1, 0, 0, 0, 0, 0, 0, 1}},
		ir.Sample{Name: "matrix", In: []ir.Input{ir.Array([]int{2, 2}, 0, 1, 1, 2)}, Attrs: ir.OneHotAttrs{Depth: 3, DType: dtypes.Float32}},
		ir.Sample{Name: "scalar", In: []ir.Input{ir.ScalarValue(2)}, Attrs: ir.OneHotAttrs{Depth: 4, DType: dtypes.Int32}},
		ir.Sample{Name: "deeper than the indices reach", In: []ir.Input{ir.Values(100)}, DTypes: dtypes.SetOf(dtypes.Int8), Attrs: ir.OneHotAttrs{Depth: 300, DType: dtypes.Int32}})
	iotaOp = Define(ir.Op{
		Name: "Iota", Family: "constants", Doc: "0, 1, 2, … along an axis", DTypes: dtypes.Numbers, Attrs: ir.IotaAttrs{}, HLO: "stablehlo.iota",
		Infer: func(attrs any, _ []shapes.Shape) (shapes.Shape, error) {
			a := attrs.(ir.IotaAttrs)
			if !dtypes.Numbers.Has(a.Shape.DType) {
				return a.Shape, fmt.Errorf("%s is not a dtype to count in", a.Shape.DType)
			}
			return a.Shape, checkAxes("axis", []int{a.Axis}, a.Shape.Rank())
		},
		Ref: func(attrs any, out, _ []*tensors.Tensor) {
			axis, dims := attrs.(ir.IotaAttrs).Axis, out[0].Shape().Dimensions
			v, index := make([]int64, out[0].Size()), make([]int, len(dims))
			for i := range v {
				unravel(i, dims, index)
				v[i] = int64(index[axis])
			}
			store(out[0], v)
		},
		Samples: iotas,
	}, Rule{ZeroGrad: "it is a constant"})
	oneHot = Define(ir.Op{
		Name: "OneHot", Family: "index", Doc: "y[…, i] = 1 if x[…] = i, else 0", DTypes: dtypes.Ints, Attrs: ir.OneHotAttrs{},
		Infer: func(attrs any, in []shapes.Shape) (shapes.Shape, error) {
			a := attrs.(ir.OneHotAttrs)
			if a.Depth < 0 {
				return shapes.Shape{}, fmt.Errorf("depth %d is negative", a.Depth)
			}
			s := pick(in[0], append(axesFrom(0, in[0].Rank()), -1)).WithDType(a.DType)
			s.Dimensions[in[0].Rank()] = a.Depth
			return s, nil
		},
		Ref: func(attrs any, out, in []*tensors.Tensor) {
			depth, v := attrs.(ir.OneHotAttrs).Depth, make([]uint64, out[0].Size())
			for i, x := range load[int64](in[0]) {
				if x >= 0 && x < int64(depth) {
					v[i*depth+int(x)] = 1
				}
			}
			store(out[0], v)
		},
		Samples: hots,
	}, Rule{
		Expand: func(attrs any, in []*Node) []*Node {
			a, x := attrs.(ir.OneHotAttrs), in[0]
			if x.DType() != dtypes.Uint64 { // a narrow integer may not count to depth
				x = ConvertDType(x, dtypes.Int64)
			}
			x = ExpandAxes(x, -1)
			return []*Node{ConvertDType(Equal(x, Iota(x.graph, shapes.Make(x.DType(), a.Depth), 0)), a.DType)}
		},
		ZeroGrad: "the operand is an integer",
	})
}
