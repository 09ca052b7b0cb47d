//go:build cgo

package capi

// systemProcessor is what is known of the processor without /proc: nothing.
func systemProcessor() string { return "" }
