//go:build cgo && !linux

package xla

// hostMemory is not known on this system.
func hostMemory() int64 { return 0 }
