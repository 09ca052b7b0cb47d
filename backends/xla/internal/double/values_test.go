//go:build cgo && (linux || darwin)

package double_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/quire-ml/quire/backends/xla/internal/double"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/go-xla/pjrt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hostTypes are all types of elements with their sizes on the host.
var hostTypes = map[dtypes.DType]int{
	dtypes.Bool: 1, dtypes.Int8: 1, dtypes.Int16: 2, dtypes.Int32: 4, dtypes.Int64: 8,
	dtypes.Uint8: 1, dtypes.Uint16: 2, dtypes.Uint32: 4, dtypes.Uint64: 8,
	dtypes.Float16: 2, dtypes.BFloat16: 2, dtypes.Float32: 4, dtypes.Float64: 8,
	dtypes.Complex64: 8, dtypes.Complex128: 16,
	dtypes.F8E5M2: 1, dtypes.F8E4M3FN: 1, dtypes.Int4: 1, dtypes.Uint4: 1,
}

func TestValuesGoThereAndBack(t *testing.T) {
	for _, async := range []bool{false, true} {
		_, c := open(t, double.Options{Async: async})
		rng := rand.New(rand.NewPCG(1, 2))
		for dtype, size := range hostTypes {
			for _, dims := range [][]int{nil, {1}, {7}, {3, 5}, {2, 0, 3}, {2, 1, 2, 1, 2}} {
				n := size
				for _, d := range dims {
					n *= d
				}
				data := make([]byte, n, n+1)
				for i := range data {
					data[i] = byte(rng.Uint32())
				}
				name := fmt.Sprintf("%s%v", dtype, dims)
				b, err := c.BufferFromHost().FromRawData(data[:n:n+1], dtype, dims).ToDeviceNum(1).Done()
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				got, err := b.Size()
				require.NoError(t, err, "%s: the size", name)
				assert.Equal(t, n, got, "%s: the size", name)
				back := make([]byte, n, n+1)
				require.NoError(t, b.ToHost(back), "%s: %x came back as %x", name, data, back)
				assert.True(t, bytes.Equal(back, data), "%s: %x came back as %x", name, data, back)
				dev, err := b.Device()
				require.NoError(t, err, "%s: the device is %v", name, dev)
				assert.Equal(t, 1, dev.LocalHardwareID(), "%s: the device is %v", name, dev)
				destroyAll(t, b)
			}
		}
	}
}

func TestBuffersDescribeThemselves(t *testing.T) {
	_, c := open(t, double.Options{})
	e := compile(t, c, `module @m { func.func @main(%x: tensor<2x3xi16>) -> tensor<3x2xi16> {
	  %0 = stablehlo.transpose %x, dims = [1, 0] : (tensor<2x3xi16>) -> tensor<3x2xi16>
	  return %0 : tensor<3x2xi16>
	} }`)
	x := must(pjrt.ArrayToBuffer(c, []int16{1, 2, 3, 4, 5, 6}, 2, 3))(t)
	out := must(e.Execute(x).Done())(t)
	flat, dims, err := pjrt.BufferToArray[int16](out[0])
	require.NoError(t, err, "got %v %v", flat, dims)
	assert.Equal(t, "[1 4 2 5 3 6] [3 2]", fmt.Sprint(flat, dims), "got %v %v", flat, dims)
	data, err := out[0].Data()
	require.NoError(t, err, "the device's memory")
	assert.Equal(t, "[1 4 2 5 3 6]", fmt.Sprint(data), "the device's memory")
	devices := c.AddressableDevices()
	copied := must(out[0].CopyToDevice(devices[3]))(t)
	if flat, dims, err := pjrt.BufferToArray[int16](copied); err != nil || fmt.Sprint(flat, dims) != "[1 4 2 5 3 6] [3 2]" {
		t.Errorf("the copy is %v %v, %v", flat, dims, err)
	}
	dev, err := copied.Device()
	require.NoError(t, err, "the copy is on %v", dev)
	assert.Equal(t, 3, dev.LocalHardwareID(), "the copy is on %v", dev)
	desc := must(devices[2].GetDescription())(t)
	assert.Equal(t, "cpu:2", desc.DebugString(), "the device")
	assert.Zero(t, desc.ProcessIndex(), "the device")
	all := must(c.AllDevices())(t)
	require.Len(t, all, 4, "%d devices, %d of them addressable", len(all), c.NumDevices())
	assert.Equal(t, 4, c.NumDevices(), "%d devices, %d of them addressable", len(all), c.NumDevices())
	assert.Equal(t, "cpu", c.Platform(), "the platform")
	assert.Equal(t, "double 1", c.PlatformVersion(), "the platform")
	attributes := fmt.Sprint(c.Plugin().Attributes())
	assert.Equal(t, "map[stablehlo_current_version:[1 13 3] stablehlo_minimum_version:[0 9 0] xla_version:2]", attributes, "the attributes")
	destroyAll(t, x, out[0], copied)
}

func TestHostsBuffersAreTooShort(t *testing.T) {
	_, c := open(t, double.Options{})
	b := put(t, c, 0, []float32{1, 2, 3}, 3)
	wantError(t, b.ToHost(make([]byte, 11)), "code=3", "has 11 bytes, and 12 are needed")
	destroyAll(t, b)
}

