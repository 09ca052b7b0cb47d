package parquet

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// What the end of a file may have: that of the format's own library is 1,000,000 elements in a list. The package that reads the file makes room for
// as many as a list says that it has, and calls itself for each level of a schema, so that a few damaged bytes would end the process.
const (
	maxFooter = 1 << 28 // bytes
	maxList   = 1_000_000
	maxDepth  = 100
)

// checkFooter returns an error unless lists at the end of a file, which is in Thrift's compact protocol, have what they say, and the schema is no deeper
// than maxDepth. What is no Parquet file at all is left to the package that reads it.
//
// Source: Apache Thrift, "Thrift compact protocol", 2013, doc/specs/thrift-compact-protocol.md; Apache Parquet, parquet.thrift.
func checkFooter(r io.ReaderAt, size int64) error {
	var end [8]byte // the number of bytes, and PAR1
	if size < 12 {
		return nil
	}
	if _, err := r.ReadAt(end[:], size-8); err != nil || string(end[4:]) != "PAR1" {
		return nil
	}
	n := int64(binary.LittleEndian.Uint32(end[:4]))
	if n > size-12 || n > maxFooter {
		return fmt.Errorf("its schema takes %d bytes of %d: want %d at most; the file is damaged", n, size, min(size-12, maxFooter))
	}
	footer := make([]byte, n)
	if _, err := r.ReadAt(footer, size-8-n); err != nil {
		return err
	}
	w := &walk{rest: footer}
	w.fields(0, func(field int, kind byte) bool {
		if field == 2 && kind == listKind {
			w.schema()
			return true
		}
		return false
	})
	return w.err
}

// walk goes through values of the compact protocol. After an error it stays where it is.
type walk struct {
	rest []byte
	err  error
}

// Kinds of values.
const (
	trueKind, falseKind, byteKind, shortKind, intKind, longKind, doubleKind = 1, 2, 3, 4, 5, 6, 7
	bytesKind, listKind, setKind, mapKind, structKind, uuidKind             = 8, 9, 10, 11, 12, 13
)

// fail notes an error.
func (w *walk) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("the end of the file is damaged: "+format, args...)
	}
	w.rest = nil
}

// take goes on by bytes.
func (w *walk) take(n uint64) []byte {
	if n > uint64(len(w.rest)) {
		w.fail("%d bytes are left of %d", len(w.rest), n)
		return nil
	}
	out := w.rest[:n]
	w.rest = w.rest[n:]
	return out
}

// one takes a byte.
func (w *walk) one() byte {
	if b := w.take(1); b != nil {
		return b[0]
	}
	return 0
}

// number takes a number without a sign.
func (w *walk) number() uint64 {
	x, n := binary.Uvarint(w.rest)
	if n <= 0 {
		w.fail("a number does not end")
		return 0
	}
	w.take(uint64(n))
	return x
}

// signed takes a number that may have a sign.
func (w *walk) signed() int64 {
	x := w.number()
	return int64(x>>1) ^ -int64(x&1)
}

// elements returns n if so many may follow, of a byte each at least.
func (w *walk) elements(n uint64) int {
	if n > uint64(len(w.rest)) || n > maxList {
		w.fail("a list has %d elements, of which there are %d at most", n, min(len(w.rest), maxList))
		return 0
	}
	return int(n)
}

// list takes the head of a list: how many elements there are, and of which kind.
func (w *walk) list() (n int, kind byte) {
	head := w.one()
	count := uint64(head >> 4)
	if count == 15 {
		count = w.number()
	}
	return w.elements(count), head & 15
}

// fields goes through those of a struct; what use does not take, it goes over.
func (w *walk) fields(depth int, use func(field int, kind byte) bool) {
	for field := 0; w.err == nil; {
		head := w.one()
		if head == 0 {
			return
		}
		if field += int(head >> 4); head>>4 == 0 {
			field = int(w.signed())
		}
		if use == nil || !use(field, head&15) {
			w.value(head&15, depth+1, false)
		}
	}
}

// value goes over a value, an element of a list or a field.
func (w *walk) value(kind byte, depth int, element bool) {
	if depth > maxDepth {
		w.fail("values lie more than %d deep in each other", maxDepth)
	}
	if w.err != nil {
		return
	}
	switch kind {
	case trueKind, falseKind:
		if element { // a field has it in its head
			w.one()
		}
	case byteKind:
		w.one()
	case shortKind, intKind, longKind:
		w.number()
	case doubleKind:
		w.take(8)
	case bytesKind:
		w.take(w.number())
	case listKind, setKind:
		for n, kind := w.list(); n > 0 && w.err == nil; n-- {
			w.value(kind, depth+1, true)
		}
	case mapKind:
		n := w.elements(w.number())
		if n == 0 {
			return
		}
		for kinds := w.one(); n > 0 && w.err == nil; n-- {
			w.value(kinds>>4, depth+1, true)
			w.value(kinds&15, depth+1, true)
		}
	case structKind:
		w.fields(depth, nil)
	case uuidKind:
		w.take(16)
	default:
		w.fail("there is no kind of values %d", kind)
	}
}

// schema goes through the elements of a schema, each of which says how many of those that follow are below it.
func (w *walk) schema() {
	n, kind := w.list()
	if kind != structKind {
		w.fail("elements of the schema are of kind %d", kind)
	}
	var open []int64 // how many are to come below the elements around this one
	for ; n > 0 && w.err == nil; n-- {
		if last := len(open) - 1; last >= 0 {
			open[last]--
		}
		below := int64(0)
		w.fields(1, func(field int, kind byte) bool {
			if field != 5 || kind != intKind {
				return false
			}
			below = w.signed()
			return true
		})
		if below > 0 {
			open = append(open, below)
		}
		if len(open) > maxDepth {
			w.fail("the columns of the schema lie more than %d deep in each other", maxDepth)
		}
		for len(open) > 0 && open[len(open)-1] == 0 {
			open = slices.Delete(open, len(open)-1, len(open))
		}
	}
}
