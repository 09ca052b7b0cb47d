//go:build cgo

package xla

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/gomlx/go-xla/pjrt"

	"github.com/quire-ml/quire/backends/xla/internal/capi"
	"github.com/quire-ml/quire/backends/xla/plugins"
	"github.com/quire-ml/quire/graph/ir"
)

// openBackend is Open, without a typed nil beside an error.
func openBackend(options string) (ir.Backend, error) {
	e, err := Open(options)
	if err != nil {
		return nil, err
	}
	return e, nil
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
	defer broke("opening", cfg.plugin, &err)
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
	api, err := capi.Load(p.Path, cfg.cacheOptions(p))
	if err != nil {
		return nil, err
	}
	return connect(cfg, api, p.Path)
}

// cacheOptions returns how compiled programs are kept for other processes.
func (c *config) cacheOptions(p plugins.Plugin) capi.Options {
	return capi.Options{CacheDir: c.cacheDir(), CacheKey: p.SHA256, CacheSize: int64(c.int("cache_size", defaultCacheMiB)) << 20}
}

// connect makes a client of a plugin that is loaded; it takes over api. It is called with clients locked.
func connect(cfg config, api *capi.API, path string) (c *client, err error) {
	defer func() {
		if err != nil {
			api.Close()
		}
	}()
	name := fmt.Sprintf("%s#%x", path, api.Pointer()) // go-xla keeps plugins by name
	if err := pjrt.RegisterPreloadedPlugin(name, api.Pointer()); err != nil {
		return nil, explain(err)
	}
	plugin, err := pjrt.GetPlugin(name)
	if err != nil {
		return nil, explain(err)
	}
	p, err := plugin.NewClient(cfg.clientOptions())
	if err != nil {
		err = fmt.Errorf("the plugin gives no access to its devices: %w", explain(err))
		if cfg.kind == "cuda" && !hasGPU() {
			err = fmt.Errorf("%w: no GPU's driver runs here (nvidia-smi should list one; a container is given GPUs with --gpus all)", err)
		}
		return nil, err
	}
	devices := p.AddressableDevices()
	if len(devices) == 0 {
		p.Destroy()
		return nil, errors.New("the plugin has no devices")
	}
	if why := api.CacheOff(); why != nil {
		slog.Warn("XLA's compiled programs are not kept for the next process", "because", why)
	}
	return &client{
		key: cfg.key(), api: api, plugin: plugin, pjrt: p, kind: cfg.kind,
		host:     p.Platform() == "cpu",
		devices:  devices,
		programs: newPrograms(maxPrograms),
	}, nil
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
