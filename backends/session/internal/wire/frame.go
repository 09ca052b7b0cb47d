package wire

import (
	"encoding/binary"
	"fmt"
)

// Kind says what a frame is.
type Kind byte

// The kinds of frames. The first three keep their numbers in all versions of the protocol.
const (
	KindHello   Kind = 1 + iota // a client's first frame; body: prefix and JSON
	KindWelcome                 // the worker's first; body: prefix and JSON
	KindRetire                  // a client of another version asks the worker to end if nobody needs it

	KindCompile  // executable, hash, whether the program follows, program
	KindDropExe  // executable; no answer
	KindPut      // value's number, shape, value; no answer: what is wrong shows in its use
	KindRun      // executable, inputs with marks of donation, first number of the outputs, outputs that are wanted at once, whether nobody waits
	KindGet      // value's number
	KindFree     // numbers of values; no answer
	KindCancel   // number of a request; no answer
	KindHold     // whether the names outlive the connection, values' numbers
	KindHeld     // the first of new values' numbers, names
	KindDropHeld // name
	KindKeep     // names; with the descriptor of the file with which they live
	KindTell     // executable
	KindStatus   //
	KindStop     // whether others count

	KindSegmentFree // numbers of segments whose memory is their maker's again
	KindSegmentDrop // numbers of segments that their maker gives up

	KindOK    // the answer to a request: what it asked for
	KindError // the answer to a request: an [Error]
	kinds
)

const (
	// HeaderBytes is the length of a frame's header: length of the body (4 bytes, little-endian), kind, flags, two zero bytes,
	// number (8 bytes).
	HeaderBytes = 16

	// MaxBody bounds the body of a frame; what is larger goes by shared memory.
	MaxBody = 1 << 20

	// MaxHello bounds the first frames, which are read before it is known who speaks.
	MaxHello = 16 << 10

	// SharedFrom is the size from which values go by shared memory: memory that is used again is written once, where a socket's bytes are
	// copied four times.
	SharedFrom = 16 << 10
)

const flagDescriptor = 1 // a file descriptor comes with the frame

// Header is what a frame begins with.
type Header struct {
	Kind       Kind
	ID         uint64
	Body       int  // bytes
	Descriptor bool // one comes with the frame
}

// Append appends the header as it is written.
func (h Header) Append(b []byte) []byte {
	flags := byte(0)
	if h.Descriptor {
		flags = flagDescriptor
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(h.Body))
	b = append(b, byte(h.Kind), flags, 0, 0)
	return binary.LittleEndian.AppendUint64(b, h.ID)
}

// ParseHeader reads a header of HeaderBytes, and checks it.
func ParseHeader(b []byte, maxBody int) (Header, error) {
	if len(b) < HeaderBytes {
		return Header{}, fmt.Errorf("a header of %d bytes, want %d", len(b), HeaderBytes)
	}
	size := binary.LittleEndian.Uint32(b)
	h := Header{Kind: Kind(b[4]), ID: binary.LittleEndian.Uint64(b[8:]), Body: int(size), Descriptor: b[5] == flagDescriptor}
	switch {
	case h.Kind == 0 || h.Kind >= kinds || b[5] > flagDescriptor || b[6] != 0 || b[7] != 0:
		return Header{}, fmt.Errorf("the other end does not speak the protocol of sessions: a frame begins with % x", b[:HeaderBytes])
	case int64(size) > int64(maxBody):
		return Header{}, fmt.Errorf("a frame of %d bytes, want %d at most", size, maxBody)
	}
	return h, nil
}
