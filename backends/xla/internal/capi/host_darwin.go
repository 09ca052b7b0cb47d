//go:build cgo

package capi

import "golang.org/x/sys/unix"

// systemProcessor returns the processor's name, which on these machines says what code it runs.
func systemProcessor() string {
	name, err := unix.Sysctl("machdep.cpu.brand_string")
	if err != nil {
		return ""
	}
	return name
}
