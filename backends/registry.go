package backends

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
)

// Env is the name of the environment variable that chooses the backend where the program does not.
const Env = "QUIRE_BACKEND"

// opener opens a backend with the options that follow its name in a configuration, "" for none.
type opener = func(options string) (graph.Backend, error)

var registry = struct {
	sync.Mutex
	open  map[string]opener
	order []string // the best first
}{open: map[string]opener{"go": gocpu.Open}, order: []string{"go"}}

// Register makes a backend known under a name, which configurations begin with. The backend registered
// last is the best there is, so importing an engine's package chooses it. It panics if the name is
// empty, contains a colon, or is taken. It is called from init functions.
func Register(name string, New func(options string) (graph.Backend, error)) {
	registry.Lock()
	defer registry.Unlock()
	if name == "" || strings.Contains(name, ":") || registry.open[name] != nil {
		panic(fmt.Sprintf("backends: the name %q is empty, contains a colon or is taken", name))
	}
	registry.open[name] = New
	registry.order = slices.Insert(registry.order, 0, name)
}

// List returns the names of the known backends, sorted.
func List() []string {
	registry.Lock()
	defer registry.Unlock()
	return slices.Sorted(maps.Keys(registry.open))
}

// New opens the backend of a configuration, such as "go" or "go:workers=2". Without one it takes the
// environment variable QUIRE_BACKEND, and if that is not set or empty, the best backend that opens.
// An unknown name is an error that lists the known ones.
func New(config ...string) (graph.Backend, error) {
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
	registry.Lock()
	order := slices.Clone(registry.order)
	registry.Unlock()
	var first error
	for _, name := range order {
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
func MustNew(config ...string) graph.Backend {
	b, err := New(config...)
	if err != nil {
		panic(err)
	}
	return b
}

func open(config string) (graph.Backend, error) {
	name, options, _ := strings.Cut(config, ":")
	registry.Lock()
	f := registry.open[name]
	registry.Unlock()
	if f == nil {
		return nil, fmt.Errorf("backend %q is unknown: the known ones are %s", name, strings.Join(List(), ", "))
	}
	b, err := f(options)
	if err != nil {
		return nil, fmt.Errorf("backend %q: %w", config, err)
	}
	return b, nil
}
