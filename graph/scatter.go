package graph

import (
	"fmt"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// ScatterSum returns operand with updates added where indices point at:
//
//	y = operand;  y[indices[b…, 0], …, indices[b…, k-1], r…] += updates[b…, r…]  for every b
//
// operand is [d0, …, dk-1, r…], a number; indices [b…, k], integers (a scalar counts as [1]); updates
// [b…, r…], of operand's dtype. The same place may be updated many times. Updates that point outside of
// operand are dropped, as XLA does. sorted and unique promise backends that the indices are in
// ascending order, and that none comes twice.
//
// It panics with [Error] if shapes or dtypes do not fit.
func ScatterSum(operand, indices, updates *Node, sorted, unique bool) *Node {
	return applyScatter(scatterSum, operand, indices, updates, sorted, unique)
}

// ScatterMax is [ScatterSum] with the larger value in the place of the sum; a NaN wins. The gradient of
// values that are equal and largest is shared between them.
func ScatterMax(operand, indices, updates *Node, sorted, unique bool) *Node {
	return applyScatter(scatterMax, operand, indices, updates, sorted, unique)
}

// ScatterMin is [ScatterSum] with the smaller value in the place of the sum; a NaN wins. The gradient of
// values that are equal and smallest is shared between them.
func ScatterMin(operand, indices, updates *Node, sorted, unique bool) *Node {
	return applyScatter(scatterMin, operand, indices, updates, sorted, unique)
}

// ScatterUpdate is [ScatterSum] with the update in the place of the sum. Any dtype will do. If a place is
// updated more than once, which update stays is not defined, nor is the gradient.
func ScatterUpdate(operand, indices, updates *Node, sorted, unique bool) *Node {
	return applyScatter(scatterUpdate, operand, indices, updates, sorted, unique)
}

// Scatter is [ScatterSum] into zeros of the given dimensions; the dtype is that of updates.
func Scatter(indices, updates *Node, shape shapes.Shape, sorted, unique bool) *Node {
	need("Scatter", indices, updates)
	return ScatterSum(Zeros(updates.graph, shape.WithDType(updates.DType())), indices, updates, sorted, unique)
}

var scatterSum, scatterMax, scatterMin, scatterUpdate *ir.Op

func applyScatter(op *ir.Op, operand, indices, updates *Node, sorted, unique bool) *Node {
	need(op.Name, operand, indices, updates)
	if indices.Rank() == 0 {
		indices = ExpandAxes(indices, 0)
	}
	return Apply(op, ir.ScatterAttrs{Sorted: sorted, Unique: unique}, operand, indices, updates)
}

func scatterRule(_ any, in []shapes.Shape) (shapes.Shape, error) {
	operand, indices, updates := in[0], in[1], in[2]
	k, err := indexDepth(operand, indices)
	if err != nil {
		return shapes.Shape{}, err
	}
	if updates.DType != operand.DType {
		return shapes.Shape{}, fmt.Errorf("dtypes differ: %s and updates of %s (convert one with ConvertDType)", operand.DType, updates.DType)
	}
	want := joinShapes(operand.DType, pick(indices, axesFrom(0, indices.Rank()-1)), pick(operand, axesFrom(k, operand.Rank()-k)))
	if !updates.Equal(want) {
		return shapes.Shape{}, fmt.Errorf("updates must be %s: the axes of indices but the last, then those of the operand that are not indexed", want.Dims())
	}
	return operand, nil
}

// scatterRef is the meaning of a scatter that combines values with f, in order.
func scatterRef[T number](f func(old, update T) T) func(any, []*tensors.Tensor, []*tensors.Tensor) {
	return func(_ any, out, in []*tensors.Tensor) {
		v, u := load[T](in[0]), load[T](in[2])
		rest := product(in[0].Shape().Dimensions[in[1].Shape().Dim(-1):])
		eachIndex(in[0].Shape(), in[1], false, func(n, offset int) {
			for r := range rest {
				if offset >= 0 {
					v[offset+r] = f(v[offset+r], u[n*rest+r])
				}
			}
		})
		store(out[0], v)
	}
}

// gatherUpdates returns what y has where updates went, 0 for dropped ones.
func gatherUpdates(y, indices *Node) *Node {
	return where0(indices, y.Shape().Dimensions[:indices.Dim(-1)], Gather(y, indices))
}

// scatterOrderVJP shares dy between the values that are y: those of the operand and the updates.
func scatterOrderVJP(y, dy *Node) []*Node {
	operand, indices, updates := y.Input(0), y.Input(1), y.Input(2)
	a, d := y.Attrs().(ir.ScatterAttrs), dy.DType()
	ofOperand := ConvertDType(Equal(operand, y), d)
	ofUpdates := where0(indices, y.Shape().Dimensions[:indices.Dim(-1)], ConvertDType(Equal(updates, Gather(y, indices)), d))
	share := Div(dy, ScatterSum(ofOperand, indices, ofUpdates, a.Sorted, a.Unique))
	return []*Node{Mul(share, ofOperand), nil, Mul(Gather(share, indices), ofUpdates)}
}

// batchScatter scatters into all examples at once, with the number of the example as another index.
func batchScatter(op **ir.Op) func(attrs any, in []*Node, batched []bool) []*Node {
	return func(attrs any, in []*Node, batched []bool) []*Node {
		xs := spreadAll(in, batched)
		return []*Node{Apply(*op, attrs, xs[0], exampleIndices(xs[1]), xs[2])}
	}
}

func init() {
	index := func(dims []int, v ...float64) ir.Input { return ir.Array(dims, v...).As(dtypes.Int32) }
	samples := func(want []float64) []ir.Sample {
		return []ir.Sample{
			{Name: "rows", In: []ir.Input{ir.Ramp(4, 2), index([]int{2, 1}, 2, 0), ir.Ramp(2, 2).Plus(0.3)}, Attrs: ir.ScatterAttrs{}},
			{Name: "worked out", In: []ir.Input{ir.Values(1, 2, 3), index([]int{2, 1}, 2, 0), ir.Values(2, 5)}, Attrs: ir.ScatterAttrs{Unique: true}, DTypes: dtypes.Reals, Want: want},
			{Name: "elements", In: []ir.Input{ir.Ramp(2, 3), index([]int{3, 2}, 0, 1, 1, 0, 1, 2), ir.Ramp(3).Plus(0.3)}, Attrs: ir.ScatterAttrs{Sorted: true, Unique: true}},
			{Name: "outside is dropped", In: []ir.Input{ir.Ramp(3), index([]int{3, 1}, -1, 1, 3), ir.Ramp(3).Plus(0.3)}, Attrs: ir.ScatterAttrs{}},
			{Name: "one", In: []ir.Input{ir.Ramp(3, 2), index([]int{1}, 1), ir.Ramp(2).Plus(0.3)}, Attrs: ir.ScatterAttrs{}},
			{Name: "batch of indices", In: []ir.Input{ir.Ramp(5), index([]int{2, 2, 1}, 0, 3, 4, 1), ir.Ramp(2, 2).Plus(0.3)}, Attrs: ir.ScatterAttrs{}},
			{Name: "no updates", In: []ir.Input{ir.Ramp(3), index([]int{0, 1}), ir.Ramp(0)}, Attrs: ir.ScatterAttrs{}},
		}
	}
	twice := ir.Sample{Name: "one place twice", In: []ir.Input{ir.Ramp(3), index([]int{4, 1}, 1, 1, 0, 1), ir.Ramp(4).Plus(0.3)}, Attrs: ir.ScatterAttrs{}}
	tie := ir.Sample{Name: "ties", In: []ir.Input{ir.Values(1, 1, 1), index([]int{3, 1}, 1, 1, 0), ir.Values(1, 1, 1)}, Attrs: ir.ScatterAttrs{}, Kink: true}
	scatterSum = Define(ir.Op{
		Name: "ScatterSum", Family: "index", Doc: "x with z added where y points at", DTypes: dtypes.Numbers, Attrs: ir.ScatterAttrs{}, HLO: "stablehlo.scatter",
		Infer: scatterRule,
		Ref: byKind(0, scatterRef(func(a, b float64) float64 { return a + b }), scatterRef(func(a, b int64) int64 { return a + b }),
			scatterRef(func(a, b uint64) uint64 { return a + b }), scatterRef(func(a, b complex128) complex128 { return a + b })),
		Samples: append(samples([]float64{6, 2, 5}), twice),
		Tol:     ir.Tolerance{ULP: 8, Abs: 16, Why: "sums in another order"},
	}, Rule{
		JVPMulti: linear,
		Batch:    batchScatter(&scatterSum),
		VJP: func(y, dy *Node) []*Node {
			return []*Node{dy, nil, nameLike(gatherUpdates(dy, y.Input(1)), y.Input(2).Shape())}
		},
	})
	scatterMax = Define(ir.Op{
		Name: "ScatterMax", Family: "index", Doc: "x with the larger of it and z where y points at", DTypes: dtypes.Reals, Attrs: ir.ScatterAttrs{}, HLO: "stablehlo.scatter",
		Infer: scatterRule, Ref: byKind(0, scatterRef(larger[float64]), scatterRef(larger[int64]), scatterRef(larger[uint64]), nil),
		Samples: append(samples([]float64{5, 2, 3}), twice, tie),
	}, Rule{Batch: batchScatter(&scatterMax), VJP: scatterOrderVJP})
	scatterMin = Define(ir.Op{
		Name: "ScatterMin", Family: "index", Doc: "x with the smaller of it and z where y points at", DTypes: dtypes.Reals, Attrs: ir.ScatterAttrs{}, HLO: "stablehlo.scatter",
		Infer: scatterRule, Ref: byKind(0, scatterRef(smaller[float64]), scatterRef(smaller[int64]), scatterRef(smaller[uint64]), nil),
		Samples: append(samples([]float64{1, 2, 2}), twice, tie),
	}, Rule{Batch: batchScatter(&scatterMin), VJP: scatterOrderVJP})
	scatterUpdate = Define(ir.Op{
		Name: "ScatterUpdate", Family: "index", Doc: "x with z in its place where y points at", DTypes: dtypes.Any, Attrs: ir.ScatterAttrs{}, HLO: "stablehlo.scatter",
		Infer: scatterRule,
		Ref: func(_ any, out, in []*tensors.Tensor) {
			copyRef(nil, out, in)
			rest := product(in[0].Shape().Dimensions[in[1].Shape().Dim(-1):])
			eachIndex(in[0].Shape(), in[1], false, func(n, offset int) {
				for r := range rest {
					if offset >= 0 {
						copyElement(out[0], offset+r, in[2], n*rest+r)
					}
				}
			})
		},
		Samples: samples([]float64{5, 2, 2}),
	}, Rule{
		JVPMulti: linear,
		Batch:    batchScatter(&scatterUpdate),
		VJP: func(y, dy *Node) []*Node {
			a, updates := y.Attrs().(ir.ScatterAttrs), y.Input(2)
			kept := ScatterUpdate(dy, y.Input(1), ZerosLike(updates), a.Sorted, a.Unique)
			return []*Node{kept, nil, nameLike(gatherUpdates(dy, y.Input(1)), updates.Shape())}
		},
	})
}
