package data

import (
	"fmt"
	"iter"

	"github.com/quire-ml/quire/graph/tensors"
)

// InMemoryDataset is a data set whose examples are all in memory, as the rows (along axis 0) of tensors.
// [InMemoryDataset.BatchSize], [InMemoryDataset.Shuffle], [InMemoryDataset.Infinite] and the With methods
// change the data set and return it; they are called before it is iterated over. Take, Split and Copy
// return a new data set over the same memory. It is [Sized], [Seekable] and [Resumable].
type InMemoryDataset struct {
	cursor
	name           string
	inputs, labels []*tensors.Tensor
	rows           []int // the examples of this data set among the tensors' rows; nil: all of them
	numExamples    int

	batchSize int // 0: examples one by one
	drop      bool
	shuffled  bool
	seed      uint64
	infinite  bool
	spec      any
	err       error // of the settings, for the iteration

	stage stage
}

// InMemory returns a data set of the rows of inputs and labels. Each is a list of tensors ([]*tensors.Tensor),
// a list of tensors and Go values ([]any), or just one tensor or Go value, such as [][]float32; labels may be nil:
//
//	ds, err := data.InMemory("train", images, labels)
//	ds.BatchSize(64, true).Shuffle(1)
//
// Tensors are shared, not copied, and stay the caller's: they may be closed afterwards, but must not
// be written to. Without a batch size, examples come one by one, without the batch axis.
//
// InMemory returns an error if there are no inputs or no examples, or if the numbers of rows differ.
func InMemory(name string, inputs, labels any) (*InMemoryDataset, error) {
	ds := &InMemoryDataset{name: name, stage: stage{label: "InMemory"}}
	var err error
	if ds.inputs, err = rowsOf(inputs, "input"); err == nil {
		ds.labels, err = rowsOf(labels, "label")
	}
	if err == nil {
		ds.numExamples, err = countRows(ds.inputs, ds.labels)
	}
	if err != nil {
		ds.Close()
		return nil, fmt.Errorf("data.InMemory %q: %w", name, err)
	}
	return ds, nil
}

// rowsOf turns the values that InMemory takes into tensors of which the caller holds a share.
func rowsOf(values any, what string) ([]*tensors.Tensor, error) {
	var list []any
	switch v := values.(type) {
	case nil:
		return nil, nil
	case []any:
		list = v
	case []*tensors.Tensor:
		for _, t := range v {
			list = append(list, t)
		}
	default:
		list = []any{v}
	}
	var out []*tensors.Tensor
	for i, v := range list {
		t, isTensor := v.(*tensors.Tensor)
		var err error
		if isTensor {
			err = t.CheckValid()
		} else {
			t, err = tensors.FromAnyValue(v)
		}
		if err == nil && t.Rank() == 0 {
			err = fmt.Errorf("%v is a scalar: want examples along axis 0", t.Shape())
		}
		if err != nil {
			closeAll(out)
			return nil, fmt.Errorf("%s %d: %w", what, i, err)
		}
		if isTensor {
			t = t.Share()
		}
		out = append(out, t)
	}
	return out, nil
}

// countRows returns the number of examples, which all tensors must have along axis 0.
func countRows(inputs, labels []*tensors.Tensor) (int, error) {
	if len(inputs) == 0 {
		return 0, fmt.Errorf("no inputs")
	}
	n := inputs[0].Shape().Dim(0)
	for i, t := range append(inputs[:len(inputs):len(inputs)], labels...) {
		what, at := "input", i
		if i >= len(inputs) {
			what, at = "label", i-len(inputs)
		}
		if m := t.Shape().Dim(0); m != n {
			return 0, fmt.Errorf("%d examples in input 0 %s, %d in %s %d %s: want one row each per example",
				n, inputs[0].Shape().Dims(), m, what, at, t.Shape().Dims())
		}
	}
	if n == 0 {
		return 0, fmt.Errorf("no examples: input 0 is %v", inputs[0].Shape())
	}
	return n, nil
}

func closeAll(list []*tensors.Tensor) {
	for _, t := range list {
		t.Close() // the error of a tensor closed before does not matter here
	}
}

