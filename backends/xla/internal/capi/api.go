//go:build cgo && (linux || darwin)

package capi

/*
#include "shim.h"
*/
import "C"

import (
	"sync/atomic"
	"unsafe"
)

// API is a loaded plugin with the interposer in front of it. It is safe for several goroutines.
type API struct {
	place        C.int // of its functions in shim.c
	path         string
	major, minor int

	cache    *cache // nil: none
	cacheOff error
	about    []byte // what all keys of its programs begin with
	stats    struct{ hits, misses, errors atomic.Int64 }

	closed atomic.Bool
}

// places holds the APIs by place, for calls that come from C.
var places [C.QUIRE_PLACES]atomic.Pointer[API]

// Pointer returns the address of the function table, for pjrt.RegisterPreloadedPlugin. It stays valid when the API is
// closed; the functions behind it do not.
func (a *API) Pointer() uintptr { return uintptr(unsafe.Pointer(C.quire_given(a.place))) }

// Version returns the version of the interface that the plugin was built for.
func (a *API) Version() (major, minor int) { return a.major, a.minor }

// CacheStats returns the counters of the cache; zeros without one.
func (a *API) CacheStats() CacheStats {
	s := CacheStats{Hits: int(a.stats.hits.Load()), Misses: int(a.stats.misses.Load()), Errors: int(a.stats.errors.Load())}
	if a.cache != nil {
		s.Evicted, s.Bytes = int(a.cache.evicted.Load()), a.cache.bytes.Load()
	}
	return s
}

// CacheOff returns why there is no cache although Options named a folder, or nil.
func (a *API) CacheOff() error { return a.cacheOff }

// MemoryStats returns the memory of a device, by its number among the addressable devices of the client that was made
// last. It returns false if there is no such client or device, or the plugin does not count (that of the CPU does not).
func (a *API) MemoryStats(device int) (MemoryStats, bool) {
	var args C.PJRT_Device_MemoryStats_Args
	if a.closed.Load() || !bool(C.quire_memory(a.place, C.int(device), &args)) {
		return MemoryStats{}, false
	}
	s := MemoryStats{InUse: int64(args.bytes_in_use)}
	if args.peak_bytes_in_use_is_set {
		s.Peak = int64(args.peak_bytes_in_use)
	}
	if args.bytes_limit_is_set {
		s.Limit = int64(args.bytes_limit)
	}
	return s, true
}

// Close gives the interposer of a table that was wrapped back. All that was made through it must be gone by then. What
// Load returned stays, since others may have it. Closing again does nothing.
func (a *API) Close() {
	if a.path == "" && !a.closed.Swap(true) {
		places[a.place].Store(nil)
		C.quire_leave(a.place)
	}
}
