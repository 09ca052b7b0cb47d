// Package guard turns what goes wrong in functions of the user into errors.
package guard

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/quire-ml/quire/internal/frames"
	"github.com/quire-ml/quire/internal/mapped"
)

// ErrGoexit is what a function came to that ended its goroutine (runtime.Goexit), as FailNow of a test does.
var ErrGoexit = errors.New("it ended its goroutine with runtime.Goexit: return an error instead")

// Call calls fn, and turns a panic into an error that names the line; so it does with reads of a mapped file that was cut. A Goexit goes on.
func Call(fn func() error) (err error) {
	old := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(old)
		if r := recover(); r != nil {
			err = Panic(r)
		}
	}()
	return fn()
}

// Panic returns the error for what recover returned. It is called while recovering.
func Panic(r any) error {
	if err := mapped.Error(r); err != nil {
		r = err
	}
	if e, ok := r.(error); ok {
		return fmt.Errorf("panic%s: %w", line(), e)
	}
	return fmt.Errorf("panic%s: %v", line(), r)
}

// line returns " at main.go:12" of the function that panicked: of the first of those that a recover and another panic
// passed on. It is the user's own line, or, of a panic that came through none of theirs, that of the panic.
func line() (at string) {
	pcs := make([]uintptr, 64)
	panicking, users := false, false
	for _, f := range frames.Of(pcs[:runtime.Callers(2, pcs)]) {
		switch {
		case f.Function == "runtime.gopanic":
			panicking, users, at = true, false, ""
		case !panicking || users || strings.HasPrefix(f.Function, "runtime."):
		case at == "" || frames.IsUser(f):
			at, users = " at "+frames.Place(f.File, f.Line), frames.IsUser(f)
		}
	}
	return at
}

// Apart calls fn on a goroutine of its own and waits for it, so that a Goexit, too, is an error ([ErrGoexit]), and the caller goes on. It takes
// about a microsecond.
func Apart(fn func() error) error {
	ended := make(chan error, 1)
	go func() {
		err := ErrGoexit
		defer func() { ended <- err }()
		err = Call(fn)
	}()
	return <-ended
}
