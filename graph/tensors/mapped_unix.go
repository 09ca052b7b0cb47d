//go:build unix

package tensors

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/quire-ml/quire/internal/mapped"
)

// mapFile maps bytes of a file, from a multiple of [Alignment] on, to memory of this process alone: what is written stays in memory.
func mapFile(f *os.File, at int64, size int) (memory []byte, release func(), err error) {
	before := int(at % int64(os.Getpagesize()))
	all, err := unix.Mmap(int(f.Fd()), at-int64(before), before+size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil {
		return nil, nil, &os.PathError{Op: "mmap", Path: f.Name(), Err: err}
	}
	forget := mapped.Note(all, f.Name())
	return all[before:], func() {
		forget()
		_ = unix.Munmap(all) // of memory that is ours it cannot fail
	}, nil
}
