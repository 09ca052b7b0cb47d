//go:build !cgo

package xla

import (
	"errors"

	"github.com/quire-ml/quire/backends/internal/registry"
	"github.com/quire-ml/quire/graph/ir"
)

// Without cgo the engine is known by name, so that the error says what is missing.
func init() {
	registry.Register("xla", func(string) (ir.Backend, error) {
		return nil, errors.New("the engine xla needs cgo and a C compiler: build with CGO_ENABLED=1")
	})
}
