//go:build cgo

package xla

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"github.com/gomlx/go-xla/pjrt"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/mapped"
)

// viewBytes is the size from which the host's memory is shared with devices that can read it: storages of that size
// lie outside the Go heap, where C may keep pointers to. Below it a copy takes no longer.
const viewBytes = 64 << 10

// value is what a buffer refers to: its parts, one per device of the layout.
type value struct {
	counted
	engine *Engine
	shape  shapes.Shape
	layout layout
	parts  []*pjrt.Buffer
	shared *tensors.Storage // whose memory the parts are views of, nil if their memory is theirs

	moving sync.Mutex
	moved  []*value // the same value laid out otherwise, for programs that want it so; freed with this one
}

// newValue returns a value that the engine owns and that takes over the parts, and a reference of shared if there
// is one.
func (e *Engine) newValue(s shapes.Shape, l layout, parts []*pjrt.Buffer, shared *tensors.Storage) *value {
	v := &value{engine: e, shape: s, layout: l, parts: parts, shared: shared}
	bytes := v.bytes()
	e.client.take(bytes)
	v.free = func() {
		for _, m := range v.moved {
			e.disown(&m.counted)
		}
		destroy(v.parts)
		if v.shared != nil {
			v.shared.Release()
		}
		e.client.give(bytes)
	}
	e.own(&v.counted)
	return v
}

// bytes returns how much memory of the devices the value takes: none for what it shares with the host.
func (v *value) bytes() int64 {
	if v.shared != nil {
		return 0
	}
	n := 0
	for device := range v.parts {
		_, dims := v.layout.block(v.shape, device)
		n += shapes.Make(v.shape.DType, dims...).ByteSize()
	}
	return int64(n)
}

// destroy frees buffers of the plugin; nil and destroyed ones are passed over.
func destroy(parts []*pjrt.Buffer) {
	for _, b := range parts {
		if b != nil {
			b.Destroy() // its errors say nothing that could be acted on
		}
	}
}

// buffer is the engine's [ir.Buffer]. One that is forgotten is closed by the collector.
type buffer struct {
	value   *value
	shape   shapes.Shape
	cleanup runtime.Cleanup
}

func newBuffer(v *value) *buffer {
	b := &buffer{value: v, shape: v.shape}
	b.cleanup = runtime.AddCleanup(b, func(v *value) { v.engine.disown(&v.counted) }, v)
	return b
}

func (b *buffer) Shape() shapes.Shape { return b.shape }

func (b *buffer) Close() error {
	if b == nil { // a donated input that is a nil buffer: Run says so
		return nil
	}
	b.cleanup.Stop()
	b.value.engine.disown(&b.value.counted)
	runtime.KeepAlive(b)
	return nil
}

func (b *buffer) ToHost() (t *tensors.Tensor, err error) {
	v := b.value
	defer broke("reading a buffer of", v.engine.name, &err)
	if err := v.engine.begin(); err != nil {
		return nil, err
	}
	defer v.engine.end()
	if !v.retain() {
		return nil, fmt.Errorf("the buffer %s is closed or was donated", b.shape)
	}
	defer v.release()
	return v.toHost()
}

// toHost returns the value as a tensor. The caller has retained it.
func (v *value) toHost() (*tensors.Tensor, error) {
	if v.shared != nil {
		return tensors.FromStorage(v.shape, v.shared.Retain())
	}
	s, err := tensors.NewStorage(v.shape.ByteSize())
	if err != nil {
		return nil, err
	}
	if err := v.read(s.Bytes()); err != nil {
		s.Release()
		return nil, fmt.Errorf("reading the buffer %s: %w", v.shape, err)
	}
	return tensors.FromStorage(v.shape, s)
}

// read copies the value to dst, put together from its parts.
func (v *value) read(dst []byte) error {
	if v.layout.whole() {
		return v.readPart(0, dst)
	}
	done := map[string]bool{}
	for device := range v.parts {
		start, dims := v.layout.block(v.shape, device)
		if key := fmt.Sprint(start); !done[key] { // other devices may hold copies
			done[key] = true
			part := make([]byte, shapes.Make(v.shape.DType, dims...).ByteSize())
			if err := v.readPart(device, part); err != nil {
				return fmt.Errorf("device %d: %w", device, err)
			}
			copyBlock(dst, part, v.shape, start, dims, true)
		}
	}
	return nil
}

