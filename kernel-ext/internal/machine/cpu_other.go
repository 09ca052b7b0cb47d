//go:build !linux && !darwin

package machine

func cpu() string { return "" }
