package machine

import (
	"errors"
	"math"
	"time"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/internal/guard"
)

// runSequential runs one step after the other, on a goroutine of its own: a kernel of the user's may end it.
func runSequential(r *Run, s *gocpu.Steps) {
	err := guard.Apart(func() error {
		w := s.Worker(r.inner)
		release := func(int, time.Duration) {}
		for i := range s.Len() {
			if r.times != nil || r.told {
				r.progress[i].missing.Store(0)
				r.ready(i, 0, r.now())
			}
			if !r.do(w, i, 0, math.MaxInt, release) {
				break
			}
		}
		w.Close()
		return nil
	})
	if err != nil && !errors.Is(err, guard.ErrGoexit) { // which is the node's error
		panic(err)
	}
}
