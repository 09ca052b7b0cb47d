//go:build cgo && (linux || darwin)

package xla_test

import (
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
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
	if n := x.Storage().References(); n != before+1 {
		t.Errorf("the tensor's memory has %d references after Put, before there were %d", n, before)
	}
	if m, err := e.MemoryStats(0); err != nil || m.InUse != 0 {
		t.Errorf("a view takes %d bytes of the device (error %v)", m.InUse, err)
	}
	b.Close()
	if n := x.Storage().References(); n != before {
		t.Errorf("the tensor's memory has %d references after Close, before there were %d", n, before)
	}
}

// Two engines on one plugin with the same options share buffers; with other options they do not.
func TestBuffersOfAnotherEngine(t *testing.T) {
	a, b, c := open(t, ""), open(t, ""), open(t, ",devices=2")
	x := ramp(6, 1)
	buf := put(t, a, x)
	wantRamp(t, "the result", run(t, compile(t, b, []*tensors.Tensor{x}, nil, twice), []ir.Buffer{buf})[0], 1, 2)
	g := compile(t, c, []*tensors.Tensor{x}, nil, twice)
	if _, err := g.Executable().Run(t.Context(), []ir.Buffer{buf}, nil); err == nil || !strings.Contains(err.Error(), "opened with other options") {
		t.Errorf("a buffer of a client with other devices: error %v", err)
	}
}
