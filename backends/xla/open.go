//go:build cgo

package xla

import (
	"fmt"
	"os"

	"github.com/gomlx/go-xla/pjrt"

	"github.com/quire-ml/quire/backends/internal/registry"
	"github.com/quire-ml/quire/backends/xla/plugins"
	"github.com/quire-ml/quire/graph"
)

func init() {
	registry.Register("xla", func(options string) (graph.Backend, error) {
		e, err := Open(options)
		if err != nil {
			return nil, err
		}
		return e, nil
	})
}

// Open opens the engine with what follows "xla:" in a configuration: the plugin's name (cpu, cuda or tpu) or the
// absolute path of its library, and options, all separated by commas. Without a name it takes the best plugin that
// is installed: cuda where there is a GPU, else cpu. Engines that are opened alike share one client of the plugin.
//
// It returns an error if the plugin is not installed (which says the command that installs it), is broken, of another
// machine or too old, or if an option is unknown or makes no sense.
func Open(options string) (*Engine, error) {
	cfg, err := parseConfig(options)
	if err != nil {
		return nil, err
	}
	if cfg.plugin == "" {
		cfg.plugin = best()
	}
	cfg.kind = kindOf(cfg.plugin)
	if err := cfg.checkKind(); err != nil {
		return nil, err
	}
	return open(cfg)
}

// open shares or makes the client of a configuration.
func open(cfg config) (e *Engine, err error) {
	clients.Lock()
	defer clients.Unlock()
	defer broke("opening "+cfg.plugin, &err)
	c := clients.open[cfg.key()]
	if c == nil {
		if c, err = load(cfg); err != nil {
			return nil, err
		}
		clients.open[c.key] = c
	}
	c.users++
	return &Engine{client: c, name: "xla:" + cfg.plugin, held: map[*counted]struct{}{}}, nil
}

// load opens a plugin and makes a client.
func load(cfg config) (*client, error) {
	p, err := plugins.Find(cfg.plugin)
	if err != nil {
		return nil, err
	}
	if err := p.Check(); err != nil { // the dynamic linker dies of a file that was cut off
		return nil, err
	}
	if err := setEnvironment(cfg, p); err != nil {
		return nil, err
	}
	plugin, err := pjrt.GetPlugin(p.Path)
	if err != nil {
		return nil, explain(err)
	}
	return newClient(cfg, plugin)
}

// newClient makes a client of a plugin that is loaded.
func newClient(cfg config, plugin *pjrt.Plugin) (*client, error) {
	p, err := plugin.NewClient(cfg.clientOptions())
	if err != nil {
		return nil, fmt.Errorf("the plugin %s gives no access to its devices: %w", cfg.plugin, explain(err))
	}
	c := &client{
		key: cfg.key(), plugin: plugin, pjrt: p, kind: cfg.kind,
		host:     p.Platform() == "cpu",
		devices:  p.AddressableDevices(),
		programs: newPrograms(maxPrograms),
	}
	if len(c.devices) == 0 {
		p.Destroy()
		return nil, fmt.Errorf("the plugin %s has no devices", cfg.plugin)
	}
	return c, nil
}

// best returns the best plugin that is installed.
func best() string {
	if _, err := plugins.Find("cuda"); err == nil && hasGPU() {
		return "cuda"
	}
	return "cpu"
}

// hasGPU reports whether the driver of a GPU runs.
func hasGPU() bool {
	for _, path := range []string{"/dev/nvidiactl", "/dev/dxg"} { // the second under WSL
		if _, err := os.Stat(path); err == nil {
			return true
		}
	}
	return false
}
