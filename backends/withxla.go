//go:build quire_xla

package backends

// The build tag links the engine "xla" into every program that opens backends by name: notebooks use it, whose
// cells should not have to say so.
import _ "github.com/quire-ml/quire/backends/xla"
