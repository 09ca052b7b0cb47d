//go:build cgo && (linux || darwin)

package double

// #include "table.h"
import "C"

import (
	"unsafe"

	"github.com/quire-ml/quire/graph/shapes"
)

func (d *Double) compileCall(a *C.PJRT_Client_Compile_Args) error {
	c, err := get[*client](d, a.client)
	switch {
	case err != nil:
		return err
	case a.program == nil:
		return violation("the program is NULL")
	case a.compile_options_size == 0 || a.compile_options == nil:
		return violation("there are no compile options")
	case a.program.code == nil:
		return violation("the program's code is NULL")
	}
	if format := C.GoStringN(a.program.format, C.int(a.program.format_size)); format != "mlir" {
		return errorf(Unimplemented, "programs in the format %q are not implemented, only \"mlir\"", format)
	}
	source := C.GoBytes(unsafe.Pointer(a.program.code), C.int(a.program.code_size))
	if len(source) >= 4 && string(source[:4]) == "ML\xefR" {
		return errorf(Unimplemented, "MLIR bytecode is not implemented, only text")
	}
	if err := d.strike(Compile, nil); err != nil {
		return err
	}
	l, err := d.load(c, source, C.GoBytes(unsafe.Pointer(a.compile_options), C.int(a.compile_options_size)))
	if err != nil {
		return err
	}
	give(&a.executable, l.handle)
	d.add(func(s *Stats) { s.Compiled++ })
	return nil
}

func (d *Double) memoryOf(a *C.PJRT_Executable_GetCompiledMemoryStats_Args) error {
	e, err := get[*executable](d, a.executable)
	if err != nil {
		return err
	}
	if err := d.strike(CompileStats, nil); err != nil {
		return err
	}
	total := func(list []shapes.Shape) (n C.int64_t) {
		for _, s := range list {
			n += C.int64_t(s.ByteSize())
		}
		return n
	}
	a.generated_code_size_in_bytes = C.int64_t(len(e.code.source))
	a.argument_size_in_bytes = total(e.code.localIn)
	a.output_size_in_bytes = total(e.code.localOut)
	a.temp_size_in_bytes = C.int64_t(e.code.temporary)
	a.alias_size_in_bytes = 0
	for i, k := range e.code.sig.alias {
		if k >= 0 {
			a.alias_size_in_bytes += C.int64_t(e.code.localIn[i].ByteSize())
		}
	}
	a.host_generated_code_size_in_bytes, a.host_argument_size_in_bytes, a.host_output_size_in_bytes = 0, 0, 0
	a.host_alias_size_in_bytes, a.host_temp_size_in_bytes = 0, 0
	if a.struct_size > C.size_t(unsafe.Offsetof(a.peak_memory_in_bytes)) { // newer than the rest
		a.peak_memory_in_bytes = a.argument_size_in_bytes + a.output_size_in_bytes + a.temp_size_in_bytes - a.alias_size_in_bytes
	}
	return nil
}

