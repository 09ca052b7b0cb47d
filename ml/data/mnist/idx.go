package mnist

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// elementTypes are the dtypes of the third byte of an idx file.
var elementTypes = map[byte]dtypes.DType{
	0x08: dtypes.Uint8, 0x09: dtypes.Int8, 0x0B: dtypes.Int16, 0x0C: dtypes.Int32, 0x0D: dtypes.Float32, 0x0E: dtypes.Float64,
}

// maxRank is the largest number of axes that ReadIDX accepts; what claims more is no idx file.
const maxRank = 8

// maxBytes is how many bytes of elements ReadIDX reads: a hundred times the largest file of this kind.
const maxBytes = 1 << 32

// ReadIDX reads a file in the idx format, as it is or packed with gzip: two zero bytes, the element type, the
// number of axes, the size of each axis as a big-endian uint32, and the elements, big-endian, in row-major
// order. The elements are uint8, int8, int16, int32, float32 or float64.
//
// It returns an error if r is no such file, announces more than 4 GiB, ends too early, or goes on after the last
// element; the memory that it takes is in proportion to what r really holds, unpacked.
//
// Source: Y. LeCun, "The MNIST database of handwritten digits", section "File formats".
func ReadIDX(r io.Reader) (*tensors.Tensor, error) {
	if r == nil {
		return nil, errors.New("mnist: the reader is nil")
	}
	br := bufio.NewReader(r)
	if magic, _ := br.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(br)
		if err != nil {
			return nil, err
		}
		br = bufio.NewReader(unpacked)
	}
	shape, err := readHeader(br)
	if err != nil {
		return nil, err
	}
	want := shape.ByteSize()
	if want > maxBytes { // gzip packs a thousand zeros into a byte: nobody would see it coming
		return nil, fmt.Errorf("its header %s announces %d bytes, and at most %d are read", shape.Dims(), want, maxBytes)
	}
	header := 4 + 4*shape.Rank()
	elements, err := io.ReadAll(io.LimitReader(br, int64(want)+1))
	switch {
	case len(elements) > want:
		return nil, fmt.Errorf("more than the %d bytes that its header %s announces", header+want, shape.Dims())
	case errors.Is(err, io.ErrUnexpectedEOF) || err == nil && len(elements) < want:
		return nil, fmt.Errorf("cut off: %d bytes expected by its header %s, %d there", header+want, shape.Dims(), header+len(elements))
	case err != nil:
		return nil, fmt.Errorf("after %d of %d bytes: %w", header+len(elements), header+want, err)
	}
	// FromBytes takes the machine's byte order.
	if size := shape.DType.Size(); size > 1 && binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		for e := range slices.Chunk(elements, size) {
			slices.Reverse(e)
		}
	}
	return tensors.FromBytes(shape, elements)
}

// readHeader reads up to the first element.
func readHeader(r io.Reader) (shapes.Shape, error) {
	var magic [4]byte
	if n, err := io.ReadFull(r, magic[:]); err != nil {
		return shapes.Shape{}, fmt.Errorf("no idx file: %d bytes: %w", n, err)
	}
	dtype, ok := elementTypes[magic[2]]
	if magic[0] != 0 || magic[1] != 0 || !ok || magic[3] > maxRank {
		return shapes.Shape{}, fmt.Errorf("no idx file: it begins with % x, want 00 00, an element type (08 is uint8) and the number of axes", magic)
	}
	sizes := make([]uint32, magic[3])
	if err := binary.Read(r, binary.BigEndian, sizes); err != nil {
		return shapes.Shape{}, fmt.Errorf("cut off within the sizes of its %d axes", len(sizes))
	}
	shape := shapes.Make(dtype)
	for _, n := range sizes {
		shape.Dimensions = append(shape.Dimensions, int(n))
	}
	return shape, shape.Check()
}