func TestViewsShareTheHostsMemory(t *testing.T) {
	d, c := open(t, double.Options{})
	e := compile(t, c, addMul)
	x, flat, err := c.NewSharedBuffer(dtypes.Float32, []int{4})
	require.NoError(t, err)
	y := put(t, c, 0, []float32{1, 1, 1, 1}, 4)
	for i := range 2 {
		copy(flat.([]float32), []float32{float32(i), 2, 3, 4})
		out := must(e.Execute(x, y).Done())(t)
		if got := values(t, out[0]); got[0] != float32(i+1) || got[3] != 5 {
			t.Errorf("run %d: %v", i, got)
		}
		destroyAll(t, out...)
	}
	s := d.Stats()
	assert.Equal(t, int64(16), s.DeviceBytes, "the view counts as memory of the device: %d bytes are in use", s.DeviceBytes)
	destroyAll(t, x, y)

	p := pjrt.AlignedAlloc(64, 64)
	defer pjrt.AlignedFree(p)
	_, err = c.CreateViewOfDeviceBuffer(unsafe.Add(p, 16), dtypes.Float32, []int{4})
	wantError(t, err, "code=3", "not aligned to 64 bytes")
}

func TestMemoryIsLimited(t *testing.T) {
	d, c := open(t, double.Options{MemoryLimit: 100})
	x := put(t, c, 0, make([]float32, 16), 16)
	_, err := c.BufferFromHost().FromFlatDataWithDimensions(make([]float32, 16), []int{16}).Done()
	wantError(t, err, "code=8", "out of memory on device 0: 64 bytes are asked for, and 64 of 100 are in use")
	y := put(t, c, 1, make([]float32, 16), 16) // another device, another memory
	destroyAll(t, x, y)

	e := compile(t, c, addMul)
	a, b := put(t, c, 0, make([]float32, 4), 4), put(t, c, 0, make([]float32, 4), 4)
	big := put(t, c, 0, make([]float32, 8), 8)
	_, err = e.Execute(a, b).Done()
	wantError(t, err, "code=8", "out of memory")
	destroyAll(t, big)
	destroyAll(t, must(e.Execute(a, b).Done())(t)...)
	destroyAll(t, a, b)
	assert.Equal(t, 1, d.Stats().Executed, "runs")
}

func TestDevicesWhoseMemoryIsNotTheHosts(t *testing.T) {
	d := double.New(double.Options{Platform: "cuda", MemoryLimit: 1 << 20})
	defer d.Close()
	c := must(client(d, pjrt.NamedValuesMap{"preallocate": false, "memory_fraction": float32(0.5), "allocator": "bfc", "visible_devices": []int64{0}}))(t)
	assert.Equal(t, "cuda", c.Platform(), "the platform")
	x := put(t, c, 0, []float32{1, 2}, 2)
	_, err := x.Data()
	wantError(t, err, "the host has no access to the memory of cuda")
	_, _, err = c.NewSharedBuffer(dtypes.Float32, []int{2})
	wantError(t, err, "the host's memory is no memory of cuda")
	got := values(t, x)
	assert.Equal(t, float32(1), got[0])
	assert.Equal(t, float32(2), got[1])
	destroyAll(t, x)
	assert.NoError(t, c.Destroy())
	wantViolations(t, d, "PJRT_Buffer_UnsafePointer: the host has no access", "PJRT_Client_CreateViewOfDeviceBuffer: the host's memory")
}

// The real plugin takes these in silence, or ends the process.
func TestInputsThatAreNotWhatTheProgramWants(t *testing.T) {
	d, c := unchecked(t, double.Options{})
	e, x := compile(t, c, addMul), put(t, c, 0, make([]float32, 4), 4)
	ints := must(pjrt.ArrayToBuffer(c, make([]int32, 4), 4))(t)
	square := put(t, c, 0, make([]float32, 4), 2, 2)
	short, elsewhere := put(t, c, 0, make([]float32, 3), 3), put(t, c, 1, make([]float32, 4), 4)
	gone := put(t, c, 0, make([]float32, 4), 4)
	destroyAll(t, gone)
	other, strange := unchecked(t, double.Options{})
	foreign := put(t, strange, 0, make([]float32, 4), 4)
	for _, s := range []struct {
		name string
		in   []*pjrt.Buffer
		want string
		bad  bool // a violation
	}{
		{"too few", []*pjrt.Buffer{x}, "the program takes 2 arguments, and gets 1", false},
		{"too many", []*pjrt.Buffer{x, x, x}, "the program takes 2 arguments, and gets 3", false},
		{"too short", []*pjrt.Buffer{x, short}, "argument 1 of device 0: the program wants 16 bytes, and the buffer has 12", false},
		{"elsewhere", []*pjrt.Buffer{elsewhere, x}, "argument 0 of device 0: the buffer is on device 1", false},
		{"another type", []*pjrt.Buffer{x, ints}, "argument 1 of device 0: the program wants float32[4], and the buffer is int32 [4]", true},
		{"another shape", []*pjrt.Buffer{x, square}, "argument 1 of device 0: the program wants float32[4], and the buffer is float32 [2 2]", true},
		{"nil", []*pjrt.Buffer{x, nil}, "argument 1 of device 0: the buffer is NULL", true},
		{"destroyed", []*pjrt.Buffer{gone, x}, "argument 0 of device 0: the buffer is NULL", true},
		{"of another plugin", []*pjrt.Buffer{foreign, x}, "is given for the buffer, and is no handle of this plugin", true},
	} {
		before := len(d.Violations())
		_, err := e.Execute(s.in...).Done()
		wantError(t, err, "code=3", s.want)
		bad := len(d.Violations()) > before
		assert.Equal(t, s.bad, bad, "%s: a violation", s.name)
	}
	destroyAll(t, x, ints, square, short, elsewhere, foreign)
	wantViolations(t, other)
}
