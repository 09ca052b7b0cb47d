package tensors

import (
	"unsafe"

	"github.com/quire-ml/quire/graph/shapes"
)

// tiny is a tensor of few elements with its storage and memory: one object of the Go heap for all three. Objects of 192 bytes
// begin at a multiple of Alignment.
type tiny struct {
	memory  [tinyBytes]byte
	tensor  Tensor
	storage Storage
	list    [1]*Tensor // see ForResults
}

// tinyBytes is the size up to which a tensor is tiny: a scalar, a loss, a vector of 16 floats.
const tinyBytes = 64

// newTiny returns a tiny tensor of zeros.
func newTiny(shape shapes.Shape, bytes int) *Tensor { return &makeTiny(shape, bytes).tensor }

func makeTiny(shape shapes.Shape, bytes int) *tiny {
	s := &tiny{}
	memory := s.memory[:]
	if misalignment(memory) != 0 {
		memory = alignedBytes(tinyBytes) // which serves other storages once released: all of it, see small.go
	}
	s.storage.data = memory[:bytes:bytes]
	s.storage.refs.Store(1)
	s.tensor.shape = shape
	s.tensor.storage.Store(&s.storage)
	return s
}

// holds reports whether data is the memory of the tiny tensor that s is part of. That is no memory for other storages: C may not be
// given what lies beside pointers of Go's.
func (s *Storage) holds(data []byte) bool {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(data)))
	return at+unsafe.Offsetof(tiny{}.storage)-unsafe.Offsetof(tiny{}.memory) == uintptr(unsafe.Pointer(s))
}

// ForResults returns a tensor for each shape, as [New] does, for a computation to write its results to: what they hold is undefined.
// A single tiny one and the list are one object.
func ForResults(list []shapes.Shape) ([]*Tensor, error) {
	if len(list) == 1 && list[0].Check() == nil {
		if n := list[0].ByteSize(); n <= tinyBytes {
			s := makeTiny(list[0], n)
			s.list[0] = &s.tensor
			return s.list[:], nil
		}
	}
	out := make([]*Tensor, len(list))
	for i, shape := range list {
		t, err := newTensor(shape, false)
		if err != nil {
			for _, t := range out[:i] {
				t.Close()
			}
			return nil, err
		}
		out[i] = t
	}
	return out, nil
}
