//go:build cgo && (linux || darwin)

package xla_test

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/quire-ml/quire/backends/xla"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/gomlx/go-xla/pjrt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the engine says besides its contract is an error after Close, too.
func TestMemoryStatsAfterClose(t *testing.T) {
	onBoth(t, "", func(t *testing.T, e *xla.Engine) {
		require.NoError(t, e.Close())
		_, err := e.MemoryStats(0)
		assert.ErrorContains(t, err, "the xla backend is closed")
	})
}

// An engine that is opened twice is there until it is closed twice.
func TestOpenTwice(t *testing.T) {
	a, b := open(t, ""), open(t, "")
	x := ramp(5, 1)
	g := compile(t, b, []*tensors.Tensor{x}, nil, twice)
	require.NoError(t, a.Close())
	wantRamp(t, "the result on the other engine", run(t, g, []ir.Buffer{put(t, b, x)})[0], 1, 2)
}

// Many goroutines compile, run and free at once: the same programs and others.
func TestConcurrency(t *testing.T) {
	onBoth(t, "", func(t *testing.T, e *xla.Engine) {
		e.LimitPrograms(3)
		var wg sync.WaitGroup
		for w := range 6 {
			wg.Go(func() {
				for i := range 6 {
					n := 4 + (w+i)%5
					x := ramp(n, float32(w))
					g := compile(t, e, []*tensors.Tensor{x}, []int{0}, twice)
					b := put(t, e, x)
					for range 4 {
						out, err := g.RunWithBuffers(t.Context(), []ir.Buffer{b}, []bool{true})
						if err != nil {
							t.Error(err)
							return
						}
						b = out[0]
					}
					wantRamp(t, "the result", b, float32(w), 16)
					if i%2 == 0 {
						g.Close()
						b.Close()
					}
				}
			})
		}
		wg.Wait()
	})
}

// The memory of many runs, compilations and engines is given back, also where Close is forgotten.
func TestNothingGrows(t *testing.T) {
	e := open(t, "")
	e.LimitPrograms(4)
	x := ramp(1000, 1)
	buffers, programs := settled(pjrt.BuffersAlive), settled(pjrt.LoadedExecutablesAlive)
	func() {
		g := compile(t, e, []*tensors.Tensor{x}, []int{0}, twice)
		for range 3000 {
			run(t, g, []ir.Buffer{put(t, e, x)}, true)[0].Close()
		}
		assert.Zero(t, pjrt.BuffersAlive()-buffers, "buffers more after 3000 runs")
		for i := range 20 {
			compile(t, e, []*tensors.Tensor{ramp(i+1, 1)}, nil, twice).Close()
		}
		assert.LessOrEqual(t, pjrt.LoadedExecutablesAlive()-programs, int64(5), "programs are held after 21 compilations, of which 4 are kept")
		for range 100 { // forgotten
			run(t, g, []ir.Buffer{put(t, e, x)})
		}
		compile(t, e, []*tensors.Tensor{x, x}, nil, twice)
	}()
	e.LimitPrograms(0)
	settles(t, "buffers", func() int64 { return pjrt.BuffersAlive() - buffers })
	settles(t, "programs", func() int64 { return pjrt.LoadedExecutablesAlive() - programs })
	if m, err := e.MemoryStats(0); err != nil || m.InUse != 0 || m.Peak < 4000 || m.Limit < 1<<20 {
		t.Errorf("in the end the device's memory is %+v (error %v)", m, err)
	}
}

// settled returns a number once collections change it no more: what earlier tests forgot is counted too.
func settled(count func() int64) int64 {
	for last, same := count(), 0; ; {
		runtime.GC()
		time.Sleep(2 * time.Millisecond) // the runtime's cleanups run on their own
		now := count()
		if same++; now != last {
			last, same = now, 0
		}
		if same == 5 {
			return now
		}
	}
}

// settles fails the test if collections do not bring a number to 0.
func settles(t *testing.T, what string, count func() int64) {
	t.Helper()
	for range 200 {
		if runtime.GC(); count() <= 0 {
			return
		}
		time.Sleep(5 * time.Millisecond) // cleanups run when the machine lets them
	}
	t.Errorf("%d %s are left", count(), what)
}
