//go:build cgo && (linux || darwin)

package double

// #include "table.h"
import "C"

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"unsafe"

	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
)

// code is a compiled program, with what callers are told about it.
type code struct {
	source, optionBytes []byte
	options             compileOptions
	sig                 *signature
	run                 graph.Executable
	in, out             []shapes.Shape // whole values
	localIn, localOut   []shapes.Shape // what a device holds of them
	temporary           int64          // bytes that a run takes besides

	name, fingerprint text
	types             *C.PJRT_Buffer_Type
	outDims           *C.int64_t
	outRanks          *C.size_t
	holders           int // executables; with the double locked
}

// executable is a program that can be looked at, loaded one that can be run.
type executable struct {
	handle uintptr
	code   *code
	loaded *loaded
}

func (*executable) kind() kind       { return anExecutable }
func (e *executable) free(d *Double) { e.code.release() }

type loaded struct {
	handle  uintptr
	client  *client
	code    *code
	devices []*device // that it runs on, in the order of arguments; nil if it is portable
	list    *uintptr
	room    int // how many outputs callers were told of
	running int
	deleted bool
}

func (*loaded) kind() kind { return aLoadedExecutable }

func (l *loaded) free(d *Double) {
	l.code.release()
	C.free(unsafe.Pointer(l.list))
}

func (c *code) release() {
	if c.holders--; c.holders > 0 {
		return
	}
	c.run.Close()
	c.name.free()
	c.fingerprint.free()
	C.free(unsafe.Pointer(c.types))
	C.free(unsafe.Pointer(c.outDims))
	C.free(unsafe.Pointer(c.outRanks))
}

// numDevices returns on how many devices the program runs.
func (c *code) numDevices() int { return c.options.replicas * c.options.partitions }

// compile makes a program of text and options.
func (d *Double) compile(source, optionBytes []byte) (*code, error) {
	options, err := parseOptions(optionBytes)
	if err != nil {
		return nil, errorf(InvalidArgument, "compile options: %v", err)
	}
	module, err := stablehlo.Read(string(source))
	if err != nil {
		return nil, errorf(InvalidArgument, "%v", err)
	}
	if err := lethal(string(source)); err != nil {
		return nil, err
	}
	program, err := module.Program(d.engine.Lowers)
	if err != nil {
		return nil, errorf(InvalidArgument, "%v", err)
	}
	c := &code{source: source, optionBytes: optionBytes, options: options, holders: 1}
	main := module.Main()
	c.in, c.out = main.Inputs, main.Outputs
	if c.sig, err = readSignature(module, string(source)); err != nil {
		return nil, errorf(InvalidArgument, "%v", err)
	}
	if err := c.place(); err != nil {
		return nil, err
	}
	for _, s := range program.Values {
		c.temporary = max(c.temporary, int64(s.ByteSize()))
	}
	if c.run, err = d.engine.Compile(context.Background(), program); err != nil {
		return nil, errorf(Internal, "%v", err)
	}
	c.describe()
	return c, nil
}

// place works out what each device holds, and checks shardings and aliases.
func (c *code) place() error {
	if m := c.sig.mesh; m != nil && m.NumDevices() != c.options.partitions {
		return errorf(InvalidArgument, "%s has %d devices, and the program is compiled for %d partitions", m, m.NumDevices(), c.options.partitions)
	}
	if c.sig.mesh != nil && c.options.partitions > 1 && !c.options.shardy {
		return errorf(InvalidArgument, "the program has shardings of Shardy, and use_shardy_partitioner is not set")
	}
	if err := c.sig.decided(c.in, c.out); c.options.partitions > 1 && err != nil {
		return err
	}
	local := func(whole []shapes.Shape, shardings []graph.Sharding) (list []shapes.Shape, err error) {
		for i, s := range whole {
			list = append(list, s)
			if shardings[i] == nil {
				continue
			}
			if err := shardings[i].Check(c.sig.mesh, s); err != nil {
				return nil, errorf(InvalidArgument, "%v", err)
			}
			_, dims := shardings[i].Block(c.sig.mesh, s, 0)
			list[i] = shapes.Make(s.DType, dims...)
		}
		return list, nil
	}
	var err error
	if c.localIn, err = local(c.in, c.sig.in); err != nil {
		return err
	}
	if c.localOut, err = local(c.out, c.sig.out); err != nil {
		return err
	}
	for i, k := range c.sig.alias {
		if k >= 0 && c.localIn[i].ByteSize() != c.localOut[k].ByteSize() {
			return errorf(InvalidArgument, "argument %d of %s cannot be aliased with output %d of %s", i, c.localIn[i], k, c.localOut[k])
		}
	}
	return nil
}

