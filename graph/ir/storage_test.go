package ir_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
)

// moving are the rows that take dtypes for storage without being layouts.
var moving = map[*ir.Op]bool{
	ops.Const: true, ops.ConvertDType: true, ops.OptimizationBarrier: true,
	ops.Slice: true, ops.Split: true, ops.Concatenate: true, ops.Stack: true,
}

// reading are the rows that read the bits of elements, whatever numbers these are.
var reading = map[*ir.Op]bool{ops.Bitcast: true}

// TestOnlyMovingOpsTakeStorage holds every row to one of two: it moves elements or reads their bits, and takes the dtypes for
// storage, or it refuses them, for each of its operands, with a sentence that says what to do.
func TestOnlyMovingOpsTakeStorage(t *testing.T) {
	for _, op := range ir.Ops() {
		if op.DTypes == 0 { // control flow and calls hand values on
			continue
		}
		if moving[op] || op.Layout != ir.Computes {
			require.Equal(t, dtypes.Any|dtypes.Storage, op.DTypes, "%s", op)
			continue
		}
		if reading[op] {
			require.Equal(t, dtypes.Storage, op.DTypes&dtypes.Storage, "%s", op)
			continue
		}
		require.Zero(t, op.DTypes&dtypes.Storage, "%s", op)
		for _, c := range sampledShapes(op) {
			for i := range c.in {
				for _, d := range dtypes.Storage.List() {
					in := append([]shapes.Shape{}, c.in...)
					in[i] = in[i].WithDType(d)
					_, err := op.Results(c.attrs, in)
					require.EqualError(t, err, d.String()+" holds numbers and is not computed in: convert to float32 with ConvertDType first, and the result back", "%s, operand %d", op, i)
				}
			}
		}
	}
}

type sampledShape struct {
	attrs any
	in    []shapes.Shape
}

func sampledShapes(op *ir.Op) (list []sampledShape) {
	for _, s := range op.Samples {
		list = append(list, sampledShape{s.Attrs, shapesOf(s.Tensors(op.DTypes.List()[0]))})
	}
	return list
}

// TestNoResultIsStorageUnasked: a dtype that an attribute asks for is refused as an operand's is.
func TestNoResultIsStorageUnasked(t *testing.T) {
	for _, d := range dtypes.Storage.List() {
		_, err := ops.OneHot.Results(ir.OneHotAttrs{Depth: 3, DType: d}, []shapes.Shape{shapes.Make(dtypes.Int32, 2)})
		require.ErrorContains(t, err, "is not computed in")
		_, err = ops.Iota.Results(ir.IotaAttrs{Shape: shapes.Make(d, 2)}, nil)
		require.Error(t, err)
	}
}
