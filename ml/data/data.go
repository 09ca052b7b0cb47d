package data

import (
	"errors"
	"fmt"
	"iter"

	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Batch is what a training step gets: input tensors and labels. Whoever receives it from an iteration
// owns its tensors and releases them with [Batch.Close] (the trainer does).
type Batch struct {
	Inputs []*tensors.Tensor
	Labels []*tensors.Tensor
	Spec   any // tells the model of different kinds of batches apart; comparable; mostly nil
}

// all returns the batch's tensors, inputs first.
func (b Batch) all() []*tensors.Tensor {
	return append(b.Inputs[:len(b.Inputs):len(b.Inputs)], b.Labels...)
}

// Close releases the batch's tensors.
func (b Batch) Close() error {
	for _, t := range b.all() {
		if err := t.Close(); err != nil {
			return err
		}
	}
	return nil
}

// Finalize is [Batch.Close] by another name.
//
// Deprecated: use Close. It goes with the next release.
func (b Batch) Finalize() error { return b.Close() }

// String writes the shapes of the batch.
func (b Batch) String() string {
	in, out := make([]shapes.Shape, len(b.Inputs)), make([]shapes.Shape, len(b.Labels))
	for i, t := range b.Inputs {
		in[i] = t.Shape()
	}
	for i, t := range b.Labels {
		out[i] = t.Shape()
	}
	return fmt.Sprintf("inputs %v, labels %v", in, out)
}

// Dataset yields batches. Iter may be called again and again: each iteration is one pass (an epoch), and
// an endless data set never ends by itself. An iteration that meets an error yields it and ends.
type Dataset interface {
	Name() string
	Iter() iter.Seq2[Batch, error]
}

// given returns ds, or in the place of nil a data set that says so when it is read.
func given(ds Dataset) Dataset {
	if ds == nil {
		return absent{}
	}
	return ds
}

// absent is the data set in the place of nil.
type absent struct{}

func (absent) Name() string { return "nil" }

func (absent) Iter() iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		yield(Batch{}, errors.New("the data set is nil: was the error of the function that makes it looked at?"))
	}
}

// First returns the first batch of the next pass of ds, to look at or to try a model on; it is the caller's, who
// releases it with [Batch.Close]. It takes that pass: the next iteration begins another one, in another
// order if ds is shuffled. For a data set that is also trained on, look at a copy of it.
//
// It returns an error if ds has no batches, or the one that ds yields.
func First(ds Dataset) (Batch, error) {
	ds = given(ds)
	for b, err := range ds.Iter() {
		return b, err
	}
	return Batch{}, fmt.Errorf("data.First %q: the data set has no batches", ds.Name())
}

// Sized is a Dataset that knows the number of batches of one pass. NumBatches is -1 where the number
// is not known after all (a pipeline over an unsized source) or the pass never ends.
type Sized interface {
	Dataset
	NumBatches() int
}

// What numBatches returns besides a number.
const (
	unknown = -1 // the data set does not know
	endless = -2 // a pass has no end
)

// counted is a data set of this package: unlike NumBatches of [Sized], batches tells unknown and endless apart.
type counted interface{ batches() int }

// numBatches asks ds for the number of batches of a pass.
func numBatches(ds Dataset) int {
	if c, ok := ds.(counted); ok {
		return c.batches()
	}
	if s, ok := ds.(Sized); ok {
		return max(unknown, s.NumBatches())
	}
	return unknown
}
