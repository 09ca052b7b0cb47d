//go:build cgo && (linux || darwin)

package xla_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/stablehlo"
	"github.com/quire-ml/quire/backends/xla"
	"github.com/quire-ml/quire/backends/xla/internal/double"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/capability"
	"github.com/quire-ml/quire/graph/tensors"
)

// meshProgram returns a program x, y → x + x, y over a mesh, with x divided along its first axis.
func meshProgram(t testing.TB, devices int, in ...*tensors.Tensor) *ir.Program {
	t.Helper()
	g := graph.NewGraph(nil, "mesh")
	x, y := graph.Parameter(g, "x", in[0].Shape()), graph.Parameter(g, "y", in[1].Shape())
	p, err := graph.NewProgram(g, graph.Add(x, x), y)
	if err == nil {
		p, err = ir.Lower(p, stablehlo.Lowers)
	}
	require.NoError(t, err)
	p.Donated = []bool{true, false}
	p.Mesh = &ir.Mesh{Axes: []ir.MeshAxis{{Name: "data", Size: devices}}}
	p.InputShardings = []ir.Sharding{{"data"}, nil}
	p.OutputShardings = []ir.Sharding{{"data"}, nil}
	return p
}

// Values come from one device, are divided, stay divided from run to run and are put together where they are read;
// donated ones are overwritten on every device and others are not.
func TestRunsOnAMesh(t *testing.T) {
	onBoth(t, ",devices=4", func(t *testing.T, e *xla.Engine) {
		require.Equal(t, 4, e.NumDevices(), "devices")
		for _, n := range []int{8, 1 << 16} {
			x, y := ramp(n, 1), ramp(3, 5)
			exe, err := e.Compile(t.Context(), meshProgram(t, 4, x, y))
			require.NoError(t, err)
			a, b := put(t, e, x), put(t, e, y)
			for step := range 4 {
				kept, err := exe.Run(t.Context(), []ir.Buffer{a, b}, nil)
				require.NoError(t, err)
				out, err := exe.Run(t.Context(), []ir.Buffer{a, b}, []bool{true, true})
				require.NoError(t, err)
				scale := float32(int(2) << step)
				wantRamp(t, "the run that keeps its inputs", kept[0], 1, scale)
				wantRamp(t, "the run that takes them", out[0], 1, scale)
				wantRamp(t, "the input that goes through", out[1], 5, 1)
				_, err = a.ToHost()
				assert.Error(t, err, "a donated buffer can be read")
				a, b = out[0], out[1]
			}
			// back on one device
			wantRamp(t, "on one device", run(t, compile(t, e, []*tensors.Tensor{x}, nil, twice), []ir.Buffer{a})[0], 1, 32)
			wantRamp(t, "divided as before", a, 1, 16)
			exe.Close()
		}
	})
}

// What a mesh program returns goes into the next run as it is: nothing is moved.
func TestResultsStayDivided(t *testing.T) {
	e, d := onDouble(t, ",devices=4", double.Options{})
	x, y := ramp(8, 1), ramp(3, 5)
	exe, err := e.Compile(t.Context(), meshProgram(t, 4, x, y))
	require.NoError(t, err)
	out, err := exe.Run(t.Context(), []ir.Buffer{put(t, e, x), put(t, e, y)}, nil)
	require.NoError(t, err)
	before := d.Stats()
	for range 3 {
		out, err = exe.Run(t.Context(), out, []bool{true, true})
		require.NoError(t, err)
	}
	if after := d.Stats(); after.ToDevice != before.ToDevice || after.ToHost != before.ToHost {
		t.Errorf("three steps moved %d values to devices and %d back", after.ToDevice-before.ToDevice, after.ToHost-before.ToHost)
	}
}

