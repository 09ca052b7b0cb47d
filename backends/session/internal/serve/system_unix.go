//go:build unix

package serve

import (
	"os"
	"os/signal"
	"syscall"
)

// outlive lets the worker go on when the terminal of whoever needed it first is closed.
func outlive() { signal.Ignore(syscall.SIGHUP) }

// locked reports whether somebody holds the lock of a folder.
func locked(dir string) bool {
	f, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return false
	}
	defer f.Close() // gives the lock back that is taken here if nobody had it
	return syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == syscall.EWOULDBLOCK
}

// linked reports whether a file still has a name.
func linked(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink > 0
}
