//go:build unix && !race

package hostile

import "syscall"

// limitMemory makes the process fail to get more memory than n bytes.
func limitMemory(n uint64) {
	_ = syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: n, Max: n})
}