// An input that lies otherwise than the program wants is moved once, not in every run; and its copies go with it.
func TestInputsAreMovedOnce(t *testing.T) {
	e, d := onDouble(t, ",devices=4", double.Options{Platform: "cpu"})
	x, y := ramp(8, 1), ramp(3, 5)
	exe, err := e.Compile(t.Context(), meshProgram(t, 4, x, y))
	require.NoError(t, err)
	a, b := put(t, e, x), put(t, e, y)
	step := func() {
		out, err := exe.Run(t.Context(), []ir.Buffer{a, b}, nil)
		require.NoError(t, err)
		wantRamp(t, "the result", out[0], 1, 2)
		out[0].Close()
		out[1].Close()
	}
	step()
	before := d.Stats()
	step()
	if after := d.Stats(); after.ToDevice != before.ToDevice || after.Buffers != before.Buffers {
		t.Errorf("the second run moved %d values and left %d buffers", after.ToDevice-before.ToDevice, after.Buffers-before.Buffers)
	}
	a.Close()
	b.Close()
	assert.Zero(t, d.Stats().Buffers, "buffers are left")
}

func TestMeshLargerThanTheDevices(t *testing.T) {
	onBoth(t, ",devices=2", func(t *testing.T, e *xla.Engine) {
		_, err := e.Compile(t.Context(), meshProgram(t, 4, ramp(8, 1), ramp(3, 5)))
		assert.ErrorContains(t, err, `program "mesh": mesh[data=4] has 4 devices, xla:cpu has 2: open it with the option devices=4`)
		_, err = e.Compile(t.Context(), meshProgram(t, 128, ramp(128, 1), ramp(3, 5)))
		if err == nil || !strings.Contains(err.Error(), "has 128 devices, xla:cpu has 2") || strings.Contains(err.Error(), "open it") {
			t.Errorf("error %v", err)
		}
	})
}

// What is put as a program wants it is not moved: neither run nor conversion takes memory of the devices besides.
func TestPutOnAMesh(t *testing.T) {
	onBoth(t, ",devices=2", func(t *testing.T, e *xla.Engine) {
		x, y := ramp(1<<16, 1), ramp(3, 5)
		p := meshProgram(t, 2, x, y)
		exe, err := e.Compile(t.Context(), p)
		require.NoError(t, err)
		inUse := func() int64 {
			m, err := e.MemoryStats(0)
			require.NoError(t, err)
			return m.InUse
		}
		before := inUse()
		a, err := capability.PutOn(e, x, p.Mesh, p.InputShardings[0])
		require.NoError(t, err)
		b, err := capability.PutOn(e, y, p.Mesh, p.InputShardings[1])
		require.NoError(t, err)
		assert.EqualValues(t, 4<<16+2*12, inUse()-before, "half of x on each device, and y on both")
		out, err := exe.Run(t.Context(), []ir.Buffer{a, b}, nil)
		require.NoError(t, err)
		wantRamp(t, "the result", out[0], 1, 2)
		wantRamp(t, "the input", a, 1, 1)
		require.NoError(t, errors.Join(out[0].Close(), out[1].Close()))
		assert.EqualValues(t, 4<<16+2*12, inUse()-before, "after the run")

		alone := compile(t, e, []*tensors.Tensor{x}, nil, twice)
		wantRamp(t, "the result of a program without a mesh", run(t, alone, []ir.Buffer{a})[0], 1, 2)

		four := &ir.Mesh{Axes: []ir.MeshAxis{{Name: "data", Size: 4}}}
		_, err = capability.PutOn(e, x, four, ir.Sharding{"data"})
		assert.ErrorContains(t, err, "mesh[data=4] has 4 devices, xla:cpu has 2: open it with the option devices=4")
		_, err = capability.PutOn(e, ramp(3, 1), p.Mesh, ir.Sharding{"data"})
		assert.Error(t, err, "3 elements cannot be divided by 2")
		_, err = e.PutOn(nil, p.Mesh, nil)
		assert.Error(t, err)
		_, err = e.PutOn(x, nil, nil)
		assert.Error(t, err)
	})
}
