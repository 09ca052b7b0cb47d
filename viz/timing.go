package viz

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/quire-ml/quire/internal/bytesize"
)

// Timing is how long calls of a function take, and what they allocate. It shows as a line.
type Timing struct {
	First         time.Duration // the first call, which may have made what later ones have: a compiled program, a full cache
	Least, Median float64       // seconds a call, of the blocks of calls that were measured
	Calls         int           // that were measured, the first not among them
	Blocks        int
	Allocations   float64 // pieces of memory a call allocates, in the mean
	Bytes         float64 // and how many bytes they are
}

// How long it measures: blocks of calls, each long beside the clock's steps and the scheduler's; fewer of a function that
// takes seconds.
const (
	blockTime = 50 * time.Millisecond
	mostTime  = 2 * time.Second
	blocks    = 7
)

// Time calls f until it is known how long a call takes, for half a second, or a few times if one takes long. In a notebook
// "%timeit STATEMENT" stands for it.
//
//	viz.Show(viz.Time(func() { exec.Call1(x) }))
//
// The median is of blocks of calls; the least is what the machine can do when nothing disturbs it. A loop of f's own makes
// Go's compiler leave out what nobody uses: give its value away. A panic of f is not caught.
func Time(f func()) Timing {
	return measure(f, stopwatch{time.Now, func() (uint64, uint64) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.Mallocs, m.TotalAlloc
	}})
}

// stopwatch is where times and numbers of allocations come from.
type stopwatch struct {
	now       func() time.Time
	allocated func() (pieces, bytes uint64)
}

// block returns how long n calls take.
func (w stopwatch) block(f func(), n int) time.Duration {
	began := w.now()
	for range n {
		f()
	}
	return w.now().Sub(began)
}

func measure(f func(), w stopwatch) (t Timing) {
	if f == nil {
		return t
	}
	began := w.now()
	t.First = w.block(f, 1)
	n := 1
	for t.First < blockTime {
		took := w.block(f, n)
		if took >= blockTime || n > math.MaxInt/100 {
			break
		}
		n *= int(min(max(int64(blockTime)/max(int64(took), 1), 2), 100)) // a clock with coarse steps says 0
	}
	var each []float64
	pieces, bytes := w.allocated()
	for len(each) < blocks && (len(each) == 0 || w.now().Sub(began) < mostTime) {
		each = append(each, w.block(f, n).Seconds()/float64(n))
	}
	morePieces, moreBytes := w.allocated()
	t.Blocks, t.Calls = len(each), n*len(each)
	t.Allocations = float64(morePieces-pieces) / float64(t.Calls)
	t.Bytes = float64(moreBytes-bytes) / float64(t.Calls)
	slices.Sort(each)
	t.Least, t.Median = each[0], each[len(each)/2]
	return t
}

// String writes it in a line.
func (t Timing) String() string {
	if t.Calls == 0 {
		return "nothing was timed"
	}
	// What the measuring itself allocates, once a block, is no call's.
	pieces, bytes := math.Round(t.Allocations), t.Bytes
	if pieces == 0 {
		bytes = 0
	}
	line := fmt.Sprintf("%s a call (median of %d; least %s), ", seconds(t.Median), t.Blocks, seconds(t.Least))
	if pieces == 0 {
		line += "no allocations"
	} else {
		line += fmt.Sprintf("%s, %s", amount(int(pieces), "allocation"), bytesize.Text(int64(math.Round(bytes))))
	}
	return line + fmt.Sprintf("; %s, after a first one of %s", amount(t.Calls, "call"), seconds(t.First.Seconds()))
}

// Bundle returns the line as a view.
func (t Timing) Bundle() Bundle { return Plain(t.String()) }

// seconds writes a time with three digits: 12.3 µs.
func seconds(s float64) string {
	switch {
	case s < 999.5e-9:
		return fmt.Sprintf("%.3g ns", s*1e9)
	case s < 999.5e-6:
		return fmt.Sprintf("%.3g µs", s*1e6)
	case s < 0.9995:
		return fmt.Sprintf("%.3g ms", s*1e3)
	case s < 999.5:
		return fmt.Sprintf("%.3g s", s)
	}
	return fmt.Sprintf("%.0f s", s)
}
