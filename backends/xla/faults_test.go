//go:build cgo && (linux || darwin)

package xla_test

import (
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/xla"
	"github.com/quire-ml/quire/backends/xla/internal/double"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a plugin says when it fails reaches the user with what was being done, nothing is leaked, and the engine goes
// on where the plugin does.
func TestPluginFails(t *testing.T) {
	for _, platform := range []string{"cpu", "cuda"} { // the second reads no host memory
		t.Run(platform, func(t *testing.T) {
			e, d := onDouble(t, "", double.Options{Platform: platform, WaitLimit: 1e9})
			x := ramp(7, 1)
			in := put(t, e, x)
			g := compile(t, e, []*tensors.Tensor{x}, []int{0}, twice)
			for _, c := range []struct {
				name  string
				fault double.Fault
				do    func() error
				want  []string
				code  int
			}{
				{"a program is refused", double.Fault{At: double.Compile, Code: double.InvalidArgument, Message: "no such op"}, func() error {
					return compileOther(t, e)
				}, []string{`program "other"`, "the plugin refuses it: no such op"}, 3},
				{"a program is too large", double.Fault{At: double.Compile, Code: double.ResourceExhausted}, func() error {
					return compileOther(t, e)
				}, []string{"its inputs and outputs alone take 56 bytes", "not enough memory on the device"}, 8},
				{"a compiled program cannot be looked at", double.Fault{At: double.CompileStats, Code: double.Internal}, func() error {
					return compileOther(t, e)
				}, []string{`program "other"`, "the plugin failed"}, 13},
				{"a tensor does not fit", double.Fault{At: double.ToDevice, Code: double.ResourceExhausted}, func() error {
					_, err := e.Put(x)
					return err
				}, []string{"putting float32[7] on xla:" + platform, "not enough memory on the device"}, 8},
				{"a run fails", double.Fault{At: double.Execute, Code: double.Internal, Message: "odd"}, func() error {
					_, err := g.RunWithBuffers(t.Context(), []ir.Buffer{in}, nil)
					return err
				}, []string{`program "` + t.Name() + `"`, "the plugin failed: odd"}, 13},
				{"a run has no memory", double.Fault{At: double.Execute, Code: double.ResourceExhausted}, func() error {
					_, err := g.RunWithBuffers(t.Context(), []ir.Buffer{in}, nil)
					return err
				}, []string{"it needs ", " of memory: not enough memory on the device"}, 8},
				{"a donated input of a run that fails", double.Fault{At: double.Execute, Code: double.Internal}, func() error {
					b := put(t, e, x)
					_, err := g.RunWithBuffers(t.Context(), []ir.Buffer{b}, []bool{true})
					_, gone := b.ToHost()
					assert.Error(t, gone, "the donated buffer is open after the run failed")
					return err
				}, []string{"the plugin failed"}, 13},
			} {
				d.SetFaults(double.Faults{c.fault})
				err := c.do()
				d.SetFaults(nil)
				if err == nil {
					t.Errorf("%s: no error", c.name)
					continue
				}
				for _, want := range c.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%s: error %v, want %q", c.name, err, want)
					}
				}
				var p *xla.PluginError
				require.ErrorAs(t, err, &p, c.name)
				assert.Equal(t, c.code, p.Code, c.name)
				if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "PJRT error") {
					t.Errorf("%s: the error is no sentence: %q", c.name, err)
				}
				wantRamp(t, "a run after "+c.name, run(t, g, []ir.Buffer{in})[0], 1, 2)
			}
		})
	}
}

