package tensors

import "golang.org/x/sys/unix"

// hugePage is the size of the pages that the system may give instead of small ones.
const hugePage = 2 << 20

// preferHugePages asks for huge pages. A system that has none says so, and small ones do as well.
func preferHugePages(memory []byte) { _ = unix.Madvise(memory, unix.MADV_HUGEPAGE) }
