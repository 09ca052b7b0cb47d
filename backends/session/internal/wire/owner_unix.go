//go:build linux || darwin

package wire

import (
	"os"
	"path/filepath"
	"syscall"

	"github.com/quire-ml/quire/internal/safefile"
)

// Lives reports whether the notebook of a folder lives: its kernel holds the folder's lock.
func Lives(dir string) bool {
	if !filepath.IsAbs(dir) || safefile.CheckPrivate(dir) != nil {
		return false
	}
	f, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return false
	}
	defer f.Close() // gives the lock back that is taken here if nobody had it
	return syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == syscall.EWOULDBLOCK
}

// Identify tells a file from others, and whether it still has a name.
func Identify(f *os.File) (id FileID, linked bool) {
	info, err := f.Stat()
	if err != nil {
		return id, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return id, false
	}
	return FileID{uint64(stat.Dev), stat.Ino}, stat.Nlink > 0
}
