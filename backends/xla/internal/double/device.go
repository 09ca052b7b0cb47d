//go:build cgo && (linux || darwin)

package double

// #include "table.h"
import "C"

func (d *Double) memoryStats(a *C.PJRT_Device_MemoryStats_Args) error {
	dev, err := get[*device](d, a.device)
	if err != nil {
		return err
	}
	if err := d.strike(MemoryStats, dev); err != nil {
		return err
	}
	if d.options.Platform == "cpu" && d.options.MemoryLimit == 0 {
		return errorf(Unimplemented, "memory statistics are not kept on this platform")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	a.bytes_in_use = C.int64_t(dev.inUse)
	a.peak_bytes_in_use, a.peak_bytes_in_use_is_set = C.int64_t(dev.peak), true
	a.num_allocs, a.num_allocs_is_set = C.int64_t(dev.allocations), true
	a.largest_alloc_size, a.largest_alloc_size_is_set = C.int64_t(dev.largest), true
	a.bytes_limit, a.bytes_limit_is_set = C.int64_t(d.options.MemoryLimit), C.bool(d.options.MemoryLimit > 0)
	a.bytes_reserved_is_set, a.peak_bytes_reserved_is_set, a.bytes_reservable_limit_is_set = false, false, false
	a.largest_free_block_bytes_is_set, a.pool_bytes_is_set, a.peak_pool_bytes_is_set = false, false, false
	return nil
}

func init() {
	handle(C.SLOT_PJRT_Device_GetDescription, func(d *Double, a *C.PJRT_Device_GetDescription_Args) error {
		dev, err := get[*device](d, a.device)
		if err == nil {
			give(&a.device_description, dev.description.handle)
		}
		return err
	})
	handle(C.SLOT_PJRT_Device_IsAddressable, func(d *Double, a *C.PJRT_Device_IsAddressable_Args) error {
		_, err := get[*device](d, a.device)
		a.is_addressable = true
		return err
	})
	handle(C.SLOT_PJRT_Device_LocalHardwareId, func(d *Double, a *C.PJRT_Device_LocalHardwareId_Args) error {
		dev, err := get[*device](d, a.device)
		if err == nil {
			a.local_hardware_id = C.int(dev.id)
		}
		return err
	})
	handle(C.SLOT_PJRT_Device_DefaultMemory, func(d *Double, a *C.PJRT_Device_DefaultMemory_Args) error {
		dev, err := get[*device](d, a.device)
		if err == nil {
			give(&a.memory, dev.memory.handle)
		}
		return err
	})
	handle(C.SLOT_PJRT_Device_MemoryStats, (*Double).memoryStats)

	handle(C.SLOT_PJRT_DeviceDescription_Id, func(d *Double, a *C.PJRT_DeviceDescription_Id_Args) error {
		desc, err := get[*description](d, a.device_description)
		if err == nil {
			a.id = C.int(desc.id)
		}
		return err
	})
	handle(C.SLOT_PJRT_DeviceDescription_ProcessIndex, func(d *Double, a *C.PJRT_DeviceDescription_ProcessIndex_Args) error {
		_, err := get[*description](d, a.device_description)
		a.process_index = 0
		return err
	})
	handle(C.SLOT_PJRT_DeviceDescription_Attributes, func(d *Double, a *C.PJRT_DeviceDescription_Attributes_Args) error {
		_, err := get[*description](d, a.device_description)
		a.num_attributes, a.attributes = 0, nil
		return err
	})
	handle(C.SLOT_PJRT_DeviceDescription_Kind, func(d *Double, a *C.PJRT_DeviceDescription_Kind_Args) error {
		desc, err := get[*description](d, a.device_description)
		if err == nil {
			a.device_kind, a.device_kind_size = desc.model.p, desc.model.n
		}
		return err
	})
	handle(C.SLOT_PJRT_DeviceDescription_DebugString, func(d *Double, a *C.PJRT_DeviceDescription_DebugString_Args) error {
		desc, err := get[*description](d, a.device_description)
		if err == nil {
			a.debug_string, a.debug_string_size = desc.name.p, desc.name.n
		}
		return err
	})
	handle(C.SLOT_PJRT_DeviceDescription_ToString, func(d *Double, a *C.PJRT_DeviceDescription_ToString_Args) error {
		desc, err := get[*description](d, a.device_description)
		if err == nil {
			a.to_string, a.to_string_size = desc.name.p, desc.name.n
		}
		return err
	})
}
