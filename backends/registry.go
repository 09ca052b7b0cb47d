package backends

import (
	"fmt"
	"os"
	"strings"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/backends/internal/registry"
	"github.com/quire-ml/quire/graph/ir"
)

// Env is the name of the environment variable that chooses the backend where the program does not.
const Env = "QUIRE_BACKEND"

func init() { registry.Register("go", gocpu.Open) }

// Register makes a backend known under a name, which configurations begin with. The backend registered
// last is the best there is, so importing an engine's package chooses it. It panics if the name is
// empty, contains a colon, or is taken. It is called from init functions.
func Register(name string, New func(options string) (ir.Backend, error)) {
	registry.Register(name, New)
}

// List returns the names of the known backends, sorted.
func List() []string { return registry.Names() }

// New opens the backend of a configuration, such as "go" or "go:workers=2". Without one it takes the
// environment variable QUIRE_BACKEND, and if that is not set or empty, the best backend that opens.
// An unknown name is an error that lists the known ones.
func New(config ...string) (ir.Backend, error) {
	switch {
	case len(config) > 1:
		return nil, fmt.Errorf("backends: %d configurations given, want one at most", len(config))
	case len(config) == 1:
		return open(config[0])
	}
	if c := os.Getenv(Env); c != "" {
		b, err := open(c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", Env, err)
		}
		return b, nil
	}
	var first error
	for _, name := range registry.Order() {
		b, err := open(name)
		if err == nil {
			return b, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// MustNew is [New]; it panics on an error.
func MustNew(config ...string) ir.Backend {
	b, err := New(config...)
	if err != nil {
		panic(err)
	}
	return b
}

// apart are the engines that a program has only if it asks for them, and how it does.
var apart = map[string]string{
	"xla": `is not part of this program: add import _ "github.com/quire-ml/quire/backends/xla" ` +
		`(in a notebook: set QUIRE_BACKEND before the kernel starts, as "quire run -backend xla:cpu" does)`,
}

func open(config string) (ir.Backend, error) {
	name, options, _ := strings.Cut(config, ":")
	f := registry.Get(name)
	if f == nil {
		if why := apart[name]; why != "" {
			return nil, fmt.Errorf("backend %q %s", name, why)
		}
		return nil, fmt.Errorf("backend %q is unknown: the known ones are %s", name, strings.Join(List(), ", "))
	}
	b, err := f(options)
	if err != nil {
		return nil, fmt.Errorf("backend %q: %w", config, err)
	}
	return b, nil
}
