package machine

import (
	"math"
	"time"

	"github.com/quire-ml/quire/backends/gocpu"
)

// runSequential runs one step after the other.
func runSequential(r *Run, s *gocpu.Steps) {
	release := func(int, time.Duration) {}
	for i := range s.Len() {
		r.missing[i].Store(0)
		r.ready(i, 0, r.now())
		if !r.do(s, i, 0, math.MaxInt, release) {
			return
		}
	}
}
