package data

import (
	"fmt"
	"iter"
	"math"
)

// Take ends every pass of ds after n batches. (For the first n examples of data in memory see
// [InMemoryDataset.Take].)
func Take(ds Dataset, n int) *Pipeline {
	ds = given(ds)
	if n < 1 {
		return failing(ds.Name(), fmt.Errorf("data.Take %q: %d batches: want 1 or more", ds.Name(), n))
	}
	size := func() int {
		switch m := numBatches(ds); m {
		case endless:
			return n
		default:
			return min(n, m)
		}
	}
	return newPipeline(ds.Name(), fmt.Sprintf("Take %d", n), size, func(p Position) iter.Seq2[Batch, error] {
		return func(yield func(Batch, error) bool) {
			left := int64(n) - p.Batch
			if left <= 0 {
				return
			}
			for b, err := range iterFrom(ds, p) {
				if !yield(b, err) || err != nil {
					return
				}
				if left--; left == 0 {
					return
				}
			}
		}
	}, ds)
}

// endlessStride separates the passes of the data set below an endless one: pass e of the endless data
// set is made of the passes e·2³², e·2³²+1, … of the one below, so that no order comes twice.
const endlessStride = 1 << 32

// Repeat makes one pass of n passes of ds, each with its own order if ds is shuffled. n = -1 repeats
// without end.
func Repeat(ds Dataset, n int) *Pipeline {
	ds = given(ds)
	if n < 1 && n != -1 {
		return failing(ds.Name(), fmt.Errorf("data.Repeat %q: %d times: want 1 or more, or -1 for no end", ds.Name(), n))
	}
	size := func() int {
		m := numBatches(ds)
		switch {
		case n == -1:
			return endless
		case m < 0:
			return m
		case m > 0 && n > math.MaxInt/m:
			return math.MaxInt
		}
		return n * m
	}
	return newPipeline(ds.Name(), times(n), size, func(p Position) iter.Seq2[Batch, error] {
		stride, last := int64(n), int64(n)
		if n == -1 {
			stride, last = endlessStride, endlessStride
		}
		return func(yield func(Batch, error) bool) {
			drop, first := p.Batch, int64(0)
			if n := int64(numBatches(ds)); n > 0 { // whole passes that are over
				first = drop / n
				drop -= first * n
			}
			for pass := first; pass < last; pass++ {
				before, got := drop, false
				for b, err := range rest(ds, p.Epoch*stride+pass, &drop) {
					got = true
					if !yield(b, err) || err != nil {
						return
					}
				}
				if !got && drop == before {
					yield(Batch{}, fmt.Errorf("data.Repeat %q: a pass without any batch: there is nothing to repeat", ds.Name()))
					return
				}
			}
		}
	}, ds)
}

// Concat yields the batches of several data sets, one after the other; all of them begin their pass e
// with the pass e of the whole.
func Concat(name string, sets ...Dataset) *Pipeline {
	sets, err := several("Concat", name, sets)
	if err != nil {
		return failing(name, err)
	}
	size := func() int { return total(sets) }
	return newPipeline(name, "Concat", size, func(p Position) iter.Seq2[Batch, error] {
		return func(yield func(Batch, error) bool) {
			drop := p.Batch
			for _, ds := range sets {
				for b, err := range rest(ds, p.Epoch, &drop) {
					if !yield(b, err) || err != nil {
						return
					}
				}
			}
		}
	}, sets...)
}

// times is what a view calls Repeat.
func times(n int) string {
	if n == -1 {
		return "Repeat"
	}
	return fmt.Sprintf("Repeat %d", n)
}

// rest yields what pass epoch of ds has left after the first *drop batches, and takes from *drop the
// batches that it passed over: by seeking where the number of batches is known, else by reading them.
func rest(ds Dataset, epoch int64, drop *int64) iter.Seq2[Batch, error] {
	n, at := int64(numBatches(ds)), Position{Epoch: epoch}
	switch {
	case *drop == 0 || n == unknown:
	case n >= 0 && n <= *drop:
		*drop -= n
		return func(func(Batch, error) bool) {}
	default: // within this pass, or it never ends
		at.Batch, *drop = *drop, 0
	}
	return func(yield func(Batch, error) bool) {
		for b, err := range iterFrom(ds, at) {
			if err == nil && *drop > 0 {
				*drop--
				if err = b.Close(); err == nil {
					continue
				}
				b = Batch{}
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}
