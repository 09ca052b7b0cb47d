package main

import (
	"os"
	"os/exec"
	"syscall"
)

// dieTogether ends the program when the guard is killed.
func dieTogether(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// narrow makes a pipe so small that gonb, which reads 32 kB at once, always reads all of it: then no read ends in the
// middle of what was written at once.
func narrow(f *os.File) {
	const setPipeSize = 1031 // F_SETPIPE_SZ of fcntl(2)
	if raw, err := f.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _, _, _ = syscall.Syscall(syscall.SYS_FCNTL, fd, setPipeSize, 32<<10) })
	}
}
