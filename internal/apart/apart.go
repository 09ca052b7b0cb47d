// Package apart calls functions of a user's on goroutines of their own, which these may end. Where an engine calls one on a goroutine that
// has more to do, runtime.Goexit, which FailNow of a test is, would end that too: who waits for it would wait for ever.
package apart

import (
	"errors"
	"runtime/debug"
)

// ErrGoexit is what a function came to that ended its goroutine.
var ErrGoexit = errors.New("it ended its goroutine with runtime.Goexit, as FailNow of a test does: return an error, or panic, instead")

// Panic is how a function ended that did not return.
type Panic struct {
	Value any    // what it panicked with; [ErrGoexit] if it did not
	Stack string // where
}

// Call calls fn on a goroutine of its own, and returns when that has ended: nil if fn has returned.
func Call(fn func()) *Panic {
	ended := make(chan *Panic, 1)
	go call(fn, ended)
	return <-ended
}

func call(fn func(), ended chan<- *Panic) {
	p := &Panic{Value: ErrGoexit}
	defer func() {
		if r := recover(); r != nil {
			p = &Panic{r, string(debug.Stack())}
		}
		ended <- p
	}()
	fn()
	p = nil
}
