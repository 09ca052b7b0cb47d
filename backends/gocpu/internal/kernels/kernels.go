// Package kernels holds the loops that the engine runs: plain Go over slices of bytes that are seen as
// slices of elements. A kernel is made when a program is compiled, by a function that knows shapes and
// attributes, and is called at each run with the memory of operands and results. Made kernels hold no
// state, so several runs may use one at once.
//
// A kernel that meets a value without an answer (an integer division by zero) panics with an error,
// which the engine turns into the error of the run.
package kernels

import (
	"context"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/parallel"
)

// Args is what one call of a kernel works on. It belongs to one call at a time.
type Args struct {
	Out, In  [][]byte
	Scratch  []byte // as many bytes as the kernel asked for, undefined
	From, To int    // offsets in elements that Moves adds to where it reads and writes; 0 but within a kernel
	Workers  int    // how many goroutines may work on it; Scratch is for as many

	Context context.Context // of the run, for kernels of others that wait

	loop parallel.Loop[Args]
	each func(lo, hi int) // of the loop that Each runs
}

// Func is a kernel ready to be called.
type Func func(a *Args)

// Body is a piece of a kernel's work: the elements lo to hi of its loop, on goroutine number worker.
type Body = parallel.Body[Args]

// EndWith makes loops end early, their results undefined, once done is closed; nil for never.
func (a *Args) EndWith(done <-chan struct{}) { a.loop.Done = done }

// Ended reports whether the call may end early; for bodies with long work of one piece.
func (a *Args) Ended() bool { return a.loop.Ended() }

// For runs body over 0 to n in chunks of grain, in any order, on all workers.
func (a *Args) For(n, grain int, body Body) { a.loop.For(a.Workers, n, grain, a, body) }

// InOrder runs body over 0 to n in chunks of grain, one after the other.
func (a *Args) InOrder(n, grain int, body Body) { a.loop.InOrder(n, grain, a, body) }

// Each runs a body that knows nothing of Args, as kernels of others bring it, over 0 to n in chunks of grain, in any order, on all
// workers. Within such a body it goes over the chunks one after the other.
func (a *Args) Each(n, grain int, body func(lo, hi int)) {
	if a.each != nil {
		grain = max(grain, 1)
		for lo := 0; lo < n && !a.Ended(); lo += min(grain, n-lo) {
			body(lo, lo+min(grain, n-lo))
		}
		return
	}
	a.each = body
	defer func() { a.each = nil }()
	a.For(n, grain, eachChunk)
}

func eachChunk(a *Args, _, lo, hi int) { a.each(lo, hi) }

// Of sees bytes as elements.
func Of[T any](b []byte) []T {
	var zero T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(zero)))
}

// Bytes sees elements as bytes.
func Bytes[T any](v []T) []byte {
	var zero T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*int(unsafe.Sizeof(zero)))
}

// Nothing is the kernel of results without elements.
func Nothing(*Args) {}

// copyGrain is how many bytes a chunk of pure copying has: enough to hide the hand-over (about 1 µs),
// little enough to balance.
const copyGrain = 128 << 10

// Copy copies the operand's bytes to the result, which may be the same memory.
func Copy(a *Args) {
	if unsafe.SliceData(a.In[0]) != unsafe.SliceData(a.Out[0]) {
		a.For(len(a.Out[0]), copyGrain, copyBytes)
	}
}

func copyBytes(a *Args, _, lo, hi int) { copy(a.Out[0][lo:hi], a.In[0][lo:hi]) }

// Choose copies the second operand's bytes to the result if the first, a bool, holds, else the third's. The result may be the
// memory of one of them: then there is nothing to do if that is chosen.
func Choose(a *Args) {
	from := a.In[2]
	if a.In[0][0] != 0 {
		from = a.In[1]
	}
	if unsafe.SliceData(from) == unsafe.SliceData(a.Out[0]) {
		return
	}
	a.For(len(a.Out[0]), copyGrain, copyChosen)
}

func copyChosen(a *Args, _, lo, hi int) {
	from := a.In[2]
	if a.In[0][0] != 0 {
		from = a.In[1]
	}
	copy(a.Out[0][lo:hi], from[lo:hi])
}

// sizeOf returns the size of an element in bytes.
func sizeOf[T any]() int { return int(unsafe.Sizeof(*new(T))) }
