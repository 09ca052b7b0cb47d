package cache

import "sync"

// Uses counts the uses of a thing with one owner. It says when to close the thing: once, after the owner has closed
// it and the last use has ended. The zero value is one that nobody uses. It is safe for several goroutines.
type Uses struct {
	mu     sync.Mutex
	n      int
	closed bool
}

// Begin begins a use, unless the owner has closed the thing; it reports whether it did.
func (u *Uses) Begin() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return false
	}
	u.n++
	return true
}

// End ends a use. It reports whether the caller must close the thing now.
func (u *Uses) End() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.n--
	return u.closed && u.n == 0
}

// Close is for the owner. It reports whether the caller must close the thing now.
func (u *Uses) Close() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return false
	}
	u.closed = true
	return u.n == 0
}
