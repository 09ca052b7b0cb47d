//go:build cgo && (linux || darwin)

package double

// #include "table.h"
import "C"

import (
	"fmt"
	"unsafe"
)

// client is a client with its devices, which are numbered from 0.
type client struct {
	handle            uintptr
	platform, version text
	devices           []*device
	list, memories    *uintptr // handles, in memory of C
	busy              int      // calls that go on after they returned
	gone              bool     // destroyed; both with the double locked
}

func (*client) kind() kind { return aClient }

func (c *client) free(d *Double) {
	c.gone = true
	for _, dev := range c.devices {
		for _, h := range []uintptr{dev.handle, dev.description.handle, dev.memory.handle} {
			delete(d.live, h)
		}
		dev.description.name.free()
		dev.description.model.free()
	}
	c.platform.free()
	c.version.free()
	C.free(unsafe.Pointer(c.list))
	C.free(unsafe.Pointer(c.memories))
}

// device is a device: its memory is a part of the host's.
type device struct {
	handle      uintptr
	client      *client
	id          int
	description *description
	memory      *memory

	// With the double locked:
	inUse, peak, allocations, largest int64
}

func (*device) kind() kind   { return aDevice }
func (*device) free(*Double) {}

func (dev *device) String() string { return fmt.Sprintf("device %d", dev.id) }

type description struct {
	handle      uintptr
	id          int
	name, model text
}

func (*description) kind() kind   { return aDescription }
func (*description) free(*Double) {}

// memory is a device's only memory space.
type memory struct {
	handle uintptr
	device *device
}

func (*memory) kind() kind   { return aMemory }
func (*memory) free(*Double) {}

// maxDevices bounds what a client may ask for.
const maxDevices = 1 << 10

// newClient returns a client with n devices.
func (d *Double) newClient(n int) *client {
	c := &client{platform: newText(d.options.Platform), version: newText(d.options.Version)}
	size := C.size_t(max(n, 1)) * C.size_t(unsafe.Sizeof(uintptr(0)))
	c.list, c.memories = (*uintptr)(C.malloc(size)), (*uintptr)(C.malloc(size))
	c.handle = d.issue(c)
	list, memories := unsafe.Slice(c.list, n), unsafe.Slice(c.memories, n)
	for id := range n {
		dev := &device{client: c, id: id}
		dev.handle = d.issue(dev)
		dev.description = &description{id: id, name: newText(fmt.Sprintf("%s:%d", d.options.Platform, id)), model: newText("double")}
		dev.description.handle = d.issue(dev.description)
		dev.memory = &memory{device: dev}
		dev.memory.handle = d.issue(dev.memory)
		list[id], memories[id] = dev.handle, dev.memory.handle
		c.devices = append(c.devices, dev)
	}
	return c
}

// optionTypes are the options that clients of a platform know.
var optionTypes = map[string]map[string]C.PJRT_NamedValue_Type{
	"cpu": {"cpu_device_count": C.PJRT_NamedValue_kInt64},
	"cuda": {
		"allocator":       C.PJRT_NamedValue_kString,
		"memory_fraction": C.PJRT_NamedValue_kFloat,
		"preallocate":     C.PJRT_NamedValue_kBool,
		"visible_devices": C.PJRT_NamedValue_kInt64List,
		"node_id":         C.PJRT_NamedValue_kInt64,
		"num_nodes":       C.PJRT_NamedValue_kInt64,
	},
}

