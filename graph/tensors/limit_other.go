//go:build !linux && !darwin && !windows

package tensors

import (
	"math"
	"runtime"
)

// memoryLimit returns how many bytes a process can have: 1 GiB where memory is a 32-bit WebAssembly
// one with room for Go's own, else unknown.
func memoryLimit() int64 {
	if wasm {
		return 1 << 30
	}
	return math.MaxInt64
}

const wasm = runtime.GOARCH == "wasm"
