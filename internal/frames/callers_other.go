//go:build !amd64 && !arm64

package frames

import "runtime"

// callers is [Callers].
func callers(pcs []uintptr) int { return runtime.Callers(4, pcs) }
