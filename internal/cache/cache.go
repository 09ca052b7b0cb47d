// Package cache keeps the most recently used of the things that are slow to build, by key. What is there is returned
// at once, also while something else is being built; builds wait for each other.
package cache

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

// ErrWithin is the error of a Get from inside a build of the same cache, which would wait for itself. Caches hold the
// graphs of an Exec.
var ErrWithin = errors.New("called while its own function builds a graph: use the nodes themselves there, or another Exec for values that are known by then")

// Cache holds values by key. It is safe for several goroutines.
type Cache[K, V any] struct {
	equal func(a, b K) bool

	building chan struct{} // holds a token while something is built
	builder  atomic.Int64  // the goroutine that builds, 0 for none

	mu      sync.Mutex
	max     int
	entries []entry[K, V] // most recently used first
}

type entry[K, V any] struct {
	key   K
	value V
}

// New returns a cache of at most max values.
func New[K, V any](max int, equal func(a, b K) bool) *Cache[K, V] {
	return &Cache[K, V]{equal: equal, max: max, building: make(chan struct{}, 1)}
}

// Get returns the value of key: that which is there, or what build returns. An error is not kept. It returns ctx's error
// if ctx ends while another build goes on.
func (c *Cache[K, V]) Get(ctx context.Context, key K, build func() (V, error)) (value V, err error) {
	if v, ok := c.Find(key); ok {
		return v, nil
	}
	if ctx == nil {
		return value, errors.New("the context is nil: give context.Background()")
	}
	me := goroutine()
	if c.builder.Load() == me {
		return value, ErrWithin
	}
	select {
	case c.building <- struct{}{}:
	case <-ctx.Done():
		return value, ctx.Err()
	}
	c.builder.Store(me)
	defer func() { // also if build panics or ends its goroutine
		c.builder.Store(0)
		<-c.building
	}()
	if v, ok := c.Find(key); ok { // built meanwhile
		return v, nil
	}
	if value, err = build(); err == nil {
		c.put(key, value)
	}
	return value, err
}

// Find returns the value of key, if it is there.
func (c *Cache[K, V]) Find(key K) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, e := range c.entries {
		if c.equal(e.key, key) {
			copy(c.entries[1:i+1], c.entries[:i])
			c.entries[0] = e
			return e.value, true
		}
	}
	return value, false
}

func (c *Cache[K, V]) put(key K, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries = slices.Insert(c.entries, 0, entry[K, V]{key, value})
	c.trim()
}

func (c *Cache[K, V]) trim() {
	if len(c.entries) > c.max {
		clear(c.entries[c.max:])
		c.entries = c.entries[:c.max]
	}
}

// SetMax sets how many values are kept, at least 1; the least recently used ones are dropped.
func (c *Cache[K, V]) SetMax(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.max = max(1, n)
	c.trim()
}

// DeleteFunc drops the values for which drop is true.
func (c *Cache[K, V]) DeleteFunc(drop func(V) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries = slices.DeleteFunc(c.entries, func(e entry[K, V]) bool { return drop(e.value) })
}

// Values returns what is kept, most recently used first.
func (c *Cache[K, V]) Values() []V {
	c.mu.Lock()
	defer c.mu.Unlock()
	values := make([]V, len(c.entries))
	for i, e := range c.entries {
		values[i] = e.value
	}
	return values
}

// goroutine returns the number of the calling goroutine, which the runtime shows in stack traces alone.
func goroutine() int64 {
	var buf [64]byte
	fields := bytes.Fields(buf[:runtime.Stack(buf[:], false)]) // goroutine 12 [running]: …
	if len(fields) < 2 {
		return -1
	}
	n, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return -1
	}
	return n
}
