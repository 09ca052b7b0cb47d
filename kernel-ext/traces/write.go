package traces

import (
	"time"

	"github.com/quire-ml/quire/internal/traces"
)

// writes is when the file is written. One is written at once, as long as that takes little of the program's time: the
// program may end at any moment. Otherwise it is written a little later.
type writes struct {
	took    time.Duration // all of them
	count   int
	pending bool
	off     bool // it went wrong
}

const (
	free  = 3                      // writes at once, whatever they take
	share = 50                     // later ones take one part in so many of the time
	later = 100 * time.Millisecond // after which what waits is written
)

// write writes the file if it has something new, or else some time; the lock is held.
func (c *collector) write(fresh bool) {
	w := &c.writes
	switch {
	case w.off || w.pending:
	case fresh && (w.count < free || w.took*share < time.Since(c.begun)):
		c.writeNow()
	default:
		w.pending = true
		time.AfterFunc(later, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			w.pending = false
			c.writeNow()
		})
	}
}

func (c *collector) writeNow() {
	began := time.Now()
	if c.path == "" {
		path, err := traces.Create(c.dir, began)
		if err != nil {
			c.writes.off = true
			return
		}
		c.path = path
	}
	c.file.Time = began
	c.writes.off = traces.Write(c.path, c.file) != nil
	c.writes.count++
	c.writes.took += time.Since(began)
}
