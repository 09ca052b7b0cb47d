//go:build unix

package zmtp

import "syscall"

// closed gives a socket that is not bound yet its mode: on Linux the file at its path has it from the first moment.
func closed(_, _ string, raw syscall.RawConn) error {
	return raw.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), 0o600) })
}
