//go:build cgo

package xla

import "fmt"

// outOfMemory is the plugin's code for it.
const outOfMemory = 8

// MemoryStats says what a device's memory holds, in bytes.
type MemoryStats struct {
	InUse int64 // now
	Peak  int64 // at most, so far
	Limit int64 // 0 if not known

	// OfPlugin says that the plugin counted. Otherwise InUse and Peak are the values of the process's engines on this
	// plugin, on all devices together, without what programs need while they run.
	OfPlugin bool
}

// MemoryStats returns what a device's memory holds. It returns an error if there is no such device.
func (e *Engine) MemoryStats(device int) (MemoryStats, error) {
	if err := e.begin(); err != nil {
		return MemoryStats{}, err
	}
	defer e.end()
	c := e.client
	if device < 0 || device >= len(c.devices) {
		return MemoryStats{}, fmt.Errorf("%s has no device %d: it has %d", e.name, device, len(c.devices))
	}
	if m, ok := c.api.MemoryStats(device); ok {
		return MemoryStats{InUse: m.InUse, Peak: m.Peak, Limit: m.Limit, OfPlugin: true}, nil
	}
	m := MemoryStats{InUse: c.inUse.Load(), Peak: c.peak.Load()}
	if c.host {
		m.Limit = hostMemory()
	}
	return m, nil
}

// memoryLimit returns how much memory a device has, 0 if that is not known.
func (e *Engine) memoryLimit() int64 {
	if m, ok := e.client.api.MemoryStats(0); ok {
		return m.Limit
	}
	if e.client.host {
		return hostMemory()
	}
	return 0
}

// CacheStats counts what became of compilations.
type CacheStats struct {
	Programs int // compiled programs in memory
	Hits     int // programs that were in memory already
	Misses   int // programs that were not

	// Of the programs that were not in memory, those that were in the folder and those that had to be compiled,
	// files that were damaged or could not be written, and files that were removed because the folder was full.
	DiskHits, Compiled, DiskErrors, DiskEvicted int

	DiskBytes int64 // what the folder holds
}

// CacheStats returns what became of compilations since the plugin was opened, by all engines that share it.
func (e *Engine) CacheStats() CacheStats {
	c := e.client.programs
	c.mu.Lock()
	defer c.mu.Unlock()
	disk := e.client.api.CacheStats()
	return CacheStats{
		Programs: c.order.Len(), Hits: c.hits, Misses: c.misses,
		DiskHits: disk.Hits, Compiled: c.misses - disk.Hits, DiskErrors: disk.Errors, DiskEvicted: disk.Evicted, DiskBytes: disk.Bytes,
	}
}

// sizeText writes a number of bytes for people.
func sizeText(n int64) string {
	const units = "KMGTPE"
	if n < 1<<10 {
		return fmt.Sprintf("%d bytes", n)
	}
	f, u := float64(n)/1024, 0
	for ; f >= 1024; u++ {
		f /= 1024
	}
	return fmt.Sprintf("%.4g %ciB", f, units[u])
}
