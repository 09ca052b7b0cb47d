package gocpu

import (
	"context"
	"time"

	"github.com/quire-ml/quire/backends/gocpu/internal/parallel"
	"github.com/quire-ml/quire/backends/gocpu/internal/peak"
	"github.com/quire-ml/quire/graph/ir/capability"
	"github.com/quire-ml/quire/graph/tensors"
)

// Peaks measures what all workers together can do: see [capability.Prober].
func (b *backend) Peaks(ctx context.Context) (p capability.Peaks, err error) {
	if b.closed.Load() {
		return p, errClosed
	}
	copied, err := newCopying()
	if err != nil {
		return p, err
	}
	defer copied.close()
	for range probes {
		p.FLOPs = max(p.FLOPs, rate(func() float64 { return multiply(b.workers) }))
		p.Bytes = max(p.Bytes, rate(func() float64 { return copied.run(b.workers) }))
		if err := ctx.Err(); err != nil {
			return capability.Peaks{}, err
		}
	}
	return p, nil
}

// probes is how often each limit is measured, for probeTime at least: where other processes want the processors too, a short
// time passes undisturbed now and then, and a long one does not.
const (
	probes    = 30
	probeTime = 300 * time.Microsecond
)

// rate calls f, which says how much it did, for probeTime, and returns how much that is a second.
func rate(f func() float64) float64 {
	start, done := time.Now(), 0.0
	for {
		done += f()
		if took := time.Since(start); took >= probeTime {
			return done / took.Seconds()
		}
	}
}

// multiply keeps all workers multiplying and adding, and returns how many operations that were.
func multiply(workers int) float64 {
	const chunks, turns = 64, 2000 // a chunk takes some 10 µs
	var l parallel.Loop[int]
	flops := make([]int, chunks)
	var none int
	l.For(workers, chunks, 1, &none, func(_ *int, _, lo, hi int) {
		for i := lo; i < hi; i++ {
			flops[i] = peak.Turns(turns)
		}
	})
	return float64(chunks) * float64(flops[0])
}

// copying are two arrays larger than the caches of a core.
type copying struct{ from, to *tensors.Storage }

const (
	copiedBytes = 16 << 20
	copiedChunk = 256 << 10
)

func newCopying() (*copying, error) {
	from, err := tensors.NewStorage(copiedBytes)
	if err != nil {
		return nil, err
	}
	to, err := tensors.NewStorage(copiedBytes)
	if err != nil {
		from.Release()
		return nil, err
	}
	c := &copying{from, to}
	clear(from.Bytes()) // pages that nobody has written are one page of zeros
	return c, nil
}

func (c *copying) close() {
	c.from.Release()
	c.to.Release()
}

// run copies once and returns how many bytes were read and written.
func (c *copying) run(workers int) float64 {
	var l parallel.Loop[copying]
	l.For(workers, copiedBytes, copiedChunk, c, func(c *copying, _, lo, hi int) {
		copy(c.to.Bytes()[lo:hi], c.from.Bytes()[lo:hi])
	})
	return 2 * copiedBytes
}
