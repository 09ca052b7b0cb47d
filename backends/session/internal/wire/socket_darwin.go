package wire

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sendmsg writes what there is room for. The runtime ignores the signal of a socket that is closed.
func sendmsg(socket int, b, rights []byte) (int, error) {
	return unix.SendmsgN(socket, b, rights, nil, 0)
}

// recvmsg reads what there is, and the control messages that came with it, of which it returns the number of bytes.
func recvmsg(socket int, b, control []byte) (n, controls int, err error) {
	n, controls, _, _, err = unix.Recvmsg(socket, b, control, 0)
	return n, controls, err
}

// peer returns who was at the other end when it was connected.
func peer(raw syscall.RawConn) (uid, pid int, err error) {
	var cred *unix.Xucred
	var failed error
	err = raw.Control(func(s uintptr) {
		if cred, failed = unix.GetsockoptXucred(int(s), unix.SOL_LOCAL, unix.LOCAL_PEERCRED); failed == nil {
			pid, failed = unix.GetsockoptInt(int(s), unix.SOL_LOCAL, unix.LOCAL_PEERPID)
		}
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return 0, 0, err
	}
	return int(cred.Uid), pid, nil
}

// newShared returns a file of size zero bytes whose name is removed at once.
func newShared(size int) (fd int, err error) {
	f, err := os.CreateTemp("", "quire-session-")
	if err != nil {
		return -1, err
	}
	defer f.Close()
	_ = os.Remove(f.Name())
	if err := f.Truncate(int64(size)); err != nil {
		return -1, err
	}
	return unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
}

// checkShared cannot ask here: the other end is the same user's, who could as well kill this process.
func checkShared(int) error { return nil }

const populate = 0

// PathOf returns the name that an open file has by now, "" if that is not known.
func PathOf(f *os.File) string {
	var path [1024]byte // MAXPATHLEN
	if _, _, errno := unix.Syscall(unix.SYS_FCNTL, f.Fd(), unix.F_GETPATH, uintptr(unsafe.Pointer(&path))); errno != 0 {
		return ""
	}
	return unix.ByteSliceToString(path[:])
}
