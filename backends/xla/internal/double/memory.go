//go:build cgo && (linux || darwin)

package double

// #include "table.h"
import "C"

import (
	"unsafe"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// storage is memory that buffers and executions hold. Fields are read and written with the double locked.
type storage struct {
	device  *device
	p       unsafe.Pointer
	size    int
	view    bool   // of memory that is the host's
	shared  bool   // by several buffers
	deleted func() // what a view's owner wants to know
	moved   bool   // to another storage, which frees it
	holders int
	ready   *event   // when it has its content, or an error instead
	readers []*event // end when somebody has read it
}

// alignment of the memory of devices, and of views of the host's.
const alignment = 64

// allocate returns memory of a device, with one holder, that is not ready.
func (d *Double) allocate(dev *device, size int) (*storage, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if limit := d.options.MemoryLimit; limit > 0 && int64(size) > limit-dev.inUse {
		return nil, errorf(ResourceExhausted, "out of memory on %s: %d bytes are asked for, and %d of %d are in use", dev, size, dev.inUse, limit)
	}
	p := C.quireAlloc(C.size_t(size))
	if p == nil {
		return nil, errorf(ResourceExhausted, "out of memory: the host has no %d bytes", size)
	}
	dev.inUse += int64(size)
	dev.peak = max(dev.peak, dev.inUse)
	dev.largest = max(dev.largest, int64(size))
	dev.allocations++
	return &storage{device: dev, p: p, size: size, holders: 1, ready: newEvent()}, nil
}

// move returns a new storage of the same memory, with one holder, that is not ready: the old one stays readable and
// frees nothing. The double is locked.
func (s *storage) move() *storage {
	s.moved = true
	return &storage{device: s.device, p: s.p, size: s.size, holders: 1, ready: newEvent()}
}

// reader notes a reader, who sets the event when it has read. The double is locked.
func (s *storage) reader() *event {
	going := s.readers[:0]
	for _, e := range s.readers {
		if !e.ready() {
			going = append(going, e)
		}
	}
	e := newEvent()
	s.readers = append(going, e)
	return e
}

// retain adds a holder.
func (d *Double) retain(s *storage) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s.holders++
}

// release takes a holder away; the last one frees the memory.
func (d *Double) release(s *storage) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.releaseLocked(s)
}

func (d *Double) releaseLocked(s *storage) {
	if s.holders--; s.holders > 0 || s.moved {
		return
	}
	if s.view {
		if s.deleted != nil {
			d.deletions = append(d.deletions, s.deleted)
		}
		return
	}
	s.device.inUse -= int64(s.size)
	poison(s.bytes())
	C.free(s.p)
	s.p = nil
}

// poison overwrites memory that is freed, so that who still looks at it sees no number that could be right.
func poison(b []byte) {
	for i := range b[:min(len(b), 4096)] {
		b[i] = 0xdb
	}
}

func (s *storage) bytes() []byte { return bytesAt(s.p, s.size) }

// elementTypes are the types of buffers with their sizes on the host, and as Quire knows them. Numbers of 4 and of 2
// bits have a byte each.
var elementTypes = map[C.PJRT_Buffer_Type]struct {
	size  int
	dtype dtypes.DType
}{
	C.PJRT_Buffer_Type_PRED: {1, dtypes.Bool},
	C.PJRT_Buffer_Type_S8:   {1, dtypes.Int8}, C.PJRT_Buffer_Type_S16: {2, dtypes.Int16},
	C.PJRT_Buffer_Type_S32: {4, dtypes.Int32}, C.PJRT_Buffer_Type_S64: {8, dtypes.Int64},
	C.PJRT_Buffer_Type_U8: {1, dtypes.Uint8}, C.PJRT_Buffer_Type_U16: {2, dtypes.Uint16},
	C.PJRT_Buffer_Type_U32: {4, dtypes.Uint32}, C.PJRT_Buffer_Type_U64: {8, dtypes.Uint64},
	C.PJRT_Buffer_Type_F16: {2, dtypes.Float16}, C.PJRT_Buffer_Type_BF16: {2, dtypes.BFloat16},
	C.PJRT_Buffer_Type_F32: {4, dtypes.Float32}, C.PJRT_Buffer_Type_F64: {8, dtypes.Float64},
	C.PJRT_Buffer_Type_C64: {8, dtypes.Complex64}, C.PJRT_Buffer_Type_C128: {16, dtypes.Complex128},
	C.PJRT_Buffer_Type_F8E5M2: {1, 0}, C.PJRT_Buffer_Type_F8E4M3FN: {1, 0},
	C.PJRT_Buffer_Type_S4: {1, 0}, C.PJRT_Buffer_Type_U4: {1, 0}, C.PJRT_Buffer_Type_S2: {1, 0}, C.PJRT_Buffer_Type_U2: {1, 0},
}

// bufferTypes are the types of buffers by dtype.
var bufferTypes = func() map[dtypes.DType]C.PJRT_Buffer_Type {
	m := map[dtypes.DType]C.PJRT_Buffer_Type{}
	for t, e := range elementTypes {
		if e.dtype != dtypes.Invalid {
			m[e.dtype] = t
		}
	}
	return m
}()

// maxBytes bounds the size of a buffer, far above what a test has memory for.
const maxBytes = 1 << 40

// byteSize returns how many bytes elements of a type with dimensions take.
func byteSize(t C.PJRT_Buffer_Type, dims []int) (int, error) {
	e, ok := elementTypes[t]
	if !ok {
		return 0, violation("%d is no type of elements", t)
	}
	n := e.size
	for _, d := range dims {
		if d > 0 && n > maxBytes/d {
			return 0, errorf(ResourceExhausted, "out of memory: no machine has room for dimensions %v", dims)
		}
		n *= d
	}
	return n, nil
}

// shapeOf returns the shape of a buffer; its dtype is Invalid if Quire does not have it.
func shapeOf(t C.PJRT_Buffer_Type, dims []int) shapes.Shape {
	return shapes.Shape{DType: elementTypes[t].dtype, Dimensions: dims}
}
