//go:build unix

package serve

import (
	"os/signal"
	"syscall"
)

// outlive lets the worker go on when the terminal of whoever needed it first is closed.
func outlive() { signal.Ignore(syscall.SIGHUP) }
