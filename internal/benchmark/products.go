package main

import (
	"fmt"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors"
)

// products returns the other products: small ones, narrow ones, batches of them, and other dtypes.
func products() []*benchCase {
	const group = "products"
	var list []*benchCase
	for _, n := range []int{16, 32, 64, 128} {
		list = append(list, product(group, fmt.Sprintf("matmul_%d", n), n, n, n))
	}
	return append(list,
		product(group, "matmul_1x4096x4096", 1, 4096, 4096), product(group, "matmul_8x1024x1024", 8, 1024, 1024),
		batchedProduct(group, "batch_matmul_64x128x64x128", 64, 128, 64, 128),
		typedProduct(group, "matmul_1024_f64", dtypes.Float64, dtypes.Float64), typedProduct(group, "matmul_1024_bf16", dtypes.BFloat16, dtypes.BFloat16),
		typedProduct(group, "matmul_1024_f16", dtypes.Float16, dtypes.Float16), typedProduct(group, "matmul_1024_int8", dtypes.Int8, dtypes.Int32))
}

// batchedProduct is the case of so many products of a matrix of m rows of k with one of k rows of n.
func batchedProduct(group, name string, batch, m, k, n int) *benchCase {
	return &benchCase{name: name, group: group, flops: 2 * float64(batch) * float64(m) * float64(k) * float64(n), prepare: func(mk *maker) (*work, error) {
		return mk.exec(one(func(in []*graph.Node) *graph.Node { return graph.MatMul(in[0], in[1]) }), mk.normal(batch, m, k), mk.normal(batch, k, n))
	}}
}

// typedProduct is the case of a product of two matrices of 1024 x 1024 in a dtype, with results of another.
func typedProduct(group, name string, dtype, output dtypes.DType) *benchCase {
	const n = 1024
	return &benchCase{name: name, group: group, flops: 2 * n * n * n, prepare: func(m *maker) (*work, error) {
		x, err := m.matrixOf(dtype, n)
		if err != nil {
			return nil, err
		}
		y, err := m.matrixOf(dtype, n)
		if err != nil {
			return nil, err
		}
		return m.exec(one(func(in []*graph.Node) *graph.Node {
			return graph.Dot(in[0], in[1]).WithOutputDType(output).MatMul()
		}), x, y)
	}}
}

// matrixOf returns a square matrix of small numbers that a dtype has: integers from -8 to 7, or halves of normal ones.
func (m *maker) matrixOf(dtype dtypes.DType, n int) (*tensors.Tensor, error) {
	x := m.normal(n, n)
	if dtype.IsInt() {
		flat := tensors.Flat[float32](x)
		for i := range flat {
			flat[i] = float32(m.rng.IntN(16) - 8)
		}
	}
	return converted(x, dtype)
}
