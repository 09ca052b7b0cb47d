//go:build cgo && (linux || darwin)

package xla_test

import (
	"testing"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func sameBits(a, b *tensors.Tensor) (same bool) {
	if !a.Shape().Equal(b.Shape()) {
		return false
	}
	a.MustConstBytes(func(x []byte) { b.MustConstBytes(func(y []byte) { same = string(x) == string(y) }) })
	return same
}

// A large tensor is not copied to a device that reads the host's memory, and its memory is free once the buffer is.
func TestViews(t *testing.T) {
	e := open(t, "")
	x := ramp(1<<16, 1)
	before := x.Storage().References()
	b := put(t, e, x)
	n := x.Storage().References()
	assert.Equal(t, before+1, n, "the tensor's memory has %d references after Put, before there were %d", n, before)
	m, err := e.MemoryStats(0)
	require.NoError(t, err, "a view takes")
	assert.Zero(t, m.InUse, "a view takes")
	b.Close()
	assert.Equal(t, before, x.Storage().References(), "the tensor's memory")
}

// Two engines on one plugin with the same options share buffers; with other options they do not.
func TestBuffersOfAnotherEngine(t *testing.T) {
	a, b, c := open(t, ""), open(t, ""), open(t, ",devices=2")
	x := ramp(6, 1)
	buf := put(t, a, x)
	wantRamp(t, "the result", run(t, compile(t, b, []*tensors.Tensor{x}, nil, twice), []ir.Buffer{buf})[0], 1, 2)
	g := compile(t, c, []*tensors.Tensor{x}, nil, twice)
	_, err := g.Executable().Run(t.Context(), []ir.Buffer{buf}, nil)
	assert.ErrorContains(t, err, "opened with other options", "a buffer of a client with other devices")
}
