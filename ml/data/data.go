package data

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"slices"

	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Batch is what a training step gets: input tensors and labels. Whoever receives it from an iteration
// owns its tensors and releases them with [Batch.Close] (the trainer does).
type Batch struct {
	Inputs []*tensors.Tensor
	Labels []*tensors.Tensor
	Spec   any // tells the model of different kinds of batches apart; comparable; mostly nil

	copies *copies // on an engine; nil if there are none
}

// copies are those of a batch's tensors that an engine holds.
type copies struct {
	engine  any
	of      []*tensors.Tensor // inputs first
	buffers []io.Closer
}

// all returns the batch's tensors, inputs first.
func (b Batch) all() []*tensors.Tensor {
	return append(b.Inputs[:len(b.Inputs):len(b.Inputs)], b.Labels...)
}

// WithBuffers returns b with buffers of an engine that hold what its tensors do, one for each, inputs first: whoever runs a program of that engine on b
// gives it the buffers, see [Batch.Buffers]. They are the batch's, and released with it. The tensors must not be written to any more.
// Stages that make other batches of those that they get drop the buffers.
func (b Batch) WithBuffers(engine any, buffers []io.Closer) Batch {
	b = b.withoutBuffers()
	b.copies = &copies{engine, b.all(), buffers}
	return b
}

// Buffers returns the buffers of an engine that hold what b's tensors do, inputs first, nil if there are none of this engine. They stay b's.
func (b Batch) Buffers(engine any) []io.Closer {
	c := b.copies
	if c == nil || engine == nil || !reflect.ValueOf(engine).Comparable() || c.engine != engine || len(c.buffers) != len(c.of) || !slices.Equal(c.of, b.all()) {
		return nil
	}
	return c.buffers
}

// withoutBuffers releases what [Batch.WithBuffers] gave b.
func (b Batch) withoutBuffers() Batch {
	_ = b.copies.close()
	b.copies = nil
	return b
}

func (c *copies) close() (err error) {
	if c == nil {
		return nil
	}
	for _, x := range c.buffers {
		if x != nil {
			err = errors.Join(err, x.Close())
		}
	}
	return err
}

// Close releases the batch's tensors.
func (b Batch) Close() error {
	if err := b.copies.close(); err != nil {
		return err
	}
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
