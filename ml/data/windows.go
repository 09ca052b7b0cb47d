package data

import (
	"fmt"
	"iter"
)

// Window yields size consecutive elements of ds as one, along a new axis 0 as [Stack] does, beginning anew every shift elements: windows
// overlap if shift is smaller than size, and leave elements out if it is larger. Only whole windows come; a pass in which there is none
// ends with an error.
func Window(ds Dataset, size, shift int) *Pipeline {
	ds = given(ds)
	switch {
	case size < 1 || shift < 1:
		return failing(ds.Name(), fmt.Errorf("data.Window %q: windows of %d elements, every %d: want 1 or more", ds.Name(), size, shift))
	case size > maxExamples || shift > maxExamples:
		return failing(ds.Name(), fmt.Errorf("data.Window %q: windows of %d elements, every %d: want %d or fewer", ds.Name(), size, shift, maxExamples))
	}
	count := func() int {
		switch n := numBatches(ds); {
		case n < 0:
			return n
		case n < size:
			return 0
		default:
			return (n-size)/shift + 1
		}
	}
	return newPipeline(ds.Name(), fmt.Sprintf("Window of %d every %d", size, shift), count, func(p Position) iter.Seq2[Batch, error] {
		return func(yield func(Batch, error) bool) {
			at, seen := p, 0
			var held []Batch
			defer func() { closeBatches(held) }()
			leave := 0 // elements between windows that are still to be left out
			for b, err := range iterFrom(ds, Position{Epoch: p.Epoch, Batch: times64(p.Batch, shift)}) {
				if err != nil {
					yield(Batch{}, err)
					return
				}
				seen++
				if leave > 0 {
					leave--
					b.Close()
					continue
				}
				if held = append(held, b); len(held) < size {
					continue
				}
				out, err := join(held)
				if err != nil {
					err = fmt.Errorf("data.Window %q, %v: %w", ds.Name(), at, err)
				}
				gone := min(shift, size)
				closeBatches(held[:gone])
				held = append(held[:0], held[gone:]...)
				leave = shift - gone
				at.Batch++
				if !yield(out, err) || err != nil {
					return
				}
			}
			if at.Batch == 0 && seen > 0 {
				yield(Batch{}, fmt.Errorf("data.Window %q: %d elements make no window of %d", ds.Name(), seen, size))
			}
		}
	}, ds).of(single)
}

// Unbatch yields the rows of the batches of ds one by one, without the batch axis.
//
// A position within a pass is reached by reading the pass from its beginning.
func Unbatch(ds Dataset) *Pipeline {
	ds = given(ds)
	unsized := func() int { return min(unknown, numBatches(ds)) }
	return newPipeline(ds.Name(), "Unbatch", unsized, func(p Position) iter.Seq2[Batch, error] {
		start := Position{Epoch: p.Epoch}
		return skip(unbatched(ds, start), p.Batch)
	}, ds).of(single)
}

func unbatched(ds Dataset, at Position) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		for b, err := range iterFrom(ds, at) {
			if err == nil {
				err = eachRow(b, func(row Batch) bool { return yield(row, nil) })
				if err == errStopped {
					return
				}
				if err != nil {
					err = fmt.Errorf("data.Unbatch %q, %v: %w", ds.Name(), at, err)
				}
			}
			if err != nil {
				yield(Batch{}, err)
				return
			}
			at.Batch++
		}
	}
}

type stopped struct{}

func (stopped) Error() string { return "the iteration was left" }

// errStopped is what eachRow returns when nobody wants more.
var errStopped error = stopped{}

// eachRow gives the rows of b to fn, and closes b.
func eachRow(b Batch, fn func(Batch) bool) error {
	defer b.Close()
	for i, t := range b.all() {
		if t.Rank() == 0 {
			return fmt.Errorf("tensor %d of the batch is %v: a scalar has no rows", i, t.Shape())
		}
	}
	n, err := countRows(b.Inputs, b.Labels)
	if err != nil {
		return err
	}
	for i := range n {
		row, err := rowOf(b, i)
		if err != nil {
			return err
		}
		if !fn(row) {
			return errStopped
		}
	}
	return nil
}

// rowOf copies row i of a batch.
func rowOf(b Batch, i int) (row Batch, err error) {
	row.Spec = b.Spec
	if row.Inputs, err = gatherAll(b.Inputs, nil, i, i+1, true); err == nil {
		row.Labels, err = gatherAll(b.Labels, nil, i, i+1, true)
	}
	if err != nil {
		closeAll(row.Inputs)
		return Batch{}, err
	}
	return row, nil
}