// describe makes what callers are told, in memory of C.
func (c *code) describe() {
	sum := sha256.Sum256(slices.Concat(c.source, []byte{0}, c.optionBytes))
	c.name, c.fingerprint = newText(c.sig.name), newText(hex.EncodeToString(sum[:]))
	rank := 0
	for _, s := range c.localOut {
		rank += s.Rank()
	}
	n := len(c.localOut)
	c.types = (*C.PJRT_Buffer_Type)(C.calloc(C.size_t(n+1), C.size_t(unsafe.Sizeof(*c.types))))
	c.outDims = (*C.int64_t)(C.calloc(C.size_t(rank+1), C.size_t(unsafe.Sizeof(*c.outDims))))
	c.outRanks = (*C.size_t)(C.calloc(C.size_t(n+1), C.size_t(unsafe.Sizeof(*c.outRanks))))
	types, all, ranks := unsafe.Slice(c.types, n), unsafe.Slice(c.outDims, rank)[:0], unsafe.Slice(c.outRanks, n)
	for i, s := range c.localOut {
		types[i], ranks[i] = bufferTypes[s.DType], C.size_t(s.Rank())
		for _, dim := range s.Dimensions {
			all = append(all, C.int64_t(dim))
		}
	}
}

// load compiles a program and puts it on the devices that its options name.
func (d *Double) load(c *client, source, options []byte) (*loaded, error) {
	prog, err := d.compile(source, options)
	if err != nil {
		return nil, err
	}
	l, err := d.assign(c, prog)
	if err != nil {
		prog.release()
	}
	return l, err
}

func (d *Double) assign(c *client, prog *code) (*loaded, error) {
	l := &loaded{client: c, code: prog, room: len(prog.out)}
	n := prog.numDevices()
	switch {
	case n > len(c.devices):
		return nil, errorf(InvalidArgument, "the program needs %d devices, and there are %d", n, len(c.devices))
	case prog.options.portable && n > 1:
		return nil, errorf(InvalidArgument, "a portable program runs on one device, not %d", n)
	case prog.options.portable && prog.options.devices != nil:
		return nil, errorf(InvalidArgument, "a portable program has no device assignment")
	case prog.options.portable:
	case prog.options.devices == nil:
		l.devices = c.devices[:n]
	default:
		for _, id := range prog.options.devices {
			if id < 0 || id >= len(c.devices) {
				return nil, errorf(InvalidArgument, "the device assignment names device %d, and there are %d", id, len(c.devices))
			}
			if slices.Contains(l.devices, c.devices[id]) {
				return nil, violation("the device assignment names device %d twice", id)
			}
			l.devices = append(l.devices, c.devices[id])
		}
	}
	l.list = (*uintptr)(C.calloc(C.size_t(len(c.devices)+1), C.size_t(unsafe.Sizeof(uintptr(0)))))
	list := unsafe.Slice(l.list, len(c.devices))
	for i, dev := range l.where() {
		list[i] = dev.handle
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	l.handle = d.issueLocked(l)
	return l, nil
}

// where returns the devices that the program may run on.
func (l *loaded) where() []*device {
	if l.devices == nil {
		return l.client.devices
	}
	return l.devices
}

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
