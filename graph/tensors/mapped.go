package tensors

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/safefile"
)

// Mapped returns a tensor of the elements that a file has from byte at on, in row-major order and the machine's byte order. Where it can, it maps
// them: then nothing is read before somebody looks at it, and memory is taken by what was looked at. What is written to the tensor stays
// in memory, the file does not change. They are read, at once, of what is no [os.File], on systems without mapped files, below 64 KiB,
// of bools, and if they do not begin at a multiple of [Alignment].
//
// The file may be closed, deleted, and replaced by another one of its name, as everything that Quire writes is. While the tensor is in use it must
// not be changed in its place: the tensor might change with it. If the file is cut, functions of this package and runs of programs return an error that
// names it, or panic with that if they have none to return; a loop of one's own over [Flat] is ended by the system, unless it is in [ConstFlatData].
//
// It returns an error if the file has not that many bytes, or cannot be read.
func Mapped(r io.ReaderAt, shape shapes.Shape, at int64) (*Tensor, error) {
	if r == nil {
		return nil, errNilFile
	}
	if err := shape.Check(); err != nil {
		return nil, err
	}
	size := shape.ByteSize()
	if at < 0 || at > math.MaxInt64-int64(size) {
		return nil, fmt.Errorf("the elements of %s are to begin at byte %d of a file: there is none", shape, at)
	}
	if t, err := mapElements(r, shape, at); t != nil || err != nil {
		return t, err
	}
	t, err := newTensor(shape, false)
	if err != nil {
		return nil, err
	}
	if n, err := r.ReadAt(t.bytes(), at); n < size {
		t.Close()
		if errors.Is(err, io.EOF) || err == nil {
			return nil, fmt.Errorf("the elements of %s take %d bytes, and the file ends after %d of them", shape, size, n)
		}
		return nil, err
	}
	if shape.DType == dtypes.Bool {
		normalizeBools(t.bytes())
	}
	return t, nil
}

// mapElements maps the elements, or returns nil if that is not to be.
func mapElements(r io.ReaderAt, shape shapes.Shape, at int64) (*Tensor, error) {
	f, _ := r.(*os.File)
	size := shape.ByteSize()
	if f == nil || size < largeStorage || shape.DType == dtypes.Bool || at%Alignment != 0 {
		return nil, nil
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, nil
	case info.Size() < at+int64(size): // beyond its end a mapped file has no memory
		return nil, fmt.Errorf("the elements of %s take %d bytes, and the file ends after %d of them", shape, size, max(0, info.Size()-at))
	}
	memory, release, err := mapFile(f, at, size)
	if err != nil {
		return nil, nil // a file system without mapped files
	}
	s, err := MappedStorage(memory, release)
	if err != nil {
		release()
		return nil, nil
	}
	return wrap(shape, s), nil
}

// LoadMapped is [Load] of a file that is [Mapped]. In Fortran order, and in the other byte order, it is read.
func LoadMapped(path string) (*Tensor, error) {
	f, err := safefile.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	t, err := readMapped(f, 0, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// readMapped returns the tensor of a .npy file that lies in f from byte at on, in so many bytes at most.
func readMapped(f io.ReaderAt, at, size int64) (*Tensor, error) {
	r := io.NewSectionReader(f, at, size)
	h, err := readNpyHeader(r)
	if err != nil {
		return nil, err
	}
	begin, err := r.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	if h.bigEndian != bigEndian && h.shape.DType.Size() > 1 || h.fortran && h.shape.Rank() > 1 {
		return readTensor(r, h, size-begin)
	}
	if n := int64(h.shape.ByteSize()); n > size-begin {
		return nil, fmt.Errorf("the .npy data of %s takes %d bytes, there are only %d", h.shape, n, size-begin)
	}
	return Mapped(f, h.shape, at+begin)
}
