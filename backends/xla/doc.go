// Package xla is the engine "xla": programs compiled by XLA and run on the processor, on NVIDIA GPUs or on TPUs,
// through a PJRT plugin and go-xla. Importing it makes the engine known:
//
//	import _ "github.com/quire-ml/quire/backends/xla"
//
//	backend, err := backends.New("xla:cpu")
//
// A plugin is installed once, with "quire plugin install cpu". The package needs cgo; without it the engine is
// known and says so when it is opened. docs/xla.md describes configurations, caches, memory, devices, and the numbers
// that differ from those of the go engine.
//
// [Open] returns an [Engine], which is an [ir.Backend] and says besides what its plugin is, what its memory
// holds and what became of compilations.
//
// # Meaning
//
// Programs mean what they mean on the go engine, within the tolerances of the ops' rows, at every dtype. The
// exceptions are a table, in docs/xla.md, and the tests allow no others.
//
// # What never reaches the plugin
//
// XLA ends the process over mistakes that others answer with an error. So sizes, types, shapes, counts and owners of
// buffers, options, flags and files are checked before; see the tests for the list.
//
// [ir.Backend]: https://pkg.go.dev/github.com/quire-ml/quire/graph/ir#Backend
package xla
