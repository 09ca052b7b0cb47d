package graph

import (
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
)

// What batch rules of several rows are made of.

// batchSize returns the size of the batch, which one of the operands has.
func batchSize(in []*Node, batched []bool) int { return in[slices.Index(batched, true)].Dim(0) }

// spreadAll returns operands of which all are batched.
func spreadAll(in []*Node, batched []bool) []*Node {
	n, xs := batchSize(in, batched), slices.Clone(in)
	for i, x := range in {
		if !batched[i] {
			xs[i] = BroadcastPrefix(x, n)
		}
	}
	return xs
}

// batchTogether is the rule of ops whose operands have the same leading axes: all are batched, and what the attributes say of axes
// is said of those behind the batch.
func batchTogether(op **ir.Op) func(attrs any, in []*Node, batched []bool) []*Node {
	return func(attrs any, in []*Node, batched []bool) []*Node {
		xs := spreadAll(in, batched)
		if moved, ok := behindBatch(*op, attrs, xs[0].Shape()); ok {
			attrs = moved
		}
		return apply(xs[0].graph, *op, attrs, nil, xs).Results()
	}
}

// batchSame is the rule of ops of one operand that treat the elements of all leading axes alike.
func batchSame(op **ir.Op) func(attrs any, in []*Node, batched []bool) []*Node {
	return func(attrs any, in []*Node, _ []bool) []*Node {
		return apply(in[0].graph, *op, attrs, nil, in).Results()
	}
}

// exampleIndices returns indices, [B, b…, k], with the number of the example before the k others: they then point into what has the
// batch as first axis.
func exampleIndices(indices *Node) *Node {
	n := indices.Dim(0)
	indices = withoutNames(indices)
	if _, err := dtypes.Fit(max(0, n-1), indices.DType()); err != nil {
		indices = ConvertDType(indices, dtypes.Int64)
	}
	dims := slices.Clone(indices.Shape().Dimensions)
	dims[len(dims)-1] = 1
	return Concatenate([]*Node{Iota(indices.graph, shapes.Make(indices.DType(), dims...), 0), indices}, -1)
}

// stackedStarts returns starts, scalars or, where batched says so, one for each of n examples, as [n, rank].
func stackedStarts(starts []*Node, batched []bool, n int) *Node {
	list := make([]*Node, len(starts))
	for i, s := range starts {
		if list[i] = withoutNames(s); !batched[i] {
			list[i] = BroadcastToDims(s, n)
		}
	}
	return Stack(list, -1)
}
