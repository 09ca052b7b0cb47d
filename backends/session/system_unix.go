//go:build unix

package session

import "syscall"

// alone detaches the worker from the terminal and the process group of who starts it.
func alone() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
