package stablehlo

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// denseValue is what a constant's text says, which is found out once: the text may be long.
type denseValue struct {
	once   sync.Once
	tensor *tensors.Tensor
	err    error
}

// value returns the constant. If it is the same element everywhere, that alone is returned, as a scalar, so that
// a short text cannot ask for much memory. The tensor is the same at every call, and must not change.
func (d denseAttr) value() (*tensors.Tensor, error) {
	v := d.kept
	v.once.Do(func() {
		switch {
		case !d.typ.known():
			v.err = fmt.Errorf("the type %s is not known", d.typ.text)
		case d.raw:
			v.tensor, v.err = d.bytes()
		case d.digits || strings.HasPrefix(d.text, `"`):
			v.tensor, v.err = d.blob()
		default:
			v.tensor, v.err = d.listed()
		}
	})
	return v.tensor, v.err
}

// listed reads a constant whose elements are written one by one, or the one that repeats. They are put where they stay: beside
// the text and its tensor there is no third copy.
func (d denseAttr) listed() (*tensors.Tensor, error) {
	shape, list := d.typ.shape, strings.HasPrefix(d.text, "[") || d.text == ""
	switch {
	case !list:
		shape = shapes.Scalar(shape.DType)
	case shape.Size() > len(d.text):
		return nil, fmt.Errorf("a constant of %s with fewer elements than that", d.typ.text)
	}
	t, err := tensors.New(shape)
	if err != nil {
		return nil, err
	}
	e := elements{text: d.text, dtype: shape.DType, unused: d.typ.unused()}
	if into := t.MutableBytes(func(data []byte) {
		e.data = data[:0]
		switch e.space(); {
		case !list:
			err = e.element()
		case shape.Size() > 0 || d.text != "":
			err = e.list(shape.Dimensions)
		}
	}); into != nil {
		return nil, into
	}
	if e.space(); err == nil && e.pos < len(e.text) {
		err = fmt.Errorf("a constant of %s with more elements than that", d.typ.text)
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// blob reads a constant given as bytes in hexadecimal.
func (d denseAttr) blob() (*tensors.Tensor, error) {
	digits, ok := d.text, d.digits
	if !ok {
		digits, ok = strings.CutPrefix(strings.Trim(d.text, `"`), "0x")
	}
	if !ok || len(digits)%2 != 0 {
		return nil, errNotHex
	}
	n, shape := len(digits)/2, d.typ.shape
	if repeated := n == max(1, shape.DType.Size()) && shape.Size() > 8; repeated {
		shape = shapes.Scalar(shape.DType)
	}
	if shape.Size() > 8*n {
		return nil, fmt.Errorf("%d bytes for a constant of %s", n, d.typ.text)
	}
	if shape.DType == dtypes.Bool || n != shape.ByteSize() { // packed, repeated or wrong
		data := make([]byte, n)
		if err := unhex(data, digits); err != nil {
			return nil, err
		}
		return fromBlob(shape, data)
	}
	t, err := tensors.New(shape)
	if err != nil {
		return nil, err
	}
	if into := t.MutableBytes(func(data []byte) {
		err = unhex(data, digits)
		d.narrow(data)
	}); into != nil {
		err = into
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// bytes reads a constant of bytecode: all elements, or the one that repeats. Bools are packed, of which one that repeats is a byte of
// ones or zeros.
func (d denseAttr) bytes() (*tensors.Tensor, error) {
	shape, n := d.typ.shape, len(d.text)
	switch {
	case shape.DType == dtypes.Bool && n == 1 && (d.text[0] == 0 || d.text[0] == 0xff):
		if shape.Size() > 1 {
			shape = shapes.Scalar(shape.DType)
		}
		return fromBlob(shape, []byte(d.text))
	case shape.DType == dtypes.Bool:
		if shape.Size() > 8*n {
			return nil, fmt.Errorf("%d bytes for a constant of %s", n, d.typ.text)
		}
		return fromBlob(shape, []byte(d.text))
	case n == shape.DType.Size() && shape.Size() > 1:
		shape = shapes.Scalar(shape.DType)
	}
	if n != shape.ByteSize() {
		return nil, fmt.Errorf("%d bytes for a constant of %s", n, d.typ.text)
	}
	t, err := tensors.New(shape)
	if err != nil {
		return nil, err
	}
	return t, t.MutableBytes(func(data []byte) {
		copy(data, d.text)
		d.narrow(data)
	})
}

// narrow brings bytes to the numbers that integers of less than 8 bits have.
func (d denseAttr) narrow(data []byte) {
	if u := d.typ.unused(); u > 0 {
		for i, b := range data {
			data[i] = narrowed(b, u, d.typ.shape.DType)
		}
	}
}

// unused returns how many bits of an element's byte an integer of less than 8 bits does not have.
func (t mlirType) unused() int {
	if !t.grid.narrow() {
		return 0
	}
	return 8 - t.grid.bits
}

// narrowed returns the number that the used bits of a byte are.
func narrowed(b byte, unused int, d dtypes.DType) byte {
	if d.IsUnsigned() {
		return b << unused >> unused
	}
	return byte(int8(b<<unused) >> unused)
}

var errNotHex = errors.New(`a constant in quotes must be bytes in hexadecimal, "0x…"`)

// unhex puts the bytes that digits say into data, in pieces, so that no copy of all digits is made.
func unhex(data []byte, digits string) error {
	var piece [1 << 12]byte
	for len(digits) > 0 {
		n := copy(piece[:], digits)
		if _, err := hex.Decode(data, piece[:n]); err != nil {
			return errNotHex
		}
		data, digits = data[n/2:], digits[n:]
	}
	return nil
}

// elements reads the elements of a constant and appends their bytes to data.
type elements struct {
	text  string
	pos   int
	dtype dtypes.DType
	data  []byte

	unused int // bits of each element's byte
}

func (e *elements) space() {
	for e.pos < len(e.text) && strings.IndexByte(" \t\r\n", e.text[e.pos]) >= 0 {
		e.pos++
	}
}

func (e *elements) expect(c byte) error {
	e.space()
	if e.pos == len(e.text) || e.text[e.pos] != c {
		return fmt.Errorf("a constant in which %q is missing", string(c))
	}
	e.pos++
	return nil
}

// list reads nested brackets, one pair per axis.
func (e *elements) list(dims []int) error {
	if len(dims) == 0 {
		return e.element()
	}
	if err := e.expect('['); err != nil {
		return err
	}
	for i := range dims[0] {
		if i > 0 {
			if err := e.expect(','); err != nil {
				return err
			}
		}
		if err := e.list(dims[1:]); err != nil {
			return err
		}
	}
	return e.expect(']')
}

func (e *elements) element() error {
	if !e.dtype.IsComplex() {
		return e.number(e.dtype)
	}
	if err := e.expect('('); err != nil {
		return err
	}
	if err := e.number(e.dtype.Real()); err != nil {
		return err
	}
	if err := e.expect(','); err != nil {
		return err
	}
	if err := e.number(e.dtype.Real()); err != nil {
		return err
	}
	return e.expect(')')
}

// number reads a bool or a real number of type d. A float in hexadecimal is its bits.
func (e *elements) number(d dtypes.DType) error {
	e.space()
	n := strings.IndexAny(e.text[e.pos:], ",)] \t\r\n")
	if n < 0 {
		n = len(e.text) - e.pos
	}
	s := e.text[e.pos : e.pos+n]
	e.pos += n
	bad := func() error { return fmt.Errorf("%q is no %s", s, typeName(d)) }
	bits, float := d.Bits(), d.IsFloat() || d.IsStorage()
	switch {
	case d == dtypes.Bool:
		switch s {
		case "true", "1":
			e.data = append(e.data, 1)
		case "false", "0":
			e.data = append(e.data, 0)
		default:
			return bad()
		}
		return nil
	case float && strings.HasPrefix(s, "0x"):
		v, err := strconv.ParseUint(s[2:], 16, bits)
		if err != nil {
			return bad()
		}
		e.put(d, v)
	case float:
		v, err := strconv.ParseFloat(s, 64)
		if err != nil && !math.IsInf(v, 0) {
			return bad()
		}
		switch d {
		case dtypes.Float64:
			e.put(d, math.Float64bits(v))
		case dtypes.Float32:
			e.put(d, uint64(math.Float32bits(float32(v))))
		default:
			e.put(d, bitsOf(d, v))
		}
	default:
		bits -= e.unused
		if v, err := strconv.ParseInt(s, 0, bits); err == nil && (v >= 0 || !d.IsUnsigned()) {
			e.put(d, uint64(v))
		} else if v, err := strconv.ParseUint(s, 0, bits); err == nil && (d.IsUnsigned() || strings.HasPrefix(s, "0x")) {
			if e.unused > 0 {
				v = uint64(narrowed(byte(v), e.unused, d))
			}
			e.put(d, v)
		} else {
			return bad()
		}
	}
	return nil
}

// put appends the low bytes of v that make an element of type d.
func (e *elements) put(d dtypes.DType, v uint64) {
	switch d.Size() {
	case 1:
		e.data = append(e.data, byte(v))
	case 2:
		e.data = binary.NativeEndian.AppendUint16(e.data, uint16(v))
	case 4:
		e.data = binary.NativeEndian.AppendUint32(e.data, uint32(v))
	default:
		e.data = binary.NativeEndian.AppendUint64(e.data, v)
	}
}
