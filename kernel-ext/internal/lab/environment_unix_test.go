//go:build unix

package lab

import "syscall"

func init() {
	marks["pipe"] = func(path string) error { return syscall.Mkfifo(path, 0o644) }
}
