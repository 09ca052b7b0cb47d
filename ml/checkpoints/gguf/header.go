package gguf

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"unicode/utf8"
)

// maxHeader is the largest header that is read, in bytes: vocabularies have some ten millions.
const maxHeader = 1 << 30

// maxDepth is how deep arrays of metadata may be nested.
const maxDepth = 4

// Types of metadata.
const (
	kindUint8 uint32 = iota
	kindInt8
	kindUint16
	kindInt16
	kindUint32
	kindInt32
	kindFloat32
	kindBool
	kindString
	kindArray
	kindUint64
	kindInt64
	kindFloat64
)

// reader reads a header. After an error it returns zeros.
type reader struct {
	r    *bufio.Reader
	at   int64 // bytes read
	left int64 // bytes that the file has after that
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// bytes reads n of them.
func (r *reader) bytes(n int64) []byte {
	if r.err == nil && (n < 0 || n > r.left || r.at+n > maxHeader) {
		r.fail("the header asks for %d bytes at %d, and the file has %d more: it is damaged or cut off", n, r.at, r.left)
	}
	if r.err != nil {
		return nil
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r.r, b); err != nil {
		r.fail("the header ends after %d bytes: %w", r.at, err)
		return nil
	}
	r.at, r.left = r.at+n, r.left-n
	return b
}

func (r *reader) uint(size int64) uint64 {
	var b [8]byte
	copy(b[:], r.bytes(size))
	return binary.LittleEndian.Uint64(b[:])
}

func (r *reader) uint32() uint32 { return uint32(r.uint(4)) }
func (r *reader) uint64() uint64 { return r.uint(8) }

// count reads a number of things that have so many bytes each at least.
func (r *reader) count(what string, least int64) int {
	n := r.uint64()
	if r.err == nil && n > uint64(r.left/least) {
		r.fail("the header promises %d %s, and the file has %d bytes more: it is damaged or cut off", n, what, r.left)
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

func (r *reader) text() string {
	n := r.count("bytes of text", 1)
	return string(r.bytes(int64(n)))
}

// value reads a value of metadata.
func (r *reader) value(kind uint32, depth int) any {
	switch kind {
	case kindUint8:
		return uint8(r.uint(1))
	case kindInt8:
		return int8(r.uint(1))
	case kindUint16:
		return uint16(r.uint(2))
	case kindInt16:
		return int16(r.uint(2))
	case kindUint32:
		return r.uint32()
	case kindInt32:
		return int32(r.uint32())
	case kindFloat32:
		return math.Float32frombits(r.uint32())
	case kindBool:
		return r.uint(1) != 0
	case kindString:
		return r.text()
	case kindUint64:
		return r.uint64()
	case kindInt64:
		return int64(r.uint64())
	case kindFloat64:
		return math.Float64frombits(r.uint64())
	case kindArray:
		return r.array(depth + 1)
	}
	r.fail("metadata of type %d, which is none of the format", kind)
	return nil
}

// leastBytes is how many bytes a value of a type has at least.
func leastBytes(kind uint32) int64 {
	switch kind {
	case kindUint16, kindInt16:
		return 2
	case kindUint32, kindInt32, kindFloat32:
		return 4
	case kindUint64, kindInt64, kindFloat64, kindString:
		return 8
	case kindArray:
		return 12
	}
	return 1
}

func (r *reader) array(depth int) any {
	kind := r.uint32()
	n := r.count("values", leastBytes(kind))
	if depth > maxDepth {
		r.fail("arrays of metadata are nested deeper than %d", maxDepth)
	}
	switch kind {
	case kindUint8:
		return list[uint8](r, kind, n, depth)
	case kindInt8:
		return list[int8](r, kind, n, depth)
	case kindUint16:
		return list[uint16](r, kind, n, depth)
	case kindInt16:
		return list[int16](r, kind, n, depth)
	case kindUint32:
		return list[uint32](r, kind, n, depth)
	case kindInt32:
		return list[int32](r, kind, n, depth)
	case kindFloat32:
		return list[float32](r, kind, n, depth)
	case kindBool:
		return list[bool](r, kind, n, depth)
	case kindString:
		return list[string](r, kind, n, depth)
	case kindUint64:
		return list[uint64](r, kind, n, depth)
	case kindInt64:
		return list[int64](r, kind, n, depth)
	case kindFloat64:
		return list[float64](r, kind, n, depth)
	}
	return list[any](r, kind, n, depth)
}

// list reads values of one type. Memory grows with what has been read.
func list[T any](r *reader, kind uint32, n, depth int) []T {
	values := make([]T, 0, min(n, 1<<16))
	for range n {
		v, ok := r.value(kind, depth).(T)
		if r.err != nil || !ok {
			return nil
		}
		values = append(values, v)
	}
	return values
}

// maxRank is how many axes a tensor of the format may have.
const maxRank = 4

// readHeader reads all but the elements, of a file of so many bytes.
func (f *File) readHeader(in io.ReaderAt, size int64) error {
	r := &reader{r: bufio.NewReaderSize(io.NewSectionReader(in, 0, size), 1<<16), left: size}
	if magic := string(r.bytes(min(4, size))); r.err == nil && magic != "GGUF" {
		return fmt.Errorf("the file begins with %q, not with GGUF", magic)
	}
	f.Version = r.uint32()
	if r.err == nil && f.Version != 2 && f.Version != 3 {
		if f.Version == 0x03000000 || f.Version == 0x02000000 {
			return errors.New("the file is big-endian, which is not supported: convert it")
		}
		return fmt.Errorf("version %d of the format is not one that is read: 2 and 3 are", f.Version)
	}
	tensors := r.count("tensors", 24) // a name's length, the rank, a type and an offset
	for range r.count("entries of metadata", 13) {
		key := r.text()
		if _, twice := f.Metadata[key]; twice {
			r.fail("the metadata have %q twice", key)
		}
		value := r.value(r.uint32(), 0)
		if r.err != nil {
			return r.err
		}
		f.Metadata[key] = value
	}
	align := uint64(32)
	if v, ok := f.Metadata["general.alignment"]; ok {
		a, is := v.(uint32)
		if !is || a == 0 || a%8 != 0 || a > 1<<20 {
			return fmt.Errorf("general.alignment is %v: want a multiple of 8", v)
		}
		align = uint64(a)
	}
	var offsets []uint64
	for range tensors {
		t, offset := r.tensor()
		if r.err != nil {
			return r.err
		}
		if _, twice := f.byName[t.Name]; twice {
			return fmt.Errorf("there are two tensors %q", t.Name)
		}
		f.byName[t.Name] = len(f.Tensors)
		f.Tensors, offsets = append(f.Tensors, t), append(offsets, offset)
	}
	if r.err != nil {
		return r.err
	}
	begin := (uint64(r.at) + align - 1) / align * align
	for i := range f.Tensors {
		t := &f.Tensors[i]
		if offsets[i]%align != 0 {
			return fmt.Errorf("tensor %q begins at %d, which is no multiple of %d", t.Name, offsets[i], align)
		}
		if offsets[i] > uint64(size) || begin+offsets[i] > uint64(size) {
			return fmt.Errorf("tensor %q begins behind the end of the file, of %d bytes: it is cut off", t.Name, size)
		}
		t.begin = int64(begin + offsets[i])
		if bytes := t.bytes(); t.Type.known() && bytes > size-t.begin {
			return fmt.Errorf("tensor %q has %d bytes at %d, the file %d: it is cut off", t.Name, bytes, t.begin, size)
		}
	}
	return nil
}

// tensor reads what the header says of one.
func (r *reader) tensor() (t Tensor, offset uint64) {
	t.Name = r.text()
	if !utf8.ValidString(t.Name) {
		r.fail("the name of a tensor, %q, is no UTF-8", t.Name)
	}
	rank := r.uint32()
	if rank > maxRank {
		r.fail("tensor %q has %d axes, more than %d", t.Name, rank, maxRank)
	}
	if r.err != nil {
		return t, 0
	}
	t.Dims = make([]int, rank)
	elements := uint64(1)
	for i := range t.Dims { // the last axis first
		n := r.uint64()
		if n > math.MaxInt32 || max(n, 1) > 1<<48/elements {
			r.fail("tensor %q has an axis of %d", t.Name, n)
			return t, 0
		}
		elements *= max(n, 1)
		t.Dims[len(t.Dims)-1-i] = int(n)
	}
	t.Type = Type(r.uint32())
	offset = r.uint64()
	if b, known := blocks[t.Type]; known && r.err == nil && b.size > 1 && (rank == 0 || t.Dims[rank-1]%b.size != 0) {
		r.fail("tensor %q of %v: the last axis does not divide into blocks of %d, as %s has them", t.Name, t.Dims, b.size, t.Type)
	}
	return t, offset
}
