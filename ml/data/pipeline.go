package data

import (
	"iter"
)

// Pipeline is a data set made of others by one of the functions of this package, such as [Batched] or
// [Prefetch]. It is [Sized], [Seekable] and [Resumable]. Arguments that make no sense, such as a batch
// size of 0, come as the error of its iterations.
type Pipeline struct {
	cursor
	name  string
	from  func(Position) iter.Seq2[Batch, error]
	size  func() int
	stage stage
}

// newPipeline makes a pipeline that reads from the given position with from; size counts as numBatches does. label is what views call it,
// and sources are what it reads.
func newPipeline(name, label string, size func() int, from func(Position) iter.Seq2[Batch, error], sources ...Dataset) *Pipeline {
	return &Pipeline{name: name, from: from, size: size, stage: stage{label: label, sources: sources}}
}

// of says what p yields.
func (p *Pipeline) of(rows rowsKnown) *Pipeline {
	p.stage.rows = rows
	return p
}

// failing makes a pipeline whose iterations yield err.
func failing(name string, err error) *Pipeline {
	return newPipeline(name, "error", func() int { return unknown }, func(Position) iter.Seq2[Batch, error] { return fail(err) })
}

// fail is an iteration that yields err.
func fail(err error) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) { yield(Batch{}, err) }
}

// Name returns the name of the data set at the pipeline's beginning.
func (p *Pipeline) Name() string { return p.name }

// Iter iterates over the next pass.
func (p *Pipeline) Iter() iter.Seq2[Batch, error] { return p.iterate(p.IterFrom) }

// IterRest iterates over what is left of the pass at the place that SetState restored. Unlike Iter it does not go on
// with the next pass if that is nothing: so a training loop knows that the pass has ended.
func (p *Pipeline) IterRest() iter.Seq2[Batch, error] { return p.iterateRest(p.IterFrom) }

// IterFrom iterates over a pass from a given batch on. It leaves the pipeline's own place as it is.
func (p *Pipeline) IterFrom(at Position) iter.Seq2[Batch, error] {
	return p.stage.measured(hasRows(p), p.from(at))
}

// NumBatches returns the number of batches of a pass, -1 if it is not known or the pass never ends.
func (p *Pipeline) NumBatches() int { return max(unknown, p.size()) }

func (p *Pipeline) batches() int { return p.size() }
