package linalg

import "github.com/quire-ml/quire/graph"

// NormKind says which norm of a matrix [Norm] is.
type NormKind string

// The norms of matrices.
const (
	Frobenius  NormKind = "Frobenius"   // √(Σ |a[i,j]|²)
	Nuclear    NormKind = "nuclear"     // the sum of the singular values
	Spectral   NormKind = "spectral"    // the largest singular value
	MaxColumns NormKind = "max columns" // the largest sum of absolute values of a column, the 1-norm
	MaxRows    NormKind = "max rows"    // the largest sum of absolute values of a row, the ∞-norm
)

// Norm returns a norm of the matrices of a, of the real dtype, without their axes. Norms of vectors are [graph.L1Norm] and [graph.L2Norm].
func Norm(a *graph.Node, kind NormKind) *graph.Node {
	a, _, _ = matrix("Norm", a)
	switch kind {
	case Frobenius:
		return graph.Squeeze(graph.L2Norm(a, -2, -1), -2, -1)
	case Nuclear, Spectral:
		_, s, _ := SVD(a)
		if kind == Nuclear {
			return graph.ReduceSum(s, -1)
		}
		return largest(s)
	case MaxColumns:
		return largest(graph.ReduceSum(graph.Abs(a), -2))
	case MaxRows:
		return largest(graph.ReduceSum(graph.Abs(a), -1))
	}
	graph.Errorf("linalg.Norm: there is no norm %q: use one of the constants, such as linalg.Frobenius", kind)
	return nil
}

// largest returns the largest of what is not negative, 0 of none.
func largest(x *graph.Node) *graph.Node {
	if x.Dim(-1) == 0 {
		return graph.ReduceSum(x, -1)
	}
	return graph.ReduceMax(x, -1)
}
