package data

import (
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/guard"
)

// Map applies fn to each batch of ds. fn owns the batch it gets, and returns one made of new tensors, of
// the same ones, or of both: those that it does not return are released after it. An error of fn, or a
// panic in it, ends the iteration.
func Map(ds Dataset, fn func(Batch) (Batch, error)) *Pipeline {
	return MapIndexed(ds, 0, func(_ Position, b Batch) (Batch, error) { return fn(b) })
}

// ParallelMap is Map with one goroutine per CPU. Batches come in the order of ds all the same, so fn
// must not depend on the order in which it is called, and must be safe for concurrent calls.
func ParallelMap(ds Dataset, fn func(Batch) (Batch, error)) *Pipeline {
	return MapIndexed(ds, runtime.GOMAXPROCS(0), func(_ Position, b Batch) (Batch, error) { return fn(b) })
}

// MapIndexed is Map with a function that knows the place of its batch, so that what is random in it can
// be drawn from [Rand] of that place: then it is the same however the work is scheduled, and after a
// resume. It runs in the given number of goroutines, as ParallelMap does; with 0, in the one that iterates.
func MapIndexed(ds Dataset, goroutines int, fn func(Position, Batch) (Batch, error)) *Pipeline {
	ds = given(ds)
	if goroutines > maxGoroutines {
		return failing(ds.Name(), fmt.Errorf("data.MapIndexed %q: %d goroutines: want %d or fewer (one per CPU is %d)", ds.Name(), goroutines, maxGoroutines, runtime.GOMAXPROCS(0)))
	}
	size := func() int { return numBatches(ds) }
	apply := func(p Position, b Batch) (Batch, error) { return callMap("data.Map", ds.Name(), fn, p, b) }
	label := "Map"
	if goroutines > 0 {
		label = fmt.Sprintf("Map in %d goroutines", goroutines)
	}
	var out *Pipeline
	out = newPipeline(ds.Name(), label, size, func(p Position) iter.Seq2[Batch, error] {
		if goroutines > 0 {
			return parallel(ds.Name(), "data.Map", iterFrom(ds, p), p, goroutines, &out.stage.meter, apply)
		}
		return func(yield func(Batch, error) bool) {
			at := p
			for b, err := range iterFrom(ds, p) {
				if err == nil {
					b, err = apply(at, b)
				}
				if !yield(b, err) || err != nil {
					return
				}
				at.Batch++
			}
		}
	}, ds)
	if goroutines > 0 {
		out.worksAhead(goroutines)
	}
	return out
}

// worksAhead says that p reads its sources in goroutines of its own, and has room for n batches.
func (p *Pipeline) worksAhead(n int) *Pipeline {
	p.stage.ahead, p.stage.capacity = true, n
	return p
}

// callMap calls fn, turns a panic into an error, and releases what fn got and did not return.
func callMap(what, name string, fn func(Position, Batch) (Batch, error), p Position, in Batch) (out Batch, err error) {
	given := slices.Clone(in.all()) // fn may write to the slices of in
	defer func() {
		if r := recover(); r != nil {
			err = guard.Panic(r)
		}
		var kept []*tensors.Tensor
		if err != nil {
			out, err = Batch{}, fmt.Errorf("%s %q, %v: %w", what, name, p, err)
		} else {
			kept = out.all()
		}
		for _, t := range given {
			if t != nil && !slices.Contains(kept, t) {
				t.Close()
			}
		}
		if c := in.copies; c != nil && (out.copies != c || !slices.Equal(c.of, kept)) { // fn made another batch of it
			_ = c.close()
			if out.copies == c {
				out.copies = nil
			}
		}
	}()
	return fn(p, in)
}

// More than these is a slip of the finger: what they would take before the first batch comes is asked for at once.
const (
	maxGoroutines = 1 << 12
	maxAhead      = 1 << 20
)

// result is what one batch came to.
type result struct {
	batch Batch
	err   error
}

