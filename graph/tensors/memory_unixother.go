//go:build unix && !linux

package tensors

func preferHugePages([]byte) {}
