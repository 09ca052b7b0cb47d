//go:build cgo && (linux || darwin)

package capi

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/go-xla/pjrt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is restored is what was compiled, in all that go-xla sees of it: name, outputs, memory, aliases, devices; and it
// computes the same.
func TestRealRestoredEqualsCompiled(t *testing.T) {
	path := realPlugin(t)
	type config = *pjrt.CompileConfig
	for _, c := range []struct {
		name    string
		devices int
		program string
		with    func(config) config
		in      [][]float32 // per device
		donate  bool
		on      int         // the device of a program that runs on any
		want    [][]float32 // per device, then output
	}{
		{name: "one device", devices: 1, program: string(scaled(3)), in: [][]float32{{1, 2, 3, 4}}, want: [][]float32{{3, 6, 9, 12}}},
		{name: "another device than the first", devices: 3, on: 2, program: string(scaled(3)), in: [][]float32{{1, 2, 3, 4}}, want: [][]float32{{3, 6, 9, 12}}},
		{name: "two outputs", devices: 1, program: `module @two {
  func.func @main(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
    %y = stablehlo.negate %x : tensor<2xf32>
    return %y, %x : tensor<2xf32>, tensor<2xf32>
  }
}`, in: [][]float32{{1, 2}}, want: [][]float32{{-1, -2}, {1, 2}}},
		{name: "donation", devices: 1, donate: true, program: `module @donation {
  func.func @main(%x: tensor<4xf32> {tf.aliasing_output = 0 : i32}) -> tensor<4xf32> {
    %y = stablehlo.add %x, %x : tensor<4xf32>
    return %y : tensor<4xf32>
  }
}`, in: [][]float32{{1, 2, 3, 4}}, want: [][]float32{{2, 4, 6, 8}}},
		{name: "replicas on devices in an order of their own", devices: 3, program: `module @replicas attributes {mhlo.num_replicas = 3 : i32} {
  func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
    %y = "stablehlo.all_reduce"(%x) ({
      ^bb0(%a: tensor<f32>, %b: tensor<f32>):
        %s = stablehlo.add %a, %b : tensor<f32>
        stablehlo.return %s : tensor<f32>
    }) {replica_groups = dense<[[0, 1, 2]]> : tensor<1x3xi64>} : (tensor<2xf32>) -> tensor<2xf32>
    %z = stablehlo.subtract %y, %x : tensor<2xf32>
    return %z : tensor<2xf32>
  }
}`, with: func(c config) config { return c.WithSPMD(3).WithDeviceAssignment([]int{2, 0, 1}) },
			in: [][]float32{{1, 10}, {2, 20}, {4, 40}}, want: [][]float32{{6, 60}, {5, 50}, {3, 30}}},
		{name: "a program divided over a mesh", devices: 2, program: `module @mesh attributes {mhlo.num_partitions = 2 : i32} {
  sdy.mesh @m = <["x"=2]>
  func.func @main(%x: tensor<4xf32> {sdy.sharding = #sdy.sharding<@m, [{"x"}]>})
      -> (tensor<4xf32> {sdy.sharding = #sdy.sharding<@m, [{"x"}]>}) {
    %zero = stablehlo.constant dense<0.0> : tensor<f32>
    %s = stablehlo.reduce(%x init: %zero) applies stablehlo.add across dimensions = [0] : (tensor<4xf32>, tensor<f32>) -> tensor<f32>
    %b = stablehlo.broadcast_in_dim %s, dims = [] : (tensor<f32>) -> tensor<4xf32>
    %y = stablehlo.add %x, %b : tensor<4xf32>
    return %y : tensor<4xf32>
  }
}`, with: func(c config) config { return c.WithShardy(2).WithDeviceAssignment([]int{1, 0}) },
			in: [][]float32{{1, 2}, {3, 4}}, want: [][]float32{{11, 12}, {13, 14}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := load(t, path, Options{CacheDir: t.TempDir()})
			client := newClient(t, a, pjrt.NamedValuesMap{"cpu_device_count": int64(c.devices)})
			var seen [2]string
			for i := range seen {
				e := compile(t, client, []byte(c.program), c.with)
				replicas, partitions, assignment, err := e.GetDeviceAssignment()
				require.NoError(t, err)
				devices := assignment
				if assignment == nil {
					devices = []int{c.on}
				}
				seen[i] = fmt.Sprintf("%s: %d outputs, memory %+v %+v, %d × %d devices %v", e.Name, e.NumOutputs,
					e.OnDeviceMemoryUsageStats, e.OnHostMemoryUsageStats, replicas, partitions, assignment)
				checkRun(t, client, e, devices, c.in, c.donate, c.want)
			}
			assert.Equal(t, seen[1], seen[0], "compiled")
			wantStats(t, a, CacheStats{Hits: 1, Misses: 1})
		})
	}
}

