//go:build !unix

package tensors

import "math"

// hugePage is more than there is: the system is not asked for such pages.
const hugePage = math.MaxInt

// mapMemory returns size zero bytes. Without mmap they are on the Go heap.
func mapMemory(size int) ([]byte, error) { return alignedBytes(size), nil }

// unmapMemory leaves the memory to the collector.
func unmapMemory([]byte) {}
