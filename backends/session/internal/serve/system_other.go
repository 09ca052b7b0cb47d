//go:build !unix

package serve

func outlive() {}
