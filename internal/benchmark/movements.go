package main

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
)

// movements returns what reads or writes more than it computes: reductions, sums that run along, gathers, sorts, transforms.
func movements() []*benchCase {
	const group = "reductions, indices, order"
	rows := func(name string, fn func(x *graph.Node) *graph.Node) *benchCase {
		return unary(group, name, fn, 1024, 1024)
	}
	flat := func(name string, fn func(x *graph.Node) *graph.Node) *benchCase {
		return unary(group, name, fn, million)
	}
	return []*benchCase{
		rows("sum_axis0_1024", func(x *graph.Node) *graph.Node { return graph.ReduceSum(x, 0) }),
		flat("sum_all_1m", func(x *graph.Node) *graph.Node { return graph.ReduceAllSum(x) }),
		rows("row_max_1024", func(x *graph.Node) *graph.Node { return graph.ReduceMax(x, 1) }),
		rows("argmax_rows_1024", func(x *graph.Node) *graph.Node { return graph.ArgMax(x, 1) }),
		rows("cumsum_rows_1024", func(x *graph.Node) *graph.Node { return graph.CumSum(x, 1) }),
		rows("cumsum_columns_1024", func(x *graph.Node) *graph.Node { return graph.CumSum(x, 0) }),
		flat("cumsum_1m", func(x *graph.Node) *graph.Node { return graph.CumSum(x, 0) }),
		flat("sort_1m", func(x *graph.Node) *graph.Node { return graph.Sort(x, 0, true) }),
		flat("argsort_1m", func(x *graph.Node) *graph.Node { return graph.ArgSort(x, 0, true) }),
		topTen(group), gather(group), scatterAdd(group), embedding(group), embeddingGradient(group), fourier(group),
	}
}

func topTen(group string) *benchCase {
	return &benchCase{name: "top10_1m", group: group, elements: million, prepare: func(m *maker) (*work, error) {
		return m.exec(func(in []*graph.Node) []*graph.Node {
			values, indices := graph.TopK(in[0], 10, 0)
			return []*graph.Node{values, indices}
		}, m.normal(million))
	}}
}

// gather takes a million single elements of a million.
func gather(group string) *benchCase {
	return &benchCase{name: "gather_1m", group: group, elements: million, prepare: func(m *maker) (*work, error) {
		return m.exec(one(func(in []*graph.Node) *graph.Node { return graph.Gather(in[0], in[1]) }), m.normal(million), m.integers(million, million, 1))
	}}
}

// scatterAdd adds a million single elements to a million.
func scatterAdd(group string) *benchCase {
	return &benchCase{name: "scatter_add_1m", group: group, elements: million, prepare: func(m *maker) (*work, error) {
		return m.exec(one(func(in []*graph.Node) *graph.Node {
			return graph.ScatterSum(in[0], in[1], in[2], false, false)
		}), m.normal(million), m.integers(million, million, 1), m.normal(million))
	}}
}

// The embedding: so many vectors out of a table.
const tokens, vocabulary, vector = 4096, 50_000, 256

// lookup returns the vectors of tokens and, where gradient is set, the gradient of their sum of squares by the table.
func lookup(m *maker, gradient bool) (*work, error) {
	return m.exec(one(func(in []*graph.Node) *graph.Node {
		y := graph.Gather(in[0], in[1])
		if gradient {
			return graph.Gradient(graph.ReduceAllSum(graph.Square(y)), in[0])[0]
		}
		return y
	}), m.normal(vocabulary, vector), m.integers(vocabulary, tokens, 1))
}

func embedding(group string) *benchCase {
	return &benchCase{name: "embedding_4096_50kx256", group: group, elements: tokens * vector, prepare: func(m *maker) (*work, error) { return lookup(m, false) }}
}

func embeddingGradient(group string) *benchCase {
	return &benchCase{name: "embedding_grad_4096_50kx256", group: group, elements: tokens * vector, prepare: func(m *maker) (*work, error) { return lookup(m, true) }}
}

// fourier transforms a million complex numbers: 5 n log₂ n operations, the usual count.
func fourier(group string) *benchCase {
	return &benchCase{name: "fft_1m", group: group, flops: 5 * million * 20, prepare: func(m *maker) (*work, error) {
		x := make([]complex64, million)
		for i := range x {
			x[i] = complex(float32(m.rng.NormFloat64()), float32(m.rng.NormFloat64()))
		}
		return m.exec(one(func(in []*graph.Node) *graph.Node { return graph.FFT(in[0]) }), tensors.FromFlatDataAndDimensions(x, million))
	}}
}

// positive returns numbers from just above 0 to a few units.
func (m *maker) positive(dims ...int) *tensors.Tensor {
	t := m.normal(dims...)
	for i, x := range tensors.Flat[float32](t) {
		tensors.Flat[float32](t)[i] = max(x, -x) + 1e-3
	}
	return t
}
