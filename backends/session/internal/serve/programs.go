package serve

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/quire-ml/quire/backends/session/internal/wire"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/internal/cache"
)

// maxPrograms bounds the compiled programs that are kept though no client has them.
const maxPrograms = 256

// hash is that of a program's text.
type hash [wire.HashBytes]byte

// programs are compiled programs by the hash of their text, the most recently used ones.
type programs struct {
	backend ir.Backend
	kept    cache.Cache[hash, *compiled]
}

func newPrograms(b ir.Backend) *programs {
	return &programs{b, cache.New[hash, *compiled](maxPrograms, func(a, b hash) bool { return a == b })}
}

// compiled is an executable that several clients may use.
type compiled struct {
	exe   ir.Executable
	ahead bool // it ends, and is foreseeable
	uses  cache.Uses
}

// Hold implements [cache.Value].
func (c *compiled) Hold() bool { return c.uses.Begin() }

// Release implements [cache.Value].
func (c *compiled) Release() error {
	if c.uses.End() {
		return c.exe.Close()
	}
	return nil
}

// Drop implements [cache.Value].
func (c *compiled) Drop() error { return c.Close() }

// Close implements [cache.Value].
func (c *compiled) Close() error {
	if c.uses.Close() {
		return c.exe.Close()
	}
	return nil
}

// compile returns what has become of the program of a text, for the caller to release.
func (p *programs) compile(ctx context.Context, h hash, text []byte) (*compiled, error) {
	var program ir.Program
	read := func() error {
		if err := json.Unmarshal(text, &program); err != nil {
			return fmt.Errorf("%w: the worker of a session knows the ops of Quire alone", err)
		}
		return nil
	}
	return p.kept.Get(ctx, h, read, func() (*compiled, error) {
		ends := ends(&program)
		low, exe, err := ir.Compile(ctx, p.backend, &program)
		if err != nil {
			return nil, err
		}
		return &compiled{exe: exe, ahead: ends && foreseeable(low)}, nil
	})
}
