package wire

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// quick is up to how many bytes the system copies within some microseconds.
const quick = 64 << 10

// sendmsg writes what there is room for. The runtime is not told of calls that end at once: whoever tells it of each has its watcher look every
// 20 µs, which costs as much as a step's other work for the session.
func sendmsg(socket int, b, rights []byte) (int, error) {
	if len(b) > quick {
		return unix.SendmsgN(socket, b, rights, nil, sendFlags)
	}
	var part unix.Iovec
	m := message(&part, b, rights)
	return messaged(unix.RawSyscall(unix.SYS_SENDMSG, uintptr(socket), uintptr(unsafe.Pointer(&m)), sendFlags|unix.MSG_DONTWAIT))
}

// recvmsg reads what there is, and the control messages that came with it, of which it returns the number of bytes.
func recvmsg(socket int, b, control []byte) (n, controls int, err error) {
	if len(b) > quick {
		b = b[:quick]
	}
	var part unix.Iovec
	m := message(&part, b, control)
	n, err = messaged(unix.RawSyscall(unix.SYS_RECVMSG, uintptr(socket), uintptr(unsafe.Pointer(&m)), receiveFlags|unix.MSG_DONTWAIT))
	return n, int(m.Controllen), err
}

// message describes what lies in b and control.
func message(part *unix.Iovec, b, control []byte) (m unix.Msghdr) {
	part.Base = unsafe.SliceData(b)
	part.SetLen(len(b))
	m.Iov = part
	m.SetIovlen(1)
	m.Control = unsafe.SliceData(control)
	m.SetControllen(len(control))
	return m
}

func messaged(n, _ uintptr, errno unix.Errno) (int, error) {
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
