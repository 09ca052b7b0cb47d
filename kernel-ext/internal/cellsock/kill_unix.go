//go:build unix

package cellsock

import (
	"os"
	"syscall"
)

func kill(pid int) {
	if pid > 1 && pid != os.Getpid() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}
