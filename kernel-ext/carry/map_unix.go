//go:build linux || darwin

package carry

import (
	"os"
	"syscall"
)

// canMap says whether this system maps files.
const canMap = true

// mapFile maps a file: for values to lie in, private to this process, or to compare with. The mapping stays as long as the process:
// nothing tells when the last slice of it is gone.
func mapFile(f *os.File, size int, private bool) ([]byte, error) {
	prot, flags := syscall.PROT_READ, syscall.MAP_SHARED
	if private {
		prot, flags = prot|syscall.PROT_WRITE, syscall.MAP_PRIVATE
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, size, prot, flags)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return b, nil
}

const noFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// ownedByOther reports whether a file belongs to another user.
func ownedByOther(info os.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) != os.Geteuid()
}

// hasModes says whether files have permissions that keep others out.
const hasModes = true

// alive reports whether there is a process of this number.
func alive(pid int) bool { return pid > 0 && syscall.Kill(pid, 0) != syscall.ESRCH }

// lockFile is locked while variables change their place.
const lockFile = ".lock"

// lockDir waits until no other process moves variables of a folder, and keeps others from it until unlock.
func lockDir(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(dir+"/"+lockFile, os.O_RDWR|os.O_CREATE|noFollow, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != syscall.EINTR {
			break
		}
	}
	if err != nil && err != syscall.ENOLCK && err != syscall.ENOTSUP {
		f.Close()
		return nil, os.NewSyscallError("flock", err)
	}
	return func() { f.Close() }, nil
}
