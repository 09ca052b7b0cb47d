package quant

import (
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/internal/axes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
)

// MatMul returns the product of x and the matrix that q holds:
//
//	y[…, j] = Σ_k x[…, k] · W[k, j]
//
// W is [K, N], its groups along N; x is a float of [..., K], the result [..., N] of its dtype. If W is [b..., K, N], x has the same leading
// axes b…, and each of them its matrix. [MatMulTransposed] is for weights whose groups are along the axis that is summed over.
//
// Gradients store x and the codes; they make the numbers of W again.
func MatMul(x *graph.Node, q Quantized) *graph.Node { return product("quant.MatMul", x, q, -2) }

// MatMulTransposed returns the product of x and the transpose of the matrix that q holds, as a dense layer with weights [Out, In] has it:
//
//	y[…, j] = Σ_k x[…, k] · W[j, k]
//
// W is [N, K], its groups along K; x is a float of [..., K], the result [..., N] of its dtype. Else it is as [MatMul].
func MatMulTransposed(x *graph.Node, q Quantized) *graph.Node {
	return product("quant.MatMulTransposed", x, q, -1)
}

// product sums over an axis of the matrices of q, -1 or -2.
func product(op string, x *graph.Node, q Quantized, over int) *graph.Node {
	_, w := q.check(op)
	switch {
	case x == nil:
		graph.Errorf("%s: an operand is nil", op)
	case !x.DType().IsFloat():
		graph.Errorf("%s %s · %s: x is a float, not %s (convert it with ConvertDType)", op, x.Shape(), w, x.DType())
	case w.Rank() < 2:
		graph.Errorf("%s %s · %s: the quantised array is a matrix, and has two axes at least", op, x.Shape(), w)
	}
	b := w.Rank() - 2
	switch {
	case x.Rank() <= b || !slices.Equal(x.Shape().Dimensions[:b], w.Dimensions[:b]):
		graph.Errorf("%s %s · %s: x must have the first %d axes of the quantised array, and one more", op, x.Shape(), w, b)
	case x.Dim(-1) != w.Dim(over):
		graph.Errorf("%s %s · %s: inner axes differ: %d against %d", op, x.Shape(), w, x.Dim(-1), w.Dim(over))
	}
	if s, k := q.Scheme.complete(op); over == -1 && s.Group != WholeTensor && 8%s.Bits == 0 {
		return dotOfRows(x, q, s, k, b)
	}
	batch := make([]int, b)
	for i := range batch {
		batch[i] = i
	}
	return graph.Checkpoint(func(in []*graph.Node) []*graph.Node {
		w := q.Scheme.Of(in[1:]...).numbers(x.DType())
		return []*graph.Node{graph.DotGeneral(in[0], []int{-1}, batch, w, []int{over}, batch)}
	}, nil, append([]*graph.Node{axes.Unnamed(x)}, q.Nodes()...)...)[0]
}

// dotOfRows is the product with rows along which groups are, of matrices with b axes before their own: an op that an engine may have a
// kernel for, which makes no numbers of the codes but where it multiplies them.
func dotOfRows(x *graph.Node, q Quantized, s Scheme, k kind, b int) *graph.Node {
	y := shapes.Make(x.DType(), x.Shape().Dimensions...)
	y.Dimensions[y.Rank()-1] = q.Codes.Dim(-2)
	rows := slices.Clone(x.Shape().Dimensions[:b]) // [b…, M, K]
	m := 1
	for _, d := range x.Shape().Dimensions[b : x.Rank()-1] {
		m *= d
	}
	x = graph.Reshape(axes.Unnamed(x), append(rows, m, x.Dim(-1))...)
	out := graph.Checkpoint(func(in []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.Apply(ops.QuantizedDot, ir.QuantizedDotAttrs{Codes: k.codes, Bits: s.Bits, Group: s.Group, Scales: k.scales}, in...)}
	}, nil, append([]*graph.Node{x}, unnamed(q.Nodes())...)...)[0]
	return graph.Reshape(out, y.Dimensions...)
}

func unnamed(list []*graph.Node) []*graph.Node {
	for i, x := range list {
		list[i] = axes.Unnamed(x)
	}
	return list
}

// Rows returns those of the rows of q that indices name, as numbers, as an embedding looks words up:
//
//	y[b…, r…] = W[indices[b…], r…]
//
// q holds W of [V, r…], indices are integers of [b…]; the result is [b…, r…], of the dtype of W. Only the rows that are taken become numbers.
// Indices that W does not have are moved to the nearest that it has. Gradients flow to scales and biases.
func Rows(q Quantized, indices *graph.Node) *graph.Node {
	return Dequantize(q.take("quant.Rows", indices))
}

// GatherMatMul returns the products of rows of x and matrices that are chosen for them, as a mixture of experts has them:
//
//	y[b…, i, j] = Σ_k x[b…, i, k] · W[indices[b…], j, k]
//
// q holds W of [E, N, K], its groups along K; indices are integers of [b…], x is a float of [b…, M, K], the result [b…, M, N] of its dtype.
// The matrices that are chosen become numbers, each as often as it is chosen: for many rows that few experts share there is
// segment.RaggedDot with [Dequantize], all of W becoming numbers.
func GatherMatMul(x *graph.Node, q Quantized, indices *graph.Node) *graph.Node {
	if _, w := q.check("quant.GatherMatMul"); w.Rank() != 3 {
		graph.Errorf("quant.GatherMatMul %s: the quantised array has three axes: experts, rows and columns of their matrices", w)
	}
	return product("quant.GatherMatMul", x, q.take("quant.GatherMatMul", indices), -1)
}

// take returns some of the leading elements.
func (q Quantized) take(op string, indices *graph.Node) Quantized {
	s, w := q.check(op)
	switch {
	case indices == nil:
		graph.Errorf("%s: an operand is nil", op)
	case !indices.DType().IsInt():
		graph.Errorf("%s %s: indices are integers, not %s (convert them with ConvertDType)", op, indices.Shape(), indices.DType())
	case w.Rank() < 2:
		graph.Errorf("%s %s: the quantised array has rows, and two axes at least", op, w)
	}
	at := graph.ExpandAxes(axes.Unnamed(indices), -1)
	taken := func(x *graph.Node) *graph.Node { return graph.Gather(axes.Unnamed(x), at) }
	q.Codes = taken(q.Codes)
	if s.Group == WholeTensor { // all have the same
		one := slices.Repeat([]int{1}, q.Codes.Rank())
		taken = func(x *graph.Node) *graph.Node { return graph.Reshape(axes.Unnamed(x), one...) }
	}
	q.Scales = taken(q.Scales)
	if q.Biases != nil {
		q.Biases = taken(q.Biases)
	}
	return q
}
