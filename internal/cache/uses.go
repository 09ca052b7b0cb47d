package cache

import "sync/atomic"

// Uses counts the uses of a thing with one owner. It says when to close the thing: once, after the owner has closed
// it and the last use has ended. The zero value is one that nobody uses. It is safe for several goroutines, which never
// wait for each other.
type Uses struct {
	state atomic.Int64 // twice the number of uses, plus one if the owner has closed the thing
}

// Begin begins a use, unless the owner has closed the thing; it reports whether it did.
func (u *Uses) Begin() bool {
	for {
		s := u.state.Load()
		if s&1 != 0 {
			return false
		}
		if u.state.CompareAndSwap(s, s+2) {
			return true
		}
	}
}

// End ends a use. It reports whether the caller must close the thing now.
func (u *Uses) End() bool { return u.state.Add(-2) == 1 }

// Close is for the owner. It reports whether the caller must close the thing now.
func (u *Uses) Close() bool {
	for {
		s := u.state.Load()
		if s&1 != 0 {
			return false
		}
		if u.state.CompareAndSwap(s, s|1) {
			return s == 0
		}
	}
}
