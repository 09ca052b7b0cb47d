package data

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Normalization reads one pass of ds and returns the mean and the standard deviation of an input, with which a
// model normalises it: (x - mean) / stddev. Each index along the independent axes, mostly -1 for features
// or channels, has numbers of its own; without independent axes there is one mean of all. Both are of the dtype and
// rank of the input, with size 1 at all axes that are not independent. Where all values are the same the deviation is 1,
// so that it can be divided by.
//
//	stddev² = ∑ (x - mean)² / n
//
// It returns an error if ds never ends or is empty, or the input is no float or changes its independent axes.
//
// Source: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances",
// 1979, eq. 2.1, batch by batch, in float64.
func Normalization(ds Dataset, inputIndex int, independentAxes ...int) (mean, stddev *tensors.Tensor, err error) {
	ds = given(ds)
	if mean, stddev, err = normalization(ds, inputIndex, independentAxes); err != nil {
		return nil, nil, fmt.Errorf("data.Normalization %q: %w", ds.Name(), err)
	}
	return mean, stddev, nil
}

func normalization(ds Dataset, inputIndex int, axes []int) (mean, stddev *tensors.Tensor, err error) {
	if numBatches(ds) == endless {
		return nil, nil, errors.New("the data set has no end: end it with Take")
	}
	var total *moments
	for b, err := range ds.Iter() {
		if err != nil {
			return nil, nil, err
		}
		m, err := momentsOf(b, inputIndex, axes)
		b.Close()
		if err != nil {
			return nil, nil, err
		}
		if total == nil {
			total = m
		} else if err := total.add(m); err != nil {
			return nil, nil, err
		}
	}
	if total == nil {
		return nil, nil, errors.New("no batches")
	}
	deviation := make([]float64, len(total.mean))
	for i, s := range total.square {
		deviation[i] = math.Sqrt(s / total.count)
		if deviation[i] == 0 {
			deviation[i] = 1
		}
	}
	if mean, err = total.tensor(total.mean); err == nil {
		stddev, err = total.tensor(deviation)
	}
	return mean, stddev, err
}

// moments are the number of values in each group, their mean, and the sum of the squares of their distance from it.
type moments struct {
	shape        shapes.Shape // of the groups
	count        float64
	mean, square []float64
}

// momentsOf measures one input of a batch.
func momentsOf(b Batch, inputIndex int, axes []int) (*moments, error) {
	if inputIndex < 0 || inputIndex >= len(b.Inputs) {
		return nil, fmt.Errorf("there is no input %d: the batch has %v", inputIndex, b)
	}
	x := b.Inputs[inputIndex]
	s := x.Shape()
	if !s.DType.IsFloat() {
		return nil, fmt.Errorf("input %d is %v: want floats", inputIndex, s)
	}
	var independent []int
	if len(axes) > 0 {
		var err error
		if independent, err = shapes.AdjustAxes(axes, s.Rank()); err != nil {
			return nil, fmt.Errorf("input %d is %v: %w", inputIndex, s, err)
		}
	}
	m := &moments{shape: s.Clone()}
	stride := make([]int, s.Rank()) // of an axis in the groups; 0 where it is not independent
	groups := 1
	for i := s.Rank() - 1; i >= 0; i-- {
		if slices.Contains(independent, i) {
			stride[i] = groups
			groups *= s.Dimensions[i]
		} else {
			m.shape.Dimensions[i] = 1
		}
	}
	if s.Size() == 0 {
		return nil, fmt.Errorf("input %d is %v: it has no elements", inputIndex, s)
	}
	m.count = float64(s.Size() / groups)
	m.mean, m.square = make([]float64, groups), make([]float64, groups)
	values, err := x.ConvertDType(dtypes.Float64)
	if err != nil {
		return nil, err
	}
	defer values.Close()
	return m, tensors.ConstFlatData(values, func(flat []float64) {
		// Counted from a group's first value, so that the mean of equal values is exact and their deviation 0.
		first, seen := make([]float64, groups), make([]bool, groups)
		eachGroup(s.Dimensions, stride, func(i, g int) {
			if !seen[g] {
				first[g], seen[g] = flat[i], true
			}
			m.mean[g] += flat[i] - first[g]
		})
		for g := range m.mean {
			m.mean[g] = first[g] + m.mean[g]/m.count
		}
		eachGroup(s.Dimensions, stride, func(i, g int) { d := flat[i] - m.mean[g]; m.square[g] += d * d })
	})
}

// eachGroup calls fn with the flat index of every element in row-major order, and its group.
func eachGroup(dimensions, stride []int, fn func(i, group int)) {
	size := 1
	for _, d := range dimensions {
		size *= d
	}
	index := make([]int, len(dimensions))
	group := 0
	for i := range size {
		fn(i, group)
		for a := len(index) - 1; a >= 0; a-- { // the next element: count up, carry to the left
			index[a]++
			group += stride[a]
			if index[a] < dimensions[a] {
				break
			}
			group -= index[a] * stride[a]
			index[a] = 0
		}
	}
}

// add joins the values of o to those of m.
func (m *moments) add(o *moments) error {
	if !m.shape.Equal(o.shape) {
		return fmt.Errorf("the independent axes changed from %v to %v", m.shape, o.shape)
	}
	n := m.count + o.count
	for i, mean := range o.mean {
		d := mean - m.mean[i]
		m.mean[i] += d * (o.count / n)
		m.square[i] += o.square[i] + d*d*(m.count/n)*o.count
	}
	m.count = n
	return nil
}

// tensor returns one number per group in the dtype of the input.
func (m *moments) tensor(values []float64) (*tensors.Tensor, error) {
	wide := tensors.FromFlatDataAndDimensions(values, m.shape.Dimensions...)
	defer wide.Close()
	return wide.ConvertDType(m.shape.DType)
}
