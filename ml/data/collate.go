package data

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/guard"
)

// Collate makes one batch of size examples of ds at a time, by a function: where [Batched] and [Padded] do not do what is wanted. The
// last batch of a pass has what is left, or is dropped with dropIncomplete. The examples stay the pipeline's, but for those of their
// tensors that fn returns. An error of fn, or a panic in it, ends the iteration.
func Collate(ds Dataset, size int, dropIncomplete bool, fn func(examples []Batch) (Batch, error)) *Pipeline {
	return collate("Collate", ds, size, dropIncomplete, func(examples []Batch) (b Batch, err error) {
		err = guard.Call(func() error { b, err = fn(examples); return err })
		return b, err
	})
}

// collate is what Batched, Padded and Collate are: what is their name.
func collate(what string, ds Dataset, size int, drop bool, fn func(examples []Batch) (Batch, error)) *Pipeline {
	ds = given(ds)
	if err := batchSize(what, ds, size); err != nil {
		return failing(ds.Name(), err)
	}
	count := func() int {
		n := numBatches(ds)
		switch {
		case n < 0:
			return n
		case drop || n%size == 0:
			return n / size
		}
		return n/size + 1
	}
	return newPipeline(ds.Name(), fmt.Sprintf("%s %d", what, size), count, func(p Position) iter.Seq2[Batch, error] {
		return func(yield func(Batch, error) bool) {
			var examples []Batch
			defer func() { closeBatches(examples) }()
			at := p
			emit := func() bool {
				b, err := collected(examples, fn)
				examples = examples[:0]
				if err != nil {
					err = fmt.Errorf("data.%s %q, %v: %w", what, ds.Name(), at, err)
				}
				at.Batch++
				return yield(b, err) && err == nil
			}
			for b, err := range iterFrom(ds, Position{Epoch: p.Epoch, Batch: times64(p.Batch, size)}) {
				if err != nil {
					yield(Batch{}, err)
					return
				}
				if examples = append(examples, b); len(examples) == size && !emit() {
					return
				}
			}
			switch {
			case len(examples) == 0:
			case !drop:
				emit()
			case at.Batch == 0:
				yield(Batch{}, fmt.Errorf("data.%s %q: %d examples make no batch of %d: take a smaller batch size, or keep incomplete batches",
					what, ds.Name(), len(examples), size))
			}
		}
	}, ds).of(batched)
}

// batchSize returns an error for a size that no batch has.
func batchSize(what string, ds Dataset, size int) error {
	switch {
	case size < 1:
		return fmt.Errorf("data.%s %q: batch size %d: want 1 or more", what, ds.Name(), size)
	case size > maxExamples:
		return fmt.Errorf("data.%s %q: batch size %d: want %d or fewer", what, ds.Name(), size, maxExamples)
	}
	return nil
}

// collected makes a batch of examples by fn, and releases of them what fn did not return.
func collected(examples []Batch, fn func([]Batch) (Batch, error)) (out Batch, err error) {
	var given []*tensors.Tensor // fn may write to the slices
	for _, b := range examples {
		given = append(given, b.all()...)
	}
	defer func() { // also if fn ends its goroutine
		var kept []*tensors.Tensor
		if err != nil {
			out = Batch{}
		} else {
			kept = out.all()
		}
		for _, t := range given {
			if t != nil && !slices.Contains(kept, t) {
				t.Close()
			}
		}
	}()
	return fn(slices.Clone(examples))
}

// Padding says how examples whose tensors have different sizes become one batch. The zero value pads input 0 to the longest example of
// the batch, with zeros.
type Padding struct {
	// Inputs and Labels are the numbers of the tensors that are padded, along axis 0 of the example; input 0 if both are nil. The
	// others must have the same shape in all examples.
	Inputs, Labels []int

	// Value and LabelValue stand where an example has ended. An integer dtype must hold them.
	Value, LabelValue float64

	// Multiple rounds sizes up to a multiple of it, so that fewer shapes come about, each of which is a program to compile; Length
	// pads to that size always, and makes longer examples an error. Neither if 0.
	Multiple, Length int

	// Masks adds, for each tensor that is padded, a bool tensor [size, padded size] that is true where the example is: behind the
	// inputs those of the inputs, behind the labels, where losses take them for masks, those of the labels.
	Masks bool
}

// Padded is [Batched] for examples of different sizes, such as sentences: tensors [n, d…] of size examples become one [size, N, d…],
// N being the largest n of the batch, or as p has it.
//
// Examples that differ otherwise, and settings that do not fit, come as errors of the iteration.
func Padded(ds Dataset, size int, dropIncomplete bool, p Padding) *Pipeline {
	return collate("Padded", ds, size, dropIncomplete, p.join)
}

// padded returns the numbers of the inputs and labels that are padded.
func (p Padding) padded() (inputs, labels []int) {
	if p.Inputs == nil && p.Labels == nil {
		return []int{0}, nil
	}
	return p.Inputs, p.Labels
}

