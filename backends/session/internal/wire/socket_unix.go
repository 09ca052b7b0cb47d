//go:build linux || darwin

package wire

import (
	"errors"
	"io/fs"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// Unsupported returns what sessions need and this system lacks: nothing.
func Unsupported() error { return nil }

// ErrNobody is the error of a socket at which nobody listens: it was left by one who is dead.
var ErrNobody error = unix.ECONNREFUSED

// Dial connects to a socket.
func Dial(path string) (*Conn, error) {
	fd, err := newSocket()
	if err != nil {
		return nil, err
	}
	for {
		if err = unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != unix.EINTR {
			break
		}
	}
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		unix.Close(fd)
		return nil, &fs.PathError{Op: "connect", Path: path, Err: err}
	}
	return newConn(fd)
}

func newSocket() (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	return fd, err
}

// Listener accepts connections.
type Listener struct {
	file   *os.File
	raw    syscall.RawConn
	closed atomic.Bool
}

// backlog is how many connections wait to be accepted.
const backlog = 1024

// Listen makes a socket that only this user may use. Nothing may be at path.
func Listen(path string) (*Listener, error) {
	fd, err := newSocket()
	if err != nil {
		return nil, err
	}
	err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	if err == nil {
		err = unix.Chmod(path, 0o600) // before it listens: nobody can connect until then
	}
	if err == nil {
		err = unix.Listen(fd, backlog)
	}
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		unix.Close(fd)
		return nil, &fs.PathError{Op: "listen", Path: path, Err: err}
	}
	l := &Listener{file: os.NewFile(uintptr(fd), path)}
	if l.raw, err = l.file.SyscallConn(); err != nil {
		l.file.Close()
		return nil, err
	}
	return l, nil
}

// Accept waits for the next connection.
func (l *Listener) Accept() (*Conn, error) {
	fd := -1
	var failed error
	err := l.raw.Read(func(s uintptr) bool {
		for {
			syscall.ForkLock.RLock()
			if fd, _, failed = unix.Accept(int(s)); failed == nil {
				unix.CloseOnExec(fd)
			}
			syscall.ForkLock.RUnlock()
			if failed != unix.EINTR && failed != unix.ECONNABORTED {
				return failed != unix.EAGAIN
			}
		}
	})
	if err == nil {
		err = failed
	}
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		if fd >= 0 {
			unix.Close(fd)
		}
		return nil, err
	}
	return newConn(fd)
}

// Close ends Accept.
func (l *Listener) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	return l.file.Close()
}

// receive reads what there is, and the descriptors that come with it. If there is nothing it waits, or else returns errNothing.
func receive(raw syscall.RawConn, b []byte, wait bool) (n int, fds []int, err error) {
	var failed error
	var control [unix.SizeofCmsghdr + 4*(maxArrived+1)]byte
	controls := 0
	err = raw.Read(func(s uintptr) bool {
		for {
			n, controls, failed = recvmsg(int(s), b, control[:])
			if failed != unix.EINTR {
				return failed != unix.EAGAIN || !wait
			}
		}
	})
	if err == nil {
		err = failed
	}
	if errors.Is(err, unix.EAGAIN) {
		return 0, nil, errNothing
	}
	if errors.Is(err, unix.ECONNRESET) { // it ended with something unread: an end all the same
		return 0, nil, nil
	}
	if err != nil || controls == 0 {
		return max(n, 0), nil, err
	}
	messages, err := unix.ParseSocketControlMessage(control[:controls])
	for _, m := range messages {
		if got, no := unix.ParseUnixRights(&m); no == nil {
			fds = append(fds, got...)
		}
	}
	for _, fd := range fds {
		unix.CloseOnExec(fd)
	}
	return n, fds, err
}

// transmit writes all of b.
func transmit(raw syscall.RawConn, b []byte, fd int) error {
	var rights []byte
	if fd >= 0 {
		rights = unix.UnixRights(fd)
	}
	var failed error
	err := raw.Write(func(s uintptr) bool {
		for len(b) > 0 {
			n, err := sendmsg(int(s), b, rights)
			switch {
			case err == unix.EINTR:
			case err == unix.EAGAIN:
				return false
			case err != nil:
				failed = err
				return true
			default:
				b, rights = b[n:], nil
			}
		}
		return true
	})
	if err == nil {
		err = failed
	}
	return err
}

func closeDescriptor(fd int) { unix.Close(fd) }
