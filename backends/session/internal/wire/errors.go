package wire

import (
	"context"
	"errors"
	"fmt"
)

// Cause says of an error which of those that callers look for it is.
type Cause byte

// The causes of errors.
const (
	Other    Cause = iota
	Canceled       // [context.Canceled]
	Deadline       // [context.DeadlineExceeded]
	Unknown        // a program, a value or a name that the other end does not have
	causes
)

// Error is an error that came from the other end: the text is that of the error there, and so is the cause.
type Error struct {
	Cause Cause
	Text  string
}

func (e *Error) Error() string { return e.Text }

// Unwrap returns the context's error that it is.
func (e *Error) Unwrap() error {
	switch e.Cause {
	case Canceled:
		return context.Canceled
	case Deadline:
		return context.DeadlineExceeded
	}
	return nil
}

// Unknownf returns an error for what is not there.
func Unknownf(format string, args ...any) error { return &Error{Unknown, fmt.Sprintf(format, args...)} }

// IsUnknown reports whether err says that something is not there.
func IsUnknown(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Cause == Unknown
}

// Err writes an error.
func (w *Writer) Err(err error) {
	var e *Error
	cause := Other
	switch {
	case errors.As(err, &e):
		cause = e.Cause
	case errors.Is(err, context.Canceled):
		cause = Canceled
	case errors.Is(err, context.DeadlineExceeded):
		cause = Deadline
	}
	text := err.Error()
	if cut := MaxBody / 2; len(text) > cut { // of a program whose names have megabytes
		text = text[:cut] + "…"
	}
	w.Uint(uint64(cause))
	w.Text(text)
}

// Error reads an error.
func (r *Reader) Error() *Error {
	cause, text := r.Uint(), r.Text()
	if cause >= uint64(causes) {
		r.fail(fmt.Errorf("a frame has an error of the cause %d", cause))
	}
	return &Error{Cause(cause), text}
}
