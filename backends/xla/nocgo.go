//go:build !cgo

package xla

import (
	"errors"

	"github.com/quire-ml/quire/graph/ir"
)

// openBackend says what is missing: without cgo the engine is known by its name alone.
func openBackend(string) (ir.Backend, error) {
	return nil, errors.New("the engine xla needs cgo and a C compiler: build with CGO_ENABLED=1")
}
