package segment

import (
	"math/bits"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/internal/axes"
	"github.com/quire-ml/quire/graph/shapes"
)

// RaggedDot multiplies each row of x with the matrix of the group that it belongs to; groups are of rows that stand together, of any size,
// as the tokens of each expert of a mixture do:
//
//	y[i, n] = Σ_k x[i, k] · w[g(i), k, n],  g(i) the first g with i < sizes[0] + … + sizes[g]
//
// x is [M, K], w [G, K, N] of the same dtype, a number, sizes [G] of an integer dtype; the result is [M, N]. Rows beyond all groups become 0.
// A negative size counts as 0, and one that is larger than M as M. Sums are those of [graph.DotGeneral].
//
// Rows are laid out in blocks of one group each, of which some are not full: it takes at most 2·M·K·N products, if there are no more
// groups than rows, and M·K·N otherwise; memory is for x and y twice, and for one matrix of w at a time. The gradient of w takes
// as much, and memory for w three times.
//
// It is what jax.lax.ragged_dot computes. Source of the blocks: Gale et al., "MegaBlocks: efficient sparse training with
// mixture-of-experts", 2022, arXiv:2211.15841.
func RaggedDot(x, w, sizes *graph.Node) *graph.Node {
	const op = "segment.RaggedDot"
	switch {
	case x == nil || w == nil || sizes == nil:
		graph.Errorf("%s: an operand is nil", op)
	case x.Rank() != 2 || w.Rank() != 3 || sizes.Rank() != 1:
		graph.Errorf("%s %s · %s · %s: x has two axes, w three and sizes one", op, x.Shape(), w.Shape(), sizes.Shape())
	case x.DType() != w.DType():
		graph.Errorf("%s %s · %s: dtypes differ: %s and %s (convert one with ConvertDType)", op, x.Shape(), w.Shape(), x.DType(), w.DType())
	case !dtypes.Numbers.Has(x.DType()):
		graph.Errorf("%s %s · %s: %s is not a dtype that it takes: %s (convert it with ConvertDType)", op, x.Shape(), w.Shape(), x.DType(), dtypes.Numbers)
	case !sizes.DType().IsInt():
		graph.Errorf("%s %s · %s · %s: sizes of groups must be integers, not %s (convert them with ConvertDType)", op, x.Shape(), w.Shape(), sizes.Shape(), sizes.DType())
	case x.Dim(1) != w.Dim(1):
		graph.Errorf("%s %s · %s: inner axes differ: %d columns against matrices of %d rows", op, x.Shape(), w.Shape(), x.Dim(1), w.Dim(1))
	case w.Dim(0) != sizes.Dim(0):
		graph.Errorf("%s %s · %s · %s: %d matrices against %d groups", op, x.Shape(), w.Shape(), sizes.Shape(), w.Dim(0), sizes.Dim(0))
	}
	return raggedDot(axes.Unnamed(x), axes.Unnamed(w), limited(axes.Unnamed(sizes), x.Dim(0)), false)
}

// limited returns sizes as int32 from 0 to m.
func limited(sizes *graph.Node, m int) *graph.Node {
	if sizes.DType() == dtypes.Uint64 { // of which int64 has not all
		sizes = graph.Min(sizes, graph.ConstAs(sizes, m))
	}
	sizes = graph.ConvertDType(sizes, dtypes.Int64)
	return graph.ConvertDType(graph.ClipScalar(sizes, 0, float64(m)), dtypes.Int32)
}

// raggedDot is RaggedDot of sizes that are limited, with the matrices of w transposed if it says so. It and raggedOuter are each other's gradients.
func raggedDot(x, w, sizes *graph.Node, transposed bool) *graph.Node {
	over, n := 1, w.Dim(2)
	if transposed {
		over, n = 2, w.Dim(1)
	}
	if x.Dim(0) == 0 || w.Dim(0) == 0 || n == 0 {
		return graph.Zeros(x.Graph(), shapes.Make(x.DType(), x.Dim(0), n))
	}
	return graph.WithCustomGradient([]*graph.Node{x, w, sizes}, func(in []*graph.Node) []*graph.Node {
		x, w := in[0], in[1]
		b := blocksOf(in[2], x.Dim(0), mostRows)
		_, y := graph.Scan(nil, []*graph.Node{b.of(x), b.group}, func(_, x []*graph.Node) (next, y []*graph.Node) {
			matrix := graph.Gather(w, graph.ExpandAxes(x[1], -1))
			return nil, []*graph.Node{graph.DotGeneral(x[0], []int{1}, nil, matrix, []int{over - 1}, nil)}
		}).Done()
		return []*graph.Node{b.back(y[0])}
	}, func(in, _, d []*graph.Node) []*graph.Node {
		x, w, dy := in[0], in[1], d[0]
		dw := []*graph.Node{x, dy}
		if transposed {
			dw = []*graph.Node{dy, x}
		}
		return []*graph.Node{raggedDot(dy, w, in[2], !transposed), raggedOuter(dw[0], dw[1], in[2]), nil}
	})[0]
}

