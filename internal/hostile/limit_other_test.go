//go:build !unix

package hostile

func limitMemory(uint64) {}
