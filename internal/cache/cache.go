// Package cache keeps the most recently used of the things that are slow to build and must be closed, by key. What is
// there is returned at once, also while something else is being built, and closed when its last use ends.
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

// Value is what a cache keeps: the cache owns it, and several may use it. [Uses] counts for it.
type Value interface {
	// Hold begins a use. It reports false if the value was closed, which the cache then forgets.
	Hold() bool
	// Release ends a use. The last one of a closed value closes it indeed; the error is of that.
	Release() error
	// Drop is called once a value is not kept any more since others were needed more, or is of no use.
	Drop() error
	// Close closes the value as soon as nobody uses it.
	Close() error
}

// Cache holds values by key. It is safe for several goroutines. It is an interface so that a package which names a type with a
// cache in it, such as a cell that names *graph.Exec, does not compile all of these methods anew for its keys and values.
type Cache[K any, V Value] interface {
	// Get returns the value of key, held for the caller to Release: that which is there, or what is built in two
	// parts. The first ones of all keys run one after another, the second ones side by side. Callers who ask for the same
	// key share one build, and its error, which is not kept. A build belongs to its first caller: if that one's context
	// ends it, or it panics, the next of those who wait builds anew. Who waits can leave by the end of ctx.
	Get(ctx context.Context, key K, first func() error, then func() (V, error)) (V, error)
	// Find returns the value of key, held for the caller to Release, if it is there.
	Find(key K) (value V, ok bool)
	// Release ends the use of a value that Get or Find returned.
	Release(V)
	// SetMax sets how many values are kept, at least 1; the least recently used ones are dropped.
	SetMax(n int)
	// DropFunc drops the values that are of no use.
	DropFunc(useless func(V) bool)
	// Values returns what is kept, most recently used first, not held.
	Values() []V
	// Close closes all values, each as soon as nobody uses it, and empties the cache, which can be used anew. What is being
	// built is not kept. Close returns the errors of this, and of a closing before it that nobody was told.
	Close() error
}

// kept is a Cache.
type kept[K any, V Value] struct {
	equal func(a, b K) bool

	turn chan struct{} // holds a token while a first part of a build runs
	at   atomic.Int64  // the goroutine that has the token, 0 for none

	mu      sync.Mutex
	max     int
	entries []entry[K, V] // most recently used first
	flights []*flight[K, V]
	failed  error // the first error of a closing that nobody was told
}

type entry[K, V any] struct {
	key   K
	value V
}

// flight is a build under way, and those who wait for it.
type flight[K, V any] struct {
	key     K
	waiters int
	done    chan struct{} // closed when what follows is known
	value   V             // held for each waiter
	err     error
	givenUp bool // its caller's context ended, or it panicked: who waits builds
}

// New returns a cache of at most max values.
func New[K any, V Value](max int, equal func(a, b K) bool) Cache[K, V] {
	return &kept[K, V]{equal: equal, max: max, turn: make(chan struct{}, 1)}
}

func (c *kept[K, V]) Get(ctx context.Context, key K, first func() error, then func() (V, error)) (value V, err error) {
	if v, ok := c.Find(key); ok {
		return v, nil
	}
	if ctx == nil {
		return value, errors.New("the context is nil: give context.Background()")
	}
	if at := c.at.Load(); at != 0 && at == goroutine() {
		return value, ErrWithin
	}
	for {
		value, ok, f, mine := c.join(key)
		switch {
		case ok:
			return value, nil
		case mine:
			return c.build(ctx, f, first, then)
		}
		select {
		case <-f.done:
			if !f.givenUp {
				return f.value, f.err
			}
		case <-ctx.Done():
			c.leave(f)
			return value, ctx.Err()
		}
	}
}

// join returns the value of key if it is there, or else the build of it, which is the caller's to do if it is mine.
func (c *kept[K, V]) join(key K) (value V, ok bool, f *flight[K, V], mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if value, ok = c.find(key); ok {
		return value, true, nil, false
	}
	for _, f := range c.flights {
		if c.equal(f.key, key) {
			f.waiters++
			return value, false, f, false
		}
	}
	f = &flight[K, V]{key: key, done: make(chan struct{})}
	c.flights = append(c.flights, f)
	return value, false, f, true
}

