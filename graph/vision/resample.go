package vision

import (
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/internal/axes"
	"github.com/quire-ml/quire/graph/tensors"
)

// taps say of which elements along an axis each of n places is made: k of them, with weights.
type taps struct {
	n, k   int
	index  []int32   // [n, k]
	weight []float64 // [n, k]
	filler []bool    // [n, k], whether it stands there again for want of another
}

// newTaps makes taps of what at says of each place: consecutive elements from first on, and their weights. They are limited to an axis of size
// elements: what lies outside is the element at the edge.
func newTaps(n, size int, at func(place int) (first int, weights []float64)) taps {
	all, k := make([][]float64, n), 1
	firsts := make([]int, n)
	for i := range all {
		firsts[i], all[i] = at(i)
		k = max(k, len(all[i]))
	}
	t := taps{n: n, k: k, index: make([]int32, 0, n*k), weight: make([]float64, 0, n*k)}
	for i, weights := range all {
		for j := range k {
			// A place with fewer elements has its last one several times, with a share of the weight each: infinities stay what they are.
			last := len(weights) - 1
			w := weights[min(j, last)]
			if j >= last {
				w /= float64(k - last)
			}
			t.index = append(t.index, int32(max(0, min(firsts[i]+min(j, last), size-1))))
			t.weight = append(t.weight, w)
			t.filler = append(t.filler, j > last)
		}
	}
	return t
}

// elements returns the elements of x along an axis that t names, in front: [n, k, r…], r… being the other axes in order.
func (t taps) elements(x *graph.Node, axis int) *graph.Node {
	at := graph.ConstTensor(x.Graph(), tensors.FromFlatDataAndDimensions(t.index, t.n, t.k, 1))
	return graph.Gather(axes.Moved(x, axis, 0), at)
}

// sums returns Σ_j weight[i, j] · x[…, index[i, j], …] along an axis.
func (t taps) sums(x *graph.Node, axis int) *graph.Node {
	w := graph.ConstAsDType(x.Graph(), x.DType(), tensors.FromFlatDataAndDimensions(t.weight, t.n, t.k))
	return axes.Moved(graph.Einsum("nk,nk...->n...", w, t.elements(x, axis)), 0, axis)
}

// largest returns the largest of x[…, index[i, j], …] over j, along an axis.
func (t taps) largest(x *graph.Node, axis int) *graph.Node {
	e := t.elements(x, axis)
	dims := slices.Repeat([]int{1}, e.Rank())
	dims[0], dims[1] = t.n, t.k
	filler := graph.ConstTensor(x.Graph(), tensors.FromFlatDataAndDimensions(t.filler, dims...))
	lowest := graph.BroadcastToDims(graph.Infinity(x.Graph(), x.DType(), -1), e.Shape().Dimensions...)
	e = graph.Where(graph.BroadcastToDims(filler, e.Shape().Dimensions...), lowest, e) // so that no element has a part of the gradient twice
	return axes.Moved(graph.ReduceMax(e, 1), 0, axis)
}

// first returns x[…, index[i, 0], …] along an axis.
func (t taps) first(x *graph.Node, axis int) *graph.Node {
	return axes.Moved(graph.Squeeze(t.elements(x, axis), 1), 0, axis)
}
