package display

import (
	"os"

	"golang.org/x/sys/unix"
)

// unread returns the number of bytes that were written to the pipe f and not read yet; not ok if f is no pipe.
func unread(f *os.File) (int, bool) {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return 0, false
	}
	n, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCINQ) // FIONREAD by its other name
	return n, err == nil
}
