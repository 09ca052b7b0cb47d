package gguf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/safefile"
)

// File is a file whose header has been read. It is safe for several goroutines.
type File struct {
	Version  uint32
	Metadata map[string]any // by key: bool, string, an int or uint of 8 to 64 bits, a float, or a slice of one of these
	Tensors  []Tensor       // in the order of the header

	byName map[string]int
	r      io.ReaderAt
	closer io.Closer
}

// Tensor is what the header says of a tensor.
type Tensor struct {
	Name string
	Dims []int // in the order of package shapes: the last axis is that whose elements lie side by side
	Type Type

	begin int64
}

func (t *Tensor) size() int {
	n := 1
	for _, d := range t.Dims {
		n *= d
	}
	return n
}

// bytes is how many bytes the elements have.
func (t *Tensor) bytes() int64 {
	b := blocks[t.Type]
	if b.size == 0 {
		return 0
	}
	return int64(t.size()/b.size) * int64(b.bytes)
}

// littleEndian reports whether this machine stores numbers as the format does.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// Open reads the header of a file. Close closes it.
func Open(path string) (*File, error) {
	file, err := safefile.Open(path)
	if err != nil {
		return nil, err
	}
	f, err := fromFile(file)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

func fromFile(file *os.File) (*File, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	f, err := NewFile(file, info.Size())
	if err != nil {
		return nil, err
	}
	f.closer = file
	return f, nil
}

// NewFile reads the header of what r holds, which has so many bytes.
func NewFile(r io.ReaderAt, size int64) (*File, error) {
	switch {
	case r == nil:
		return nil, errors.New("gguf: the reader is nil")
	case !littleEndian:
		return nil, errors.New("gguf: this machine is big-endian, which is not supported")
	}
	f := &File{Metadata: map[string]any{}, byName: map[string]int{}, r: r}
	if err := f.readHeader(r, size); err != nil {
		return nil, fmt.Errorf("gguf: %w", err)
	}
	return f, nil
}

// Close closes a file that Open opened. Tensors that were read stay.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Names returns the names of all tensors, sorted.
func (f *File) Names() (names []string) {
	for _, t := range f.Tensors {
		names = append(names, t.Name)
	}
	slices.Sort(names)
	return names
}

// find returns a tensor whose elements can be read.
func (f *File) find(name string) (*Tensor, error) {
	i, ok := f.byName[name]
	if !ok {
		return nil, fmt.Errorf("gguf: there is no tensor %q (see Names)", name)
	}
	t := &f.Tensors[i]
	if !t.Type.known() {
		return nil, fmt.Errorf("gguf: tensor %q is %s, which is not one that is read: have it quantised to another, such as Q8_0", name, t.Type)
	}
	return t, nil
}

// Shape returns the shape of what [File.Tensor] reads, and reads nothing.
func (f *File) Shape(name string) (shapes.Shape, error) {
	t, err := f.find(name)
	if err != nil {
		return shapes.Shape{}, err
	}
	return shapes.Make(blocks[t.Type].dtype, t.Dims...), nil
}

// Tensor reads a tensor. Those that are quantised become float32; others keep their dtype.
func (f *File) Tensor(name string) (*tensors.Tensor, error) {
	t, err := f.find(name)
	if err != nil {
		return nil, err
	}
	return f.read(t, t.begin, t.Dims)
}

// Rows reads elements from to to-1 of the first axis of a tensor, such as some rows of an embedding, and nothing else of it. The tensor has two
// axes at least, or is not quantised.
func (f *File) Rows(name string, from, to int) (*tensors.Tensor, error) {
	t, err := f.find(name)
	switch {
	case err != nil:
		return nil, err
	case len(t.Dims) == 0 || from < 0 || to < from || to > t.Dims[0]:
		return nil, fmt.Errorf("gguf: tensor %q of %v has no rows %d to %d", name, t.Dims, from, to)
	case len(t.Dims) == 1 && blocks[t.Type].size > 1:
		return nil, fmt.Errorf("gguf: tensor %q of %v is quantised along its only axis: read it as a whole", name, t.Dims)
	}
	dims := slices.Clone(t.Dims)
	dims[0] = to - from
	begin := t.begin
	if t.Dims[0] > 0 {
		begin += t.bytes() / int64(t.Dims[0]) * int64(from)
	}
	return f.read(t, begin, dims)
}

// read reads elements of dims of a tensor.
func (f *File) read(t *Tensor, begin int64, dims []int) (*tensors.Tensor, error) {
	b := blocks[t.Type]
	out, err := tensors.New(shapes.Make(b.dtype, dims...))
	if err != nil {
		return nil, fmt.Errorf("gguf: tensor %q: %w", t.Name, err)
	}
	n := out.Size()
	var readErr error
	err = out.MutableBytes(func(data []byte) {
		switch {
		case n == 0:
		case b.numbers == nil:
			_, readErr = f.r.ReadAt(data, begin)
		default:
			readErr = f.decode(floatsOf(data), begin, b)
		}
	})
	if err = errors.Join(err, readErr); err != nil {
		out.Close()
		return nil, fmt.Errorf("gguf: tensor %q: %w", t.Name, err)
	}
	return out, nil
}

// decode reads blocks, some at a time, and writes their numbers.
func (f *File) decode(y []float32, begin int64, b block) error {
	const some = 1 << 10
	buffer := make([]byte, some*b.bytes)
	for len(y) > 0 {
		n := min(some, len(y)/b.size)
		data := buffer[:n*b.bytes]
		if _, err := f.r.ReadAt(data, begin); err != nil {
			return err
		}
		for i := range n {
			b.numbers(y[i*b.size:][:b.size], data[i*b.bytes:][:b.bytes])
		}
		y, begin = y[n*b.size:], begin+int64(len(data))
	}
	return nil
}

// Type is how the elements of a tensor are held.
type Type uint32

// Types that are read. The others have a number only.
const (
	F32  Type = 0
	F16  Type = 1
	Q4_0 Type = 2
	Q4_1 Type = 3
	Q5_0 Type = 6
	Q5_1 Type = 7
	Q8_0 Type = 8
	Q4_K Type = 12
	Q5_K Type = 13
	Q6_K Type = 14
	I8   Type = 24
	I16  Type = 25
	I32  Type = 26
	I64  Type = 27
	F64  Type = 28
	BF16 Type = 30
)

// block is how a type holds its elements: so many in so many bytes.
type block struct {
	name        string
	size, bytes int
	dtype       dtypes.DType                // of the tensor
	numbers     func(y []float32, b []byte) // nil if elements are those of the dtype
}

var blocks = map[Type]block{
	F32: {"F32", 1, 4, dtypes.Float32, nil}, F16: {"F16", 1, 2, dtypes.Float16, nil}, BF16: {"BF16", 1, 2, dtypes.BFloat16, nil},
	F64: {"F64", 1, 8, dtypes.Float64, nil}, I8: {"I8", 1, 1, dtypes.Int8, nil}, I16: {"I16", 1, 2, dtypes.Int16, nil},
	I32: {"I32", 1, 4, dtypes.Int32, nil}, I64: {"I64", 1, 8, dtypes.Int64, nil},
	Q4_0: {"Q4_0", 32, 18, dtypes.Float32, q4_0}, Q4_1: {"Q4_1", 32, 20, dtypes.Float32, q4_1},
	Q5_0: {"Q5_0", 32, 22, dtypes.Float32, q5_0}, Q5_1: {"Q5_1", 32, 24, dtypes.Float32, q5_1},
	Q8_0: {"Q8_0", 32, 34, dtypes.Float32, q8_0},
	Q4_K: {"Q4_K", 256, 144, dtypes.Float32, q4_K}, Q5_K: {"Q5_K", 256, 176, dtypes.Float32, q5_K}, Q6_K: {"Q6_K", 256, 210, dtypes.Float32, q6_K},
}

func (t Type) known() bool { return blocks[t].size > 0 }

// String names the type as llama.cpp does, or by its number.
func (t Type) String() string {
	if b, ok := blocks[t]; ok {
		return b.name
	}
	return fmt.Sprintf("type %d", uint32(t))
}
