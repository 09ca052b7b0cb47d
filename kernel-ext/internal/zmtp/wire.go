package zmtp

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

// ErrProtocol is wrapped by every error about bytes that are not ZMTP 3 or exceed a limit.
var ErrProtocol = errors.New("zmtp: protocol error")

// Bits of a frame's first byte, RFC 23; the other five must be zero.
const (
	flagMore    = 1 << 0
	flagLong    = 1 << 1
	flagCommand = 1 << 2
)

// growFrom is the frame size above which memory follows what arrives rather than what is announced, so
// that nine bytes of a stranger cannot allocate a gigabyte.
const growFrom = 1 << 20

// Limits bound what one peer may do. The zero value means the defaults beside each field.
type Limits struct {
	Message int64 // bytes of one message over all its frames; 256 MiB
	Frames  int   // frames of one message; 4096
	Queue   int64 // bytes waiting to be written to one peer before it is disconnected; 256 MiB
	Peers   int   // connections of one listening socket; 1024
}

func (l Limits) orDefaults() Limits {
	if l.Message <= 0 {
		l.Message = 256 << 20
	}
	if l.Frames <= 0 {
		l.Frames = 4096
	}
	if l.Queue <= 0 {
		l.Queue = 256 << 20
	}
	if l.Peers <= 0 {
		l.Peers = 1024
	}
	return l
}

// frameOverhead is the most bytes that a frame's header takes.
const frameOverhead = 9

// readMessage reads the frames of one message, or the single frame of a command.
func readMessage(r *bufio.Reader, lim Limits) (frames [][]byte, command bool, err error) {
	var total int64
	for {
		flags, err := r.ReadByte()
		if err != nil {
			return nil, false, err
		}
		if flags&^(flagMore|flagLong|flagCommand) != 0 {
			return nil, false, fmt.Errorf("%w: reserved bits in flags %#02x", ErrProtocol, flags)
		}
		isCommand := flags&flagCommand != 0
		if isCommand && (flags&flagMore != 0 || len(frames) > 0) {
			return nil, false, fmt.Errorf("%w: a command inside a message", ErrProtocol)
		}
		size, err := readSize(r, flags&flagLong != 0)
		if err != nil {
			return nil, false, err
		}
		if size > uint64(lim.Message) || total+int64(size) > lim.Message {
			return nil, false, fmt.Errorf("%w: a message over %d bytes", ErrProtocol, lim.Message)
		}
		if len(frames) >= lim.Frames {
			return nil, false, fmt.Errorf("%w: a message over %d frames", ErrProtocol, lim.Frames)
		}
		total += int64(size)
		body, err := readBody(r, int64(size))
		if err != nil {
			return nil, false, err
		}
		frames = append(frames, body)
		if flags&flagMore == 0 {
			return frames, isCommand, nil
		}
	}
}

func readSize(r *bufio.Reader, long bool) (uint64, error) {
	if !long {
		b, err := r.ReadByte()
		return uint64(b), unexpected(err)
	}
	var b [8]byte
	_, err := io.ReadFull(r, b[:])
	return binary.BigEndian.Uint64(b[:]), unexpected(err)
}

func readBody(r *bufio.Reader, size int64) ([]byte, error) {
	if size <= growFrom {
		body := make([]byte, size)
		_, err := io.ReadFull(r, body)
		return body, unexpected(err)
	}
	var body bytes.Buffer
	_, err := io.CopyN(&body, r, size)
	return body.Bytes(), unexpected(err)
}

// unexpected marks an end of input in the middle of a frame.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// appendMessage adds the frames of m to bufs; bodies are not copied.
func appendMessage(bufs net.Buffers, m [][]byte) net.Buffers {
	for i, body := range m {
		var flags byte
		if i < len(m)-1 {
			flags = flagMore
		}
		bufs = append(bufs, frameHeader(flags, len(body)))
		if len(body) > 0 {
			bufs = append(bufs, body)
		}
	}
	return bufs
}

// appendCommand adds a command frame to bufs.
func appendCommand(bufs net.Buffers, body []byte) net.Buffers {
	return append(bufs, frameHeader(flagCommand, len(body)), body)
}

func frameHeader(flags byte, size int) []byte {
	if size <= 255 {
		return []byte{flags, byte(size)}
	}
	return binary.BigEndian.AppendUint64([]byte{flags | flagLong}, uint64(size))
}

// wireSize is what m takes in a peer's queue.
func wireSize(m [][]byte) int64 {
	n := int64(0)
	for _, f := range m {
		n += int64(len(f)) + frameOverhead
	}
	return n
}
