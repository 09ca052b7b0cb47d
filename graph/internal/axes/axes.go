// Package axes has what packages of functions that are made of ops do with axes.
package axes

import (
	"slices"

	"github.com/quire-ml/quire/graph"
)

// Unnamed returns x without names of axes.
func Unnamed(x *graph.Node) *graph.Node {
	if x.Shape().HasNames() {
		return x.WithAxisNames(make([]string, x.Rank())...)
	}
	return x
}

// Moved returns x with an axis at another place, the others in order.
func Moved(x *graph.Node, from, to int) *graph.Node {
	if from == to {
		return x
	}
	var perm []int
	for a := range x.Rank() {
		if a != from {
			perm = append(perm, a)
		}
	}
	return graph.TransposeAllAxes(x, slices.Insert(perm, to, from)...)
}
