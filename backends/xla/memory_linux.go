//go:build cgo

package xla

import (
	"sync"

	"golang.org/x/sys/unix"
)

// hostMemory returns how much memory the machine has, 0 if that is not known.
var hostMemory = sync.OnceValue(func() int64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	return int64(uint64(info.Totalram)) * int64(info.Unit)
})
