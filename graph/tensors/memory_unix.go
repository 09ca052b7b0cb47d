//go:build unix

package tensors

import "golang.org/x/sys/unix"

// mapMemory returns size zero bytes outside the Go heap, page-aligned.
func mapMemory(size int) ([]byte, error) {
	return unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
}

// unmapMemory gives back what mapMemory returned.
func unmapMemory(memory []byte) {
	if err := unix.Munmap(memory); err != nil {
		panic("tensors: munmap of memory that is ours: " + err.Error())
	}
}