// checkRun runs e on a vector per device, which it may give up, and compares the results.
func checkRun(t *testing.T, c *pjrt.Client, e *pjrt.LoadedExecutable, devices []int, in [][]float32, donate bool, want [][]float32) {
	t.Helper()
	var x []*pjrt.Buffer
	for i, device := range devices {
		b, err := c.BufferFromHost().FromFlatDataWithDimensions(in[i], []int{len(in[i])}).ToDeviceNum(device).Done()
		require.NoError(t, err)
		x = append(x, b)
	}
	before, err := x[0].UnsafePointer()
	require.NoError(t, err)
	run := e.Execute(x...)
	if len(devices) == 1 {
		run = run.OnDeviceByNum(devices[0])
	}
	if donate {
		run = run.DonateAll()
	}
	out, err := run.Done()
	require.NoError(t, err)
	if after, err := out[0].UnsafePointer(); err != nil || donate && after != before {
		t.Errorf("the donated memory is not that of the result (%v)", err)
	}
	for i, b := range out {
		if d, err := b.Device(); err != nil || c.NumForDevice(d) != devices[i*len(devices)/len(out)] {
			t.Errorf("result %d is on device %d of %v (%v)", i, c.NumForDevice(d), devices, err)
		}
		got, _, err := pjrt.BufferToArray[float32](b)
		if err != nil || !slices.Equal(got, want[i]) {
			t.Errorf("result %d: %v %v, want %v", i, got, err, want[i])
		}
		assert.NoError(t, b.Destroy())
	}
	for _, b := range x {
		assert.NoError(t, b.Destroy())
	}
}

func TestRealDamagedFiles(t *testing.T) {
	dir := t.TempDir()
	a := load(t, realPlugin(t), Options{CacheDir: dir})
	c := newClient(t, a, nil)
	run(t, c, compile(t, c, scaled(7), nil), 7)
	path := onlyFile(t, dir)
	for i, change := range []func([]byte) []byte{
		func(d []byte) []byte { return d[:len(d)/2] },
		func(d []byte) []byte { d[len(d)/2] ^= 4; return d },
		// A right checksum over wrong code: the plugin itself has to refuse it.
		func(d []byte) []byte { return encode(entry{outputs: 1, code: d[codeAt : len(d)-100]}, key(d[keyAt:])) },
		func(d []byte) []byte { return encode(entry{outputs: 1}, key(d[keyAt:])) },
	} {
		rewrite(t, path, change)
		run(t, c, compile(t, c, scaled(7), nil), 7)
		wantStats(t, a, CacheStats{Misses: 2 + i, Errors: 1 + i})
	}
	run(t, c, compile(t, c, scaled(7), nil), 7)
	wantStats(t, a, CacheStats{Hits: 1, Misses: 5, Errors: 4})
}

func TestRealCacheIsBounded(t *testing.T) {
	dir := t.TempDir()
	const room = 12_000 // three of these programs
	a := load(t, realPlugin(t), Options{CacheDir: dir, CacheSize: room})
	c := newClient(t, a, nil)
	for i := range 8 {
		run(t, c, compile(t, c, scaled(i), nil), float32(i))
	}
	s := a.CacheStats()
	if s.Misses != 8 || s.Evicted == 0 || s.Evicted+len(files(t, dir)) != 8 || s.Bytes == 0 || s.Bytes > room || s.Errors != 0 {
		t.Errorf("%+v, %d files", s, len(files(t, dir)))
	}
}

// What the cache saves, and what it costs: a program of some layers compiled, compiled and stored, restored.
func BenchmarkRealCompile(b *testing.B) {
	path := realPlugin(b)
	program := layersOf(8)
	for _, mode := range []string{"compiled", "compiled and stored", "restored"} {
		b.Run(mode, func(b *testing.B) {
			o := Options{}
			if mode != "compiled" {
				o.CacheDir = b.TempDir()
			}
			a := load(b, path, o)
			c := newClient(b, a, nil)
			for b.Loop() {
				if mode == "compiled and stored" {
					for _, file := range files(b, o.CacheDir) {
						if err := os.Remove(file); err != nil {
							b.Fatal(err)
						}
					}
				}
				e, err := c.Compile().WithStableHLO(program).Done()
				if err == nil {
					err = e.Destroy()
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// layersOf is n dense layers of different widths, so that each is compiled.
func layersOf(n int) []byte {
	var text strings.Builder
	fmt.Fprintf(&text, "module @layers {\n  func.func @main(%%x0: tensor<32x64xf32>")
	for i := range n {
		fmt.Fprintf(&text, ", %%w%d: tensor<%dx%dxf32>", i, 64+8*i, 72+8*i)
	}
	fmt.Fprintf(&text, ") -> tensor<32x%dxf32> {\n", 64+8*n)
	for i := range n {
		in, out := 64+8*i, 72+8*i
		fmt.Fprintf(&text, "    %%y%d = stablehlo.dot_general %%x%d, %%w%d, contracting_dims = [1] x [0] : (tensor<32x%dxf32>, tensor<%dx%dxf32>) -> tensor<32x%dxf32>\n", i, i, i, in, in, out, out)
		fmt.Fprintf(&text, "    %%x%d = stablehlo.tanh %%y%d : tensor<32x%dxf32>\n", i+1, i, out)
	}
	fmt.Fprintf(&text, "    return %%x%d : tensor<32x%dxf32>\n  }\n}\n", n, 64+8*n)
	return []byte(text.String())
}