func (d *Double) createClient(a *C.PJRT_Client_Create_Args) error {
	devices := d.options.Devices
	if a.num_options > 0 && a.create_options == nil {
		return violation("%d options at NULL", a.num_options)
	}
	for _, o := range unsafe.Slice(a.create_options, a.num_options) {
		name := C.GoStringN(o.name, C.int(o.name_size))
		typ, ok := optionTypes[d.options.Platform][name]
		switch {
		case !ok:
			return errorf(InvalidArgument, "the option %q is not known", name)
		case o._type != typ:
			return violation("the option %q has type %d, not %d", name, o._type, typ)
		case name == "cpu_device_count":
			n := *(*int64)(unsafe.Pointer(&o.anon0))
			if n < 1 || n > maxDevices {
				return violation("cpu_device_count is %d", n)
			}
			devices = int(n)
		}
	}
	if err := d.strike(ClientCreate, nil); err != nil {
		return err
	}
	give(&a.client, d.newClient(devices).handle)
	return nil
}

func (d *Double) destroyClient(a *C.PJRT_Client_Destroy_Args) error {
	if c, err := get[*client](d, a.client); err == nil {
		d.mu.Lock()
		buffers, executables, busy := 0, 0, c.busy
		for _, o := range d.live {
			switch o := o.(type) {
			case *buffer:
				buffers += count(o.device.client == c)
			case *loaded:
				executables += count(o.client == c)
			}
		}
		d.mu.Unlock()
		if buffers+executables+busy > 0 {
			d.violate(C.SLOT_PJRT_Client_Destroy, "%s is destroyed while %d buffers and %d executables of it live and %d calls go on",
				d.space.describe(c.handle), buffers, executables, busy)
		}
	}
	return destroy[*client](d, a.client)
}

// orphan returns a violation if the client of an object is no more.
func (d *Double) orphan(h uintptr, c *client) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.gone {
		return violation("%s belongs to a client that was destroyed", d.space.describe(h))
	}
	return nil
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// namedValues are a plugin's attributes.
type namedValues struct {
	p *C.PJRT_NamedValue
	n C.size_t
}

// newAttributes returns the attributes of the plugin. They are never freed: callers may keep what they point at.
func newAttributes() *namedValues {
	values := []struct {
		name string
		v    []int64
	}{{"xla_version", []int64{2}}, {"stablehlo_current_version", []int64{1, 13, 3}}, {"stablehlo_minimum_version", []int64{0, 9, 0}}}
	nv := &namedValues{(*C.PJRT_NamedValue)(C.calloc(C.size_t(len(values)), C.size_t(unsafe.Sizeof(C.PJRT_NamedValue{})))), C.size_t(len(values))}
	list := unsafe.Slice(nv.p, len(values))
	for i, v := range values {
		e := &list[i]
		name := newText(v.name)
		e.struct_size = C.size_t(unsafe.Sizeof(*e))
		e.name, e.name_size = name.p, name.n
		e.value_size = C.size_t(len(v.v))
		if len(v.v) == 1 {
			e._type = C.PJRT_NamedValue_kInt64
			*(*int64)(unsafe.Pointer(&e.anon0)) = v.v[0]
			continue
		}
		e._type = C.PJRT_NamedValue_kInt64List
		p := C.malloc(C.size_t(8 * len(v.v)))
		copy(unsafe.Slice((*int64)(p), len(v.v)), v.v)
		*(*unsafe.Pointer)(unsafe.Pointer(&e.anon0)) = p
	}
	return nv
}

// deviceAt returns the device of a client with a number.
func (c *client) deviceAt(id C.int) (*device, error) {
	if id < 0 || int(id) >= len(c.devices) {
		return nil, errorf(InvalidArgument, "no device with number %d: there are %d", id, len(c.devices))
	}
	return c.devices[id], nil
}

