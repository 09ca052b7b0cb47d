package main

import (
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
	"unsafe"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
)

// ownGroup gives a program a process group of its own, and ends it when the guard is killed.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// signalGroup sends a signal to a program and what it has started.
func signalGroup(p *os.Process, s os.Signal) {
	if sig, ok := s.(syscall.Signal); ok {
		_ = syscall.Kill(-p.Pid, sig)
	}
}

// narrow makes a pipe so small that gonb, which reads 32 kB at once, always reads all of it: then no read ends in the
// middle of what was written at once.
func narrow(f *os.File) {
	const setPipeSize = 1031 // F_SETPIPE_SZ of fcntl(2)
	if raw, err := f.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _, _, _ = syscall.Syscall(syscall.SYS_FCNTL, fd, setPipeSize, 32<<10) })
	}
}

// peeker reads a program's stdout so that it stays in the program's pipe until gonb has read it: package viz waits for an
// empty pipe before it shows something, so that this comes after what was printed before. Pictures take another way than
// text, on which there is no guard.
type peeker struct {
	from, to     *os.File
	copied, copy *os.File // a pipe of ours for what is copied and not taken yet
	n            int      // how much that is
}

// newPeeker returns nil if there cannot be one.
func newPeeker(from, to *os.File) *peeker {
	r, w, err := os.Pipe()
	if err != nil {
		return nil
	}
	return &peeker{from: from, to: to, copied: r, copy: w}
}

// peek reads what there is without taking it; it waits if there is nothing.
func (p *peeker) peek(buf []byte) (n int, err error) {
	raw, err := p.from.SyscallConn()
	if err != nil {
		return 0, err
	}
	to, err := p.copy.SyscallConn()
	if err != nil {
		return 0, err
	}
	const nonblock = 2 // SPLICE_F_NONBLOCK of tee(2)
	var size int64
	var teed error
	if err := raw.Read(func(fd uintptr) bool {
		_ = to.Control(func(dst uintptr) { size, teed = syscall.Tee(int(fd), int(dst), len(buf), nonblock) })
		return teed != syscall.EAGAIN && teed != syscall.EINTR
	}); err != nil {
		return 0, err
	}
	if teed != nil {
		return 0, teed
	}
	if size == 0 {
		return 0, io.EOF
	}
	p.n = int(size)
	return io.ReadFull(p.copied, buf[:p.n])
}

// consume takes what was read last, once gonb has it.
func (p *peeker) consume() {
	pause := 20 * time.Microsecond
	for end := time.Now().Add(time.Second); unread(p.to) > 0 && time.Now().Before(end); time.Sleep(pause) {
		pause = min(2*pause, time.Millisecond)
	}
	buf := make([]byte, p.n)
	for p.n > 0 { // not by Read: its deadline may have come, and the bytes are there
		n := cells.Unread(p.from, buf[:p.n])
		if n == 0 {
			return
		}
		p.n -= n
	}
}

// unread returns how much of what was written to a pipe is not read yet.
func unread(f *os.File) (n int) {
	if raw, err := f.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			var size int32
			if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCINQ, uintptr(unsafe.Pointer(&size))); errno == 0 {
				n = int(size)
			}
		})
	}
	return n
}
