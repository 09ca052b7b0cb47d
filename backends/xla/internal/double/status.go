//go:build cgo && (linux || darwin)

package double

// #include "table.h"
import "C"

import (
	"errors"
	"fmt"
	"unsafe"
)

// Code is the code of an error, as the interface numbers them.
type Code int

// The codes that plugins use.
const (
	OK                 Code = 0
	Cancelled          Code = 1
	Unknown            Code = 2
	InvalidArgument    Code = 3
	DeadlineExceeded   Code = 4
	NotFound           Code = 5
	ResourceExhausted  Code = 8
	FailedPrecondition Code = 9
	Aborted            Code = 10
	OutOfRange         Code = 11
	Unimplemented      Code = 12
	Internal           Code = 13
	Unavailable        Code = 14
	DataLoss           Code = 15
)

// status is an error as a plugin reports it.
type status struct {
	code      Code
	text      string
	violation bool // and a mistake to be noted
}

func (s *status) Error() string { return s.text }

func errorf(code Code, format string, args ...any) error {
	return &status{code: code, text: fmt.Sprintf(format, args...)}
}

// violation returns the error for a mistake that is to be noted.
func violation(format string, args ...any) error {
	return &status{code: InvalidArgument, text: fmt.Sprintf(format, args...), violation: true}
}

// statusOf returns err as a status, INTERNAL if it is none.
func statusOf(err error) *status {
	var s *status
	if errors.As(err, &s) {
		return s
	}
	return &status{code: Internal, text: err.Error()}
}

// failure is an error that the caller holds.
type failure struct {
	code Code
	text *C.char
	size int
}

func (*failure) kind() kind { return anError }

func (f *failure) free(*Double) { C.free(unsafe.Pointer(f.text)) }

// newError returns the handle of an error.
func (d *Double) newError(err error) uintptr {
	s := statusOf(err)
	return d.issue(&failure{s.code, C.CString(s.text), len(s.text)})
}

func init() {
	handle(C.SLOT_PJRT_Error_Destroy, func(d *Double, a *C.PJRT_Error_Destroy_Args) error {
		return destroy[*failure](d, a.error)
	})
	handle(C.SLOT_PJRT_Error_Message, func(d *Double, a *C.PJRT_Error_Message_Args) error {
		f, err := get[*failure](d, a.error)
		if err != nil {
			a.message, a.message_size = nil, 0
			return err
		}
		a.message, a.message_size = f.text, C.size_t(f.size)
		return nil
	})
	handle(C.SLOT_PJRT_Error_GetCode, func(d *Double, a *C.PJRT_Error_GetCode_Args) error {
		f, err := get[*failure](d, a.error)
		if err == nil {
			a.code = C.PJRT_Error_Code(f.code)
		}
		return err
	})
	handle(C.SLOT_PJRT_Error_ForEachPayload, func(d *Double, a *C.PJRT_Error_ForEachPayload_Args) error {
		_, err := get[*failure](d, a.error) // errors of the double have no payloads
		return err
	})
}
