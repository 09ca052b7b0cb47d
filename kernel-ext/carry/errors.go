package carry

import (
	"errors"
	"io"
	"io/fs"
	"reflect"
)

// carriedError is an error of a type that a later cell does not know: its text, and which well-known errors it is.
type carriedError struct {
	text string
	is   uint32 // bits, by place in wellKnown
}

// wellKnown are the errors of the standard library that programs compare with. Their order is part of the files' format.
var wellKnown = []error{io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, fs.ErrInvalid, fs.ErrClosed, errors.ErrUnsupported}

var errorInfo = infoOf(reflect.TypeFor[carriedError]())

func textOf(err error) *carriedError {
	e := &carriedError{text: errorText(err)}
	for i, known := range wellKnown {
		if errors.Is(err, known) {
			e.is |= 1 << i
		}
	}
	return e
}

// errorText returns what an error says. Its method is the user's, and may panic on a value that is half made.
func errorText(err error) (text string) {
	defer func() {
		if recover() != nil {
			text = "an error (" + reflect.TypeOf(err).String() + ") whose text could not be had"
		}
	}()
	return err.Error()
}

func (e *carriedError) Error() string { return e.text }

// Is reports whether the error was, or wrapped, one of those that programs compare with.
func (e *carriedError) Is(target error) bool {
	for i, known := range wellKnown {
		if e.is&(1<<i) != 0 && target == known {
			return true
		}
	}
	return false
}

// value returns the error that a later cell has: the well-known one itself where it is nothing else.
func (e *carriedError) value() error {
	for i, known := range wellKnown {
		if e.is == 1<<i && e.text == known.Error() {
			return known
		}
	}
	return e
}