// raggedOuter returns for each group the sum of the outer products of its rows of x, [M, K], and y, [M, N]: [G, K, N].
func raggedOuter(x, y, sizes *graph.Node) *graph.Node {
	groups := sizes.Dim(0)
	if x.Shape().Size() == 0 || y.Shape().Size() == 0 {
		return graph.Zeros(x.Graph(), shapes.Make(x.DType(), groups, x.Dim(1), y.Dim(1)))
	}
	return graph.WithCustomGradient([]*graph.Node{x, y, sizes}, func(in []*graph.Node) []*graph.Node {
		b := blocksOf(in[2], x.Dim(0), x.Dim(0)) // of any size: each makes a matrix
		product := graph.Dot(b.of(in[0]), b.of(in[1]))
		if x.DType().IsHalf() { // rounded once
			product = product.WithOutputDType(dtypes.Float32)
		}
		perBlock := product.General([]int{1}, []int{0}, []int{1}, []int{0})
		return []*graph.Node{graph.ConvertDType(Sum(perBlock, b.group, groups), x.DType())}
	}, func(in, _, d []*graph.Node) []*graph.Node {
		return []*graph.Node{raggedDot(in[1], d[0], in[2], true), raggedDot(in[0], d[0], in[2], false), nil}
	})[0]
}

// blocks are rows of groups, laid out so that each block has rows of one group; what it lacks of them is filled up.
type blocks struct {
	group  *graph.Node // of each block, [blocks]
	row    *graph.Node // that stands at a place of a block, [blocks, size]
	filled *graph.Node // whether one does
	place  *graph.Node // of each row in all blocks, [M]
	inside *graph.Node // whether a row belongs to a group
}

// mostRows is how many rows a block that is multiplied by a matrix has at most: enough that the matrix is read seldom.
const mostRows = 128

// blocksOf lays m rows out. A block has a power of two of rows, no more than most, and no more than a group has if all are alike, so that blocks
// that are not full have together no more than m places that are empty. If most is m, there are three times as many blocks as groups at most.
func blocksOf(sizes *graph.Node, m, most int) *blocks {
	g, groups := sizes.Graph(), sizes.Dim(0)
	shift := bits.Len(uint(min(max(1, m/groups), most))) - 1
	size := 1 << shift
	g.BranchOn("segment.RaggedDot", m, groups)
	count := min(m/size+groups, m) // one that is not full for each group, and none for a group without rows

	ends := limited(graph.CumSum(graph.ConvertDType(sizes, dtypes.Int64), 0), m)
	starts := graph.ShiftRight(ends, 1, 0)
	inBlocks := graph.BitwiseShiftRightLogicalScalar(graph.AddScalar(graph.Sub(ends, starts), size-1), shift)
	lastBlocks := graph.CumSum(inBlocks, 0)
	firstBlocks := graph.Sub(lastBlocks, inBlocks)
	of := func(v, group *graph.Node) *graph.Node { return graph.Gather(v, graph.ExpandAxes(group, -1)) }
	groupAt := func(ends, i *graph.Node) *graph.Node {
		return graph.Min(graph.SearchSorted(ends, i, true), graph.ConstAs(i, groups-1))
	}

	block := graph.Iota(g, shapes.Make(dtypes.Int32, count), 0)
	group := groupAt(lastBlocks, block)
	row := graph.Add(of(starts, group), graph.BitwiseShiftLeftScalar(graph.Sub(block, of(firstBlocks, group)), shift))
	row = graph.Add(graph.ExpandAxes(row, -1), graph.Iota(g, shapes.Make(dtypes.Int32, 1, size), 1))
	filled := graph.LessThan(row, graph.ExpandAxes(of(ends, group), -1))

	i := graph.Iota(g, shapes.Make(dtypes.Int32, m), 0)
	mine := groupAt(ends, i)
	place := graph.Add(graph.BitwiseShiftLeftScalar(of(firstBlocks, mine), shift), graph.Sub(i, of(starts, mine)))
	return &blocks{
		group: group, row: graph.Where(filled, row, graph.ZerosLike(row)), filled: filled,
		place: place, inside: graph.LessThan(i, of(ends, mine)),
	}
}

// of returns the rows of x, [M, K], in blocks, [blocks, size, K], with zeros where there is none.
func (b *blocks) of(x *graph.Node) *graph.Node {
	y := graph.Gather(x, graph.ExpandAxes(b.row, -1))
	return graph.Where(graph.ExpandAxes(b.filled, -1), y, graph.ZerosLike(y))
}

// back returns rows in blocks, [blocks, size, N], as [M, N], with zeros where a row belongs to no group.
func (b *blocks) back(y *graph.Node) *graph.Node {
	y = graph.Gather(graph.Reshape(y, y.Dim(0)*y.Dim(1), y.Dim(2)), graph.ExpandAxes(b.place, -1))
	return graph.Where(graph.ExpandAxes(b.inside, -1), y, graph.ZerosLike(y))
}
