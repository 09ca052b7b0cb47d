//go:build cgo && (linux || darwin)

package capi

/*
#include "shim.h"
*/
import "C"

import (
	"sync/atomic"
)

// API is a loaded plugin with the interposer in front of it. It is safe for several goroutines.
type API struct {
	place        C.int   // of its functions in shim.c
	pointer      uintptr // of the table for go-xla
	major, minor int
	id           loadKey // in loaded, if it is from Load
	users        int     // that have not closed it; guarded by loaded

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
func (a *API) Pointer() uintptr { return a.pointer }

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

// Close gives the interposer back, once per Load or Wrap that returned it; the last one counts. All that was made through
// it must be gone by then. The library stays open.
func (a *API) Close() {
	loaded.Lock()
	defer loaded.Unlock()
	if a.users--; a.users != 0 {
		return
	}
	a.closed.Store(true)
	if loaded.apis[a.id] == a {
		delete(loaded.apis, a.id)
	}
	places[a.place].Store(nil)
	C.quire_leave(a.place)
}
