//go:build amd64 || arm64

package frames

// callers is [Callers]. The chain is followed in assembly since a goroutine's stack may be moved between any two steps of Go code,
// but not within an assembly function. It ends where it leaves the goroutine's stack: calls by way of C may put anything into it.
//
//go:noinline
func callers(pcs []uintptr) int {
	var all [2 + MaxCalls]uintptr // the first two are those of Callers and of who calls it
	n := chain(&all[0], min(2+len(pcs), len(all)))
	return copy(pcs, all[min(n, 2):n])
}

// chain writes the return addresses of at most n frames to pcs, beginning with that of its caller, and returns their number.
//
//go:noescape
func chain(pcs *uintptr, n int) int
