package shapes

import (
	"fmt"
	"slices"
)

// AdjustAxis returns axis as a number from 0 to rank-1, counting a negative one from the end, or an
// error that names the valid range.
func AdjustAxis(axis, rank int) (int, error) {
	a := axis
	if a < 0 {
		a += rank
	}
	switch {
	case rank == 0:
		return 0, fmt.Errorf("axis %d of a scalar: it has none", axis)
	case a < 0 || a >= rank:
		return 0, fmt.Errorf("axis %d is out of range: with %d axes it is %d to %d", axis, rank, -rank, rank-1)
	}
	return a, nil
}

// AdjustAxes adjusts each axis as [AdjustAxis] does and refuses an axis that comes twice. No axes
// mean all of them. The result is sorted.
func AdjustAxes(axes []int, rank int) ([]int, error) {
	if len(axes) == 0 {
		all := make([]int, rank)
		for i := range all {
			all[i] = i
		}
		return all, nil
	}
	adjusted := make([]int, len(axes))
	for i, axis := range axes {
		a, err := AdjustAxis(axis, rank)
		if err != nil {
			return nil, err
		}
		if slices.Contains(adjusted[:i], a) {
			return nil, fmt.Errorf("axis %d is given twice", axis)
		}
		adjusted[i] = a
	}
	slices.Sort(adjusted)
	return adjusted, nil
}

// JoinName returns the name of an axis made of two that meet: the one that is set. Two different
// names are an error.
func JoinName(a, b string) (string, error) {
	if a == "" || a == b {
		return b, nil
	}
	if b == "" {
		return a, nil
	}
	return "", fmt.Errorf("the names differ: %q meets %q", a, b)
}

// Broadcast returns the shape in which all operands meet, by NumPy's rule: lined up at the last
// axis, missing axes count as 1, and 1 meets any size. All must have the same dtype, and axes that
// meet must not have different names.
func Broadcast(operands ...Shape) (Shape, error) {
	if len(operands) == 0 {
		return Shape{}, fmt.Errorf("no operands")
	}
	out := operands[0]
	for _, s := range operands[1:] {
		if s.DType != out.DType {
			return Shape{}, fmt.Errorf("dtypes differ: %s and %s (convert one with ConvertDType)", out.DType, s.DType)
		}
		var err error
		if out, err = broadcast2(out, s); err != nil {
			return Shape{}, err
		}
	}
	return out.Clone(), nil
}

// BroadcastDims is [Broadcast] for operands of different dtypes; the result has the first one's.
func BroadcastDims(operands ...Shape) (Shape, error) {
	same := slices.Clone(operands)
	for i := range same {
		same[i].DType = operands[0].DType
	}
	return Broadcast(same...)
}

// broadcast2 is Broadcast of two shapes of one dtype, whose slices the result may share.
func broadcast2(a, b Shape) (Shape, error) {
	if named := a.AxisNames != nil || b.AxisNames != nil; !named && (b.Rank() == 0 || slices.Equal(a.Dimensions, b.Dimensions)) {
		return a, nil
	} else if !named && a.Rank() == 0 {
		return b, nil
	}
	rank := max(a.Rank(), b.Rank())
	out := Shape{DType: a.DType, Dimensions: make([]int, rank)}
	names := make([]string, rank)
	for i := 1; i <= rank; i++ { // from the last axis
		x, y, nx, ny := 1, 1, "", ""
		if i <= a.Rank() {
			x, nx = a.Dimensions[a.Rank()-i], a.Name(a.Rank()-i)
		}
		if i <= b.Rank() {
			y, ny = b.Dimensions[b.Rank()-i], b.Name(b.Rank()-i)
		}
		axis := rank - i
		switch {
		case x == y || y == 1:
			out.Dimensions[axis] = x
		case x == 1:
			out.Dimensions[axis] = y
		default:
			return Shape{}, fmt.Errorf("axis %d: %d against %d", axis, x, y)
		}
		name, err := JoinName(nx, ny)
		if err != nil {
			return Shape{}, fmt.Errorf("axis %d: %w", axis, err)
		}
		names[axis] = name
	}
	return out.WithAxisNames(names...), nil
}

// BroadcastableTo returns an error unless s, lined up at the last axis, can be repeated to the
// dimensions given.
func (s Shape) BroadcastableTo(dimensions ...int) error {
	if s.Rank() > len(dimensions) {
		return fmt.Errorf("%s has more axes than %v", s.Dims(), dimensions)
	}
	skip := len(dimensions) - s.Rank()
	for i, d := range s.Dimensions {
		if d != 1 && d != dimensions[skip+i] {
			return fmt.Errorf("axis %d: %d cannot be repeated to %d", skip+i, d, dimensions[skip+i])
		}
	}
	return nil
}

// Without returns s with the given axes removed, or, with keep, set to size 1. The axes must be
// adjusted.
func (s Shape) Without(axes []int, keep bool) Shape {
	out := Shape{DType: s.DType, Dimensions: make([]int, 0, s.Rank())}
	var names []string
	for i, d := range s.Dimensions {
		switch {
		case !slices.Contains(axes, i):
			out.Dimensions = append(out.Dimensions, d)
		case keep:
			out.Dimensions = append(out.Dimensions, 1)
		default:
			continue
		}
		names = append(names, s.Name(i))
	}
	return out.WithAxisNames(names...)
}
