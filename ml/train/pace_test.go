package train

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// How many calls may be under way follows from what they take, on an engine elsewhere; in this process it is one.
func TestPace(t *testing.T) {
	for _, c := range []struct {
		call time.Duration
		want int
	}{{0, 16}, {100 * time.Microsecond, 16}, {time.Millisecond, 6}, {4 * time.Millisecond, 2}, {10 * time.Millisecond, 1}, {time.Second, 1}} {
		for _, afar := range []bool{false, true} {
			p, now, want := pace{afar: afar}, time.Now(), 1
			begin := func(n int) {
				for range n {
					p.begun(now)
					now = now.Add(c.call)
				}
			}
			begin(paceOf)
			assert.Equal(t, 1, p.most(), "it is not known yet")
			if begin(1); afar {
				want = c.want
			}
			assert.Equal(t, want, p.most(), "calls of %v, elsewhere: %t", c.call, afar)
			now = now.Add(time.Hour) // an evaluation, say
			p.pause()
			begin(paceOf + 1)
			assert.Equal(t, want, p.most(), "calls of %v, elsewhere: %t, after a pause", c.call, afar)
		}
	}
}

// Where reports come several at once, the time of a step is that of many divided by their number.
func TestStepsThatAreMeasuredTogether(t *testing.T) {
	var d durations
	for i := range 2 * mostAhead {
		took := time.Millisecond
		if i%4 == 3 {
			took = 13 * time.Millisecond
		}
		d.spent(took, 1, false)
	}
	assert.Equal(t, 4*time.Millisecond, d.median())
	assert.Len(t, d.ring, 2*mostAhead)
	d.spent(time.Second, 1, true)
	assert.Len(t, d.ring, 2*mostAhead+1)
}
