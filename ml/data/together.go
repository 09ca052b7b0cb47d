package data

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/quire-ml/quire/graph/tensors"
)

// Zip yields what several data sets yield at the same time as one batch: the inputs of all of them, one after the other, the labels of
// all, and the Spec of the first. It ends with the first of them that ends.
func Zip(name string, sets ...Dataset) *Pipeline {
	sets, err := several("Zip", name, sets)
	if err != nil {
		return failing(name, err)
	}
	size := func() int {
		least := endless
		for _, ds := range sets {
			switch n := numBatches(ds); {
			case n == unknown:
				return unknown
			case n != endless && (least == endless || n < least):
				least = n
			}
		}
		return least
	}
	return newPipeline(name, "Zip", size, func(p Position) iter.Seq2[Batch, error] {
		return func(yield func(Batch, error) bool) {
			rows := pullAll(sets, p)
			defer rows.stop()
			for {
				var out Batch
				for i, next := range rows.next {
					b, err, ok := next()
					if !ok || err != nil {
						out.Close()
						if err != nil {
							yield(Batch{}, err)
						}
						return
					}
					if i == 0 {
						out.Spec = b.Spec
					}
					b = b.withoutBuffers()
					out.Inputs, out.Labels = append(out.Inputs, b.Inputs...), append(out.Labels, b.Labels...)
				}
				if !yield(out, nil) {
					return
				}
			}
		}
	}, sets...)
}

// several checks the data sets that a function makes one of.
func several(what, name string, sets []Dataset) ([]Dataset, error) {
	if len(sets) == 0 {
		return nil, fmt.Errorf("data.%s %q: no data sets", what, name)
	}
	sets = slices.Clone(sets)
	for i, ds := range sets {
		sets[i] = given(ds)
	}
	return sets, nil
}

// pulled are iterations that are asked for one batch at a time.
type pulled struct {
	next []func() (Batch, error, bool)
	ends []func()
}

// pullAll begins iterations over all sets at p.
func pullAll(sets []Dataset, p Position) *pulled {
	out := new(pulled)
	for _, ds := range sets {
		out.add(iterFrom(ds, p))
	}
	return out
}

func (p *pulled) add(seq iter.Seq2[Batch, error]) {
	next, stop := iter.Pull2(seq)
	p.next, p.ends = append(p.next, next), append(p.ends, stop)
}

// stop ends all iterations.
func (p *pulled) stop() {
	for _, stop := range p.ends {
		stop()
	}
}

// Interleave takes block batches from each of several data sets in turn, again and again; one that has ended is passed over. Its pass is
// over when all of them have ended; all begin their pass e with the pass e of the whole. (To read them side by side, give each a
// [Prefetch].)
func Interleave(name string, block int, sets ...Dataset) *Pipeline {
	sets, err := several("Interleave", name, sets)
	if err == nil && block < 1 {
		err = fmt.Errorf("data.Interleave %q: blocks of %d batches: want 1 or more", name, block)
	}
	if err != nil {
		return failing(name, err)
	}
	size := func() int { return total(sets) }
	return newPipeline(name, fmt.Sprintf("Interleave by %d", block), size, func(p Position) iter.Seq2[Batch, error] {
		t := turns{left: make([]int64, len(sets)), block: int64(block)}
		for i, ds := range sets {
			t.left[i] = int64(numBatches(ds))
		}
		if slices.Contains(t.left, unknown) {
			return skip(t.interleaved(sets, Position{Epoch: p.Epoch}, nil), p.Batch)
		}
		return t.interleaved(sets, Position{Epoch: p.Epoch}, t.pass(p.Batch))
	}, sets...)
}

// total is the number of batches of all sets together, one after the other.
func total(sets []Dataset) int {
	sum := 0
	for _, ds := range sets {
		m := numBatches(ds)
		if m < 0 {
			return m
		}
		sum += m
	}
	return sum
}

// turns says whose turn it is.
type turns struct {
	left  []int64 // of each data set, where it is known, and endless where it has no end
	block int64
	at    int   // whose turn it is
	inRow int64 // how many it has given in this turn
}

// pass advances by n batches, and returns how many each data set has given.
func (t *turns) pass(n int64) []int64 {
	given := make([]int64, len(t.left))
	for idle := 0; n > 0 && idle <= len(given); { // all have ended if a whole round gives nothing
		if t.at == 0 && t.inRow == 0 {
			n -= t.rounds(n, given)
		}
		m := min(n, t.block-t.inRow)
		if t.left[t.at] != endless {
			m = min(m, t.left[t.at]-given[t.at])
		}
		if idle++; m > 0 {
			idle = 0
		}
		given[t.at] += m
		t.inRow += m
		n -= m
		if t.inRow == t.block || n > 0 {
			t.next(len(given))
		}
	}
	return given
}

// rounds adds to given as many whole rounds as there are in n batches before a data set ends, and returns how many batches that are.
func (t *turns) rounds(n int64, given []int64) int64 {
	var active int64
	for i, left := range t.left {
		if left == endless || left > given[i] {
			active++
		}
	}
	if active == 0 {
		return 0
	}
	whole := n / t.block / active
	for i, left := range t.left {
		if left > given[i] {
			whole = min(whole, (left-given[i])/t.block)
		}
	}
	for i, left := range t.left {
		if left == endless || left > given[i] {
			given[i] += whole * t.block
		}
	}
	return whole * t.block * active
}

