//go:build cgo && (linux || darwin)

package xla_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/backends/xla"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Every type goes to the device, through a program and back, bit by bit: scalars, few elements, none, many.
func TestEveryTypeGoesThereAndBack(t *testing.T) {
	onBoth(t, "", func(t *testing.T, e *xla.Engine) {
		rng := rand.New(rand.NewPCG(1, 2))
		for _, d := range dtypes.All() {
			var in []*tensors.Tensor
			for _, dims := range [][]int{nil, {3}, {0, 2}, {2, 0}, {100, 700}} {
				s := shapes.Make(d, dims...)
				data := make([]byte, s.ByteSize())
				for i := range data {
					if data[i] = byte(rng.Uint32()); d == dtypes.Bool {
						data[i] &= 1
					}
				}
				x, err := tensors.FromBytes(s, data)
				if err != nil {
					t.Fatal(err)
				}
				in = append(in, x)
			}
			g := compile(t, e, in, nil, func(in []*graph.Node) []*graph.Node {
				var out []*graph.Node
				for _, x := range in { // the input, twice the same value, and a value that is computed
					r := graph.Reshape(graph.Reshape(x, x.Shape().Size()), x.Shape().Dimensions...)
					out = append(out, x, r, r)
				}
				return out
			})
			var bufs []ir.Buffer
			for _, x := range in {
				b := put(t, e, x)
				if back, err := b.ToHost(); err != nil || !sameBits(back, x) {
					t.Errorf("%s comes back otherwise (error %v)", x.Shape(), err)
				}
				bufs = append(bufs, b)
			}
			for i, b := range run(t, g, bufs) {
				if back, err := b.ToHost(); err != nil || !sameBits(back, in[i/3]) {
					t.Errorf("output %d of %s: comes back otherwise (error %v)", i%3, in[i/3].Shape(), err)
				}
			}
		}
	})
}

func sameBits(a, b *tensors.Tensor) (same bool) {
	if !a.Shape().Equal(b.Shape()) {
		return false
	}
	a.MustConstBytes(func(x []byte) { b.MustConstBytes(func(y []byte) { same = string(x) == string(y) }) })
	return same
}

// The tensor may be finalized as soon as it is put, and the buffer closed as soon as it is read.
func TestMemoryIsKeptAsLongAsItIsNeeded(t *testing.T) {
	onBoth(t, "", func(t *testing.T, e *xla.Engine) {
		for _, n := range sizes {
			x := ramp(n, 1)
			g := compile(t, e, []*tensors.Tensor{x}, nil, twice)
			b := put(t, e, x)
			x.MustFinalizeAll()
			for range 5 { // takes the memory if it was given back
				ramp(n, 100).MustFinalizeAll()
			}
			y := run(t, g, []ir.Buffer{b})[0]
			host, err := b.ToHost()
			if err != nil {
				t.Fatal(err)
			}
			b.Close()
			b.Close()
			for range 5 {
				ramp(n, 100).MustFinalizeAll()
			}
			wantRamp(t, "what was read", put(t, e, host), 1, 1)
			wantRamp(t, "the result", y, 1, 2)
		}
	})
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

// Nothing reaches the plugin that it would crash on or take in silence: closed, foreign and missing buffers, and
// those of another type or shape with as many bytes.
func TestWrongInputs(t *testing.T) {
	onBoth(t, "", func(t *testing.T, e *xla.Engine) {
		x := ramp(6, 1)
		g := compile(t, e, []*tensors.Tensor{x, x}, nil, twice)
		good := put(t, e, x)
		closed := put(t, e, x)
		closed.Close()
		other := gocpu.New()
		foreign := put(t, other, x)
		ints, err := x.ConvertDType(dtypes.Int32)
		if err != nil {
			t.Fatal(err)
		}
		square, err := x.Reshaped(2, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name string
			in   []ir.Buffer
			want string
		}{
			{"a closed buffer", []ir.Buffer{good, closed}, "input 1 (p1): the buffer float32[6] is closed or was donated"},
			{"a buffer of another backend", []ir.Buffer{good, foreign}, "input 1 (p1) is a buffer of another backend"},
			{"nil", []ir.Buffer{nil, good}, "input 0 (p0) is nil"},
			{"another type", []ir.Buffer{put(t, e, ints), good}, "input 0 (p0) is int32[6], want float32[6]"},
			{"another shape", []ir.Buffer{put(t, e, square), good}, "input 0 (p0) is float32[2 3], want float32[6]"},
			{"one too few", []ir.Buffer{good}, "it takes 2 inputs, got 1"},
		} {
			out, err := g.Executable().Run(t.Context(), c.in, nil)
			if out != nil || err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), t.Name()) {
				t.Errorf("%s: error %v, want %q and the program's name", c.name, err, c.want)
			}
		}
		if _, err := e.Put(&tensors.Tensor{}); err == nil {
			t.Error("an invalid tensor can be put")
		}
	})
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
