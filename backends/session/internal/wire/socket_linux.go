package wire

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	receiveFlags = unix.MSG_CMSG_CLOEXEC
	sendFlags    = unix.MSG_NOSIGNAL
)

// peer returns who was at the other end when it was connected.
func peer(raw syscall.RawConn) (uid, pid int, err error) {
	var cred *unix.Ucred
	var failed error
	err = raw.Control(func(s uintptr) { cred, failed = unix.GetsockoptUcred(int(s), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err == nil {
		err = failed
	}
	if err != nil {
		return 0, 0, err
	}
	return int(cred.Uid), int(cred.Pid), nil
}

// newShared returns a file of memory that has no name, of size zero bytes, and cannot be made smaller: whoever has it mapped would
// be killed.
func newShared(size int) (fd int, err error) {
	fd, err = unix.MemfdCreate("quire session", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return -1, err
	}
	if err = unix.Ftruncate(fd, int64(size)); err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// checkShared returns an error if the other end could take memory away that is mapped here.
func checkShared(fd int) error {
	seals, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	if err != nil || seals&unix.F_SEAL_SHRINK == 0 {
		return errors.New("shared memory is not sealed against becoming smaller")
	}
	return nil
}

// populate has all pages mapped at once: one call rather than a fault for each.
const populate = unix.MAP_POPULATE

// PathOf returns the name that an open file has by now, "" if that is not known.
func PathOf(f *os.File) string {
	path, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	if err != nil {
		return ""
	}
	return path
}