// What fails after the call, through its event, is an error too. (go-xla v0.4.3 then loses the plugin's buffers, which
// nothing can free any more; so what is left is not looked at.)
func TestPluginFailsLate(t *testing.T) {
	d := double.New(double.Options{Async: true, WaitLimit: 1e9})
	e, err := xla.OpenTable(d.Table(), "cpu")
	require.NoError(t, err)
	x := ramp(7, 1)
	in := put(t, e, x)
	g := compile(t, e, []*tensors.Tensor{x}, nil, twice)
	d.SetFaults(double.Faults{
		{At: double.ToDevice, Code: double.Internal, Message: "in transit", Event: true},
		{At: double.Execute, Code: double.Internal, Message: "half way", Event: true},
	})
	_, err = e.Put(x)
	assert.ErrorContains(t, err, "putting float32[7] on xla:cpu: the plugin failed: in transit", "a transfer")
	_, err = g.RunWithBuffers(t.Context(), []ir.Buffer{in}, nil)
	assert.ErrorContains(t, err, "the plugin failed: half way", "a run")
	d.SetFaults(nil)
	wantRamp(t, "a run afterwards", run(t, g, []ir.Buffer{in})[0], 1, 2)
}

// compileOther compiles a program that no other test has.
func compileOther(t *testing.T, e *xla.Engine) error {
	g := graph.NewGraph(e, "other")
	x := graph.Parameter(g, "x", ramp(7, 1).Shape())
	err := g.Compile(graph.Neg(x))
	if err == nil {
		g.Close()
	}
	return err
}

// A device that is gone is an error of every call, and closing works all the same.
func TestLostDevice(t *testing.T) {
	e, d := onDouble(t, "", double.Options{Platform: "cuda"})
	x := ramp(7, 1)
	in := put(t, e, x)
	g := compile(t, e, []*tensors.Tensor{x}, nil, twice)
	d.SetFaults(double.Faults{{At: double.Execute, Lose: true, Code: double.Unavailable}})
	for range 2 {
		_, err := g.RunWithBuffers(t.Context(), []ir.Buffer{in}, nil)
		assert.ErrorContains(t, err, "the device is not there any more", "a run")
	}
	_, err := in.ToHost()
	assert.ErrorContains(t, err, "reading the buffer float32[7]: the device is not there any more", "a transfer")
}

// A plugin that gives no client, or none with devices, is an error that says so.
func TestNoDevices(t *testing.T) {
	d := double.New(double.Options{Faults: double.Faults{{At: double.ClientCreate, Code: double.FailedPrecondition, Message: "No visible GPU devices."}}})
	defer d.Close()
	_, err := xla.OpenTable(d.Table(), "cpu")
	assert.ErrorContains(t, err, "the plugin gives no access to its devices")
	assert.ErrorContains(t, err, "No visible GPU devices.")
	s := d.Stats()
	assert.LessOrEqual(t, s.Live(), 0, "left: %+v", s)
}

// A plugin that is too old is refused, with both versions.
func TestOldPlugin(t *testing.T) {
	d := double.New(double.Options{MinorVersion: 54})
	defer d.Close()
	_, err := xla.OpenTable(d.Table(), "cpu")
	assert.ErrorContains(t, err, "0.54", "error %v, want one with both versions", err)
	assert.ErrorContains(t, err, "0.81", "error %v, want one with both versions", err)
}

// A program that needs more than the device has is refused before it runs.
func TestTooLargeForTheDevice(t *testing.T) {
	e, _ := onDouble(t, "", double.Options{Platform: "cuda", MemoryLimit: 1 << 20})
	g := graph.NewGraph(e, "large")
	x := graph.Parameter(g, "x", ramp(1<<18, 0).Shape())
	err := g.Compile(graph.Add(x, x))
	assert.ErrorContains(t, err, `program "large": it needs 3 MiB of memory (inputs 1 MiB, outputs 1 MiB`)
	assert.ErrorContains(t, err, "the device has 1 MiB")
}

// Memory is counted by the plugin where it counts.
func TestMemoryOfThePlugin(t *testing.T) {
	e, _ := onDouble(t, "", double.Options{Platform: "cuda", MemoryLimit: 1 << 20})
	b := put(t, e, ramp(1000, 0))
	if m, err := e.MemoryStats(0); err != nil || !m.OfPlugin || m.InUse != 4000 || m.Limit != 1<<20 {
		t.Errorf("%+v (error %v)", m, err)
	}
	b.Close()
	_, err := e.MemoryStats(9)
	assert.ErrorContains(t, err, "has no device 9")
}