// Prefetch reads up to n batches of ds ahead, in a goroutine of its own, while the consumer works on the
// one before. What is yielded is the same as without. When the iteration ends, early or not, the goroutine
// has ended too, and batches that were read in vain are released.
func Prefetch(ds Dataset, n int) *Pipeline {
	ds = given(ds)
	if n < 1 {
		return failing(ds.Name(), fmt.Errorf("data.Prefetch %q: %d batches ahead: want 1 or more", ds.Name(), n))
	}
	if n > maxAhead {
		return failing(ds.Name(), fmt.Errorf("data.Prefetch %q: %d batches ahead: want %d or fewer; to hold a whole data set in memory, see data.Collect", ds.Name(), n, maxAhead))
	}
	size := func() int { return numBatches(ds) }
	var out *Pipeline
	out = newPipeline(ds.Name(), fmt.Sprintf("Prefetch %d", n), size, func(p Position) iter.Seq2[Batch, error] {
		m := &out.stage.meter
		return func(yield func(Batch, error) bool) {
			// The goroutine holds one batch that waits for a place, so n places less one.
			results := make(chan result, n-1)
			stop := make(chan struct{})
			go func() {
				defer close(results)
				for r := range guarded(ds.Name(), iterFrom(ds, p)) {
					m.buffered.Add(1)
					if !m.send(results, r, stop) {
						m.buffered.Add(-1)
						r.batch.Close()
						return
					}
				}
			}()
			defer func() {
				close(stop)
				for r := range results { // until the goroutine has closed it
					m.buffered.Add(-1)
					r.batch.Close()
				}
			}()
			for {
				r, ok := receive(m, results)
				if !ok {
					return
				}
				m.buffered.Add(-1)
				if !yield(r.batch, r.err) || r.err != nil {
					return
				}
			}
		}
	}, ds)
	return out.worksAhead(n)
}

// send gives r to who reads results, and notes how long it had to wait for a place. It reports false if nobody wants it any more.
func (m *meter) send(results chan<- result, r result, stop <-chan struct{}) bool {
	select {
	case results <- r:
		return true
	case <-stop:
		return false
	default:
	}
	begin := time.Now()
	defer func() { m.blocked.Add(int64(time.Since(begin))) }()
	select {
	case results <- r:
		return true
	case <-stop:
		return false
	}
}

// receive takes the next value from c, and counts a stall if it is not there yet.
func receive[T any](m *meter, c <-chan T) (v T, ok bool) {
	select {
	case v, ok = <-c:
		return v, ok
	default:
		m.stalls.Add(1)
		v, ok = <-c
		return v, ok
	}
}

// guarded iterates over a data set in a goroutine in which nobody else would catch its panic.
func guarded(name string, seq iter.Seq2[Batch, error]) iter.Seq[result] {
	return func(yield func(result) bool) {
		wanted, ended := true, false
		defer func() {
			var err error
			if r := recover(); r != nil {
				err = guard.Panic(r)
			} else if !ended {
				err = guard.ErrGoexit
			}
			if err != nil && wanted {
				yield(result{err: fmt.Errorf("data set %q: %w", name, err)})
			}
		}()
		for b, err := range seq {
			if wanted = yield(result{b, err}) && err == nil; !wanted {
				break
			}
		}
		ended = true
	}
}

// parallel applies fn to the batches of a data set, seq, the first of which is at p, in n goroutines, and yields the
// results in order. Another goroutine iterates over seq. At the end, early or not, all of them have ended. what is the function in errors;
// m counts what waits.
func parallel(name, what string, seq iter.Seq2[Batch, error], p Position, n int, m *meter,
	fn func(Position, Batch) (Batch, error)) iter.Seq2[Batch, error] {
	type job struct {
		at   Position
		in   Batch
		done chan result // one place, so that the worker never waits
	}
	return func(yield func(Batch, error) bool) {
		jobs, queue := make(chan job), make(chan job, n)
		stop := make(chan struct{})
		var workers sync.WaitGroup
		answer := func(j job) {
			r := result{err: fmt.Errorf("%s %q, %v: %w", what, name, j.at, guard.ErrGoexit)} // if fn does not return
			begin := time.Now()
			defer func() {
				m.worked(begin)
				j.done <- r
			}()
			r.batch, r.err = fn(j.at, j.in)
		}
		var work func()
		work = func() {
			ended := false
			defer func() {
				if !ended { // fn ended this goroutine; those who wait for one must not wait for ever
					workers.Go(work)
				}
			}()
			for j := range jobs {
				answer(j)
			}
			ended = true
		}
		for range n {
			workers.Go(work)
		}
		go func() {
			defer close(queue)
			defer close(jobs)
			at := p
			for r := range guarded(name, seq) {
				j := job{at: at, in: r.batch, done: make(chan result, 1)}
				if r.err != nil {
					j.done <- r
				}
				m.buffered.Add(1)
				select {
				case queue <- j:
				case <-stop:
					m.buffered.Add(-1)
					r.batch.Close()
					return
				}
				if r.err != nil {
					return
				}
				jobs <- j // a worker takes it: none of them ever waits for anything but fn
				at.Batch++
			}
		}()
		defer func() {
			close(stop)
			for j := range queue {
				m.buffered.Add(-1)
				(<-j.done).batch.Close()
			}
			workers.Wait()
		}()
		for j := range queue {
			r, _ := receive(m, j.done)
			m.buffered.Add(-1)
			if !yield(r.batch, r.err) || r.err != nil {
				return
			}
		}
	}
}
