//go:build cgo

package xla

import (
	"sync"
	"sync/atomic"

	"github.com/gomlx/go-xla/pjrt"

	"github.com/quire-ml/quire/backends/xla/internal/capi"
)

// client is the connection to a plugin with certain options. The engines of a process that want the same share one.
type client struct {
	key      string // in clients
	api      *capi.API
	plugin   *pjrt.Plugin
	pjrt     *pjrt.Client
	kind     string // "cpu", "cuda", "tpu" or ""
	host     bool   // the devices' memory is the host's: it can be read and shared
	devices  []*pjrt.Device
	programs *programs
	notes    recompiles

	users int        // engines, guarded by clients
	mesh  sync.Mutex // held over runs on several devices: two at a time could wait for each other's devices for ever

	inUse, peak atomic.Int64 // bytes of live values
}

// clients holds the open clients by key, and is held while one is opened or closed: go-xla's list of plugins is
// not safe for several goroutines.
var clients = struct {
	sync.Mutex
	open map[string]*client
}{open: map[string]*client{}}

// take counts bytes of a new value, and give those of one that is gone.
func (c *client) take(bytes int64) {
	now := c.inUse.Add(bytes)
	for old := c.peak.Load(); now > old && !c.peak.CompareAndSwap(old, now); old = c.peak.Load() {
	}
}

func (c *client) give(bytes int64) { c.inUse.Add(-bytes) }

// release counts an engine less, and closes the client with the last one: first the programs, then the client, since
// plugins crash on what is freed after it. Values are gone already, with their engines.
func (c *client) release() error {
	clients.Lock()
	defer clients.Unlock()
	if c.users--; c.users > 0 {
		return nil
	}
	delete(clients.open, c.key)
	c.programs.close()
	err := explain(c.pjrt.Destroy())
	c.api.Close()
	return err
}