// join stacks examples into a batch, padding what is to be padded.
func (p Padding) join(examples []Batch) (out Batch, err error) {
	if p.Multiple < 0 || p.Length < 0 {
		return Batch{}, fmt.Errorf("padding to a multiple of %d, to length %d: want 0 or more", p.Multiple, p.Length)
	}
	first := examples[0]
	for i, b := range examples {
		if b.Spec != first.Spec {
			return Batch{}, fmt.Errorf("example %d has spec %v, example 0 %v", i, b.Spec, first.Spec)
		}
		if len(b.Inputs) != len(first.Inputs) || len(b.Labels) != len(first.Labels) {
			return Batch{}, fmt.Errorf("example %d has %v, example 0 %v", i, b, first)
		}
	}
	out.Spec = first.Spec
	defer func() {
		if err != nil {
			out.Close()
			out = Batch{}
		}
	}()
	inputs, labels := p.padded()
	column := func(of func(Batch) []*tensors.Tensor, k int) []*tensors.Tensor {
		list := make([]*tensors.Tensor, len(examples))
		for i, b := range examples {
			list[i] = of(b)[k]
		}
		return list
	}
	for _, side := range []struct {
		what   string
		of     func(Batch) []*tensors.Tensor
		padded []int
		value  float64
		to     *[]*tensors.Tensor
	}{
		{"input", func(b Batch) []*tensors.Tensor { return b.Inputs }, inputs, p.Value, &out.Inputs},
		{"label", func(b Batch) []*tensors.Tensor { return b.Labels }, labels, p.LabelValue, &out.Labels},
	} {
		n := len(side.of(first))
		for _, k := range side.padded {
			if k < 0 || k >= n {
				return out, fmt.Errorf("there is no %s %d to be padded: the examples have %v", side.what, k, first)
			}
		}
		var masks []*tensors.Tensor
		for k := range n {
			list := column(side.of, k)
			var t *tensors.Tensor
			if !slices.Contains(side.padded, k) {
				if t, err = stackSame(list); err == nil {
					*side.to = append(*side.to, t)
				}
			} else {
				var mask *tensors.Tensor
				if t, mask, err = p.stack(list, side.value); err == nil {
					*side.to = append(*side.to, t)
					if mask != nil {
						masks = append(masks, mask)
					}
				}
			}
			if err != nil {
				closeAll(masks)
				return out, fmt.Errorf("%s %d: %w", side.what, k, err)
			}
		}
		*side.to = append(*side.to, masks...)
	}
	return out, nil
}

// stackSame stacks tensors that must have one shape.
func stackSame(list []*tensors.Tensor) (*tensors.Tensor, error) {
	for i, t := range list {
		if !t.Shape().Equal(list[0].Shape()) {
			return nil, fmt.Errorf("example %d has %v, example 0 %v: name it in Padding, or pad or crop the examples to one shape", i, t.Shape(), list[0].Shape())
		}
	}
	return stack(list)
}

// stack pads tensors to one size of axis 0, and stacks them; mask is nil if none is wanted.
func (p Padding) stack(list []*tensors.Tensor, value float64) (out, mask *tensors.Tensor, err error) {
	longest := 0
	for i, t := range list {
		s, first := t.Shape(), list[0].Shape()
		if s.Rank() == 0 {
			return nil, nil, fmt.Errorf("example %d has %v: a scalar cannot be padded", i, s)
		}
		if s.DType != first.DType || s.Rank() != first.Rank() || !slices.Equal(s.Dimensions[1:], first.Dimensions[1:]) {
			return nil, nil, fmt.Errorf("example %d has %v, example 0 %v: only axis 0 is padded", i, s, first)
		}
		longest = max(longest, s.Dimensions[0])
	}
	switch {
	case p.Length > 0 && longest > p.Length:
		return nil, nil, fmt.Errorf("an example has %d elements along axis 0, more than the length %d", longest, p.Length)
	case p.Length > maxExamples || p.Multiple > maxExamples:
		return nil, nil, fmt.Errorf("padding to a multiple of %d, to length %d: want %d or less", p.Multiple, p.Length, maxExamples)
	case p.Length > 0:
		longest = p.Length
	case p.Multiple > 1:
		longest = (longest + p.Multiple - 1) / p.Multiple * p.Multiple
	}
	fillWith, err := elementOf(value, list[0].DType())
	if err != nil {
		return nil, nil, err
	}
	shape := list[0].Shape().Clone()
	shape.Dimensions = slices.Concat([]int{len(list), longest}, shape.Dimensions[1:])
	if shape.AxisNames != nil {
		shape.AxisNames = slices.Concat([]string{""}, shape.AxisNames)
	}
	out, err = fill(shape, func(bytes []byte) error {
		row := len(bytes) / len(list)
		for i, t := range list {
			to := bytes[i*row : (i+1)*row]
			var n int
			if err := t.ConstBytes(func(from []byte) { n = copy(to, from) }); err != nil {
				return err
			}
			repeat(to[n:], fillWith)
		}
		return nil
	})
	if err != nil || !p.Masks {
		return out, nil, err
	}
	flags := make([]bool, len(list)*longest)
	for i, t := range list {
		for j := range t.Shape().Dimensions[0] {
			flags[i*longest+j] = true
		}
	}
	return out, tensors.FromFlatDataAndDimensions(flags, len(list), longest), nil
}