// BatchSize sets the number of examples of a batch. The last batch of a pass has what is left, or is
// dropped with dropIncomplete. With n = 0 examples come one by one, without the batch axis.
// A negative n, and a size of which dropIncomplete leaves no batch at all, come as errors of the iteration.
func (ds *InMemoryDataset) BatchSize(n int, dropIncomplete bool) *InMemoryDataset {
	if n < 0 {
		ds.err = fmt.Errorf("batch size %d: want 1 or more, or 0 for examples one by one", n)
	}
	ds.batchSize, ds.drop = n, dropIncomplete
	return ds
}

// Shuffle lets the examples of each pass come in an order of its own, which the seed and the number of
// the pass determine: [Permutation].
func (ds *InMemoryDataset) Shuffle(seed uint64) *InMemoryDataset {
	ds.shuffled, ds.seed = true, seed
	return ds
}

// Infinite lets an iteration go on with the next order where a pass would end.
func (ds *InMemoryDataset) Infinite(infinite bool) *InMemoryDataset {
	ds.infinite = infinite
	return ds
}

// WithName sets the name.
func (ds *InMemoryDataset) WithName(name string) *InMemoryDataset {
	ds.name = name
	return ds
}

// WithSpec sets the Spec of the batches, see [Batch].
func (ds *InMemoryDataset) WithSpec(spec any) *InMemoryDataset {
	ds.spec = spec
	return ds
}

// Copy returns a data set with the same examples and settings that starts at its first pass. It shares the memory.
func (ds *InMemoryDataset) Copy() *InMemoryDataset { return ds.choose(ds.rows, ds.numExamples) }

// Take returns a data set of the first n examples, or of all if there are fewer, with the same settings.
// n below 1 comes as an error of its iteration.
func (ds *InMemoryDataset) Take(n int) *InMemoryDataset {
	if n < 1 {
		out := ds.Copy()
		out.err = fmt.Errorf("the first %d examples: want 1 or more", n)
		return out
	}
	return ds.choose(ds.someRows(0, min(n, ds.numExamples), nil), min(n, ds.numExamples))
}

// Split divides the examples in two data sets with the same settings: the first gets the given fraction
// of them, rounded to the nearest number. They are the first ones, or, if the data set is shuffled, a random
// choice by its seed. It returns an error unless each part gets at least one example.
func (ds *InMemoryDataset) Split(fraction float64) (first, rest *InMemoryDataset, err error) {
	n, err := portion(fmt.Sprintf("Split %q", ds.name), ds.numExamples, fraction)
	if err != nil {
		return nil, nil, err
	}
	var order []int
	if ds.shuffled {
		order = Permutation(ds.seed, -1, ds.numExamples) // -1: an order that no pass has
	}
	return ds.choose(ds.someRows(0, n, order), n), ds.choose(ds.someRows(n, ds.numExamples, order), ds.numExamples-n), nil
}

// someRows returns which rows of the tensors the examples order[from:to] are; a nil order is 0, 1, 2, ….
func (ds *InMemoryDataset) someRows(from, to int, order []int) []int {
	rows := make([]int, to-from)
	for i := range rows {
		rows[i] = from + i
		if order != nil {
			rows[i] = order[rows[i]]
		}
		if ds.rows != nil {
			rows[i] = ds.rows[rows[i]]
		}
	}
	return rows
}

// choose returns a data set with other examples and the same settings, with shares of its own.
func (ds *InMemoryDataset) choose(rows []int, n int) *InMemoryDataset {
	out := &InMemoryDataset{name: ds.name, rows: rows, numExamples: n, batchSize: ds.batchSize, drop: ds.drop,
		shuffled: ds.shuffled, seed: ds.seed, infinite: ds.infinite, spec: ds.spec, err: ds.err, stage: stage{label: "InMemory"}}
	for _, t := range ds.inputs {
		out.inputs = append(out.inputs, t.Share())
	}
	for _, t := range ds.labels {
		out.labels = append(out.labels, t.Share())
	}
	return out
}

// Close gives the data set's share of the memory back. It cannot be iterated over afterwards.
func (ds *InMemoryDataset) Close() error {
	closeAll(ds.inputs)
	closeAll(ds.labels)
	return nil
}

