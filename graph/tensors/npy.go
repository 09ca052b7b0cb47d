package tensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/mapped"
	"github.com/quire-ml/quire/internal/safefile"
)

// The .npy format is described in numpy/lib/format.py ("NEP 1"): magic, version, length of the
// header, the header as a Python dictionary, and the elements.
const npyMagic = "\x93NUMPY"

// npyMaxHeader is the longest header that is read. NumPy itself refuses more than 10,000 bytes by
// default; 64 axes take less than 2,000.
const npyMaxHeader = 1 << 16

// npyCodes are NumPy's kind letter and size of each dtype. NumPy has no bfloat16 and no floats of 8 bits: they are written
// as package ml_dtypes writes them, bfloat16 as two bytes of no type ("V2"), float8_e4m3fn as one ("V1") and float8_e5m2
// as "f1", which NumPy itself does not read. In Python, x.view(ml_dtypes.bfloat16) brings them back.
var npyCodes = map[dtypes.DType]string{
	dtypes.Bool: "b1",
	dtypes.Int8: "i1", dtypes.Int16: "i2", dtypes.Int32: "i4", dtypes.Int64: "i8",
	dtypes.Uint8: "u1", dtypes.Uint16: "u2", dtypes.Uint32: "u4", dtypes.Uint64: "u8",
	dtypes.Float16: "f2", dtypes.BFloat16: "V2", dtypes.Float32: "f4", dtypes.Float64: "f8",
	dtypes.Complex64: "c8", dtypes.Complex128: "c16",
	dtypes.Float8E4M3FN: "V1", dtypes.Float8E5M2: "f1",
}

// bigEndian reports whether this machine stores the highest byte first.
var bigEndian = binary.NativeEndian.Uint16([]byte{1, 0}) != 1

// WriteNpy writes t in NumPy's .npy format, version 1.0. Names of axes are not kept; bfloat16
// becomes V2, float8_e4m3fn V1 and float8_e5m2 f1, see [ReadNpy].
func WriteNpy(w io.Writer, t *Tensor) (err error) {
	if err := t.CheckValid(); err != nil {
		return err
	}
	if w == nil {
		return errNilFile
	}
	defer runtime.KeepAlive(t)
	if err := mapped.Check(t.bytes()); err != nil { // of what the system reads it would say "bad address"
		return err
	}
	if _, err := w.Write(npyHeader(t.shape)); err != nil {
		return err
	}
	defer reading(t).end(&err)
	_, err = w.Write(t.bytes())
	return err
}

func npyHeader(shape shapes.Shape) []byte {
	order := "<"
	switch {
	case shape.DType.Size() == 1 && !shape.DType.IsStorage(): // ml_dtypes gives its types an order
		order = "|"
	case bigEndian:
		order = ">"
	}
	dims := ""
	for _, d := range shape.Dimensions {
		dims += strconv.Itoa(d) + ", "
	}
	if shape.Rank() > 1 {
		dims = dims[:len(dims)-2]
	}
	text := fmt.Sprintf("{'descr': '%s%s', 'fortran_order': False, 'shape': (%s), }", order, npyCodes[shape.DType], dims)

	const fixed = len(npyMagic) + 2 + 2
	total := (fixed + len(text) + 1 + 63) / 64 * 64 // the elements begin at a multiple of 64
	out := append(make([]byte, 0, total), npyMagic+"\x01\x00"...)
	out = binary.LittleEndian.AppendUint16(out, uint16(total-fixed))
	out = append(out, text...)
	out = append(out, bytes.Repeat([]byte{' '}, total-1-len(out))...)
	return append(out, '\n')
}

// ReadNpy reads a tensor in NumPy's .npy format: versions 1 to 3, either byte order, row-major or
// Fortran order, and every dtype; V2 (two bytes of no type) is taken for bfloat16,
// V1 for float8_e4m3fn and f1 for float8_e5m2. It reads no byte beyond the tensor.
//
// It returns an error for other element types (text, records, Python objects), and if r is no such
// file or ends too early; a header that promises more than there is costs no memory.
func ReadNpy(r io.Reader) (*Tensor, error) {
	if r == nil {
		return nil, errNilFile
	}
	return readNpy(r, func() int64 { return remaining(r) })
}

// remaining returns how many bytes r still has, or -1 if that is not known.
func remaining(r io.Reader) int64 {
	switch r := r.(type) {
	case interface{ Len() int }: // bytes.Reader, bytes.Buffer, strings.Reader
		return int64(r.Len())
	case *os.File:
		info, err := r.Stat()
		at, err2 := r.Seek(0, io.SeekCurrent)
		if err == nil && err2 == nil && info.Mode().IsRegular() {
			return max(0, info.Size()-at)
		}
	}
	return -1
}

