//go:build !cgo || !(linux || darwin)

package capi

import (
	"fmt"
	"runtime"
)

// API is a loaded plugin. There are none in this build.
type API struct{}

// Load returns an error: plugins are loaded by builds with cgo for Linux or macOS.
func Load(path string, o Options) (*API, error) {
	return nil, fmt.Errorf("plugin %s: this program was built without cgo or for %s; PJRT plugins need cgo, and Linux or macOS", path, runtime.GOOS)
}

// Wrap returns an error, as Load does.
func Wrap(table uintptr, o Options) (*API, error) { return Load("in memory", o) }

// Pointer returns 0.
func (a *API) Pointer() uintptr { return 0 }

// Version returns zeros.
func (a *API) Version() (major, minor int) { return 0, 0 }

// CacheStats returns zeros.
func (a *API) CacheStats() CacheStats { return CacheStats{} }

// CacheOff returns nil.
func (a *API) CacheOff() error { return nil }

// MemoryStats returns false.
func (a *API) MemoryStats(device int) (MemoryStats, bool) { return MemoryStats{}, false }

// Close does nothing.
func (a *API) Close() {}