func init() {
	handle(C.SLOT_PJRT_Client_Compile, (*Double).compileCall)
	handle(C.SLOT_PJRT_Executable_Destroy, func(d *Double, a *C.PJRT_Executable_Destroy_Args) error {
		if err := d.strike(DestroyAny, nil); err != nil {
			return err
		}
		return destroy[*executable](d, a.executable)
	})
	handle(C.SLOT_PJRT_Executable_Name, func(d *Double, a *C.PJRT_Executable_Name_Args) error {
		e, err := get[*executable](d, a.executable)
		if err == nil {
			a.executable_name, a.executable_name_size = e.code.name.p, e.code.name.n
		}
		return err
	})
	handle(C.SLOT_PJRT_Executable_Fingerprint, func(d *Double, a *C.PJRT_Executable_Fingerprint_Args) error {
		e, err := get[*executable](d, a.executable)
		if err == nil {
			a.executable_fingerprint, a.executable_fingerprint_size = e.code.fingerprint.p, e.code.fingerprint.n
		}
		return err
	})
	handle(C.SLOT_PJRT_Executable_NumReplicas, func(d *Double, a *C.PJRT_Executable_NumReplicas_Args) error {
		e, err := get[*executable](d, a.executable)
		if err == nil {
			a.num_replicas = C.size_t(e.code.options.replicas)
		}
		return err
	})
	handle(C.SLOT_PJRT_Executable_NumPartitions, func(d *Double, a *C.PJRT_Executable_NumPartitions_Args) error {
		e, err := get[*executable](d, a.executable)
		if err == nil {
			a.num_partitions = C.size_t(e.code.options.partitions)
		}
		return err
	})
	handle(C.SLOT_PJRT_Executable_NumOutputs, func(d *Double, a *C.PJRT_Executable_NumOutputs_Args) error {
		e, err := get[*executable](d, a.executable)
		if err != nil {
			return err
		}
		n := len(e.code.out)
		if f := d.fault(NumOutputs, nil, false); f != nil {
			if err := d.error(f, nil); err != nil {
				return err
			}
			n = max(0, n+f.Outputs)
		}
		d.mu.Lock()
		e.loaded.room = n
		d.mu.Unlock()
		a.num_outputs = C.size_t(n)
		return nil
	})
	handle(C.SLOT_PJRT_Executable_SizeOfGeneratedCodeInBytes, func(d *Double, a *C.PJRT_Executable_SizeOfGeneratedCodeInBytes_Args) error {
		e, err := get[*executable](d, a.executable)
		if err == nil {
			a.size_in_bytes = C.int64_t(len(e.code.source))
		}
		return err
	})
	handle(C.SLOT_PJRT_Executable_GetCompiledMemoryStats, (*Double).memoryOf)
	handle(C.SLOT_PJRT_Executable_OutputElementTypes, func(d *Double, a *C.PJRT_Executable_OutputElementTypes_Args) error {
		e, err := get[*executable](d, a.executable)
		if err == nil {
			a.output_types, a.num_output_types = e.code.types, C.size_t(len(e.code.out))
		}
		return err
	})
	handle(C.SLOT_PJRT_Executable_OutputDimensions, func(d *Double, a *C.PJRT_Executable_OutputDimensions_Args) error {
		e, err := get[*executable](d, a.executable)
		if err == nil {
			a.num_outputs, a.dims, a.dim_sizes = C.size_t(len(e.code.out)), e.code.outDims, e.code.outRanks
		}
		return err
	})

	handle(C.SLOT_PJRT_LoadedExecutable_Destroy, func(d *Double, a *C.PJRT_LoadedExecutable_Destroy_Args) error {
		if err := d.strike(DestroyAny, nil); err != nil {
			return err
		}
		if l, err := get[*loaded](d, a.executable); err == nil {
			d.mu.Lock()
			running := l.running
			d.mu.Unlock()
			if running > 0 {
				d.violate(C.SLOT_PJRT_LoadedExecutable_Destroy, "%s is destroyed while it runs", d.space.describe(l.handle))
			}
		}
		return destroy[*loaded](d, a.executable)
	})
	handle(C.SLOT_PJRT_LoadedExecutable_GetExecutable, func(d *Double, a *C.PJRT_LoadedExecutable_GetExecutable_Args) error {
		l, err := get[*loaded](d, a.loaded_executable)
		if err == nil {
			err = d.orphan(l.handle, l.client)
		}
		if err != nil {
			return err
		}
		e := &executable{code: l.code, loaded: l}
		d.mu.Lock()
		l.code.holders++
		e.handle = d.issueLocked(e)
		d.mu.Unlock()
		give(&a.executable, e.handle)
		return nil
	})
	handle(C.SLOT_PJRT_LoadedExecutable_AddressableDevices, func(d *Double, a *C.PJRT_LoadedExecutable_AddressableDevices_Args) error {
		l, err := get[*loaded](d, a.executable)
		if err == nil {
			a.addressable_devices = (**C.PJRT_Device)(unsafe.Pointer(l.list))
			a.num_addressable_devices = C.size_t(len(l.where()))
		}
		return err
	})
	handle(C.SLOT_PJRT_LoadedExecutable_Delete, func(d *Double, a *C.PJRT_LoadedExecutable_Delete_Args) error {
		l, err := get[*loaded](d, a.executable)
		if err == nil {
			d.mu.Lock()
			l.deleted = true
			d.mu.Unlock()
		}
		return err
	})
	handle(C.SLOT_PJRT_LoadedExecutable_IsDeleted, func(d *Double, a *C.PJRT_LoadedExecutable_IsDeleted_Args) error {
		l, err := get[*loaded](d, a.executable)
		if err == nil {
			d.mu.Lock()
			a.is_deleted = C.bool(l.deleted)
			d.mu.Unlock()
		}
		return err
	})
}
