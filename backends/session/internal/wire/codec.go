package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// Writer writes the body of a frame.
type Writer struct{ Body []byte }

// Uint writes a number.
func (w *Writer) Uint(x uint64) { w.Body = binary.AppendUvarint(w.Body, x) }

// Bool writes whether something is so.
func (w *Writer) Bool(x bool) {
	if x {
		w.Body = append(w.Body, 1)
	} else {
		w.Body = append(w.Body, 0)
	}
}

// Bytes writes bytes, with their number before them.
func (w *Writer) Bytes(b []byte) {
	w.Uint(uint64(len(b)))
	w.Body = append(w.Body, b...)
}

// Text writes a text.
func (w *Writer) Text(s string) {
	w.Uint(uint64(len(s)))
	w.Body = append(w.Body, s...)
}

// Shape writes a shape.
func (w *Writer) Shape(s shapes.Shape) {
	w.Uint(uint64(s.DType))
	w.Uint(uint64(len(s.Dimensions)))
	for _, d := range s.Dimensions {
		w.Uint(uint64(d))
	}
	w.Bool(s.AxisNames != nil)
	for _, name := range s.AxisNames {
		w.Text(name)
	}
}

// Reader reads the body of a frame. After the first mistake all that it reads is zero; [Reader.Done] tells of it.
type Reader struct {
	body []byte
	err  error
}

// NewReader returns a reader of a body.
func NewReader(body []byte) *Reader { return &Reader{body: body} }

var errShort = errors.New("a frame ends too early")

// fail notes a mistake, the first one.
func (r *Reader) fail(err error) {
	if r.err == nil {
		r.err, r.body = err, nil
	}
}

// Uint reads a number.
func (r *Reader) Uint() uint64 {
	x, n := binary.Uvarint(r.body)
	if n <= 0 {
		r.fail(errShort)
		return 0
	}
	r.body = r.body[n:]
	return x
}

// Count reads the length of a list whose elements take at least one byte each.
func (r *Reader) Count() int {
	n := r.Uint()
	if n > uint64(len(r.body)) {
		r.fail(errShort)
		return 0
	}
	return int(n)
}

// Bool reads whether something is so.
func (r *Reader) Bool() bool {
	if len(r.body) == 0 {
		r.fail(errShort)
		return false
	}
	b := r.body[0]
	r.body = r.body[1:]
	if b > 1 {
		r.fail(fmt.Errorf("a frame has a truth of %d", b))
	}
	return b == 1
}

// Bytes reads bytes; they are part of the frame's body.
func (r *Reader) Bytes() []byte {
	n := r.Count()
	b := r.body[:n:n]
	r.body = r.body[n:]
	return b
}

// Fixed reads n bytes; they are part of the frame's body.
func (r *Reader) Fixed(n int) []byte {
	if n > len(r.body) {
		r.fail(errShort)
		return make([]byte, n)
	}
	b := r.body[:n:n]
	r.body = r.body[n:]
	return b
}

// Text reads a text.
func (r *Reader) Text() string { return string(r.Bytes()) }

// maxRank bounds the axes of a shape: enough for all that computes, and little to read.
const maxRank = 1 << 10

// Shape reads a shape whose elements have their number of bytes.
func (r *Reader) Shape() shapes.Shape {
	d, rank := r.Uint(), r.Count()
	if d > 255 || rank > maxRank {
		r.fail(fmt.Errorf("a frame has a shape of dtype %d with %d axes", d, rank))
		return shapes.Shape{}
	}
	s := shapes.Shape{DType: dtypes.DType(d)}
	size, limit := uint64(1), uint64(1)<<56
	for range rank {
		dim := r.Uint()
		if dim > limit/size {
			r.fail(errors.New("a frame has a shape with more elements than there is memory for anywhere"))
			return shapes.Shape{}
		}
		size *= max(dim, 1) // the bound holds for the axes of an empty shape, too
		s.Dimensions = append(s.Dimensions, int(dim))
	}
	if r.Bool() {
		s.AxisNames = make([]string, rank)
		for i := range s.AxisNames {
			s.AxisNames[i] = r.Text()
		}
	}
	if r.err != nil {
		return shapes.Shape{}
	}
	if !s.Ok() {
		r.fail(fmt.Errorf("a frame has the shape %s, which is none", s))
		return shapes.Shape{}
	}
	return s
}

// Rest returns what is left to read.
func (r *Reader) Rest() []byte { return r.body }

// Err returns the first mistake.
func (r *Reader) Err() error { return r.err }

// Done returns the first mistake, of which there is one if something is left to read.
func (r *Reader) Done() error {
	if r.err == nil && len(r.body) > 0 {
		return fmt.Errorf("a frame has %d bytes too many", len(r.body))
	}
	return r.err
}