// FinalizeAll is [InMemoryDataset.Close] by its name in GoMLX.
//
// Deprecated: use Close. It goes with the next release.
func (ds *InMemoryDataset) FinalizeAll() { ds.Close() }

// Name returns the name.
func (ds *InMemoryDataset) Name() string { return ds.name }

// NumExamples returns the number of examples.
func (ds *InMemoryDataset) NumExamples() int { return ds.numExamples }

// ByteSize returns the number of bytes of the tensors below the data set, which others may share.
func (ds *InMemoryDataset) ByteSize() int64 {
	var n int64
	for _, t := range (Batch{Inputs: ds.inputs, Labels: ds.labels}).all() {
		n += int64(t.ByteSize())
	}
	return n
}

// NumBatches returns the number of batches of a pass, -1 if the data set is infinite.
func (ds *InMemoryDataset) NumBatches() int { return max(unknown, ds.batches()) }

func (ds *InMemoryDataset) batches() int {
	switch {
	case ds.infinite:
		return endless
	case ds.err != nil:
		return unknown
	}
	return ds.perPass()
}

// perPass returns the number of batches until every example was seen once.
func (ds *InMemoryDataset) perPass() int {
	size := max(1, ds.batchSize)
	if ds.drop {
		return ds.numExamples / size
	}
	return (ds.numExamples-1)/size + 1
}

// Iter iterates over the next pass.
func (ds *InMemoryDataset) Iter() iter.Seq2[Batch, error] { return ds.iterate(ds.IterFrom) }

// IterRest iterates over what is left of the pass at the place that SetState restored. Unlike Iter it does not go on
// with the next pass if that is nothing: so a training loop knows that the pass has ended.
func (ds *InMemoryDataset) IterRest() iter.Seq2[Batch, error] { return ds.iterateRest(ds.IterFrom) }

// IterFrom iterates over a pass from a given batch on. It leaves the data set's own place as it is.
func (ds *InMemoryDataset) IterFrom(p Position) iter.Seq2[Batch, error] {
	if ds.err != nil {
		return fail(fmt.Errorf("data set %q: %w", ds.name, ds.err))
	}
	n := int64(ds.perPass())
	if n == 0 {
		return fail(fmt.Errorf("data set %q: %d examples make no batch of %d: take a smaller batch size, or keep incomplete batches",
			ds.name, ds.numExamples, ds.batchSize))
	}
	return ds.stage.measured(ds.batchSize > 0, func(yield func(Batch, error) bool) {
		first, batch, last := p.Epoch, p.Batch, p.Epoch+1
		if ds.infinite {
			first = p.Epoch*endlessStride + p.Batch/n
			batch, last = p.Batch%n, (p.Epoch+1)*endlessStride
		}
		for epoch := first; epoch < last; epoch++ {
			if batch < n && !ds.pass(epoch, batch, n, yield) {
				return
			}
			batch = 0
		}
	})
}

// pass yields the batches from to to-1 of an epoch. It reports whether the iteration goes on.
func (ds *InMemoryDataset) pass(epoch, from, to int64, yield func(Batch, error) bool) bool {
	order := ds.rows
	if ds.shuffled {
		order = ds.someRows(0, ds.numExamples, Permutation(ds.seed, epoch, ds.numExamples))
	}
	size := max(1, ds.batchSize)
	for i := from; i < to; i++ {
		start := int(i) * size
		b, err := ds.gather(order, start, min(start+size, ds.numExamples))
		if err != nil {
			err = fmt.Errorf("data set %q, %v: %w", ds.name, Position{Epoch: epoch, Batch: i}, err)
		}
		if !yield(b, err) || err != nil {
			return false
		}
	}
	return true
}

// gather copies the examples from to to-1 of the order into a batch of their own.
func (ds *InMemoryDataset) gather(order []int, from, to int) (Batch, error) {
	b := Batch{Spec: ds.spec}
	var err error
	if b.Inputs, err = gatherAll(ds.inputs, order, from, to, ds.batchSize == 0); err == nil {
		b.Labels, err = gatherAll(ds.labels, order, from, to, ds.batchSize == 0)
	}
	if err != nil {
		closeAll(b.Inputs)
		return Batch{}, err
	}
	return b, nil
}
