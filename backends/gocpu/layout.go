package gocpu

import (
	"slices"

	"github.com/quire-ml/quire/graph/ir"
)

// axis is a piece of how an operand lies under the elements of a group: dim steps of stride elements.
type axis struct{ dim, stride int }

// layoutOf returns how an operand of dimensions in lies under elements of dimensions out, to which it is broadcast, the
// innermost axis first. Axes along which it goes on alike are one, so that shapes of the same elements have the same layout.
func layoutOf(out, in []int) []axis {
	var axes []axis
	next := 1
	for i := range out {
		d := out[len(out)-1-i]
		if d == 1 {
			continue
		}
		a := axis{dim: d}
		if i < len(in) && in[len(in)-1-i] != 1 {
			a.stride = next
			next *= d
		}
		if k := len(axes) - 1; k >= 0 && a.stride == axes[k].dim*axes[k].stride {
			axes[k].dim *= d
			continue
		}
		axes = append(axes, a)
	}
	return axes
}

// sliceLayout returns how a slice lies in an operand of dimensions in, as layoutOf does, and at which element it begins.
func sliceLayout(out, in []int, a ir.SliceAttrs) (axes []axis, at int) {
	next := 1
	for i := len(in) - 1; i >= 0; i-- {
		at += a.Start[i] * next
		if d := out[i]; d != 1 {
			x := axis{d, a.Stride[i] * next}
			if k := len(axes) - 1; k >= 0 && x.stride == axes[k].dim*axes[k].stride {
				axes[k].dim *= d
			} else {
				axes = append(axes, x)
			}
		}
		next *= in[i]
	}
	return axes, at
}

// isRow reports whether an operand is one row that is repeated.
func isRow(axes []axis) bool { return len(axes) == 2 && axes[0].stride == 1 && axes[1].stride == 0 }

// cuts returns the numbers of elements after which the steps of an operand change, along with those of others; false if
// the rows of the one do not fit those of the others.
func cuts(others []int, axes []axis) ([]int, bool) {
	if len(axes) < 2 {
		return others, true
	}
	all, at := slices.Clone(others), 1
	for _, a := range axes[:len(axes)-1] {
		at *= a.dim
		if !slices.Contains(all, at) {
			all = append(all, at)
		}
	}
	slices.Sort(all)
	return all, nested(all)
}

// nested reports whether each number divides the next.
func nested(list []int) bool {
	for i := 1; i < len(list); i++ {
		if list[i]%list[i-1] != 0 {
			return false
		}
	}
	return true
}

// stridesAt returns how far an operand goes on at each of the cuts of n elements, the innermost first.
func stridesAt(axes []axis, cuts []int) []int {
	strides := make([]int, len(cuts)+1)
	begin, k := 1, 0 // of axis k
	for i := range strides {
		at := 1
		if i > 0 {
			at = cuts[i-1]
		}
		for k < len(axes)-1 && begin*axes[k].dim <= at {
			begin *= axes[k].dim
			k++
		}
		if len(axes) > 0 {
			strides[i] = at / begin * axes[k].stride
		}
	}
	return strides
}