// leave is for one who waits no longer.
func (c *kept[K, V]) leave(f *flight[K, V]) {
	c.mu.Lock()
	f.waiters--
	landed := false
	select {
	case <-f.done:
		landed = !f.givenUp && f.err == nil
	default:
	}
	c.mu.Unlock()
	if landed {
		c.Release(f.value)
	}
}

func (c *kept[K, V]) build(ctx context.Context, f *flight[K, V], first func() error, then func() (V, error)) (value V, err error) {
	ended := false
	defer func() { // also if a part panics or ends its goroutine
		f.givenUp = !ended || err != nil && ctx.Err() != nil
		f.value, f.err = value, err
		c.land(f)
	}()
	if err = c.alone(ctx, first); err == nil {
		value, err = then()
	}
	ended = true
	return value, err
}

// alone runs fn when no other does.
func (c *kept[K, V]) alone(ctx context.Context, fn func() error) error {
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	c.at.Store(goroutine())
	defer func() {
		c.at.Store(0)
		<-c.turn
	}()
	return fn()
}

// land ends a build: its value is kept, unless the cache was closed meanwhile, and held for its caller and who waits.
func (c *kept[K, V]) land(f *flight[K, V]) {
	c.mu.Lock()
	i := slices.Index(c.flights, f)
	if i >= 0 {
		c.flights = slices.Delete(c.flights, i, i+1)
	}
	var out []V
	if !f.givenUp && f.err == nil {
		for range 1 + f.waiters {
			f.value.Hold()
		}
		if out = []V{f.value}; i >= 0 {
			c.entries = slices.Insert(c.entries, 0, entry[K, V]{f.key, f.value})
			out = c.trim()
		}
	}
	close(f.done)
	c.mu.Unlock()
	c.drop(out)
}

func (c *kept[K, V]) Find(key K) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.find(key)
}

func (c *kept[K, V]) find(key K) (value V, ok bool) {
	for i, e := range c.entries {
		if !c.equal(e.key, key) {
			continue
		}
		if !e.value.Hold() { // closed by someone else
			c.entries = slices.Delete(c.entries, i, i+1)
			break
		}
		copy(c.entries[1:i+1], c.entries[:i])
		c.entries[0] = e
		return e.value, true
	}
	return value, false
}

func (c *kept[K, V]) Release(v V) { c.note(v.Release()) }

// note keeps the error of a closing for [Cache.Close] to return.
func (c *kept[K, V]) note(err error) {
	if err == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed == nil {
		c.failed = err
	}
}

func (c *kept[K, V]) drop(values []V) {
	for _, v := range values {
		c.note(v.Drop())
	}
}

// trim takes out what is too much. c.mu is held.
func (c *kept[K, V]) trim() (out []V) {
	for len(c.entries) > c.max {
		last := len(c.entries) - 1
		out = append(out, c.entries[last].value)
		c.entries = slices.Delete(c.entries, last, last+1)
	}
	return out
}

func (c *kept[K, V]) SetMax(n int) {
	c.mu.Lock()
	c.max = max(1, n)
	out := c.trim()
	c.mu.Unlock()
	c.drop(out)
}

func (c *kept[K, V]) DropFunc(useless func(V) bool) {
	c.mu.Lock()
	var out []V
	c.entries = slices.DeleteFunc(c.entries, func(e entry[K, V]) bool {
		if useless(e.value) {
			out = append(out, e.value)
			return true
		}
		return false
	})
	c.mu.Unlock()
	c.drop(out)
}

func (c *kept[K, V]) Values() []V {
	c.mu.Lock()
	defer c.mu.Unlock()
	values := make([]V, len(c.entries))
	for i, e := range c.entries {
		values[i] = e.value
	}
	return values
}

func (c *kept[K, V]) Close() error {
	c.mu.Lock()
	entries, errs := c.entries, []error{c.failed}
	c.entries, c.flights, c.failed = nil, nil, nil
	c.mu.Unlock()
	for _, e := range entries {
		errs = append(errs, e.value.Close())
	}
	return errors.Join(errs...)
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