func (t *turns) next(n int) { t.at, t.inRow = (t.at+1)%n, 0 }

// interleaved yields what comes after the batches that were given.
func (t turns) interleaved(sets []Dataset, p Position, given []int64) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		t := t
		all := new(pulled)
		defer all.stop()
		for i, ds := range sets {
			at := p
			if given != nil {
				at.Batch = given[i]
			}
			all.add(iterFrom(ds, at))
		}
		ended, left := make([]bool, len(sets)), len(sets)
		for left > 0 {
			if ended[t.at] {
				t.next(len(sets))
				continue
			}
			b, err, ok := all.next[t.at]()
			if !ok {
				ended[t.at] = true
				left--
				continue
			}
			if !yield(b, err) || err != nil {
				return
			}
			if t.inRow++; t.inRow == t.block {
				t.next(len(sets))
			}
		}
	}
}

// Const yields a batch again and again: n times in a pass, or without end if n is -1. What it yields are shares of the tensors of b, which
// stay the caller's and must not be written to. It is for measuring a training step without its data, and for trying a model on one batch.
func Const(name string, b Batch, n int) *Pipeline {
	for i, t := range b.all() {
		if err := t.CheckValid(); err != nil {
			return failing(name, fmt.Errorf("data.Const %q: tensor %d: %w", name, i, err))
		}
	}
	if len(b.all()) == 0 {
		return failing(name, fmt.Errorf("data.Const %q: the batch has no tensors", name))
	}
	if n != -1 && n < 1 {
		return failing(name, fmt.Errorf("data.Const %q: passes of %d batches: want 1 or more, or -1 for no end", name, n))
	}
	b = b.share()
	p := Generate(name, n, func(Position) (Batch, error) {
		for _, t := range b.all() {
			if err := t.CheckValid(); err != nil {
				return Batch{}, err
			}
		}
		return b.share(), nil
	})
	p.stage.label = fmt.Sprintf("Const %d", n)
	if n == -1 {
		p.stage.label = "Const without end"
	}
	return p
}

// share returns the batch with shares of its tensors.
func (b Batch) share() Batch {
	out := Batch{Spec: b.Spec, Inputs: slices.Clone(b.Inputs), Labels: slices.Clone(b.Labels)}
	for _, list := range [][]*tensors.Tensor{out.Inputs, out.Labels} {
		for i, t := range list {
			list[i] = t.Share()
		}
	}
	return out
}

// looker is a data set of this package: unlike Position, upcoming is where the next iteration begins.
type looker interface{ upcoming() Position }

// Peek returns the batch with which the next iteration over ds will begin, and takes nothing: ds stays where it is. The batch is the
// caller's, who releases it with [Batch.Close].
//
// It returns an error if ds has no batches, or the one that ds yields; or if ds is a data set of one's own that is not [Seekable], of
// which nothing can be had without taking it: see [First].
func Peek(ds Dataset) (Batch, error) {
	ds = given(ds)
	s, ok := ds.(Seekable)
	if !ok {
		if _, none := ds.(absent); none {
			return First(ds)
		}
		return Batch{}, fmt.Errorf("data.Peek %q: the data set cannot be read without taking from it: let it have IterFrom (data.Seekable), or take a pass by data.First", ds.Name())
	}
	var at Position
	switch ds := ds.(type) {
	case looker:
		at = ds.upcoming()
	case Positioned:
		at = ds.Position()
	}
	for _, p := range []Position{at, {Epoch: at.Epoch + 1}} { // a place after a pass's last batch leaves nothing of that pass
		for b, err := range s.IterFrom(p) {
			return b, err
		}
		if at.Batch == 0 {
			break
		}
	}
	return Batch{}, fmt.Errorf("data.Peek %q: the data set has no batches", ds.Name())
}

// Filter leaves out the batches, or examples, for which keep returns false. keep must not change or close what it gets. Its error, or a
// panic in it, ends the iteration.
//
// A position within a pass is reached by reading the pass from its beginning.
func Filter(ds Dataset, keep func(Batch) (bool, error)) *Pipeline {
	ds = given(ds)
	if keep == nil {
		return failing(ds.Name(), fmt.Errorf("data.Filter %q: %w", ds.Name(), errors.New("the function is nil")))
	}
	unsized := func() int { return min(unknown, numBatches(ds)) }
	return newPipeline(ds.Name(), "Filter", unsized, func(p Position) iter.Seq2[Batch, error] {
		start := Position{Epoch: p.Epoch}
		return skip(filtered(ds, start, keep), p.Batch)
	}, ds)
}

func filtered(ds Dataset, at Position, keep func(Batch) (bool, error)) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		for b, err := range iterFrom(ds, at) {
			if err != nil {
				yield(Batch{}, err)
				return
			}
			wanted := false
			b, err := callMap("data.Filter", ds.Name(), func(_ Position, b Batch) (Batch, error) {
				var err error
				wanted, err = keep(b)
				return b, err
			}, at, b)
			at.Batch++
			switch {
			case err != nil:
				yield(Batch{}, err)
				return
			case !wanted:
				b.Close()
			case !yield(b, nil):
				return
			}
		}
	}
}
