package graph

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/quire-ml/quire/graph/shapes"
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
	panic(&Error{Err: fmt.Errorf(format, args...), pcs: callSite(nil)})
}

// Catch runs fn, which builds a graph, and returns the [Error] that it panicked with, if any. Another panic, a mistake
// in fn such as an index out of range, is returned as an [Error] too, at the place where it happened. It is the one
// place where panics become error values.
func Catch(fn func()) (err error) {
	if fn == nil {
		return &Error{Err: errors.New("the function to catch errors of is nil"), pcs: callSite(nil)}
	}
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*Error)
			if !ok {
				e = &Error{Err: panicked(r), pcs: callSite(nil)} // the stack that panicked is still there
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

const maxFrames = 40 // a step of training has some 35 between its caller and an op

// callSite returns the program counters of the caller's stack, or those that g lends to nodes made
// on behalf of another node.
func callSite(g *Graph) []uintptr {
	if g != nil && g.site != nil {
		return g.site
	}
	var pcs [maxFrames]uintptr
	n := runtime.Callers(3, pcs[:])
	return append([]uintptr(nil), pcs[:n]...)
}

// Position is a place in a source file.
type Position struct {
	File     string // as the compiler knew it
	Line     int
	Function string
}

// String writes the position as "file.go:12", with the file's last element only. A line of a notebook's cell is
// written as front ends count them, "In[3]:5".
func (p Position) String() string {
	if p.File == "" {
		return ""
	}
	if place := p.cell(); place != "" {
		return place
	}
	return fmt.Sprintf("%s:%d", filepath.Base(p.File), p.Line)
}

// module is the import path below which code counts as Quire's own.
const module = "github.com/quire-ml/quire/"

// isOurs reports whether a frame is Quire's library code: not a test, an example or a tutorial.
func isOurs(f runtime.Frame) bool {
	return strings.HasPrefix(f.Function, module) && !strings.HasSuffix(f.File, "_test.go") &&
		!strings.HasPrefix(f.Function, module+"examples/")
}

// callers returns the innermost place outside Quire, the zero Position if there is none.
func callers(pcs []uintptr) Position {
	if len(pcs) == 0 {
		return Position{}
	}
	frames := runtime.CallersFrames(pcs)
	for {
		f, more := frames.Next()
		if f.Function != "" && !isOurs(f) && !strings.HasPrefix(f.Function, "reflect.") && !strings.HasPrefix(f.Function, "runtime.") && !strings.HasPrefix(f.Function, "testing.") {
			return Position{File: f.File, Line: f.Line, Function: f.Function}
		}
		if !more {
			return Position{}
		}
	}
}

func trace(pcs []uintptr) string {
	if len(pcs) == 0 {
		return ""
	}
	var b strings.Builder
	frames := runtime.CallersFrames(pcs)
	for {
		f, more := frames.Next()
		at := fmt.Sprintf("%s:%d", f.File, f.Line)
		if place := (Position{File: f.File, Line: f.Line}).cell(); place != "" {
			at = place
		}
		fmt.Fprintf(&b, "%s\n\t%s\n", f.Function, at)
		if !more {
			return b.String()
		}
	}
}

// SourceLine returns the text of the line at p, "" if the file cannot be read (any more).
func (p Position) SourceLine() string {
	data, err := os.ReadFile(p.File)
	if err != nil {
		return ""
	}
	lines := strings.Split(string(data), "\n")
	if p.Line < 1 || p.Line > len(lines) {
		return ""
	}
	return strings.TrimSpace(lines[p.Line-1])
}