// repeat fills to with copies of an element.
func repeat(to, element []byte) {
	if len(to) == 0 {
		return
	}
	for n := copy(to, element); n < len(to); {
		n += copy(to[n:], to[:n])
	}
}

// Bucketed puts examples of similar length together, so that little is padded: an example goes into the first bucket whose bound its
// length (of the first tensor that is padded, along axis 0) does not exceed, and a bucket that has size of them becomes a batch, padded
// to its bound. So there are as many shapes of batches as bounds. What is left in the buckets at the end of a pass comes as smaller
// batches, in the order of the bounds, or is dropped with dropIncomplete. The bounds ascend; an example that is longer than the last
// one is an error of the iteration.
//
// A position within a pass is reached by reading the pass from its beginning.
func Bucketed(ds Dataset, bounds []int, size int, dropIncomplete bool, p Padding) *Pipeline {
	ds = given(ds)
	bounds = slices.Clone(bounds)
	err := batchSize("Bucketed", ds, size)
	switch {
	case err != nil:
	case len(bounds) == 0:
		err = errors.New("no bounds of buckets")
	case bounds[0] < 1 || bounds[len(bounds)-1] > maxExamples || !slices.IsSorted(bounds):
		err = fmt.Errorf("the bounds %v: want ascending lengths, the first 1 or more", bounds)
	case p.Multiple != 0 || p.Length != 0:
		err = fmt.Errorf("padding to a multiple of %d, to length %d: the bounds of the buckets are what is padded to: leave both 0", p.Multiple, p.Length)
	}
	if err != nil {
		return failing(ds.Name(), fmt.Errorf("data.Bucketed %q: %w", ds.Name(), err))
	}
	unsized := func() int { return min(unknown, numBatches(ds)) }
	return newPipeline(ds.Name(), fmt.Sprintf("Bucketed %v by %d", bounds, size), unsized, func(at Position) iter.Seq2[Batch, error] {
		start := Position{Epoch: at.Epoch}
		return skip(bucketed(ds, start, bounds, size, dropIncomplete, p), at.Batch)
	}, ds).of(batched)
}

// bucketed yields the batches of a pass.
func bucketed(ds Dataset, at Position, bounds []int, size int, drop bool, p Padding) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		buckets := make([][]Batch, len(bounds))
		defer func() {
			for _, b := range buckets {
				closeBatches(b)
			}
		}()
		emit := func(k int) bool {
			q := p
			q.Length = bounds[k]
			b, err := collected(buckets[k], q.join)
			buckets[k] = nil
			if err != nil {
				err = fmt.Errorf("data.Bucketed %q, %v: %w", ds.Name(), at, err)
			}
			at.Batch++
			return yield(b, err) && err == nil
		}
		example := 0
		for b, err := range iterFrom(ds, at) {
			if err != nil {
				yield(Batch{}, err)
				return
			}
			n, err := p.length(b)
			k, _ := slices.BinarySearch(bounds, n)
			if err == nil && k == len(bounds) {
				err = fmt.Errorf("it is %d long, the largest bucket takes %d", n, bounds[k-1])
			}
			if err != nil {
				b.Close()
				yield(Batch{}, fmt.Errorf("data.Bucketed %q, example %d of epoch %d: %w", ds.Name(), example, at.Epoch, err))
				return
			}
			example++
			if buckets[k] = append(buckets[k], b); len(buckets[k]) == size && !emit(k) {
				return
			}
		}
		for k := range buckets {
			if len(buckets[k]) > 0 && !drop && !emit(k) {
				return
			}
		}
		if example > 0 && at.Batch == 0 {
			yield(Batch{}, fmt.Errorf("data.Bucketed %q: %d examples make no batch of %d in any bucket: take a smaller batch size, or keep incomplete batches",
				ds.Name(), example, size))
		}
	}
}

// length returns the size of an example along the axis that is padded first.
func (p Padding) length(b Batch) (int, error) {
	inputs, labels := p.padded()
	list, k, what := b.Inputs, inputs, "input"
	if len(k) == 0 {
		list, k, what = b.Labels, labels, "label"
	}
	switch {
	case len(k) == 0:
		return 0, errors.New("Padding names no tensor whose length counts")
	case k[0] < 0 || k[0] >= len(list):
		return 0, fmt.Errorf("there is no %s %d to be padded: the example has %v", what, k[0], b)
	case list[k[0]].Rank() == 0:
		return 0, fmt.Errorf("%s %d is %v: a scalar has no length", what, k[0], list[k[0]].Shape())
	}
	return list[k[0]].Shape().Dim(0), nil
}
