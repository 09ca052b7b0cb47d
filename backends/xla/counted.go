//go:build cgo

package xla

import "sync"

// counted is something of the plugin with one owner and any number of users for a while. It is freed when the owner
// has dropped it and the last user is done, so that nothing is freed that a run still needs.
type counted struct {
	mu      sync.Mutex
	users   int
	dropped bool
	free    func() // called once, with mu held
}

// retain adds a user; false if the owner has dropped it.
func (c *counted) retain() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dropped {
		return false
	}
	c.users++
	return true
}

// release takes a user away.
func (c *counted) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users--
	c.settle()
}

// drop is the end of the owner's interest. Dropping again is fine.
func (c *counted) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.dropped {
		c.dropped = true
		c.settle()
	}
}

// mine reports whether the caller, a user, is the only one who has it.
func (c *counted) mine() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dropped && c.users == 1
}

func (c *counted) settle() {
	if c.dropped && c.users == 0 && c.free != nil {
		c.free()
		c.free = nil
	}
}
