//go:build cgo && (linux || darwin)

package capi

/*
#cgo linux LDFLAGS: -ldl -lpthread
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"unsafe"

	"github.com/quire-ml/quire/backends/xla/plugins"
)

// loaded holds what Load returned and is not closed, by library and options. Libraries are never closed: XLA's leave
// threads behind.
var loaded = struct {
	sync.Mutex
	apis      map[loadKey]*API
	libraries map[C.uintptr_t]library
}{apis: map[loadKey]*API{}, libraries: map[C.uintptr_t]library{}}

// library is what the APIs of one library have in common.
type library struct {
	file        string  // what stands for its file: size and time of change
	settings    string  // what it reads from the environment, once
	initialized *C.bool // in C's memory
}

type loadKey struct {
	table   C.uintptr_t
	options Options
}

// Load opens the plugin at path, an absolute path, and returns it with an interposer in front. The same library
// loaded again with the same options is the same API.
//
// It returns an error that names the path if the file cannot be a plugin of this machine (as [plugins.Plugin.Check]
// says), if the dynamic linker cannot load it, if its interface is older than 0.[MinMinor], of another major version,
// damaged, or lacks a function that go-xla cannot do without, and if too many plugins are loaded. A cache folder
// that cannot be used is no error: see [API.CacheOff].
//
// XLA reads its flags from the environment once in a process, and so does Load: XLA_FLAGS must be set before.
func Load(path string, o Options) (*API, error) {
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("plugin %q: want an absolute path", path)
	}
	if err := (plugins.Plugin{Name: filepath.Base(path), Path: path}).Check(); err != nil {
		return nil, err
	}
	loaded.Lock()
	defer loaded.Unlock()
	table, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("plugin %s: %w", path, err)
	}
	key := loadKey{table, o}
	if a, ok := loaded.apis[key]; ok {
		a.users++
		return a, nil
	}
	lib, known := loaded.libraries[table]
	if !known {
		lib = library{fileMark(path), settings(), (*C.bool)(C.calloc(1, C.sizeof_bool))}
		loaded.libraries[table] = lib
	}
	a, err := wrap(table, lib, o)
	if err != nil {
		return nil, fmt.Errorf("plugin %s: %w", path, err)
	}
	a.id = key
	loaded.apis[key] = a
	return a, nil
}

// open loads a library and returns the table of its functions.
func open(path string) (C.uintptr_t, error) {
	cPath, entry := C.CString(path), C.CString("GetPjrtApi")
	defer C.free(unsafe.Pointer(cPath))
	defer C.free(unsafe.Pointer(entry))
	var message *C.char
	var table C.uintptr_t
	var err error
	held := quietly(logLevel(), func() {
		handle := C.quire_open(cPath, &message)
		if handle == nil {
			err = linkError(path, C.GoString(message))
			C.free(unsafe.Pointer(message))
			return
		}
		get := C.quire_symbol(handle, entry)
		if get == nil {
			C.quire_close(handle)
			err = errors.New("it does not export GetPjrtApi, so it is no PJRT plugin")
			return
		}
		table = C.quire_table(get)
	})
	if err != nil && held != "" {
		err = fmt.Errorf("%w (it says: %s)", err, strings.TrimSpace(held))
	}
	return table, err
}

// Wrap is [Load] for a table of functions that is in memory already, such as that of a plugin that is linked in. Every
// call makes an interposer, which [API.Close] gives back. The table must stay as it is until then. With a cache,
// CacheKey must tell the plugin from others.
func Wrap(table uintptr, o Options) (*API, error) {
	a, err := wrap(C.uintptr_t(table), library{settings: settings()}, o)
	if err != nil {
		return nil, fmt.Errorf("plugin in memory: %w", err)
	}
	return a, nil
}

func wrap(table C.uintptr_t, lib library, o Options) (*API, error) {
	a := &API{users: 1}
	var err error
	if a.major, a.minor, err = gate(table); err != nil {
		return nil, err
	}
	if o.CacheDir != "" {
		if a.cache, a.cacheOff = openCache(o.CacheDir, o.CacheSize); a.cacheOff == nil {
			a.about = about(lib, o, a.major, a.minor)
		}
	}
	a.place = C.quire_place(table, C.bool(a.cache != nil), lib.initialized)
	if a.place < 0 {
		return nil, fmt.Errorf("%d plugins, or one with so many different options, are loaded already: close some", int(C.QUIRE_PLACES))
	}
	a.pointer = uintptr(unsafe.Pointer(C.quire_given(a.place)))
	places[a.place].Store(a)
	return a, nil
}

// gate says whether a table is one that go-xla can use, looking at no more of it than it says it has.
func gate(table C.uintptr_t) (major, minor int, err error) {
	var cMajor, cMinor C.int
	var size C.size_t
	var missing *C.char
	found := C.quire_check(table, &cMajor, &cMinor, &size, &missing)
	major, minor = int(cMajor), int(cMinor)
	switch found {
	case C.QUIRE_NULL:
		return 0, 0, errors.New("its GetPjrtApi returns no function table")
	case C.QUIRE_UNALIGNED:
		return 0, 0, errors.New("its function table stands at an odd address, so it is none")
	case C.QUIRE_SHORT, C.QUIRE_ABSURD:
		return 0, 0, fmt.Errorf("its function table says that it has %d bytes, so it is none: this engine's has %d", size, C.sizeof_PJRT_Api)
	}
	if err := checkVersion(major, minor); err != nil {
		return 0, 0, err
	}
	if found == C.QUIRE_MISSING {
		return 0, 0, fmt.Errorf("its interface of version %d.%d lacks the function %s", major, minor, C.GoString(missing))
	}
	return major, minor, nil
}

// checkVersion is the version gate: both versions are in its message.
func checkVersion(major, minor int) error {
	const here = "this engine is built for %d.%d and takes 0.%d or newer of major version 0: "
	versions := fmt.Sprintf("its PJRT interface has version %d.%d, and "+here, major, minor, C.PJRT_API_MAJOR, C.PJRT_API_MINOR, MinMinor)
	switch {
	case major > C.PJRT_API_MAJOR:
		return errors.New(versions + "install an older plugin, or a newer Quire")
	case major < C.PJRT_API_MAJOR || minor < MinMinor:
		return errors.New(versions + "install a newer plugin")
	}
	return nil
}
