//go:build unix

package safefile

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// checkOwner returns an error unless path belongs to this user or to root.
func checkOwner(path string, info fs.FileInfo) error {
	if s, ok := info.Sys().(*syscall.Stat_t); ok && s.Uid != 0 && int(s.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to another user (number %d)", path, s.Uid)
	}
	return nil
}

// checkClosed returns an error if others may write into path. The group may where it is the user's own, as where
// each user has one.
func checkClosed(path string, info fs.FileInfo) error {
	s, ok := info.Sys().(*syscall.Stat_t)
	mode := info.Mode()
	foreign := ok && int(s.Gid) != os.Getegid()
	open := mode.Perm()&0o002 != 0 || mode.Perm()&0o020 != 0 && foreign
	if open && !(mode.IsDir() && mode&fs.ModeSticky != 0) {
		return fmt.Errorf("%s can be changed by other users (mode %v): chmod go-w %[1]s if they have not", path, mode)
	}
	return nil
}

// checkSticky returns an error if everybody may rename what is in the directory path.
func checkSticky(path string, info fs.FileInfo) error {
	if mode := info.Mode(); mode.Perm()&0o002 != 0 && mode&fs.ModeSticky == 0 {
		return fmt.Errorf("everybody can exchange what is in %s (mode %v, no sticky bit)", path, mode)
	}
	return nil
}
