//go:build cgo

package xla

import (
	"fmt"
	"sync"

	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/graph/ir"
)

// Engine is the engine "xla". It implements [ir.Backend] and is safe for several goroutines.
type Engine struct {
	client *client
	name   string

	running sync.RWMutex // held for reading by whatever calls the plugin: Close waits for it
	closed  bool         // guarded by running

	brokenForms sync.Map // *ir.Op: those whose form in StableHLO does not compile

	mu   sync.Mutex
	held map[*counted]struct{} // values and executables that are not closed
}

// Name returns the configuration without its options, such as "xla:cpu".
func (e *Engine) Name() string { return e.name }

// Lowers reports whether a call is written as it is; all others are expanded, and so are those of ops of a user's own whose form did not compile.
func (e *Engine) Lowers(c ir.Call) bool {
	if c.Op != nil && c.Op.StableHLO != nil {
		if _, gone := e.brokenForms.Load(c.Op); gone {
			return false
		}
	}
	return stablehlo.Lowers(c)
}

// begin says that the plugin is about to be called; end must follow unless there is an error.
func (e *Engine) begin() error {
	e.running.RLock()
	if e.closed {
		e.running.RUnlock()
		return errClosed
	}
	return nil
}

func (e *Engine) end() { e.running.RUnlock() }

// own notes what must be freed before the client.
func (e *Engine) own(c *counted) {
	e.mu.Lock()
	e.held[c] = struct{}{}
	e.mu.Unlock()
}

// disown drops c and forgets it. The order matters: what Close does not find any more is freed.
func (e *Engine) disown(c *counted) {
	c.drop()
	e.mu.Lock()
	delete(e.held, c)
	e.mu.Unlock()
}

// Close waits for runs under way, frees every buffer and executable of the engine, and closes the plugin's client
// if no other engine uses it. What is used afterwards returns an error. Closing again is fine.
func (e *Engine) Close() error {
	e.running.Lock()
	defer e.running.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	e.mu.Lock()
	held := e.held
	e.held = map[*counted]struct{}{}
	e.mu.Unlock()
	for c := range held {
		c.drop()
	}
	if err := e.client.release(); err != nil {
		return fmt.Errorf("closing %s: %w", e.name, err)
	}
	return nil
}

// Platform returns what the plugin calls its platform, such as "cpu" or "cuda".
func (e *Engine) Platform() string { return e.client.pjrt.Platform() }

// PluginVersion returns the version of the interface that the plugin was built for, such as 0 and 81.
func (e *Engine) PluginVersion() (major, minor int) { return e.client.plugin.Version() }

// NumDevices returns the number of devices, which bounds the meshes that programs can run on.
func (e *Engine) NumDevices() int { return len(e.client.devices) }
