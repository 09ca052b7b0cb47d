//go:build !unix

package cellsock

func kill(int) {}
