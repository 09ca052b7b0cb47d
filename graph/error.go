package graph

import (
	"errors"
	"fmt"
	"strings"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/frames"
)

// Error reports a call that cannot be part of a graph: the user's line, the op, the shapes that met,
// and what is wrong with them. Building a graph panics with it; entry points ([Exec], [Graph.Compile],
// [Catch]) return it.
type Error struct {
	Op  string         // the op called, "" outside of one
	In  []shapes.Shape // the operands' shapes
	Err error          // what is wrong and, if likely, what to do
	pcs []uintptr
}

// Error writes everything in one sentence, such as
//
//	main.go:12: MatMul [32 784] · [10 784]: inner axes differ: 784 against 10
//
// In a notebook's cell the place is In[3]:5, line 5 of the cell with that execution count.
func (e *Error) Error() string {
	var b strings.Builder
	if where := e.Where(); where != "" {
		b.WriteString(where + ": ")
	}
	if e.Op != "" {
		b.WriteString(e.Op)
		dtype := false
		for _, s := range e.In {
			dtype = dtype || s.DType != e.In[0].DType
		}
		for i, s := range e.In {
			switch {
			case i > 0:
				b.WriteString(" · ")
			default:
				b.WriteString(" ")
			}
			if dtype || len(e.In) == 1 {
				b.WriteString(s.String())
			} else {
				b.WriteString(s.Dims())
			}
		}
		b.WriteString(": ")
	}
	b.WriteString(e.Err.Error())
	return b.String()
}

// Unwrap returns what is wrong, without the place.
func (e *Error) Unwrap() error { return e.Err }

// Where returns the user's own line, such as "main.go:12", "" if it is not known.
func (e *Error) Where() string { return callers(e.pcs).String() }

// Trace returns the stack of calls that led to the error, innermost first, a line each.
func (e *Error) Trace() string { return trace(e.pcs) }

// Callers returns the program counters of the calls that led to the error, innermost first, for
// [runtime.CallersFrames].
func (e *Error) Callers() []uintptr { return e.pcs }

// Errorf panics with an [Error] at the caller's place. It is for functions that build graphs, such as
// layers, whose arguments are wrong.
func Errorf(format string, args ...any) {
	panic(&Error{Err: fmt.Errorf(format, args...), pcs: callSite()})
}

// Catch runs fn, which builds a graph, and returns the [Error] that it panicked with, if any. Another panic, a mistake
// in fn such as an index out of range, is returned as an [Error] too, at the place where it happened. It is the one
// place where panics become error values.
func Catch(fn func()) (err error) {
	if fn == nil {
		return &Error{Err: errors.New("the function to catch errors of is nil"), pcs: callSite()}
	}
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*Error)
			if !ok {
				e = &Error{Err: panicked(r), pcs: callSite()} // the stack that panicked is still there
			}
			err = e
		}
	}()
	fn()
	return nil
}

// panicked is what fn of [Catch] panicked with, as an error.
func panicked(r any) error {
	if err, ok := r.(error); ok {
		return fmt.Errorf("the function panicked: %w", err)
	}
	return fmt.Errorf("the function panicked: %v", r)
}

// AsError returns err as an [Error], if there is one in its chain.
func AsError(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}

// callSite returns the program counters of the caller's stack.
//
//go:noinline
func callSite() []uintptr {
	var pcs [frames.MaxCalls]uintptr
	n := frames.Callers(pcs[:])
	return append([]uintptr(nil), pcs[:n]...)
}

// Here returns the place in the user's own code from which it is called, directly or through Quire's: what the errors of this
// package name. It is the zero Position if none of the callers is the user's.
func Here() Position { return callers(callSite()) }

// callers returns the innermost place in the user's own code, the zero Position if there is none.
func callers(pcs []uintptr) Position { return ir.SiteOfCalls(pcs).Place() }

func trace(pcs []uintptr) string {
	var b strings.Builder
	for _, f := range frames.Of(pcs) {
		at := fmt.Sprintf("%s:%d", f.File, f.Line)
		if place := frames.Cell(f.File, f.Line); place != "" {
			at = place
		}
		fmt.Fprintf(&b, "%s\n\t%s\n", f.Function, at)
	}
	return b.String()
}
