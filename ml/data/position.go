package data

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"sync"
)

// Position is a place in the stream of batches: the pass, and the batch within it, both from 0.
type Position struct {
	Epoch int64 `json:"epoch"`
	Batch int64 `json:"batch"`
}

// String writes p as "batch 17 of epoch 3".
func (p Position) String() string { return fmt.Sprintf("batch %d of epoch %d", p.Batch, p.Epoch) }

// Seekable is a Dataset of which any pass can be read from any batch on. Every data set of this package
// is one; all of them are functions of the position and of nothing else, which is what makes training
// resumable and independent of timing, however many goroutines work ahead.
//
// A data set of one's own that is not Seekable works too: then a pipeline over it reaches a position by
// reading and dropping the batches before it, and takes every pass to be the same.
type Seekable interface {
	Dataset
	IterFrom(p Position) iter.Seq2[Batch, error]
}

// Resumable is a Dataset whose place can be saved, as trainers do in checkpoints. After State, taken
// between two batches or in the loop's body, and SetState on a data set made in the same way, perhaps in
// another process, the next iteration yields the rest of the interrupted pass, and if nothing is left of
// it the next pass: exactly the batches that would have come.
type Resumable interface {
	State() ([]byte, error)
	SetState(state []byte) error
}

// Positioned is a Dataset that knows the place of its next batch, as those of this package do: views show it, and
// training tells by it whether a pass has ended.
type Positioned interface {
	Position() Position
}

// PassCounter is a Dataset that counts its passes, as those of this package do: training up to a number of epochs needs
// one. Epoch returns the number of the pass at hand, from 0; after the end of a pass, of the next one.
type PassCounter interface {
	Epoch() int64
}

// RestIterable is a Dataset that can yield what is left of a pass that was restored, even if that is nothing, where Iter
// goes on with the next pass: so a training loop knows that the pass has ended.
type RestIterable interface {
	IterRest() iter.Seq2[Batch, error]
}

// iterFrom reads ds from p on, by seeking or else by dropping what comes before.
func iterFrom(ds Dataset, p Position) iter.Seq2[Batch, error] {
	if s, ok := ds.(Seekable); ok {
		return s.IterFrom(p)
	}
	return skip(ds.Iter(), p.Batch)
}

// times64 returns batch·n, or the largest number: a place that is beyond the end of any pass.
func times64(batch int64, n int) int64 {
	if batch > math.MaxInt64/int64(n) {
		return math.MaxInt64
	}
	return batch * int64(n)
}

// skip drops the first n batches of seq; an error among them is yielded.
func skip(seq iter.Seq2[Batch, error], n int64) iter.Seq2[Batch, error] {
	if n <= 0 {
		return seq
	}
	return func(yield func(Batch, error) bool) {
		var seen int64
		for b, err := range seq {
			if err == nil && seen < n {
				seen++
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

// cursor is the part of a data set that moves: it numbers the passes and knows the next batch. It is
// the whole state of a data set. State may be asked for from any goroutine.
type cursor struct {
	mu     sync.Mutex
	next   Position
	inPass bool // a pass was begun and has not ended; the next iteration begins another one
}

// iterate yields the batches of the next pass, as from gives them, and keeps count.
func (c *cursor) iterate(from func(Position) iter.Seq2[Batch, error]) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		p := c.begin()
		// A place saved after a pass's last batch leaves nothing of that pass: go on with the next.
		if empty := c.pass(p, from, yield); empty && p.Batch > 0 {
			c.pass(c.begin(), from, yield)
		}
	}
}

// iterateRest yields what is left of a pass that was restored, which may be nothing.
func (c *cursor) iterateRest(from func(Position) iter.Seq2[Batch, error]) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) { c.pass(c.begin(), from, yield) }
}

// pass yields the batches of a pass from p on. It reports whether it came to its end, without a batch.
func (c *cursor) pass(p Position, from func(Position) iter.Seq2[Batch, error], yield func(Batch, error) bool) (empty bool) {
	at := p
	for b, err := range from(p) {
		if err == nil {
			at.Batch++
			c.set(at, true)
		}
		if !yield(b, err) || err != nil {
			return false
		}
	}
	c.set(Position{Epoch: p.Epoch + 1}, false)
	return at == p
}

func (c *cursor) begin() Position {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inPass {
		c.next = Position{Epoch: c.next.Epoch + 1}
	}
	c.inPass = true
	return c.next
}

func (c *cursor) set(p Position, inPass bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next, c.inPass = p, inPass
}

// Position returns the place of the next batch: within the loop's body, of the one after the batch at
// hand. It may be called from any goroutine.
func (c *cursor) Position() Position {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next
}

// Epoch returns the number of the pass at hand, from 0; after the end of a pass, of the next one.
func (c *cursor) Epoch() int64 { return c.Position().Epoch }

// State returns the place of the next batch, to be given to SetState, see [Resumable]. It is JSON such as
// {"epoch":3,"batch":17}. It may be called from any goroutine.
func (c *cursor) State() ([]byte, error) { return json.Marshal(c.Position()) }

// SetState lets the next iteration begin at a place that State returned, see [Resumable].
// It returns an error if state is no such place; then nothing has changed.
func (c *cursor) SetState(state []byte) error {
	p := Position{Epoch: -1, Batch: -1}
	d := json.NewDecoder(bytes.NewReader(bytes.TrimSpace(state)))
	d.DisallowUnknownFields()
	err := d.Decode(&p)
	if err != nil || p.Epoch < 0 || p.Batch < 0 || d.InputOffset() != int64(len(bytes.TrimSpace(state))) {
		return fmt.Errorf(`data.SetState: %.40q is no place in a data set: want {"epoch":3,"batch":17}`, state)
	}
	c.set(p, false)
	return nil
}

// upcoming returns where the next iteration begins.
func (c *cursor) upcoming() Position {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inPass {
		return Position{Epoch: c.next.Epoch + 1}
	}
	return c.next
}
