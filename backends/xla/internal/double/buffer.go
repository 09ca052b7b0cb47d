//go:build cgo && (linux || darwin)

package double

// #include "table.h"
import "C"

import (
	"fmt"
	"slices"
	"unsafe"
)

// buffer is a value on a device.
type buffer struct {
	handle  uintptr
	device  *device
	typ     C.PJRT_Buffer_Type
	dims    []int
	cdims   *C.int64_t
	storage *storage // nil once it is deleted
	why     string   // then: how it was deleted
}

func (*buffer) kind() kind { return aBuffer }

func (b *buffer) free(d *Double) {
	if b.storage != nil {
		d.releaseLocked(b.storage.block)
		b.storage = nil
	}
	C.free(unsafe.Pointer(b.cdims))
}

func (b *buffer) String() string { return fmt.Sprintf("%v %v", shapeOf(b.typ, b.dims).DType, b.dims) }

// newBuffer returns a buffer that takes over one hold of s.
func (d *Double) newBuffer(dev *device, t C.PJRT_Buffer_Type, dims []int, s *storage) *buffer {
	b := &buffer{device: dev, typ: t, dims: slices.Clone(dims), storage: s}
	b.cdims = (*C.int64_t)(C.malloc(C.size_t(8 * (len(dims) + 1))))
	to := unsafe.Slice(b.cdims, len(dims))
	for i, v := range dims {
		to[i] = C.int64_t(v)
	}
	b.handle = d.issue(b)
	return b
}

// delete frees a buffer's memory and keeps its handle. The double is locked.
func (b *buffer) delete(d *Double, why string) {
	if b.storage != nil {
		d.releaseLocked(b.storage.block)
		b.storage, b.why = nil, why
	}
}

// bufferOf returns the buffer of a handle, which must not be deleted.
func (d *Double) bufferOf(p *C.PJRT_Buffer) (*buffer, error) {
	b, s, err := d.heldBuffer(p)
	if err == nil {
		d.release(s.block)
	}
	return b, err
}

