//go:build cgo && (linux || darwin)

package capi

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"unsafe"
)

// quireCompile is PJRT_Client_Compile of a plugin with a cache: the program's executable out of the folder, or
// else compiled and put there. Whatever goes wrong with the folder, the program is compiled.
//
//export quireCompile
func quireCompile(place C.int, args *C.PJRT_Client_Compile_Args) *C.PJRT_Error {
	a := places[place].Load()
	if a == nil { // closed, and still used: the plugin at least is there
		return C.quire_compile(place, args)
	}
	key, err := a.key(args)
	if err != nil {
		a.stats.errors.Add(1)
		return C.quire_compile(place, args)
	}
	if e, err := a.cache.read(key); err == nil {
		if err = a.restore(args, e); err == nil {
			a.stats.hits.Add(1)
			return nil
		}
		a.cache.remove(key)
		a.stats.errors.Add(1)
	} else if !errors.Is(err, errNotCached) {
		a.stats.errors.Add(1)
	}
	a.stats.misses.Add(1)
	if failed := C.quire_compile(place, args); failed != nil {
		return failed
	}
	if err := a.keep(key, args.executable); err != nil {
		a.stats.errors.Add(1)
	}
	return nil
}

// key returns the hash of all that an executable depends on.
func (a *API) key(args *C.PJRT_Client_Compile_Args) (key, error) {
	h := sha256.New()
	h.Write(a.about)
	if err := a.hashClient(h, args.client); err != nil {
		return key{}, err
	}
	p := args.program
	hashField(h, "format", view(unsafe.Pointer(p.format), p.format_size))
	hashField(h, "options", view(unsafe.Pointer(args.compile_options), args.compile_options_size))
	hashField(h, "program", view(unsafe.Pointer(p.code), p.code_size))
	return key(h.Sum(nil)), nil
}

// hashClient adds the platform (for CUDA the version of the toolkit is in it) and the kinds of all devices.
func (a *API) hashClient(h hash.Hash, client *C.PJRT_Client) error {
	var name C.PJRT_Client_PlatformName_Args
	var version C.PJRT_Client_PlatformVersion_Args
	if err := textError(C.quire_platform(a.place, client, &name, &version)); err != nil {
		return err
	}
	hashField(h, "platform", view(unsafe.Pointer(name.platform_name), name.platform_name_size))
	hashField(h, "platform version", view(unsafe.Pointer(version.platform_version), version.platform_version_size))
	var devices C.PJRT_Client_AddressableDevices_Args
	if err := textError(C.quire_devices(a.place, client, &devices)); err != nil {
		return err
	}
	for _, d := range unsafe.Slice(devices.addressable_devices, devices.num_addressable_devices) {
		var kind C.PJRT_DeviceDescription_Kind_Args
		if err := textError(C.quire_kind(a.place, d, &kind)); err != nil {
			kind = C.PJRT_DeviceDescription_Kind_Args{} // not every plugin has kinds
		}
		hashField(h, "device", view(unsafe.Pointer(kind.device_kind), kind.device_kind_size))
	}
	return nil
}

// hashField adds a named value in a way that no other sequence of fields can imitate.
func hashField(h hash.Hash, name string, value []byte) {
	var size [8]byte
	binary.LittleEndian.PutUint64(size[:], uint64(len(value)))
	h.Write([]byte(name))
	h.Write([]byte{0})
	h.Write(size[:])
	h.Write(value)
}

// restore loads an executable onto the devices, and asks it what go-xla asks of every new one.
func (a *API) restore(args *C.PJRT_Client_Compile_Args, e entry) error {
	var loaded *C.PJRT_LoadedExecutable
	err := textError(C.quire_deserialize(a.place, args.client, unsafe.Pointer(unsafe.SliceData(e.code)), C.size_t(len(e.code)), &loaded))
	if err != nil {
		return err
	}
	var outputs C.size_t
	if err = textError(C.quire_inspect(a.place, loaded, &outputs)); err == nil && uint64(outputs) != e.outputs {
		err = fmt.Errorf("it has %d outputs, not %d", outputs, e.outputs)
	}
	if err != nil {
		C.quire_destroy_executable(a.place, loaded)
		return err
	}
	args.executable = loaded
	return nil
}

// keep stores an executable.
func (a *API) keep(k key, loaded *C.PJRT_LoadedExecutable) error {
	var outputs C.size_t
	if err := textError(C.quire_inspect(a.place, loaded, &outputs)); err != nil {
		return err
	}
	var serialized C.PJRT_Executable_Serialize_Args
	if err := textError(C.quire_serialize(a.place, loaded, &serialized)); err != nil {
		return err
	}
	defer C.quire_serialize_done(&serialized)
	code := view(unsafe.Pointer(serialized.serialized_bytes), serialized.serialized_bytes_size)
	return a.cache.write(k, entry{outputs: uint64(outputs), code: code})
}

// view returns memory of C as a slice.
func view(p unsafe.Pointer, n C.size_t) []byte { return unsafe.Slice((*byte)(p), int(n)) }

// textError takes over the text of an error from C.
func textError(text *C.char) error {
	if text == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(text))
	return errors.New(C.GoString(text))
}
