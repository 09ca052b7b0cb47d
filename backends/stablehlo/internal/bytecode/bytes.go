package bytecode

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"
)

// Error says what is wrong with bytecode, and where.
type Error struct {
	Byte int // from its start
	Text string
}

// Error writes place and reason.
func (e *Error) Error() string { return fmt.Sprintf("byte %d of the bytecode: %s", e.Byte, e.Text) }

// source reads a part of the bytecode. It panics with an *Error, which [Parse] returns.
type source struct {
	data string
	pos  int
	base int // where data begins in the whole
}

func (s *source) fail(format string, args ...any) {
	panic(&Error{s.base + s.pos, fmt.Sprintf(format, args...)})
}

func (s *source) left() int { return len(s.data) - s.pos }

func (s *source) byte() byte {
	if s.left() == 0 {
		s.fail("it ends too early")
	}
	s.pos++
	return s.data[s.pos-1]
}

// part returns the next n bytes.
func (s *source) part(n uint64) *source {
	if n > uint64(s.left()) {
		s.fail("%d bytes are announced, and %d are left", n, s.left())
	}
	p := &source{data: s.data[s.pos : s.pos+int(n)], base: s.base + s.pos}
	s.pos += int(n)
	return p
}

// varint reads a whole number: as many zeros at the low end of its first byte as bytes follow it, and a one.
func (s *source) varint() uint64 {
	first := s.byte()
	more := bits.TrailingZeros8(first) // 8 if it is 0
	var rest [8]byte
	for i := range more {
		rest[i] = s.byte()
	}
	v := binary.LittleEndian.Uint64(rest[:])
	if more == 8 {
		return v
	}
	return v<<(7-more) | uint64(first)>>(more+1)
}

// signed reads a whole number of which the lowest bit is the sign.
func (s *source) signed() int64 {
	v := s.varint()
	return int64(v>>1) ^ -int64(v&1)
}

// flagged reads a whole number and the flag below it.
func (s *source) flagged() (v uint64, flag bool) {
	v = s.varint()
	return v >> 1, v&1 != 0
}

// count reads how many things follow, each of which is a byte at least.
func (s *source) count() int {
	n := s.varint()
	if n > uint64(s.left()) {
		s.fail("%d things are announced, and %d bytes are left", n, s.left())
	}
	return int(n)
}

// index reads a place in a list of n things.
func (s *source) index(n int, what string) int {
	v := s.varint()
	return s.within(v, n, what)
}

func (s *source) within(v uint64, n int, what string) int {
	if v >= uint64(n) {
		s.fail("there is no %s %d among %d", what, v, n)
	}
	return int(v)
}

// blob reads bytes that are preceded by their number.
func (s *source) blob() string { return s.part(s.varint()).data }

// terminated reads a string that ends with a zero.
func (s *source) terminated() string {
	n := strings.IndexByte(s.data[s.pos:], 0)
	if n < 0 {
		s.fail("a string that does not end")
	}
	text := s.data[s.pos : s.pos+n]
	s.pos += n + 1
	return text
}

// align skips what fills up to a multiple of n bytes from the start of the whole.
func (s *source) align(n uint64) {
	if n == 0 || n&(n-1) != 0 || n > 1<<20 {
		s.fail("%d is no alignment", n)
	}
	for uint64(s.base+s.pos)%n != 0 {
		if b := s.byte(); b != 0xcb {
			s.fail("what fills up is 0xcb, not %#x", b)
		}
	}
}

// section reads the kind of a section and its bytes.
func (s *source) section() (kind int, content *source) {
	head := s.byte()
	n := s.varint()
	if head&0x80 != 0 {
		s.align(s.varint())
	}
	return int(head & 0x7f), s.part(n)
}