// heldBuffer returns the buffer of a handle, which must not be deleted, and its storage with one more holder.
func (d *Double) heldBuffer(p *C.PJRT_Buffer) (*buffer, *storage, error) {
	b, err := get[*buffer](d, p)
	if err == nil {
		err = d.orphan(b.handle, b.device.client)
	}
	if err != nil {
		return nil, nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if b.storage == nil {
		return nil, nil, violation("%s was %s", d.space.describe(b.handle), b.why)
	}
	b.storage.holds++
	return b, b.storage, nil
}

func (d *Double) copyToDevice(a *C.PJRT_Buffer_CopyToDevice_Args) error {
	b, from, err := d.heldBuffer(a.buffer)
	if err != nil {
		return err
	}
	to, dev, err := d.roomFor(a.dst_device, b, from.size)
	if err != nil {
		d.release(from.block)
		return err
	}
	d.mu.Lock()
	to.holds++
	read := from.reader()
	d.mu.Unlock()
	d.later(dev.client, func() func() {
		err := d.wait(from.ready)
		if err == nil {
			copy(to.bytes(), from.bytes())
		}
		d.release(from.block)
		d.release(to.block)
		return func() {
			read.set(nil)
			to.ready.set(err)
		}
	})
	give(&a.dst_buffer, d.newBuffer(dev, b.typ, b.dims, to).handle)
	return nil
}

// roomFor returns memory on a device for a copy of a buffer.
func (d *Double) roomFor(p *C.PJRT_Device, b *buffer, size int) (*storage, *device, error) {
	dev, err := get[*device](d, p)
	switch {
	case err != nil:
		return nil, nil, err
	case dev.client != b.device.client:
		return nil, nil, violation("the device belongs to another client than the buffer")
	}
	if err := d.strike(CopyToDevice, dev); err != nil {
		return nil, nil, err
	}
	s, err := d.allocate(dev, size)
	return s, dev, err
}

func (d *Double) bitcast(a *C.PJRT_Buffer_Bitcast_Args) error {
	to, err := dims(a.dims, a.num_dims)
	if err != nil {
		return err
	}
	b, s, err := d.heldBuffer(a.buffer)
	if err != nil {
		return err
	}
	size, err := byteSize(a.element_type, to)
	if err == nil && size != s.size {
		err = errorf(InvalidArgument, "a buffer of %d bytes is no %d bytes", s.size, size)
	}
	if err != nil {
		d.release(s.block)
		return err
	}
	d.mu.Lock()
	s.shared = true
	d.mu.Unlock()
	give(&a.out_buffer, d.newBuffer(b.device, a.element_type, to, s).handle)
	return nil
}

func init() {
	handle(C.SLOT_PJRT_Buffer_Destroy, func(d *Double, a *C.PJRT_Buffer_Destroy_Args) error {
		if err := d.strike(DestroyAny, nil); err != nil {
			return err
		}
		return destroy[*buffer](d, a.buffer)
	})
	handle(C.SLOT_PJRT_Buffer_ElementType, func(d *Double, a *C.PJRT_Buffer_ElementType_Args) error {
		b, err := get[*buffer](d, a.buffer)
		if err == nil {
			a._type = b.typ
		}
		return err
	})
	handle(C.SLOT_PJRT_Buffer_Dimensions, func(d *Double, a *C.PJRT_Buffer_Dimensions_Args) error {
		b, err := get[*buffer](d, a.buffer)
		if err == nil {
			a.dims, a.num_dims = b.cdims, C.size_t(len(b.dims))
		}
		return err
	})
	handle(C.SLOT_PJRT_Buffer_OnDeviceSizeInBytes, func(d *Double, a *C.PJRT_Buffer_OnDeviceSizeInBytes_Args) error {
		b, err := d.bufferOf(a.buffer)
		if err == nil {
			n, _ := byteSize(b.typ, b.dims)
			a.on_device_size_in_bytes = C.size_t(n)
		}
		return err
	})
	handle(C.SLOT_PJRT_Buffer_Device, func(d *Double, a *C.PJRT_Buffer_Device_Args) error {
		b, err := get[*buffer](d, a.buffer)
		if err == nil {
			give(&a.device, b.device.handle)
		}
		return err
	})
	handle(C.SLOT_PJRT_Buffer_Memory, func(d *Double, a *C.PJRT_Buffer_Memory_Args) error {
		b, err := get[*buffer](d, a.buffer)
		if err == nil {
			give(&a.memory, b.device.memory.handle)
		}
		return err
	})
	handle(C.SLOT_PJRT_Buffer_Delete, func(d *Double, a *C.PJRT_Buffer_Delete_Args) error {
		b, err := get[*buffer](d, a.buffer)
		if err == nil {
			d.mu.Lock()
			b.delete(d, "deleted")
			d.mu.Unlock()
		}
		return err
	})
	handle(C.SLOT_PJRT_Buffer_IsDeleted, func(d *Double, a *C.PJRT_Buffer_IsDeleted_Args) error {
		b, err := get[*buffer](d, a.buffer)
		if err == nil {
			d.mu.Lock()
			a.is_deleted = C.bool(b.storage == nil)
			d.mu.Unlock()
		}
		return err
	})
	handle(C.SLOT_PJRT_Buffer_IsOnCpu, func(d *Double, a *C.PJRT_Buffer_IsOnCpu_Args) error {
		_, err := d.bufferOf(a.buffer)
		a.is_on_cpu = C.bool(d.options.Platform == "cpu")
		return err
	})
	handle(C.SLOT_PJRT_Buffer_ReadyEvent, func(d *Double, a *C.PJRT_Buffer_ReadyEvent_Args) error {
		_, s, err := d.heldBuffer(a.buffer)
		if err != nil {
			return err
		}
		defer d.release(s.block)
		e := newEvent()
		if s.ready.ready() {
			e.set(s.ready.err)
		} else {
			d.running.Go(func() { e.set(d.wait(s.ready)) })
		}
		give(&a.event, d.issue(e))
		return nil
	})
	handle(C.SLOT_PJRT_Buffer_UnsafePointer, func(d *Double, a *C.PJRT_Buffer_UnsafePointer_Args) error {
		if d.options.Platform != "cpu" {
			return violation("the host has no access to the memory of %s", d.options.Platform)
		}
		_, s, err := d.heldBuffer(a.buffer)
		if err != nil {
			return err
		}
		defer d.release(s.block)
		if err := d.wait(s.ready); err != nil {
			return err
		}
		a.buffer_pointer = C.uintptr_t(uintptr(s.p))
		return nil
	})
	handle(C.SLOT_PJRT_Buffer_CopyToDevice, (*Double).copyToDevice)
	handle(C.SLOT_PJRT_Buffer_Bitcast, (*Double).bitcast)
}
