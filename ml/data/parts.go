package data

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph/tensors"
)

// Parts is what an [InMemoryDataset] is, as plain values: what it takes to have the same data set in another process, at the same place.
type Parts struct {
	Name           string
	Inputs, Labels []*tensors.Tensor
	Rows           []int // the examples among the tensors' rows; nil for all of them
	BatchSize      int   // 0 for examples one by one
	DropIncomplete bool
	Shuffled       bool
	Seed           uint64
	Infinite       bool
	Spec           any
	Err            string // why the settings are no good, for the iteration; "" if they are

	Next   Position // the place of the next batch
	InPass bool     // the pass at hand has not ended: the next iteration leaves it for the next pass
}

// Parts returns what the data set is at this moment. The tensors share its memory, and are the caller's to close, by [Parts.Close]. It
// returns an error if the data set is closed.
func (ds *InMemoryDataset) Parts() (*Parts, error) {
	p := &Parts{Name: ds.name, Rows: ds.rows, BatchSize: ds.batchSize, DropIncomplete: ds.drop, Shuffled: ds.shuffled, Seed: ds.seed,
		Infinite: ds.infinite, Spec: ds.spec}
	if ds.err != nil {
		p.Err = ds.err.Error()
	}
	ds.mu.Lock()
	p.Next, p.InPass = ds.next, ds.inPass
	ds.mu.Unlock()
	for _, list := range []struct{ from, to *[]*tensors.Tensor }{{&ds.inputs, &p.Inputs}, {&ds.labels, &p.Labels}} {
		for _, t := range *list.from {
			if err := t.CheckValid(); err != nil {
				p.Close()
				return nil, fmt.Errorf("data.Parts %q: %w", ds.name, err)
			}
			*list.to = append(*list.to, t.Share())
		}
	}
	return p, nil
}

// Close gives the tensors up.
func (p *Parts) Close() error {
	closeAll(p.Inputs)
	closeAll(p.Labels)
	return nil
}

// FromParts returns the data set of which p are the parts. Tensors are shared, not copied, as by [InMemory]. It returns an error for parts that
// are none of a data set: no inputs, numbers of rows that differ, rows that are not there.
func FromParts(p *Parts) (*InMemoryDataset, error) {
	if p == nil {
		return nil, errors.New("data.FromParts: the parts are nil")
	}
	ds, err := InMemory(p.Name, p.Inputs, p.Labels)
	if err != nil {
		return nil, err
	}
	for _, r := range p.Rows {
		if r < 0 || r >= ds.numExamples {
			ds.Close()
			return nil, fmt.Errorf("data.FromParts %q: row %d of %d", p.Name, r, ds.numExamples)
		}
	}
	if p.Rows != nil {
		ds.rows, ds.numExamples = slices.Clone(p.Rows), len(p.Rows)
	}
	if ds.numExamples == 0 || p.Next.Epoch < 0 || p.Next.Batch < 0 {
		ds.Close()
		return nil, fmt.Errorf("data.FromParts %q: %d examples, at %v", p.Name, ds.numExamples, p.Next)
	}
	ds.BatchSize(p.BatchSize, p.DropIncomplete)
	ds.shuffled, ds.seed, ds.infinite, ds.spec = p.Shuffled, p.Seed, p.Infinite, p.Spec
	if p.Err != "" {
		ds.err = errors.New(p.Err)
	}
	ds.next, ds.inPass = p.Next, p.InPass
	return ds, nil
}
