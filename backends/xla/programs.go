//go:build cgo

package xla

import (
	"container/list"
	"context"
	"crypto/sha256"
	"sync"

	"github.com/gomlx/go-xla/pjrt"
)

// maxPrograms is how many compiled programs a client keeps, in use or not: some 125 kB each.
const maxPrograms = 256

// programKey is the hash of a program's text and of how it is compiled.
type programKey [sha256.Size]byte

// program is a compiled program. The cache owns it; executables use it.
type program struct {
	counted
	key   programKey
	ready chan struct{} // closed when exe or err is there
	exe   *pjrt.LoadedExecutable
	err   error
}

// programs keeps the most recently used compiled programs. It is safe for several goroutines.
type programs struct {
	mu           sync.Mutex
	byKey        map[programKey]*list.Element // of *program
	order        *list.List                   // the most recently used first
	limit        int
	hits, misses int
}

func newPrograms(limit int) *programs {
	return &programs{byKey: map[programKey]*list.Element{}, order: list.New(), limit: limit}
}

// get returns the program of a key, compiled if it is not there, for the caller to release. Goroutines that ask for
// the same program wait for one compilation.
func (c *programs) get(ctx context.Context, key programKey, compile func() (*pjrt.LoadedExecutable, error)) (p *program, compiled bool, err error) {
	c.mu.Lock()
	if e := c.byKey[key]; e != nil {
		p := e.Value.(*program)
		p.retain() // the cache owns it, so this does not fail
		c.order.MoveToFront(e)
		c.hits++
		c.mu.Unlock()
		select {
		case <-p.ready:
			err = p.err
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			p.release()
			return nil, false, err
		}
		return p, false, nil
	}
	p = &program{key: key, ready: make(chan struct{})}
	p.free = func() {
		if p.exe != nil {
			p.exe.Destroy()
		}
	}
	p.retain()
	c.byKey[key] = c.order.PushFront(p)
	c.misses++
	c.trim()
	c.mu.Unlock()
	defer close(p.ready)
	p.exe, p.err = compile()
	if p.err != nil {
		c.mu.Lock()
		c.remove(p)
		c.mu.Unlock()
		p.release()
		return nil, true, p.err
	}
	return p, true, nil
}

// trim drops the least recently used programs above the limit; one in use is freed when it is not any more.
func (c *programs) trim() {
	for c.order.Len() > c.limit {
		c.remove(c.order.Back().Value.(*program))
	}
}

func (c *programs) remove(p *program) {
	if e := c.byKey[p.key]; e != nil && e.Value == p {
		c.order.Remove(e)
		delete(c.byKey, p.key)
		p.drop()
	}
}

// close drops all programs.
func (c *programs) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit = 0
	c.trim()
}
