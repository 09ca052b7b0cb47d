package data

import (
	"fmt"
	"iter"
)

// Generate makes a data set of a function that returns the batch at a place. A pass has n batches, or no
// end if n is -1. The function must depend on the place alone ([Rand] draws random numbers that do), and
// gives the batch's tensors away. Its error, or a panic in it, ends the iteration.
func Generate(name string, n int, fn func(Position) (Batch, error)) *Pipeline {
	size := n
	switch {
	case n == -1:
		size = endless
	case n < 1:
		return failing(name, fmt.Errorf("data.Generate %q: passes of %d batches: want 1 or more, or -1 for no end", name, n))
	}
	return newPipeline(name, "Generate", func() int { return size }, func(p Position) iter.Seq2[Batch, error] {
		return func(yield func(Batch, error) bool) {
			for at := p; size == endless || at.Batch < int64(size); at.Batch++ {
				b, err := callMap("data.Generate", name, func(p Position, _ Batch) (Batch, error) { return fn(p) }, at, Batch{})
				if !yield(b, err) || err != nil {
					return
				}
			}
		}
	})
}
