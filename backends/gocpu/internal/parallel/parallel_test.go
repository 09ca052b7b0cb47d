package parallel

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/guard"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/stretchr/testify/assert"
)

// squares is what the loops of the tests work on.
type squares struct {
	in, out []int
	loop    Loop[squares]
}

func square(s *squares, _, lo, hi int) {
	for i := lo; i < hi; i++ {
		s.out[i] += s.in[i] * s.in[i]
	}
}

func TestEveryElementOnce(t *testing.T) {
	for _, n := range []int{0, 1, 2, 7, 100, 1000} {
		for _, grain := range []int{0, 1, 3, 64, 5000} {
			for _, workers := range []int{1, 2, 3, 8} {
				s := &squares{in: make([]int, n), out: make([]int, n)}
				for i := range s.in {
					s.in[i] = i
				}
				s.loop.For(workers, n, grain, s, square)
				for i, v := range s.out {
					if v != i*i {
						t.Fatalf("%d elements, grain %d, %d workers: element %d is %d", n, grain, workers, i, v)
					}
				}
			}
		}
	}
}

// TestALongLoopBeginsWhereTheLastOneEnded is of loops on one goroutine, whose order can be seen.
func TestALongLoopBeginsWhereTheLastOneEnded(t *testing.T) {
	order := func(run func(l *Loop[squares], args *squares, body Body[squares])) (starts []int) {
		s := &squares{}
		run(&s.loop, s, func(_ *squares, _, lo, hi int) {
			assert.Equal(t, min(lo+10, 97), hi, "the chunk from %d on", lo)
			starts = append(starts, lo)
		})
		return starts
	}
	long := func(l *Loop[squares], args *squares, body Body[squares]) { l.For(1, 97, 10, args, body) }
	forwards := []int{0, 10, 20, 30, 40, 50, 60, 70, 80, 90}
	backwards := slices.Clone(forwards)
	slices.Reverse(backwards)
	first := order(long)
	if first[0] == 0 {
		assert.Equal(t, forwards, first)
		assert.Equal(t, backwards, order(long))
	} else {
		assert.Equal(t, backwards, first)
		order(long) // forwards
		assert.Equal(t, backwards, order(long))
	}
	for range 3 { // what is short goes forwards, and turns nobody round
		assert.Equal(t, []int{0, 10, 20}, order(func(l *Loop[squares], args *squares, body Body[squares]) {
			l.For(1, 30, 10, args, body)
		}))
		assert.Equal(t, forwards, order(func(l *Loop[squares], args *squares, body Body[squares]) { l.InOrder(97, 10, args, body) }))
	}
	assert.Equal(t, forwards, order(long), "the loop after one backwards")
}

func TestLoopsOfManyCallersAndWithinLoops(t *testing.T) {
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for range 200 {
				var sum atomic.Int64
				outer := &squares{}
				outer.loop.For(4, 16, 1, outer, func(_ *squares, _, lo, hi int) {
					inner := &squares{in: make([]int, 10), out: make([]int, 10)}
					inner.loop.For(4, 10, 1, inner, func(s *squares, _, lo, hi int) {
						for i := lo; i < hi; i++ {
							sum.Add(1)
						}
					})
				})
				if sum.Load() != 160 {
					t.Errorf("%d of 160 elements", sum.Load())
				}
			}
		})
	}
	wg.Wait()
}

func TestWorkersAreNumberedBelowTheirNumber(t *testing.T) {
	s := &squares{}
	var used [4]atomic.Int32
	s.loop.For(4, 1000, 1, s, func(_ *squares, worker, _, _ int) {
		assert.Equal(t, int32(1), used[worker].Add(1), "number %d is used by two goroutines at once", worker)
		runtime.Gosched()
		used[worker].Add(-1)
	})
}

func TestAPanicInAnyWorkerReachesTheCaller(t *testing.T) {
	for i := range 50 {
		s := &squares{}
		func() {
			defer func() {
				r := recover()
				if p, ok := r.(*Panic); ok {
					assert.Contains(t, p.Stack, "parallel_test.go", "the stack does not show the place")
					r = p.Value
				}
				assert.Equal(t, "broken", r)
			}()
			s.loop.For(3, 100, 1, s, func(_ *squares, _, lo, _ int) {
				if lo == i*2 {
					panic("broken")
				}
			})
		}()
	}
	s := &squares{in: []int{3}, out: []int{0}} // and the workers still work
	s.loop.For(3, 1, 1, s, square)
	assert.Equal(t, 9, s.out[0], "nothing works any more")
}