// readNpy reads from r. After the header, left returns how many bytes there are at most, or -1 if
// that is not known.
func readNpy(r io.Reader, left func() int64) (*Tensor, error) {
	h, err := readNpyHeader(r)
	if err != nil {
		return nil, err
	}
	return readTensor(r, h, left())
}

// readTensor reads the elements that a header announces; there are left bytes at most, or -1 if that is not known.
func readTensor(r io.Reader, h npyInfo, left int64) (*Tensor, error) {
	s, err := readElements(r, h.shape, left)
	if err != nil {
		return nil, err
	}
	data := s.Bytes()[:h.shape.ByteSize()]
	if h.bigEndian != bigEndian {
		swapBytes(data, h.shape.DType)
	}
	if h.shape.DType == dtypes.Bool {
		normalizeBools(data)
	}
	if h.fortran && h.shape.Rank() > 1 {
		if s, err = fromFortran(s, h.shape); err != nil {
			return nil, err
		}
	}
	return wrap(h.shape, s), nil
}

// readElements reads the elements of a tensor. Unless that many bytes are known to be there, the
// memory grows with what has been read.
func readElements(r io.Reader, shape shapes.Shape, atMost int64) (*Storage, error) {
	total := shape.ByteSize()
	if atMost >= 0 && atMost < int64(total) {
		return nil, fmt.Errorf("the .npy data of %s takes %d bytes, there are only %d", shape, total, atMost)
	}
	size := total
	if atMost < 0 {
		size = min(total, 1<<20)
	}
	s, err := NewStorage(size)
	if err != nil {
		return nil, fmt.Errorf("tensor %s: %w", shape, err)
	}
	for have := 0; ; {
		n, err := io.ReadFull(r, s.Bytes()[have:])
		have += n
		if err != nil {
			s.Release()
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return nil, fmt.Errorf("the .npy data of %s takes %d bytes and ends after %d", shape, total, have)
			}
			return nil, fmt.Errorf("reading .npy data: %w", err)
		}
		if have == total {
			return s, nil
		}
		larger, err := NewStorage(min(total, 2*have))
		if err != nil {
			s.Release()
			return nil, fmt.Errorf("tensor %s: %w", shape, err)
		}
		copy(larger.Bytes(), s.Bytes())
		s.Release()
		s = larger
	}
}

// swapBytes reverses the bytes of every number; a complex number is two.
func swapBytes(data []byte, dtype dtypes.DType) {
	size := dtype.Real().Size()
	if size == 1 {
		return
	}
	for ; len(data) > 0; data = data[size:] {
		slices.Reverse(data[:size])
	}
}

// normalizeBools makes every byte a Go bool: memory with other bits than 0 and 1 is not one.
func normalizeBools(data []byte) {
	for i, b := range data {
		if b != 0 {
			data[i] = 1
		}
	}
}

// fromFortran returns the elements, the first axis varying fastest, in row-major order, and releases
// its argument.
func fromFortran(from *Storage, shape shapes.Shape) (*Storage, error) {
	defer from.Release()
	to, err := NewStorage(shape.ByteSize())
	if err != nil {
		return nil, err
	}
	size, rank := shape.DType.Size(), shape.Rank()
	strides := make([]int, rank) // in from
	n := size
	for axis, d := range shape.Dimensions {
		strides[axis] = n
		n *= d
	}
	src, index, at := from.Bytes(), make([]int, rank), 0
	for dst := to.Bytes(); len(dst) > 0; dst = dst[size:] {
		copy(dst[:size], src[at:])
		for axis := rank - 1; axis >= 0; axis-- { // count up, the last axis fastest
			index[axis]++
			at += strides[axis]
			if index[axis] < shape.Dimensions[axis] {
				break
			}
			at -= index[axis] * strides[axis]
			index[axis] = 0
		}
	}
	runtime.KeepAlive(to)
	return to, nil
}

// Save writes t as a .npy file, see [WriteNpy]. An existing file stays as it is until the new one is
// complete.
func (t *Tensor) Save(path string) error {
	return safefile.Replace(path, 0o644, func(w io.Writer) error { return WriteNpy(w, t) })
}

// Load reads a .npy file, see [ReadNpy].
func Load(path string) (*Tensor, error) {
	f, err := safefile.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := ReadNpy(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}
