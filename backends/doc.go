// Package backends opens the engines that run graphs, by name.
//
//	backend, err := backends.New()              // $QUIRE_BACKEND, or the highest rank that opens
//	backend, err := backends.New("go:workers=2") // the pure-Go engine with two workers
//
// A configuration is a name, optionally followed by a colon and options, which each engine reads for
// itself. The name "go" is always there; other engines register themselves when their package is
// imported, such as
//
//	import _ "github.com/quire-ml/quire/backends/xla"
//
// In a notebook whose kernel was started with QUIRE_BACKEND=xla:cpu, cells have it without an import: the configuration is then
// "session:xla:cpu", whose work a process of its own does (package session), and which every program may name.
//
// An engine of one's own is made known with [Register]; docs/backend.md says how one is written and tested.
package backends
