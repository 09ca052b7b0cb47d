//go:build linux || darwin

package display

import (
	"io"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/quire-ml/quire/internal/cellwire"
)

// dialSocket connects to a Unix socket. Package net would do the same, at a price that every cell would pay.
func dialSocket(path string) (*os.File, error) {
	syscall.ForkLock.RLock()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, err
	}
	if err = unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err == nil {
		err = unix.SetNonblock(fd, true) // so that deadlines hold
	}
	if err != nil {
		unix.Close(fd)
		return nil, &os.PathError{Op: "connect", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// leash is the file by which the guard of cells and this program know of one another; nil without a guard.
var leash *os.File

// The guard has the program killed when its own process dies, which a program that stays behind must not be. Only the main
// thread can undo that, and only here is it sure to be the one that runs. The leash does it from then on.
func init() {
	fd, err := strconv.Atoi(os.Getenv(cellwire.LeashEnv))
	os.Unsetenv(cellwire.LeashEnv) // it is not that of programs that this one starts
	var info unix.Stat_t
	if err != nil || fd < 3 || unix.Fstat(fd, &info) != nil || info.Mode&unix.S_IFMT != unix.S_IFSOCK || unix.SetNonblock(fd, true) != nil {
		return
	}
	unix.CloseOnExec(fd)
	leash = os.NewFile(uintptr(fd), "leash")
	outliveGuard()
	go hold(leash)
}

// hold ends the program with its guard, unless it is loose.
func hold(f *os.File) {
	_, _ = io.Copy(io.Discard, f)
	if !loose.Load() {
		_ = unix.Kill(os.Getpid(), unix.SIGKILL)
	}
}

// ownSession takes the program out of reach of signals to the cells that run.
func ownSession() { _, _ = unix.Setsid() }
