package wire

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// Conn is an end of a connection. One goroutine may receive while others send.
type Conn struct {
	file *os.File
	raw  syscall.RawConn

	maxBody int
	in      []byte // what was received: in[begin:end] is not read yet
	begin   int
	end     int
	arrived []int // descriptors that no frame has taken yet

	close sync.Once
}

// Frame is a frame that was received. Its body is valid until the next one is received.
type Frame struct {
	Header
	Payload []byte
	FD      int // a descriptor that is the receiver's to close, -1 for none
}

// Close closes the descriptor that came with the frame.
func (f *Frame) Close() {
	if f.Descriptor && f.FD >= 0 { // the zero frame has none
		closeDescriptor(f.FD)
		f.FD = -1
	}
}

// maxArrived bounds the descriptors that came before their frames.
const maxArrived = 16

// newConn returns the connection of a socket, which does not block.
func newConn(fd int) (*Conn, error) {
	c := &Conn{file: os.NewFile(uintptr(fd), "session"), maxBody: MaxHello, in: make([]byte, 64<<10)}
	raw, err := c.file.SyscallConn()
	if err != nil {
		c.file.Close()
		return nil, err
	}
	c.raw = raw
	return c, nil
}

// Greeted lets frames be as long as they get, now that it is known who speaks.
func (c *Conn) Greeted() { c.maxBody = MaxBody }

// Within bounds how long sending and receiving may take; 0 means for ever.
func (c *Conn) Within(d time.Duration) {
	at := time.Time{}
	if d > 0 {
		at = time.Now().Add(d)
	}
	_ = c.file.SetDeadline(at) // of a closed one the next call says so
}

// Close closes the connection, and ends what others do with it.
func (c *Conn) Close() error {
	err := error(nil)
	c.close.Do(func() { err = c.file.Close() })
	return err
}

// Receive returns the next frame, io.EOF at the end between two of them.
func (c *Conn) Receive() (Frame, error) {
	b, err := c.fill(HeaderBytes)
	if err != nil {
		return Frame{}, err
	}
	h, err := ParseHeader(b, c.maxBody)
	if err != nil {
		return Frame{}, err
	}
	b, err = c.fill(HeaderBytes + h.Body)
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return Frame{}, err
	}
	c.begin += len(b)
	f := Frame{h, b[HeaderBytes:], -1}
	if h.Descriptor {
		if len(c.arrived) == 0 {
			return Frame{}, errors.New("a frame lacks the descriptor that it announces")
		}
		f.FD = c.arrived[0]
		c.arrived = c.arrived[1:]
	}
	return f, nil
}

// errNothing says that nothing has come.
var errNothing = errors.New("nothing has come")

// Ready reports whether Receive finds something, if only the end, without waiting for its beginning.
func (c *Conn) Ready() bool {
	if c.begin < c.end {
		return true
	}
	n, fds, err := receive(c.raw, c.in, false)
	c.arrived = append(c.arrived, fds...)
	c.begin, c.end = 0, n
	return !errors.Is(err, errNothing) // of another error Receive tells, too
}

// fill returns the next n bytes without taking them.
func (c *Conn) fill(n int) ([]byte, error) {
	if c.begin == c.end {
		c.begin, c.end = 0, 0
	}
	if c.begin+n > len(c.in) {
		to := c.in
		if n > len(to) {
			to = make([]byte, n+n/4)
		}
		c.end = copy(to, c.in[c.begin:c.end])
		c.in, c.begin = to, 0
	}
	for c.end-c.begin < n {
		m, fds, err := receive(c.raw, c.in[c.end:], true)
		c.arrived = append(c.arrived, fds...)
		switch {
		case err != nil:
			return nil, err
		case m == 0 && c.end > c.begin:
			return nil, io.ErrUnexpectedEOF
		case m == 0:
			return nil, io.EOF
		case len(c.arrived) > maxArrived:
			return nil, fmt.Errorf("%d descriptors came without their frames", len(c.arrived))
		}
		c.end += m
	}
	return c.in[c.begin : c.begin+n], nil
}

// Discard closes the descriptors that came and that nobody took. Nothing is received afterwards.
func (c *Conn) Discard() {
	for _, fd := range c.arrived {
		closeDescriptor(fd)
	}
	c.arrived = nil
}

// Send sends one of the first frames; afterwards [Link.Send] sends.
func (c *Conn) Send(kind Kind, id uint64, body []byte) error {
	return c.send(append(Header{Kind: kind, ID: id, Body: len(body)}.Append(nil), body...), -1)
}

// Raw sends bytes as they are.
func (c *Conn) Raw(b []byte) error { return c.send(b, -1) }

// send sends bytes, with the first of them a descriptor unless that is below 0.
func (c *Conn) send(b []byte, fd int) error { return transmit(c.raw, b, fd) }

// CheckPeer returns an error unless the process at the other end is the given user's, and the number of that process.
func (c *Conn) CheckPeer(uid int) (pid int, err error) {
	theirs, pid, err := peer(c.raw)
	if err != nil {
		return 0, fmt.Errorf("asking who is at the other end: %w", err)
	}
	if theirs != uid {
		return pid, fmt.Errorf("the other end is a process (%d) of the user with the number %d, not of this one (%d): nothing is taken from it", pid, theirs, uid)
	}
	return pid, nil
}
