package tensors

import (
	"math"
	"sync"

	"golang.org/x/sys/unix"
)

// memoryLimit returns how many bytes this process can have: twice the machine's memory, since the
// system compresses and swaps.
var memoryLimit = sync.OnceValue(func() int64 {
	n, err := unix.SysctlUint64("hw.memsize")
	if err != nil || n == 0 {
		return math.MaxInt64
	}
	return int64(2 * n)
})