func init() {
	handle(C.SLOT_PJRT_Plugin_Initialize, func(d *Double, a *C.PJRT_Plugin_Initialize_Args) error {
		return d.strike(Initialize, nil)
	})
	handle(C.SLOT_PJRT_Plugin_Attributes, func(d *Double, a *C.PJRT_Plugin_Attributes_Args) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.attributes == nil {
			d.attributes = newAttributes()
		}
		a.attributes, a.num_attributes = d.attributes.p, d.attributes.n
		return nil
	})
	handle(C.SLOT_PJRT_Client_Create, (*Double).createClient)
	handle(C.SLOT_PJRT_Client_Destroy, (*Double).destroyClient)
	handle(C.SLOT_PJRT_Client_PlatformName, func(d *Double, a *C.PJRT_Client_PlatformName_Args) error {
		c, err := get[*client](d, a.client)
		if err == nil {
			a.platform_name, a.platform_name_size = c.platform.p, c.platform.n
		}
		return err
	})
	handle(C.SLOT_PJRT_Client_PlatformVersion, func(d *Double, a *C.PJRT_Client_PlatformVersion_Args) error {
		c, err := get[*client](d, a.client)
		if err == nil {
			a.platform_version, a.platform_version_size = c.version.p, c.version.n
		}
		return err
	})
	handle(C.SLOT_PJRT_Client_ProcessIndex, func(d *Double, a *C.PJRT_Client_ProcessIndex_Args) error {
		_, err := get[*client](d, a.client)
		a.process_index = 0
		return err
	})
	handle(C.SLOT_PJRT_Client_Devices, func(d *Double, a *C.PJRT_Client_Devices_Args) error {
		c, err := get[*client](d, a.client)
		if err == nil {
			a.devices, a.num_devices = (**C.PJRT_Device)(unsafe.Pointer(c.list)), C.size_t(len(c.devices))
		}
		return err
	})
	handle(C.SLOT_PJRT_Client_AddressableDevices, func(d *Double, a *C.PJRT_Client_AddressableDevices_Args) error {
		c, err := get[*client](d, a.client)
		if err == nil {
			err = d.strike(Devices, nil)
		}
		if err == nil {
			a.addressable_devices, a.num_addressable_devices = (**C.PJRT_Device)(unsafe.Pointer(c.list)), C.size_t(len(c.devices))
		}
		return err
	})
	handle(C.SLOT_PJRT_Client_AddressableMemories, func(d *Double, a *C.PJRT_Client_AddressableMemories_Args) error {
		c, err := get[*client](d, a.client)
		if err == nil {
			a.addressable_memories, a.num_addressable_memories = (**C.PJRT_Memory)(unsafe.Pointer(c.memories)), C.size_t(len(c.devices))
		}
		return err
	})
	handle(C.SLOT_PJRT_Client_LookupDevice, func(d *Double, a *C.PJRT_Client_LookupDevice_Args) error {
		c, err := get[*client](d, a.client)
		if err != nil {
			return err
		}
		dev, err := c.deviceAt(a.id)
		if err == nil {
			give(&a.device, dev.handle)
		}
		return err
	})
	handle(C.SLOT_PJRT_Client_LookupAddressableDevice, func(d *Double, a *C.PJRT_Client_LookupAddressableDevice_Args) error {
		c, err := get[*client](d, a.client)
		if err != nil {
			return err
		}
		dev, err := c.deviceAt(a.local_hardware_id)
		if err == nil {
			give(&a.addressable_device, dev.handle)
		}
		return err
	})
	handle(C.SLOT_PJRT_Client_DefaultDeviceAssignment, func(d *Double, a *C.PJRT_Client_DefaultDeviceAssignment_Args) error {
		c, err := get[*client](d, a.client)
		if err != nil {
			return err
		}
		n := int(a.num_replicas) * int(a.num_partitions)
		switch {
		case a.num_replicas < 1 || a.num_partitions < 1 || n > len(c.devices):
			return errorf(InvalidArgument, "%d replicas of %d partitions for %d devices", a.num_replicas, a.num_partitions, len(c.devices))
		case int(a.default_assignment_size) < n || a.default_assignment == nil:
			return violation("there is room for %d of %d devices", a.default_assignment_size, n)
		}
		for i, to := 0, unsafe.Slice(a.default_assignment, n); i < n; i++ {
			to[i] = C.int(i)
		}
		return nil
	})
}
