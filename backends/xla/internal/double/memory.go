//go:build cgo && (linux || darwin)

package double

// #include "table.h"
import "C"

import (
	"unsafe"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// block is memory that buffers and executions hold. Its last holder frees it.
type block struct {
	device *device
	p      unsafe.Pointer
	size   int
	view   bool   // of memory that is the host's
	gone   func() // tells a view's owner
	shared bool   // by several buffers; with the double locked, as is
	holds  int
}

// storage is what a block holds at some time: a donated block goes on with another content.
type storage struct {
	*block
	ready   *event   // when the content is there, or an error instead
	readers []*event // end when somebody has read it; with the double locked
}

// alignment of the memory of devices, and of views of the host's.
const alignment = 64

// reserve returns an error if a device has not so many bytes left. The double is locked.
func (d *Double) reserve(dev *device, size int64) error {
	limit := d.options.MemoryLimit
	if limit > 0 && size > limit-dev.inUse {
		return errorf(ResourceExhausted, "out of memory on %s: %d bytes are asked for, and %d of %d are in use", dev, size, dev.inUse, limit)
	}
	dev.peak = max(dev.peak, dev.inUse+size)
	return nil
}

// allocate returns memory of a device, with one hold, that has no content yet.
func (d *Double) allocate(dev *device, size int) (*storage, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.reserve(dev, int64(size)); err != nil {
		return nil, err
	}
	p := C.quireAlloc(C.size_t(size))
	if p == nil {
		return nil, errorf(ResourceExhausted, "out of memory: the host has no %d bytes", size)
	}
	dev.inUse += int64(size)
	dev.largest = max(dev.largest, int64(size))
	dev.allocations++
	return &storage{block: &block{device: dev, p: p, size: size, holds: 1}, ready: newEvent()}, nil
}

// next returns the block with its next content, with one hold more. The double is locked.
func (b *block) next() *storage {
	b.holds++
	return &storage{block: b, ready: newEvent()}
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

// retain adds a hold.
func (d *Double) retain(b *block) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b.holds++
}

// release takes a hold away; with the last one goes the memory.
func (d *Double) release(b *block) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.releaseLocked(b)
}

func (d *Double) releaseLocked(b *block) {
	if b.holds--; b.holds > 0 {
		return
	}
	if b.view {
		if b.gone != nil {
			d.deletions = append(d.deletions, b.gone)
		}
		return
	}
	b.device.inUse -= int64(b.size)
	poison(b.bytes())
	C.free(b.p)
	b.p = nil
}

// poison overwrites memory that is freed, so that who still looks at it sees no number that could be right.
func poison(b []byte) {
	for i := range b[:min(len(b), 4096)] {
		b[i] = 0xdb
	}
}

func (b *block) bytes() []byte { return bytesAt(b.p, b.size) }

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
	C.PJRT_Buffer_Type_F8E5M2: {1, dtypes.Float8E5M2}, C.PJRT_Buffer_Type_F8E4M3FN: {1, dtypes.Float8E4M3FN},
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
