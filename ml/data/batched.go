package data

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"

	"github.com/quire-ml/quire/graph/tensors"
)

// maxExamples is the largest batch: one of more is a slip of the finger, and would be gathered until memory is full.
const maxExamples = 1 << 30

// Batched puts size examples of ds together, along a new axis 0: inputs [d…] of ds become [size d…]. The
// last batch of a pass has what is left, or is dropped with dropIncomplete. A pass that leaves no batch
// at all ends with an error, and so do examples of different shapes ([Padded] takes them), numbers of tensors, or Specs.
func Batched(ds Dataset, size int, dropIncomplete bool) *Pipeline {
	return collate("Batched", ds, size, dropIncomplete, join)
}

func closeBatches(list []Batch) {
	for _, b := range list {
		b.Close() // what cannot be released is left to the collector
	}
}

// Stack returns one batch of several, along a new axis 0: of inputs [d…] becomes [n d…]. They stay the caller's. It returns an
// error if there are none, or if they differ in their shapes, the number of their tensors, or their Spec.
func Stack(batches ...Batch) (Batch, error) {
	if len(batches) == 0 {
		return Batch{}, errors.New("data.Stack: there are no batches")
	}
	for i, b := range batches {
		if k := slices.Index(b.all(), nil); k >= 0 {
			return Batch{}, fmt.Errorf("data.Stack: tensor %d of batch %d is nil", k, i)
		}
	}
	out, err := join(batches)
	if err != nil {
		return Batch{}, fmt.Errorf("data.Stack: %w", err)
	}
	return out, nil
}

// join stacks examples into a batch.
func join(examples []Batch) (Batch, error) {
	first := examples[0]
	for i, b := range examples[1:] {
		if b.Spec != first.Spec {
			return Batch{}, fmt.Errorf("example %d has spec %v, example 0 %v", i+1, b.Spec, first.Spec)
		}
		if !sameShapes(b.Inputs, first.Inputs) || !sameShapes(b.Labels, first.Labels) {
			return Batch{}, fmt.Errorf("example %d has %v, example 0 %v: pad or crop the examples to one shape", i+1, b, first)
		}
	}
	out := Batch{Spec: first.Spec}
	column := make([]*tensors.Tensor, len(examples))
	for i := range len(first.Inputs) + len(first.Labels) {
		for j, b := range examples {
			column[j] = b.all()[i]
		}
		t, err := stack(column)
		if err != nil {
			out.Close()
			return Batch{}, err
		}
		if i < len(first.Inputs) {
			out.Inputs = append(out.Inputs, t)
		} else {
			out.Labels = append(out.Labels, t)
		}
	}
	return out, nil
}

func sameShapes(a, b []*tensors.Tensor) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].Shape().Equal(b[i].Shape()) {
			return false
		}
	}
	return true
}

// Shuffled mixes what ds yields (batches, or examples if it comes before [Batched]) through a buffer:
// each time a random one of the buffer's elements comes out and the next of ds takes its place. The order
// depends on the seed and the number of the pass. An element comes out at most buffer places early, so
// a buffer that is small against ds mixes neighbours only; data in memory has [InMemoryDataset.Shuffle].
//
// A position within a pass is reached by reading the pass from its beginning.
func Shuffled(ds Dataset, buffer int, seed uint64) *Pipeline {
	ds = given(ds)
	if buffer < 1 {
		return failing(ds.Name(), fmt.Errorf("data.Shuffled %q: a buffer of %d: want 1 or more", ds.Name(), buffer))
	}
	size := func() int { return numBatches(ds) }
	return newPipeline(ds.Name(), fmt.Sprintf("Shuffled by %d", buffer), size, func(p Position) iter.Seq2[Batch, error] {
		start := Position{Epoch: p.Epoch}
		return skip(mix(iterFrom(ds, start), buffer, func() *rand.ChaCha8 { return source(seed, p.Epoch) }), p.Batch)
	}, ds)
}

// mix yields the elements of seq through a buffer, chosen at random.
func mix(seq iter.Seq2[Batch, error], size int, random func() *rand.ChaCha8) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		var buffer []Batch
		s := random()
		defer func() { closeBatches(buffer) }()
		for b, err := range seq {
			if err != nil {
				yield(Batch{}, err)
				return
			}
			if len(buffer) < size {
				buffer = append(buffer, b)
				continue
			}
			i := below(s, size)
			out := buffer[i]
			buffer[i] = b
			if !yield(out, nil) {
				return
			}
		}
		for len(buffer) > 0 {
			i, last := below(s, len(buffer)), len(buffer)-1
			out := buffer[i]
			buffer[i] = buffer[last]
			buffer = buffer[:last]
			if !yield(out, nil) {
				return
			}
		}
	}
}
