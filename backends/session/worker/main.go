// Command worker holds an engine for the programs of one user that have QUIRE_BACKEND=session:…: they start it, and it ends when nobody
// needs it any more. Built with cgo it has the engine xla.
package main

import (
	"os"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/backends/session/internal/serve"
	"github.com/quire-ml/quire/graph/ir"
)

func main() {
	os.Exit(serve.Main(os.Args[1:], func(device string) (ir.Backend, error) { return backends.New(device) }))
}
