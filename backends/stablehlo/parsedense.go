package stablehlo

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// value returns the constant. If it is the same element everywhere, that alone is returned, as a scalar, so that
// a short text cannot ask for much memory.
func (d denseAttr) value() (*tensors.Tensor, error) {
	shape := d.typ.shape
	if !d.typ.known() {
		return nil, fmt.Errorf("the type %s is not known", d.typ.text)
	}
	if strings.HasPrefix(d.text, `"`) {
		return d.blob()
	}
	e := elements{text: d.text, dtype: shape.DType}
	if e.space(); !strings.HasPrefix(d.text, "[") && d.text != "" {
		if err := e.element(); err != nil {
			return nil, err
		}
		shape = shapes.Scalar(shape.DType)
	} else if shape.Size() > 0 || d.text != "" {
		if shape.Size() > len(d.text) {
			return nil, fmt.Errorf("a constant of %s with fewer elements than that", d.typ.text)
		}
		if err := e.list(shape.Dimensions); err != nil {
			return nil, err
		}
	}
	if e.space(); e.pos < len(e.text) {
		return nil, fmt.Errorf("a constant of %s with more elements than that", d.typ.text)
	}
	return tensors.FromBytes(shape, e.data)
}

// blob reads a constant given as bytes in hexadecimal.
func (d denseAttr) blob() (*tensors.Tensor, error) {
	digits, ok := strings.CutPrefix(strings.Trim(d.text, `"`), "0x")
	data, err := hex.DecodeString(digits)
	if !ok || err != nil {
		return nil, fmt.Errorf(`a constant in quotes must be bytes in hexadecimal, "0x…"`)
	}
	shape := d.typ.shape
	if repeated := len(data) == max(1, shape.DType.Size()) && shape.Size() > 8; repeated {
		shape = shapes.Scalar(shape.DType)
	}
	if shape.Size() > 8*len(data) {
		return nil, fmt.Errorf("%d bytes for a constant of %s", len(data), d.typ.text)
	}
	return fromBlob(shape, data)
}

// elements reads the elements of a constant and appends their bytes to data.
type elements struct {
	text  string
	pos   int
	dtype dtypes.DType
	data  []byte
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
	bad := fmt.Errorf("%q is no %s", s, typeName(d))
	bits, float := d.Bits(), d.IsFloat() || d.IsStorage()
	switch {
	case d == dtypes.Bool:
		switch s {
		case "true", "1":
			e.data = append(e.data, 1)
		case "false", "0":
			e.data = append(e.data, 0)
		default:
			return bad
		}
		return nil
	case float && strings.HasPrefix(s, "0x"):
		v, err := strconv.ParseUint(s[2:], 16, bits)
		if err != nil {
			return bad
		}
		e.put(d, v)
	case float:
		v, err := strconv.ParseFloat(s, 64)
		if err != nil && !math.IsInf(v, 0) {
			return bad
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
		if v, err := strconv.ParseInt(s, 0, bits); err == nil {
			e.put(d, uint64(v))
		} else if v, err := strconv.ParseUint(s, 0, bits); err == nil && (d.IsUnsigned() || strings.HasPrefix(s, "0x")) {
			e.put(d, v)
		} else {
			return bad
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
