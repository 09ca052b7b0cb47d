//go:build unix

package cells

import (
	"os"
	"syscall"
)

// Unread reads what a pipe holds, without waiting and whatever its deadline is; 0 means that there is nothing.
func Unread(pipe *os.File, buf []byte) (n int) {
	raw, err := pipe.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		if n, err = syscall.Read(int(fd), buf); err != nil { // files of Go do not wait in the kernel
			n = 0
		}
	})
	return n
}
