//go:build cgo && (linux || darwin)

package xla_test

import (
	"context"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/xla"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
)

// sizes are a value that is copied to the device and one that shares the host's memory.
var sizes = []int{5, 1 << 15}

func TestDonation(t *testing.T) {
	onBoth(t, "", func(t *testing.T, e *xla.Engine) {
		for _, n := range sizes {
			x := ramp(n, 1)
			g := compile(t, e, []*tensors.Tensor{x}, []int{0}, twice)

			in := put(t, e, x)
			out := run(t, g, []ir.Buffer{in}, true)[0]
			wantRamp(t, "the result of a donated tensor", out, 1, 2)
			wantRamp(t, "the tensor that was put", put(t, e, x), 1, 1)
			if _, err := in.ToHost(); err == nil || !strings.Contains(err.Error(), "is closed or was donated") {
				t.Errorf("reading a donated buffer: error %v", err)
			}

			kept := run(t, g, []ir.Buffer{out})[0]
			wantRamp(t, "an input that the program may have but the run keeps", out, 1, 2)
			wantRamp(t, "its result", kept, 1, 4)

			for range 3 {
				kept = run(t, g, []ir.Buffer{kept}, true)[0]
			}
			wantRamp(t, "three steps in place", kept, 1, 32)

			both := compile(t, e, []*tensors.Tensor{x, x}, []int{0}, func(in []*graph.Node) []*graph.Node {
				return []*graph.Node{graph.Add(in[0], graph.MulScalar(in[1], 2)), in[1]}
			})
			r := run(t, both, []ir.Buffer{kept, kept}, true, false)
			wantRamp(t, "one buffer twice, donated once", r[0], 1, 96)
			wantRamp(t, "the input that is an output", r[1], 1, 32)
			if _, err := kept.ToHost(); err == nil {
				t.Error("a buffer that was given twice and donated once can be read")
			}

			host, err := r[1].ToHost()
			if err != nil {
				t.Fatal(err)
			}
			again := run(t, g, []ir.Buffer{r[1]}, true)[0]
			wantRamp(t, "the result", again, 1, 64)
			wantRamp(t, "what was read before the donation", put(t, e, host), 1, 32)
		}
	})
}

// A program that was not compiled for a donation frees what it is given.
func TestDonationWithoutHint(t *testing.T) {
	onBoth(t, "", func(t *testing.T, e *xla.Engine) {
		x := ramp(9, 1)
		g := compile(t, e, []*tensors.Tensor{x}, nil, twice)
		in := put(t, e, x)
		wantRamp(t, "the result", run(t, g, []ir.Buffer{in}, true)[0], 1, 2)
		if _, err := in.ToHost(); err == nil {
			t.Error("the donated buffer can be read")
		}
	})
}

// What is donated is closed whatever Run returns.
func TestDonationWhenARunFails(t *testing.T) {
	onBoth(t, "", func(t *testing.T, e *xla.Engine) {
		x := ramp(5, 1)
		g := compile(t, e, []*tensors.Tensor{x}, []int{0}, twice)
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		for name, call := range map[string]func(in ir.Buffer) error{
			"the context has ended": func(in ir.Buffer) error {
				_, err := g.Executable().Run(ended, []ir.Buffer{in}, []bool{true})
				return err
			},
			"too many inputs": func(in ir.Buffer) error {
				_, err := g.Executable().Run(context.Background(), []ir.Buffer{in, in}, []bool{true, false})
				return err
			},
			"too few marks": func(in ir.Buffer) error {
				_, err := compile(t, e, []*tensors.Tensor{x, x}, nil, twice).Executable().Run(context.Background(), []ir.Buffer{in, in}, []bool{true})
				return err
			},
		} {
			in := put(t, e, x)
			if err := call(in); err == nil {
				t.Errorf("%s: no error", name)
			}
			if _, err := in.ToHost(); err == nil {
				t.Errorf("%s: the donated buffer can be read", name)
			}
		}
	})
}

// A run that holds a buffer keeps another one, which is given it, from taking its memory.
func TestDonationWhileAnotherRunReads(t *testing.T) {
	onBoth(t, "", func(t *testing.T, e *xla.Engine) {
		x := ramp(1<<15, 1)
		g := compile(t, e, []*tensors.Tensor{x}, []int{0}, twice)
		read := compile(t, e, []*tensors.Tensor{x}, nil, func(in []*graph.Node) []*graph.Node {
			y := in[0]
			for range 20 {
				y = graph.Sub(graph.MulScalar(y, 2), in[0])
			}
			return []*graph.Node{y}
		})
		for range 20 {
			in := run(t, g, []ir.Buffer{put(t, e, x)})[0] // the device's own memory
			done := make(chan error)
			started := make(chan struct{})
			go func() {
				close(started)
				out, err := read.RunWithBuffers(context.Background(), []ir.Buffer{in}, nil)
				if err == nil {
					wantRamp(t, "what the reading run saw", out[0], 1, 2)
				}
				done <- err
			}()
			<-started
			wantRamp(t, "the result of the donation", run(t, g, []ir.Buffer{in}, true)[0], 1, 4)
			if err := <-done; err != nil && !strings.Contains(err.Error(), "is closed or was donated") {
				t.Error(err)
			}
		}
	})
}
