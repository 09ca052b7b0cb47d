// Package double is a PJRT plugin inside the process, written in Go, for tests: a function table as plugins export
// it, whose programs are read by [stablehlo] and run by the Go engine. With it everything between a program and a
// plugin is tested on any machine with a C compiler:
//
//	d := double.New(double.Options{Devices: 4})
//	defer d.Close()
//	pjrt.RegisterPreloadedPlugin("name", d.Table())
//	…
//	if v := d.Violations(); len(v) > 0 { t.Error(v) }
//	if s := d.Stats(); s.Live() > 0 { t.Error(s) }
//
// It shows that programs, buffers, donation, devices, errors and lifetimes are handled as the interface asks for;
// it shows nothing about XLA's compiler or its numbers.
//
// # Strictness
//
// Where a real plugin crashes, hangs, or goes on in silence with a caller's mistake, the double returns an error
// and notes a violation: handles that are NULL, destroyed, foreign or of the wrong kind, structs of the wrong size,
// deleted or wrongly typed buffers as inputs, donated memory that the caller still owns, a client that goes before
// what it made. Handles are addresses that nothing may look behind, and none is given out twice.
//
// # Faults
//
// [Faults] make calls fail, at once or through their events, hold them back, or lose a device. What happens then to
// the caller is what a test asks.
//
// Source: the C interface of PJRT as described in pjrt.h of package capi; what the plugin for CPUs does was measured
// on that of XLA (minor version 81).
//
// [stablehlo]: https://pkg.go.dev/github.com/quire-ml/quire/backends/stablehlo
package double
