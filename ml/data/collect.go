package data

import (
	"fmt"

	"github.com/quire-ml/quire/graph/tensors"
)

// Collect reads one pass of ds into memory. With batched, what ds yields are batches, whose rows are the
// examples; else each is one example, without the batch axis. The Spec of the first is kept.
// It returns an error if ds never ends, yields an error, or has examples of different shapes.
func Collect(ds Dataset, batched bool) (*InMemoryDataset, error) {
	ds = given(ds)
	if numBatches(ds) == endless {
		return nil, fmt.Errorf("data.Collect %q: the data set has no end: end it with Take", ds.Name())
	}
	var list []Batch
	defer func() { closeBatches(list) }()
	for b, err := range ds.Iter() {
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("data.Collect %q: no examples", ds.Name())
	}
	whole, err := joinRows(list, batched)
	if err != nil {
		return nil, fmt.Errorf("data.Collect %q: %w", ds.Name(), err)
	}
	defer whole.Close()
	out, err := InMemory(ds.Name(), whole.Inputs, whole.Labels)
	if err != nil {
		return nil, err
	}
	return out.WithSpec(whole.Spec), nil
}

// joinRows makes one batch of many: along axis 0 if they are batches, else along a new axis 0.
func joinRows(list []Batch, batched bool) (Batch, error) {
	if !batched {
		return join(list)
	}
	out := Batch{Spec: list[0].Spec}
	for i := range list[0].all() {
		t, err := concat(list, i)
		if err != nil {
			out.Close()
			return Batch{}, err
		}
		if i < len(list[0].Inputs) {
			out.Inputs = append(out.Inputs, t)
		} else {
			out.Labels = append(out.Labels, t)
		}
	}
	return out, nil
}

// concat puts the i-th tensors of all batches below each other.
func concat(list []Batch, i int) (*tensors.Tensor, error) {
	first := list[0].all()
	shape := first[i].Shape().Clone()
	rows := 0
	for j, b := range list {
		if len(b.Inputs) != len(list[0].Inputs) || len(b.Labels) != len(list[0].Labels) {
			return nil, fmt.Errorf("batch %d has %v, batch 0 %v", j, b, list[0])
		}
		s := b.all()[i].Shape().Clone()
		if s.Rank() == 0 {
			return nil, fmt.Errorf("batch %d has %v: a scalar has no rows", j, b)
		}
		rows += s.Dimensions[0]
		s.Dimensions[0] = shape.Dimensions[0]
		if !s.Equal(shape) {
			return nil, fmt.Errorf("batch %d has %v, batch 0 %v: only the first axis may differ", j, b, list[0])
		}
	}
	shape.Dimensions[0] = rows
	return fill(shape, func(out []byte) error {
		for _, b := range list {
			if err := b.all()[i].ConstBytes(func(in []byte) { out = out[copy(out, in):] }); err != nil {
				return err
			}
		}
		return nil
	})
}
