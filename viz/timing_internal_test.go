package viz

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// clock is one that only calls of what is timed move on.
type clock struct {
	at            time.Time
	pieces, bytes uint64
}

func (c *clock) stopwatch() stopwatch {
	return stopwatch{func() time.Time { return c.at }, func() (uint64, uint64) { return c.pieces, c.bytes }}
}

func TestTiming(t *testing.T) {
	for _, c := range []struct {
		name          string
		call          time.Duration
		first         time.Duration // what the first call takes more
		pieces, bytes uint64
		want          string
	}{
		{"a short one", 100 * time.Nanosecond, 0, 0, 0, "100 ns a call (median of 7; least 100 ns), no allocations; 3,500,000 calls, after a first one of 100 ns"},
		{"one that allocates", 2 * time.Microsecond, 0, 3, 48, "2 µs a call (median of 7; least 2 µs), 3 allocations, 48 B; 280,000 calls, after a first one of 2 µs"},
		{"one that compiles first", time.Millisecond, 40 * time.Millisecond, 0, 0, "1 ms a call (median of 7; least 1 ms), no allocations; 350 calls, after a first one of 41 ms"},
		{"one that takes a while", 300 * time.Millisecond, 0, 0, 0, "300 ms a call (median of 6; least 300 ms), no allocations; 6 calls, after a first one of 300 ms"},
		{"one that takes long", 2000 * time.Second, 0, 0, 0, "2000 s a call (median of 1; least 2000 s), no allocations; 1 call, after a first one of 2000 s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var k clock
			first := c.first
			got := measure(func() {
				k.at = k.at.Add(c.call + first)
				k.pieces += c.pieces
				k.bytes += c.bytes
				first = 0
			}, k.stopwatch())
			assert.Equal(t, c.want, got.String())
			assert.Equal(t, c.want, got.Bundle().Text())
		})
	}
	assert.Equal(t, "nothing was timed", Time(nil).String())
}

// A clock whose steps are longer than a call says 0 again and again.
func TestTimingByACoarseClock(t *testing.T) {
	var k clock
	calls := 0
	got := measure(func() {
		if calls++; calls%1_000_000 == 0 {
			k.at = k.at.Add(10 * time.Millisecond)
		}
	}, k.stopwatch())
	assert.InDelta(t, 10e-9, got.Median, 5e-9)
}

func TestTimeMeasuresAllocations(t *testing.T) {
	var kept []byte
	got := Time(func() { kept = make([]byte, 64) })
	assert.Len(t, kept, 64)
	assert.GreaterOrEqual(t, got.Allocations, 0.99)
	assert.Greater(t, got.Calls, 0)
	assert.LessOrEqual(t, got.Least, got.Median)
}
