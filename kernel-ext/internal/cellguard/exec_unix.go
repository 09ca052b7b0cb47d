//go:build unix

package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// become replaces this process by the real go command.
func become(program string, args []string) int {
	err := syscall.Exec(program, append([]string{program}, args...), os.Environ())
	fmt.Fprintln(os.Stderr, "cellguard:", err)
	return 2
}

// exitAs ends as the program ended: with its status, or by its signal, which gonb names.
func exitAs(state *os.ProcessState) int {
	status, ok := state.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return state.ExitCode()
	}
	s := status.Signal()
	if s != syscall.SIGKILL {
		signal.Reset(s)
		_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}) // one core file is enough
	}
	_ = syscall.Kill(os.Getpid(), s)
	select {} // until it arrives
}
