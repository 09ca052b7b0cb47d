//go:build !unix

package tensors

// mapMemory returns size zero bytes. Without mmap they are on the Go heap.
func mapMemory(size int) ([]byte, error) { return alignedBytes(size), nil }

// unmapMemory leaves the memory to the collector.
func unmapMemory([]byte) {}
