//go:build !unix

package session

import "syscall"

func alone() *syscall.SysProcAttr { return nil }
