//go:build !amd64 && !arm64

package cpu

func detect() (Tier, Features) { return Portable, Features{} }
