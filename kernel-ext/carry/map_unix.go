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

// statFile is what the system says of a file.
func statFile(f *os.File) (fileInfo, error) {
	return statOf("stat", f.Name(), func(s *syscall.Stat_t) error { return syscall.Fstat(int(f.Fd()), s) })
}

// statPath is what the system says of the file of a path, or of the link there.
func statPath(path string) (fileInfo, error) {
	return statOf("lstat", path, func(s *syscall.Stat_t) error { return syscall.Lstat(path, s) })
}

// namesIn returns the names of what is in a folder.
func namesIn(dir string) (names []string, err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, 8192)
	for {
		n, err := syscall.ReadDirent(int(f.Fd()), b)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return nil, &os.PathError{Op: "readdirent", Path: dir, Err: err}
		case n <= 0:
			return names, nil
		}
		_, _, names = syscall.ParseDirent(b[:n], -1, names)
	}
}

func rename(from, to string) error {
	err := syscall.Rename(from, to)
	for err == syscall.EINTR {
		err = syscall.Rename(from, to)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

func statOf(op, path string, ask func(*syscall.Stat_t) error) (fileInfo, error) {
	var s syscall.Stat_t
	err := ask(&s)
	for err == syscall.EINTR {
		err = ask(&s)
	}
	if err != nil {
		return fileInfo{}, &os.PathError{Op: op, Path: path, Err: err}
	}
	kind := s.Mode & syscall.S_IFMT
	return fileInfo{size: s.Size, used: changed(&s), regular: kind == syscall.S_IFREG, dir: kind == syscall.S_IFDIR, open: s.Mode&0o077 != 0,
		others: int(s.Uid) != os.Geteuid()}, nil
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
