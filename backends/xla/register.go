package xla

import "github.com/quire-ml/quire/backends/internal/registry"

// Where it opens it is faster than the engine "go", and goes before it.
func init() {
	registry.Known.Register(registry.Engine{Name: "xla", Rank: 20, Open: openBackend})
}
