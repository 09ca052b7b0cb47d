//go:build cgo && (linux || darwin)

package double

// #include "table.h"
import "C"

import (
	"unsafe"
)

// later does work: behind the caller's back if the double is asynchronous, else at once. The work returns what ends
// its events, which comes last: whoever waits for them may then destroy all that was used.
func (d *Double) later(c *client, work func() (end func())) {
	if !d.options.Async {
		work()()
		return
	}
	d.mu.Lock()
	c.busy++
	d.mu.Unlock()
	d.running.Go(func() {
		end := work()
		d.tellDeleted()
		d.mu.Lock()
		c.busy--
		d.mu.Unlock()
		end()
	})
}

// target returns the device that a device or a memory of a client names; one of both must be given.
func (d *Double) target(c *client, dev *C.PJRT_Device, mem *C.PJRT_Memory) (*device, error) {
	var to *device
	if mem != nil {
		m, err := get[*memory](d, mem)
		if err != nil {
			return nil, err
		}
		to = m.device
	} else {
		var err error
		if to, err = get[*device](d, dev); err != nil {
			return nil, err
		}
	}
	if to.client != c {
		return nil, violation("%s belongs to another client", d.space.describe(to.handle))
	}
	return to, nil
}

func (d *Double) fromHost(a *C.PJRT_Client_BufferFromHostBuffer_Args) error {
	c, err := get[*client](d, a.client)
	if err != nil {
		return err
	}
	dev, err := d.target(c, a.device, a.memory)
	if err != nil {
		return err
	}
	shape, err := dims(a.dims, a.num_dims)
	if err != nil {
		return err
	}
	size, err := byteSize(a._type, shape)
	switch {
	case err != nil:
		return err
	case size > 0 && a.data == nil:
		return violation("%d bytes at NULL", size)
	case a.num_byte_strides > 0 && !dense(unsafe.Slice(a.byte_strides, a.num_byte_strides), shape, elementTypes[a._type].size):
		return errorf(Unimplemented, "only dense rows are taken from the host")
	case a.host_buffer_semantics > C.PJRT_HostBufferSemantics_kImmutableUntilTransferCompletes:
		return violation("host buffer semantics %d: a caller that waits for the buffer to be done with waits for ever", a.host_buffer_semantics)
	}
	if err := d.strike(ToDevice, dev); err != nil {
		return err
	}
	s, err := d.allocate(dev, size)
	if err != nil {
		return err
	}
	data, done := bytesAt(a.data, size), newEvent()
	d.retain(s.block)
	move := func() func() {
		copy(s.bytes(), data)
		d.release(s.block)
		return func() {
			s.ready.set(nil)
			d.end(done, nil, ToDevice, dev)
		}
	}
	if a.host_buffer_semantics == C.PJRT_HostBufferSemantics_kImmutableOnlyDuringCall {
		move()()
	} else {
		d.later(c, move)
	}
	give(&a.buffer, d.newBuffer(dev, a._type, shape, s).handle)
	give(&a.done_with_host_buffer, d.issue(done))
	d.add(func(s *Stats) { s.ToDevice++ })
	return nil
}

// add counts something.
func (d *Double) add(f func(s *Stats)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(&d.stats)
}

// dense reports whether strides in bytes are those of dense rows.
func dense(strides []C.int64_t, dims []int, size int) bool {
	if len(strides) != len(dims) {
		return false
	}
	for axis := len(dims) - 1; axis >= 0; axis-- {
		if dims[axis] > 1 && int(strides[axis]) != size {
			return false
		}
		size *= dims[axis]
	}
	return true
}

func (d *Double) view(a *C.PJRT_Client_CreateViewOfDeviceBuffer_Args) error {
	c, err := get[*client](d, a.client)
	if err != nil {
		return err
	}
	dev, err := d.target(c, a.device, a.memory)
	if err != nil {
		return err
	}
	shape, err := dims(a.dims, a.num_dims)
	if err != nil {
		return err
	}
	size, err := byteSize(a.element_type, shape)
	switch {
	case err != nil:
		return err
	case d.options.Platform != "cpu":
		return violation("the host's memory is no memory of %s", d.options.Platform)
	case size > 0 && a.device_buffer_ptr == nil:
		return violation("%d bytes at NULL", size)
	case uintptr(a.device_buffer_ptr)%alignment != 0:
		return errorf(InvalidArgument, "can't create a view of memory that is not aligned to %d bytes: %p", alignment, a.device_buffer_ptr)
	}
	s := &storage{block: &block{device: dev, p: a.device_buffer_ptr, size: size, view: true, holds: 1}, ready: newEvent()}
	s.ready.set(nil)
	if callback := a.on_delete_callback; callback != nil {
		p, arg := a.device_buffer_ptr, a.on_delete_callback_arg
		s.gone = func() { C.quireDeleted(callback, p, arg) }
	}
	give(&a.buffer, d.newBuffer(dev, a.element_type, shape, s).handle)
	return nil
}

func (d *Double) toHost(a *C.PJRT_Buffer_ToHostBuffer_Args) error {
	b, s, err := d.heldBuffer(a.src)
	if err != nil {
		return err
	}
	defer d.release(s.block)
	switch err := rowMajor(a.host_layout, len(b.dims)); {
	case err != nil:
		return err
	case a.dst == nil: // only the size is asked for
		a.dst_size = C.size_t(s.size)
		return nil
	case int(a.dst_size) < s.size:
		return errorf(InvalidArgument, "the host's buffer has %d bytes, and %d are needed", a.dst_size, s.size)
	}
	if err := d.strike(ToHost, b.device); err != nil {
		return err
	}
	d.mu.Lock()
	s.holds++
	read := s.reader()
	d.mu.Unlock()
	dst, done := bytesAt(a.dst, s.size), newEvent()
	d.later(b.device.client, func() func() {
		err := d.wait(s.ready)
		if err == nil {
			copy(dst, s.bytes())
		}
		d.release(s.block)
		return func() {
			read.set(nil)
			d.end(done, err, ToHost, b.device)
		}
	})
	give(&a.event, d.issue(done))
	d.add(func(s *Stats) { s.ToHost++ })
	return nil
}

// rowMajor returns an error unless the layout is that of rows, the last axis being the fastest.
func rowMajor(l *C.PJRT_Buffer_MemoryLayout, rank int) error {
	if l == nil {
		return nil
	}
	if l._type != C.PJRT_Buffer_MemoryLayout_Type_Tiled {
		return errorf(Unimplemented, "layouts with strides are not implemented")
	}
	t := (*C.PJRT_Buffer_MemoryLayout_Tiled)(unsafe.Pointer(&l.anon0))
	if int(t.minor_to_major_size) != rank {
		return errorf(InvalidArgument, "a layout for %d axes is given for a buffer of %d", t.minor_to_major_size, rank)
	}
	for i, axis := range unsafe.Slice(t.minor_to_major, rank) {
		if int(axis) != rank-1-i {
			return errorf(Unimplemented, "layouts other than that of rows are not implemented")
		}
	}
	return nil
}

func init() {
	handle(C.SLOT_PJRT_Client_BufferFromHostBuffer, (*Double).fromHost)
	handle(C.SLOT_PJRT_Client_CreateViewOfDeviceBuffer, (*Double).view)
	handle(C.SLOT_PJRT_Buffer_ToHostBuffer, (*Double).toHost)
}
