// Package arena hands out short slices, cut from longer ones: building and compiling a program takes several for each of its calls,
// and each would be an object of its own.
//
//	var lists arena.Of[int]
//	operands := arena.Take(&lists, 2)
//
// It has functions where others have methods: a package that names a type with an arena in it, such as a cell that names *graph.Node,
// compiles the arena's methods anew, and functions only where it calls them.
package arena

import "unsafe"

// Of hands out slices of one kind. Its zero value is ready. What was handed out is never taken back, and each slice keeps alive those
// that were cut from the same piece.
type Of[T any] struct {
	free []T
	next int
}

// most is how many bytes the longest piece has that is cut up: what is left of it in the end is lost, and longer ones cost more for each
// byte.
const most = 4 << 10

// Room begins a piece for so many elements, where their number is known.
func Room[T any](a *Of[T], n int) { a.free = make([]T, n) }

// Take returns n zero values, with no room behind them.
func Take[T any](a *Of[T], n int) []T {
	if len(a.free) < n {
		a.next = min(max(16, 2*a.next), most/max(1, int(unsafe.Sizeof(*new(T)))))
		a.free = make([]T, max(n, a.next))
	}
	list := a.free[:n:n]
	a.free = a.free[n:]
	return list
}

// One returns a zero value.
func One[T any](a *Of[T]) *T { return &Take(a, 1)[0] }

// List returns a slice of the given values, with no room behind them.
func List[T any](a *Of[T], values ...T) []T {
	list := Take(a, len(values))
	copy(list, values)
	return list
}

// Reused hands out slices as [Of] does, whose memory is used again after a [Reset]: for what is needed while one thing is made,
// where many are made. Its zero value is ready.
type Reused[T any] struct{ memory, free []T }

// Again returns n zero values, with no room behind them, which are the caller's until the next [Reset].
func Again[T any](r *Reused[T], n int) []T {
	if len(r.free) < n {
		r.memory = make([]T, max(64, 2*len(r.memory), n))
		r.free = r.memory
	}
	list := r.free[:n:n]
	r.free = r.free[n:]
	return list
}

// Reset takes back all that was handed out.
func Reset[T any](r *Reused[T]) {
	clear(r.memory[:len(r.memory)-len(r.free)])
	r.free = r.memory
}

// Len returns how many values there is memory for.
func Len[T any](r *Reused[T]) int { return len(r.memory) }
