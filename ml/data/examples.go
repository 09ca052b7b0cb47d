package data

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/quire-ml/quire/internal/guard"
)

// Indexed is data whose examples are read by number, in any order, and not before they are wanted: the files of a folder, the lines of a
// text. Example returns one without a batch axis; the tensors are the caller's. It may be called from several goroutines.
// [InMemoryDataset] is one too.
type Indexed interface {
	Name() string
	Len() int
	Example(i int) (Batch, error)
}

// Records are things that are read by number, in any order: lines, documents, rows of a table. The packages below this one that read
// files return them; [Examples] makes examples of them. At may be called from several goroutines.
type Records[T any] interface {
	Len() int
	At(i int) (T, error)
}

// Examples makes examples of records by a function, which is called when an example is read, and must be safe for concurrent calls. Its
// error, or a panic in it, becomes the error of the example.
func Examples[T any](name string, records Records[T], fn func(i int, record T) (Batch, error)) Indexed {
	return examples[T]{name, records, fn}
}

type examples[T any] struct {
	name    string
	records Records[T]
	fn      func(int, T) (Batch, error)
}

func (e examples[T]) Name() string { return e.name }

func (e examples[T]) Len() int {
	if e.records == nil {
		return 0
	}
	return e.records.Len()
}

func (e examples[T]) Example(i int) (b Batch, err error) {
	if e.records == nil || e.fn == nil {
		return Batch{}, fmt.Errorf("data.Examples %q: the records or the function are nil", e.name)
	}
	r, err := e.records.At(i)
	if err == nil {
		err = guard.Call(func() error { b, err = e.fn(i, r); return err })
	}
	if err != nil {
		return Batch{}, fmt.Errorf("data.Examples %q, example %d: %w", e.name, i, err)
	}
	return b, nil
}

// Len returns the number of examples, as NumExamples does: so the data set is [Indexed].
func (ds *InMemoryDataset) Len() int { return ds.numExamples }

// Example returns a copy of example i of the data set's own, unshuffled order, without a batch axis. It returns an error if there is none.
func (ds *InMemoryDataset) Example(i int) (Batch, error) {
	if i < 0 || i >= ds.numExamples {
		return Batch{}, fmt.Errorf("data set %q: there is no example %d of %d", ds.name, i, ds.numExamples)
	}
	if ds.rows != nil {
		i = ds.rows[i]
	}
	b := Batch{Spec: ds.spec}
	var err error
	if b.Inputs, err = gatherAll(ds.inputs, nil, i, i+1, true); err == nil {
		b.Labels, err = gatherAll(ds.labels, nil, i, i+1, true)
	}
	if err != nil {
		closeAll(b.Inputs)
		return Batch{}, fmt.Errorf("data set %q, example %d: %w", ds.name, i, err)
	}
	return b, nil
}

// Subset returns a data set of the examples with the given numbers, in that order, with the same settings; a number may come more than
// once. It returns an error if there are none, or there is no such example.
func (ds *InMemoryDataset) Subset(rows []int) (*InMemoryDataset, error) {
	if err := checkRows(rows, ds.numExamples); err != nil {
		return nil, fmt.Errorf("data.Subset %q: %w", ds.name, err)
	}
	return ds.choose(ds.someRows(0, len(rows), rows), len(rows)), nil
}

// Classes returns the class of each example: label 0, which must be one whole number per example. Stratified splits and [Balanced] take
// them. It returns an error if it is not.
func (ds *InMemoryDataset) Classes() ([]int, error) {
	if len(ds.labels) == 0 {
		return nil, fmt.Errorf("data.Classes %q: the data set has no labels", ds.name)
	}
	t := ds.labels[0]
	if err := t.CheckValid(); err != nil {
		return nil, fmt.Errorf("data.Classes %q: %w", ds.name, err)
	}
	if !t.DType().IsInt() || t.Size() != t.Shape().Dim(0) {
		return nil, fmt.Errorf("data.Classes %q: label 0 is %v: want one whole number per example", ds.name, t.Shape())
	}
	out := make([]int, ds.numExamples)
	for i := range out {
		r := i
		if ds.rows != nil {
			r = ds.rows[i]
		}
		out[i] = int(t.Float64At(r))
	}
	return out, nil
}

