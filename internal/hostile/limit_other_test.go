//go:build !unix || race

package hostile

// limitMemory does nothing: the race detector maps more memory than any limit, and Windows has no such limit.
func limitMemory(uint64) {}