// readPart copies a device's part to dst, which is as long as the part.
func (v *value) readPart(device int, dst []byte) error {
	if len(dst) == 0 {
		return nil
	}
	if v.engine.client.host { // copying here spares the plugin's queue, which takes longer than small values
		p, err := v.parts[device].UnsafePointer()
		if err == nil && p != nil {
			copy(dst, unsafe.Slice((*byte)(p), len(dst)))
			runtime.KeepAlive(v)
			return nil
		}
	}
	return explain(v.parts[device].ToHost(dst))
}

// Put makes t's value available to executables. Where devices read the host's memory, as on the CPU, tensors of
// 64 KiB and more are not copied.
func (e *Engine) Put(t *tensors.Tensor) (ir.Buffer, error) { return e.newPut(t, layout{}) }

// PutOn is Put for programs on a mesh that divide an input as sharding says: they take it as it is. It returns an error if
// the mesh has more devices than the engine, or does not fit the sharding, or that not the value.
func (e *Engine) PutOn(t *tensors.Tensor, mesh *ir.Mesh, sharding ir.Sharding) (ir.Buffer, error) {
	if mesh == nil {
		return nil, errors.New("the mesh is nil: Put needs none")
	}
	if err := mesh.Check(); err != nil {
		return nil, err
	}
	if n := mesh.NumDevices(); n > e.NumDevices() {
		return nil, fmt.Errorf("%s has %d devices, %s has %d%s", mesh, n, e.name, e.NumDevices(), e.moreDevices(n))
	}
	if t.Ok() {
		if err := sharding.Check(mesh, t.Shape()); err != nil {
			return nil, err
		}
	}
	return e.newPut(t, layout{mesh: mesh, sharding: sharding})
}

func (e *Engine) newPut(t *tensors.Tensor, l layout) (b ir.Buffer, err error) {
	defer broke("putting a tensor on", e.name, &err)
	if err := e.begin(); err != nil {
		return nil, err
	}
	defer e.end()
	if err := t.CheckValid(); err != nil {
		return nil, err
	}
	v, err := e.put(t, l)
	if err != nil {
		return nil, fmt.Errorf("putting %s on %s: %w", t.Shape(), e.name, err)
	}
	return newBuffer(v), nil
}

// put divides a tensor over devices.
func (e *Engine) put(t *tensors.Tensor, l layout) (*value, error) {
	s := t.Shape()
	storage := t.Storage()
	data := storage.Bytes()[:s.ByteSize()]
	defer runtime.KeepAlive(t)
	if err := mapped.Check(data); err != nil { // what reads it is C
		return nil, err
	}
	parts := make([]*pjrt.Buffer, l.numDevices())
	fail := func(err error) (*value, error) {
		destroy(parts)
		return nil, explain(err)
	}
	if e.canView(data) && l.whole() {
		for device := range parts {
			b, err := e.client.pjrt.CreateViewOfDeviceBuffer(unsafe.Pointer(unsafe.SliceData(data)), pluginType[s.DType], s.Dimensions, e.client.devices[device])
			if err != nil {
				return fail(err)
			}
			parts[device] = b
		}
		return e.newValue(s, l, parts, storage.Retain()), nil
	}
	for device := range parts {
		start, dims := l.block(s, device)
		part := data
		if !l.whole() {
			part = make([]byte, shapes.Make(s.DType, dims...).ByteSize())
			copyBlock(data, part, s, start, dims, false)
		}
		b, err := e.client.pjrt.BufferFromHost().FromRawData(part, pluginType[s.DType], dims).ToDevice(e.client.devices[device]).Done()
		if err != nil {
			return fail(err)
		}
		parts[device] = b
	}
	return e.newValue(s, l, parts, nil), nil
}

// canView reports whether devices may read data where it is.
func (e *Engine) canView(data []byte) bool {
	return e.client.host && len(data) >= viewBytes && uintptr(unsafe.Pointer(unsafe.SliceData(data)))%pjrt.BufferAlignment == 0
}