// checkRows returns an error unless rows are numbers below n, at least one.
func checkRows(rows []int, n int) error {
	if len(rows) == 0 {
		return errors.New("no examples are chosen")
	}
	for i, r := range rows {
		if r < 0 || r >= n {
			return fmt.Errorf("number %d of the chosen examples is %d: there are %d examples, from 0", i, r, n)
		}
	}
	return nil
}

// Subset returns the examples of src with the given numbers, in that order; a number may come more than once. It returns an error if
// there are none, or src has no such example.
func Subset(src Indexed, rows []int) (Indexed, error) {
	if src == nil {
		return nil, errors.New("data.Subset: the examples are nil")
	}
	if err := checkRows(rows, src.Len()); err != nil {
		return nil, fmt.Errorf("data.Subset %q: %w", src.Name(), err)
	}
	return subset{src, slices.Clone(rows)}, nil
}

type subset struct {
	Indexed
	rows []int
}

func (s subset) Len() int { return len(s.rows) }

func (s subset) Example(i int) (Batch, error) {
	if i < 0 || i >= len(s.rows) {
		return Batch{}, fmt.Errorf("data.Subset %q: there is no example %d of %d", s.Name(), i, len(s.rows))
	}
	return s.Indexed.Example(s.rows[i])
}

// ByIndex reads the examples of src in the order that s gives to each pass, in their own order if s is nil, with the given number of
// goroutines; with 0, in the one that iterates. What is yielded does not depend on that number. The examples come one by one: put them
// together by [Batched] or [Padded].
//
//	ds := data.Batched(data.ByIndex(pictures, data.Permuted(pictures.Len(), 1), 8), 64, true)
//
// An example that cannot be read ends the iteration with an error that names it; a position is reached without reading what is before.
func ByIndex(src Indexed, s *Sampler, goroutines int) *Pipeline {
	if src == nil {
		return failing("nil", errors.New("data.ByIndex: the examples are nil: was the error of the function that makes them looked at?"))
	}
	name := src.Name()
	if s == nil {
		s = Sequential(src.Len())
	}
	switch err := s.err; {
	case err != nil:
		return failing(name, fmt.Errorf("data.ByIndex %q: %w", name, err))
	case src.Len() == 0:
		return failing(name, fmt.Errorf("data.ByIndex %q: no examples", name))
	case s.of > src.Len():
		return failing(name, fmt.Errorf("data.ByIndex %q: the sampler chooses among %d examples, there are %d", name, s.of, src.Len()))
	case goroutines > maxGoroutines:
		return failing(name, fmt.Errorf("data.ByIndex %q: %d goroutines: want %d or fewer", name, goroutines, maxGoroutines))
	}
	size := func() int { return s.n }
	label := "ByIndex " + s.label
	if goroutines > 0 {
		label += fmt.Sprintf(" in %d goroutines", goroutines)
	}
	var out *Pipeline
	out = newPipeline(name, label, size, func(p Position) iter.Seq2[Batch, error] {
		return func(yield func(Batch, error) bool) {
			if p.Batch >= int64(s.n) {
				return
			}
			order := s.Order(p.Epoch)
			read := func(at Position, _ Batch) (Batch, error) {
				return callMap("data.ByIndex", name, func(at Position, _ Batch) (Batch, error) { return src.Example(order[at.Batch]) }, at, Batch{})
			}
			if goroutines > 0 {
				parallel(name, "data.ByIndex", blanks(p, int64(s.n)), p, goroutines, &out.stage.meter, read)(yield)
				return
			}
			for at := p; at.Batch < int64(s.n); at.Batch++ {
				b, err := read(at, Batch{})
				if !yield(b, err) || err != nil {
					return
				}
			}
		}
	}).of(single)
	if goroutines > 0 {
		out.worksAhead(goroutines)
	}
	return out
}

// blanks yields an empty batch for each place from p to batch n: who reads them fills them.
func blanks(p Position, n int64) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		for range n - p.Batch {
			if !yield(Batch{}, nil) {
				return
			}
		}
	}
}