// TestNoShareWaitsForItsOwner holds one goroutine up in its first chunk until all other chunks are done: by the others.
func TestNoShareWaitsForItsOwner(t *testing.T) {
	for _, first := range []int{0, 1, 7, 15} {
		s := &squares{}
		var left atomic.Int32
		left.Store(15)
		others := make(chan struct{})
		s.loop.For(3, 16, 1, s, func(_ *squares, _, lo, _ int) {
			if lo == first {
				<-others
			} else if left.Add(-1) == 0 {
				close(others)
			}
		})
	}
}

func TestSharesAreTakenFromBothEnds(t *testing.T) {
	var s share
	s.set(3, 1000)
	var taken [1000]atomic.Int32
	var wg sync.WaitGroup
	for _, last := range []bool{false, true, false, true} {
		wg.Go(func() {
			before := map[bool]int{false: 2, true: 1000}[last]
			for {
				chunk, ok := s.take(last)
				if !ok {
					return
				}
				assert.Equal(t, last, chunk < before, "chunk %d after %d", chunk, before)
				before = chunk
				taken[chunk].Add(1)
			}
		})
	}
	wg.Wait()
	for i := range taken {
		want := int32(1)
		if i < 3 {
			want = 0
		}
		assert.Equal(t, want, taken[i].Load(), "chunk %d", i)
	}
}

func TestALoopEndsEarly(t *testing.T) {
	for _, workers := range []int{1, 3} {
		done := make(chan struct{})
		s := &squares{}
		s.loop.Done = done
		var chunks atomic.Int32
		s.loop.For(workers, 1000, 1, s, func(*squares, int, int, int) {
			if chunks.Add(1) == 10 {
				close(done)
			}
		})
		if n := chunks.Load(); n < 10 || n >= 10+int32(workers) {
			t.Errorf("%d workers: %d chunks, 10 of them before the end", workers, n)
		}
	}
}

func TestParkedWorkersWakeUp(t *testing.T) {
	s := &squares{in: make([]int, 64), out: make([]int, 64)}
	for range 5 {
		s.loop.For(3, 64, 1, s, square)
		time.Sleep(2 * time.Millisecond) // longer than they spin
	}
}

func TestLoopsAllocateNothing(t *testing.T) {
	s := &squares{in: make([]int, 64), out: make([]int, 64)}
	testenv.AllocatesAtMost(t, 0, func() { s.loop.For(2, 64, 1, s, square) })
}

func BenchmarkFor(b *testing.B) {
	s := &squares{in: make([]int, 64), out: make([]int, 64)}
	b.ReportAllocs()
	for b.Loop() {
		s.loop.For(2, 64, 32, s, square)
	}
}

// A body that ends its goroutine hangs nothing: on a worker it is a panic of the loop, on the caller's it ends that; and the next loop has all workers.
func TestAGoexitInABody(t *testing.T) {
	for _, on := range []int{0, 1} {
		both, left := make(chan struct{}), make(chan any, 1)
		go func() {
			defer func() { left <- recover() }()
			s := &squares{}
			s.loop.For(2, 2, 1, s, func(_ *squares, worker, _, _ int) { // each of the two takes a chunk
				if worker == 1 {
					close(both)
				} else {
					<-both
				}
				if worker == on {
					runtime.Goexit()
				}
			})
		}()
		r := <-left
		if on == 0 {
			assert.Nil(t, r)
		} else if p, ok := r.(*Panic); assert.True(t, ok, "%v", r) {
			assert.Equal(t, guard.ErrGoexit, p.Value)
		}
		met := make(chan struct{})
		s := &squares{}
		s.loop.For(2, 2, 1, s, func(_ *squares, worker, _, _ int) {
			if worker == 1 {
				close(met)
			} else {
				<-met
			}
		})
	}
}
