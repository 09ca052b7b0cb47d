//go:build !linux && !darwin

package wire

import (
	"errors"
	"syscall"
)

// Unsupported returns what sessions need and this system lacks.
func Unsupported() error { return errUnsupported }

var errUnsupported = errors.New("sessions need Unix sockets that tell who is at the other end, and shared memory: this system is neither Linux nor macOS: take the engine itself, such as go")

// ErrNobody is the error of a socket at which nobody listens.
var ErrNobody = errors.New("nobody listens")

// Dial says what is missing.
func Dial(string) (*Conn, error) { return nil, errUnsupported }

// Listener accepts connections where there are any.
type Listener struct{}

// Listen says what is missing.
func Listen(string) (*Listener, error) { return nil, errUnsupported }

// Accept says what is missing.
func (*Listener) Accept() (*Conn, error) { return nil, errUnsupported }

// Close does nothing: there is no listener.
func (*Listener) Close() error { return nil }

func receive(syscall.RawConn, []byte, bool) (int, []int, error) { return 0, nil, errUnsupported }

func transmit(syscall.RawConn, []byte, int) error { return errUnsupported }

func closeDescriptor(int) {}

func peer(syscall.RawConn) (uid, pid int, err error) { return 0, 0, errUnsupported }

func newSegment(int) ([]byte, int, error) { return nil, -1, errUnsupported }

func mapSegment(int, int) ([]byte, error) { return nil, errUnsupported }

func unmap([]byte) {}
