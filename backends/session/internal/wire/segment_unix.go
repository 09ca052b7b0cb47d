//go:build linux || darwin

package wire

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// newSegment returns memory that others can map by the descriptor.
func newSegment(size int) (memory []byte, fd int, err error) {
	fd, err = newShared(size)
	if err == nil {
		memory, err = unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			unix.Close(fd)
		}
	}
	if err != nil {
		return nil, -1, fmt.Errorf("%d bytes of shared memory: %w", size, err)
	}
	return memory, fd, nil
}

// mapSegment maps memory that the other end has made.
func mapSegment(fd, size int) ([]byte, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFREG || stat.Size < int64(size) {
		return nil, fmt.Errorf("shared memory of %d bytes, want %d", stat.Size, size)
	}
	if err := checkShared(fd); err != nil {
		return nil, err
	}
	return unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|populate)
}

func unmap(memory []byte) {
	if err := unix.Munmap(memory); err != nil {
		panic("session: munmap of memory that is ours: " + err.Error())
	}
}
