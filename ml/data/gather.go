package data

import (
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// gatherAll is gather for several tensors: all of them, or an error.
func gatherAll(list []*tensors.Tensor, order []int, from, to int, single bool) ([]*tensors.Tensor, error) {
	var out []*tensors.Tensor
	for _, t := range list {
		g, err := gather(t, order, from, to, single)
		if err != nil {
			closeAll(out)
			return nil, err
		}
		out = append(out, g)
	}
	return out, nil
}

// gather copies the rows order[from:to] of t, or the rows from to to-1 if order is nil, into a new tensor.
// With single there is one row, and the result lacks the axis of rows.
func gather(t *tensors.Tensor, order []int, from, to int, single bool) (*tensors.Tensor, error) {
	shape := t.Shape().Clone()
	n := shape.Dimensions[0]
	shape.Dimensions[0] = to - from
	if single {
		shape.Dimensions = shape.Dimensions[1:]
		if shape.AxisNames != nil {
			shape.AxisNames = shape.AxisNames[1:]
		}
	}
	return fill(shape, func(out []byte) error {
		return t.ConstBytes(func(in []byte) {
			row := len(in) / max(1, n)
			if order == nil {
				copy(out, in[from*row:to*row])
				return
			}
			for i, r := range order[from:to] {
				copy(out[i*row:(i+1)*row], in[r*row:])
			}
		})
	})
}

// stack copies tensors of one shape into a new one, along a new axis 0.
func stack(list []*tensors.Tensor) (*tensors.Tensor, error) {
	first := list[0].Shape()
	shape := shapes.Make(first.DType, slices.Concat([]int{len(list)}, first.Dimensions)...)
	if first.AxisNames != nil {
		shape = shape.WithAxisNames(slices.Concat([]string{""}, first.AxisNames)...)
	}
	return fill(shape, func(out []byte) error {
		for _, t := range list {
			if err := t.ConstBytes(func(in []byte) { out = out[copy(out, in):] }); err != nil {
				return err
			}
		}
		return nil
	})
}

// fill makes a tensor whose bytes write sets, all of them: the memory is not cleared before.
func fill(shape shapes.Shape, write func(out []byte) error) (*tensors.Tensor, error) {
	s, err := tensors.NewStorage(shape.ByteSize())
	if err != nil {
		return nil, err
	}
	t, err := tensors.FromStorage(shape, s)
	if err != nil {
		s.Release()
		return nil, err
	}
	if err := write(s.Bytes()); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// elementOf returns the bytes of a number in a dtype, or an error if the dtype has no such number.
func elementOf(value float64, d dtypes.DType) ([]byte, error) {
	if _, err := dtypes.Fit(value, d); err != nil {
		return nil, fmt.Errorf("the value to pad with: %w", err)
	}
	wide := tensors.FromScalar(value)
	defer wide.Close()
	t, err := wide.ConvertDType(d)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	var out []byte
	err = t.ConstBytes(func(b []byte) { out = slices.Clone(b) })
	return out, err
}
