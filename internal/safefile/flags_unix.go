//go:build unix

package safefile

import (
	"io/fs"
	"syscall"
)

const (
	nonBlock = syscall.O_NONBLOCK // without it, opening a named pipe waits for who writes into it
	noFollow = syscall.O_NOFOLLOW
)

// ownerOf returns the number of the user to whom a file belongs.
func ownerOf(info fs.FileInfo) (uid int, ok bool) {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid), true
	}
	return 0, false
}
