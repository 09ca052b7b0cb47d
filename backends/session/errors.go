package session

import (
	"errors"
	"fmt"
)

// LostError says that a worker has ended, and with it what it held.
type LostError struct {
	Device string // such as "xla:cpu"
	What   string // what is lost, or what was being done
	Why    string // how the worker ended, as far as that is known
}

// Error is one sentence.
func (e *LostError) Error() string {
	return fmt.Sprintf("session:%s: %s: %s: what it held is gone, and the next call starts a new one", e.Device, e.What, e.Why)
}

// IsLost reports whether err says that a worker has ended.
func IsLost(err error) bool {
	var lost *LostError
	return errors.As(err, &lost)
}

var errClosed = errors.New("the session backend is closed")
